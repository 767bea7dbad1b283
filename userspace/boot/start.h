/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first processor's state as the boot protocols want it: flat segments, in 64-bit mode with an
 * identity map of the first 4 GiB. The tables lie in guest memory; the guest replaces them soon.
 */
#ifndef BOOT_START_H
#define BOOT_START_H

#include "boot/boot.h"
#include "libhvm.h"

/**
 * start_tables() - write descriptor table and page tables into guest memory
 * @memory: guest RAM
 * @long_mode: what kind of code segment the processor starts with
 *
 * Return: 0 or a negative errno.
 */
int start_tables(const struct memory *memory, bool long_mode);

/**
 * start_state() - change a processor's reset state into its start state
 * @state: blocks gpr, segments and control, as read from the vCPU
 * @start: where and how to start
 */
void start_state(struct hvm_state *state, const struct boot_start *start);

#endif
