/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Power management: the ACPI sleep registers (power-off), the reset register, and the port by
 * which a bare-metal test image ends this process with a status of its own. They end the machine
 * and do nothing else: no sleep state but S5, no power button.
 *
 * Manual: ACPI specification, "Hardware-Reduced ACPI" (sleep control and status registers) and
 * "Reset Register".
 */
#ifndef HW_PM_H
#define HW_PM_H

#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/memory.h"
#include "vmm/power.h"

#define PM_SLEEP_CONTROL	0x600
#define PM_SLEEP_STATUS		0x601
/* What _S5 names, and the guest writes to SLP_TYP. */
#define PM_SLEEP_TYPE_S5	5
#define PM_RESET		0xcf9
#define PM_RESET_VALUE		0x06
/* Where processors start, and where guests jump to that want the firmware to restart them. */
#define PM_RESET_VECTOR		0xffff0

/**
 * struct pm - power management
 * @sleep: sleep control and status
 * @reset: reset register
 * @debug_exit: four ports where a write of N ends the process with status 2N+1
 * @power: how to end the machine
 */
struct pm {
	struct bus_region sleep;
	struct bus_region reset;
	struct bus_region debug_exit;
	struct power *power;
};

/**
 * pm_init() - power management of a running machine
 * @pm: filled in
 * @power: how to end the machine
 * @debug_exit: first port of the debug exit
 */
void pm_init(struct pm *pm, struct power *power, uint16_t debug_exit);

/**
 * pm_add() - let all of it answer
 * @pm: power management
 * @ports: the port bus
 *
 * Return: 0; -EEXIST: the debug exit overlaps another device.
 */
int pm_add(struct pm *pm, struct bus *ports);

/**
 * pm_put_reset_vector() - put code at the reset vector that writes the reset register
 * @memory: guest RAM
 *
 * Stands for the firmware there is not: Linux on a hardware-reduced machine restarts that way.
 */
void pm_put_reset_vector(const struct memory *memory);

#endif
