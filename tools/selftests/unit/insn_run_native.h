/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs one instruction on the processor the test itself runs on, with chosen
 * registers and flags: the other half of the differential test. It judges
 * nothing.
 */
#ifndef SELFTESTS_UNIT_INSN_RUN_NATIVE_H
#define SELFTESTS_UNIT_INSN_RUN_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the data area. */
#define NATIVE_DATA	4096u

/**
 * struct native_state - registers before and after
 * @gpr: sixteen general registers in encoding order, RSP among them
 * @rflags: arithmetic flags and DF; nothing else is safe to set
 * @xmm: sixteen vector registers
 */
struct native_state {
	uint64_t gpr[16];
	uint64_t rflags;
	uint8_t xmm[16][16];
};

/**
 * struct native - where the instruction lives
 * @code: executable page, below 2 GiB, also the instruction's address
 * @data: NATIVE_DATA bytes it may work on, less than 2 GiB from the code
 */
struct native {
	uint8_t *code;
	uint8_t *data;
};

/* Get the pages and the divide-error handler; false where that is refused. */
bool native_init(struct native *n);
void native_deinit(struct native *n);

/*
 * Execute @bytes at @n->code with @state and put the registers after it back
 * there. Return: false when the instruction raised a divide error.
 */
bool native_run(struct native *n, const uint8_t *bytes, size_t length,
		struct native_state *state);

#endif
