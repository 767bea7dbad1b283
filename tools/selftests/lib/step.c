// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that executes one instruction at a time. See step.h.
 */
#include <sys/ioctl.h>

#include "step.h"

extern const struct guest_code stepper, skip_two;
GUEST_CODE("stepper", "code64",
	   "3: out %al, $0x80; xor %r15d, %r15d; cmp $1, %r14; je 4f; cmp $2, %r14; je 5f;"
	   "cmp $3, %r14; je 6f; cpuid; jmp 3b; 4: rdmsr; jmp 3b; 5: wrmsr; jmp 3b;"
	   "6: rdtsc; jmp 3b");
/* #GP: drop the error code and step over the two bytes of the instruction. */
GUEST_CODE("skip_two", "code64",
	   "add $8, %rsp; addq $2, (%rsp); mov $1, %r15d; iretq");

/* HVM_SET_CPUID; as ioctl(). */
int step_set_cpuid(int fd, const struct hvm_cpuid_entry *entries, uint32_t count)
{
	struct hvm_cpuid arg = {
		.size = sizeof(arg),
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return ioctl(fd, HVM_SET_CPUID, &arg);
}

/**
 * step_start() - run the guest to where it waits
 * @g: an open guest
 *
 * Return: false after a failure; the guest is closed then.
 */
bool step_start(struct guest *g)
{
	int reason;

	guest_long(g, &stepper);
	guest_gate(g, 13, &skip_two, 0x30000);
	reason = guest_run(g);
	if (reason == HVM_EXIT_PIO)
		return true;
	KTAP_FAIL(g->t, "first exit %s", guest_reason(reason));
	guest_close(g);
	return false;
}

/**
 * step_open() - such a guest with all that the host can offer
 * @g: filled in
 * @t: the running case
 *
 * Return: as step_start()
 */
bool step_open(struct guest *g, struct ktap *t)
{
	return guest_open(g, t, GUEST_RAM) && guest_default_cpuid(g) && step_start(g);
}

/**
 * step_exit() - one instruction
 * @g: the guest
 * @what: which
 * @rcx: for RCX
 * @value: for EDX:EAX
 *
 * Return: the reason of the exit; HVM_EXIT_PIO when the guest waits again
 */
int step_exit(struct guest *g, enum step what, uint64_t rcx, uint64_t value)
{
	g->run->gpr[HVM_R14] = what;
	g->run->gpr[HVM_RCX] = rcx;
	g->run->gpr[HVM_RAX] = (uint32_t)value;
	g->run->gpr[HVM_RDX] = value >> 32;
	return guest_complete(g, 0);
}

/**
 * step_done() - one instruction that must not leave to userspace
 * @g: the guest
 * @what: which
 * @rcx: for RCX
 * @value: for EDX:EAX
 *
 * Return: true: it went through; false: #GP, or a failure that was recorded
 */
bool step_done(struct guest *g, enum step what, uint64_t rcx, uint64_t value)
{
	int reason = step_exit(g, what, rcx, value);

	if (reason != HVM_EXIT_PIO) {
		KTAP_FAIL(g->t, "step %d of 0x%llx, value 0x%llx: exit %s", what,
			  (unsigned long long)rcx, (unsigned long long)value, guest_reason(reason));
		return false;
	}
	return !g->run->gpr[HVM_R15];
}

/* EDX:EAX after a step. */
uint64_t step_answer(const struct guest *g)
{
	return (uint32_t)g->run->gpr[HVM_RAX] | g->run->gpr[HVM_RDX] << 32;
}

/* RDMSR; false: #GP. */
bool step_rdmsr(struct guest *g, uint32_t index, uint64_t *value)
{
	bool ok = step_done(g, STEP_RDMSR, index, 0);

	*value = ok ? step_answer(g) : 0;
	return ok;
}

/* WRMSR; false: #GP. */
bool step_wrmsr(struct guest *g, uint32_t index, uint64_t value)
{
	return step_done(g, STEP_WRMSR, index, value);
}

/* RDTSC. */
uint64_t step_rdtsc(struct guest *g)
{
	KTAP_TRUE(g->t, step_done(g, STEP_RDTSC, 0, 0));
	return step_answer(g);
}

/* CPUID. */
struct step_cpuid step_cpuid(struct guest *g, uint32_t leaf, uint32_t subleaf)
{
	KTAP_TRUE(g->t, step_done(g, STEP_CPUID, subleaf, leaf));
	return (struct step_cpuid) {
		.eax = g->run->gpr[HVM_RAX],
		.ebx = g->run->gpr[HVM_RBX],
		.ecx = g->run->gpr[HVM_RCX],
		.edx = g->run->gpr[HVM_RDX],
	};
}
