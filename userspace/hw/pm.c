// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers that end a machine: each decodes a write into one call of power_end().
 */
#include "container_of.h"
#include "hw/pm.h"

/* Sleep control register (ACPI "Sleep Control Register"). */
#define SLEEP_ENABLE	0x20
#define SLEEP_TYPE(v)	((v) >> 2 & 7)

static uint64_t read_zero(struct bus_region *region, uint64_t offset, unsigned int bytes)
{
	(void)region;
	(void)offset;
	(void)bytes;
	return 0;
}

static void sleep_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
			uint64_t value)
{
	struct pm *pm = container_of(region, struct pm, sleep);

	(void)bytes;
	/* The status register has only WAK_STS, which is never set. */
	if (offset || !(value & SLEEP_ENABLE))
		return;
	if (SLEEP_TYPE(value) == PM_SLEEP_TYPE_S5)
		power_end(pm->power, POWER_OFF, NULL);
}

static void reset_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
			uint64_t value)
{
	struct pm *pm = container_of(region, struct pm, reset);

	(void)offset;
	(void)bytes;
	/* Bit 2 starts the reset; bit 1 only says which kind it is to be. */
	if (value & 4)
		power_end(pm->power, POWER_REBOOT, NULL);
}

static void debug_exit_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
			     uint64_t value)
{
	struct pm *pm = container_of(region, struct pm, debug_exit);

	(void)bytes;
	if (!offset)
		power_end(pm->power, (int)(value << 1 | 1) & 0xff, NULL);
}

static const struct bus_ops sleep_ops = {
	.read = read_zero,
	.write = sleep_write,
	.max_bytes = 1,
};

static const struct bus_ops reset_ops = {
	.read = read_zero,
	.write = reset_write,
	.max_bytes = 1,
};

static const struct bus_ops debug_exit_ops = {
	.read = read_zero,
	.write = debug_exit_write,
	.max_bytes = 4,
};

void pm_init(struct pm *pm, struct power *power, uint16_t debug_exit)
{
	*pm = (struct pm){
		.sleep = { .base = PM_SLEEP_CONTROL, .bytes = 2, .ops = &sleep_ops },
		.reset = { .base = PM_RESET, .bytes = 1, .ops = &reset_ops },
		.debug_exit = { .base = debug_exit, .bytes = 4, .ops = &debug_exit_ops },
		.power = power,
	};
}

void pm_put_reset_vector(const struct memory *memory)
{
	/* 16-bit code: mov dx, PM_RESET; mov al, PM_RESET_VALUE; out dx, al; hlt; jmp to the hlt */
	static const uint8_t code[] = {
		0xba, PM_RESET & 0xff, PM_RESET >> 8, 0xb0, PM_RESET_VALUE, 0xee, 0xf4, 0xeb, 0xfd,
	};

	memory_write(memory, PM_RESET_VECTOR, code, sizeof(code));
}

int pm_add(struct pm *pm, struct bus *ports)
{
	int ret = bus_add(ports, &pm->sleep);

	if (!ret)
		ret = bus_add(ports, &pm->reset);
	if (!ret)
		ret = bus_add(ports, &pm->debug_exit);
	return ret;
}
