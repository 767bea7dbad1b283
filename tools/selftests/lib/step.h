/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that executes one instruction at a time: it waits at a port write, executes what R14 says
 * with the registers it is given, notes in R15 whether that raised #GP, and waits again.
 */
#ifndef SELFTESTS_LIB_STEP_H
#define SELFTESTS_LIB_STEP_H

#include "guest.h"
#include "msr.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define KERNEL_ADDRESS		0xffff800000000000ULL	/* no argument of a system call */

#define MSR_NOBODYS		0x12345678

/* What to execute. */
enum step {
	STEP_CPUID,
	STEP_RDMSR,
	STEP_WRMSR,
	STEP_RDTSC,
};

/* An answer of CPUID. */
struct step_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

int step_set_cpuid(int fd, const struct hvm_cpuid_entry *entries, uint32_t count);
bool step_start(struct guest *g);
bool step_open(struct guest *g, struct ktap *t);
int step_exit(struct guest *g, enum step what, uint64_t rcx, uint64_t value);
bool step_done(struct guest *g, enum step what, uint64_t rcx, uint64_t value);
uint64_t step_answer(const struct guest *g);
bool step_rdmsr(struct guest *g, uint32_t index, uint64_t *value);
bool step_wrmsr(struct guest *g, uint32_t index, uint64_t value);
uint64_t step_rdtsc(struct guest *g);
struct step_cpuid step_cpuid(struct guest *g, uint32_t leaf, uint32_t subleaf);

#endif /* SELFTESTS_LIB_STEP_H */
