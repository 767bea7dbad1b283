/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in a few lines, on the ioctls alone, for tests of the kernel half: one virtual CPU,
 * memory from address 0 with tables for every mode at fixed places, code from the test's own
 * source. It decodes nothing and emulates no device; libhvm is for that.
 *
 *	extern const struct guest_code hello;
 *	GUEST_CODE("hello", "code16", "mov $0x3f8, %dx; mov $'h', %al; out %al, %dx; hlt");
 *
 *	if (!guest_open(&g, t, GUEST_RAM))
 *		return;
 *	guest_real(&g, &hello);
 *	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
 *	guest_close(&g);
 */
#ifndef SELFTESTS_LIB_GUEST_H
#define SELFTESTS_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/hvm.h>

#include "ktap.h"

/* Guest physical addresses. */
#define GUEST_GDT	0x0800UL	/* flat segments: code 32, data, code 64 */
#define GUEST_TSS	0x0900UL
#define GUEST_IDT	0x1000UL
#define GUEST_TABLES	0x2000UL	/* six pages: the low 4 GiB, one to one, in 2 MiB pages */
#define GUEST_TEXT	0x10000UL
#define GUEST_DATA	0x20000UL	/* nothing is there: free for the test */
#define GUEST_STACK	0x80000UL	/* grows down from here */
#define GUEST_RAM	0x200000UL	/* usual size of memory */

#define GUEST_CS32	0x08
#define GUEST_DS	0x10
#define GUEST_CS64	0x18
#define GUEST_TR	0x20

/* guest_run(), beside enum hvm_exit_reason: HVM_RUN failed with this errno. */
#define GUEST_ERRNO(error)	(-(error))

/**
 * struct guest_code - machine code from GUEST_CODE()
 * @bytes: its length
 * @text: the code
 */
struct guest_code {
	uint32_t bytes;
	uint8_t text[];
};

/* Assemble @body for @mode ("code16", "code32" or "code64") into the struct guest_code @name. */
#define GUEST_CODE(name, mode, body)						\
	asm(".pushsection .rodata\n"						\
	    "	.balign 4\n"							\
	    "	.globl " name "\n"						\
	    name ":	.long .L" name "_end - .L" name "_text\n"		\
	    ".L" name "_text: ." mode "\n"					\
	    body "\n"								\
	    ".L" name "_end: .code64\n"					\
	    ".popsection\n")

/* For code64: write a 32-bit value to an MSR; uses RAX, RCX, RDX. */
#define WRMSR(index, value)						\
	"mov $" #index ", %ecx; mov $" #value ", %eax; xor %edx, %edx; wrmsr;"

/*
 * For code64: the local APIC in x2APIC mode, enabled; uses RAX, RCX, RDX. What the delivery of an
 * interrupt needs (GDT, IDT, stack) is touched first: Bochs 2.7 tells of a delivery that the
 * processor began by itself and an EPT violation interrupted as if it were the event before.
 */
#define X2APIC_ON								\
	"mov 0x800, %eax; mov 0x1000, %eax; push %rax; pop %rax;"		\
	"mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr;" WRMSR(0x80f, 0x1ff)

/**
 * struct guest - one guest with one virtual CPU
 * @t: the case it runs for
 * @dev: /dev/vm
 * @vm: the guest's fd
 * @vcpu: the virtual CPU's fd
 * @run: its run page
 * @ram: memory from guest physical address 0
 * @bytes: its size
 * @hung: the watchdog had to end a run: there will be no other
 * @amd: the host's processor speaks AMD-V, so VMMCALL is the hypercall
 */
struct guest {
	struct ktap *t;
	int dev;
	int vm;
	int vcpu;
	struct hvm_run *run;
	uint8_t *ram;
	size_t bytes;
	bool hung;
	bool amd;
};

bool guest_open(struct guest *g, struct ktap *t, size_t bytes);
void guest_close(struct guest *g);
bool guest_map(struct guest *g, uint64_t gpa, void *memory, size_t bytes, uint32_t flags);
bool guest_default_cpuid(struct guest *g);

void guest_real(struct guest *g, const struct guest_code *code);
void guest_protected(struct guest *g, const struct guest_code *code);
void guest_long(struct guest *g, const struct guest_code *code);
void guest_gate(struct guest *g, unsigned int vector, const struct guest_code *code, uint64_t gpa);

int guest_run(struct guest *g);
int guest_run_for(struct guest *g, unsigned int ms);
int guest_complete(struct guest *g, unsigned int len);
int guest_get(struct guest *g, uint32_t mask, struct hvm_state *state);
int guest_set(struct guest *g, uint32_t mask, struct hvm_state *state);
int guest_get_msr(struct guest *g, uint32_t index, uint64_t *value);
int guest_set_msr(struct guest *g, uint32_t index, uint64_t value);
int guest_msi(struct guest *g, uint32_t data);
void guest_enable_apic(struct guest *g);
int guest_kick(int fd);
const char *guest_reason(int reason);
void guest_report(struct guest *g);
bool guest_host_has(uint64_t feature);
bool guest_host_is(const char *name);
bool guest_host_is_debug(void);

/* Run and expect an exit; says what came instead. Leaves the (void) case when it is another. */
#define GUEST_EXPECT(g, expected) do {						\
	int reason_ = guest_run(g);						\
										\
	if (reason_ != (expected)) {						\
		KTAP_FAIL((g)->t, "exit %s, not %s (rip 0x%llx)", guest_reason(reason_), \
			  guest_reason(expected), (unsigned long long)(g)->run->rip); \
		guest_close(g);							\
		return;								\
	}									\
} while (0)

#endif
