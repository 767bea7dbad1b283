// SPDX-License-Identifier: GPL-2.0-only
/*
 * The native runner: see insn_run_native.h. The instruction is written into an
 * executable page, followed by an indirect jump back; a short piece of assembly
 * swaps all registers in and out around it. One thread at a time.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>

#include "insn_run_native.h"

#define CODE_SIZE	4096u
#define STACK_SIZE	65536u
#define RSP		4

_Static_assert(offsetof(struct native_state, rflags) == 128, "used by native_enter");
_Static_assert(offsetof(struct native_state, xmm) == 136, "used by native_enter");

void native_enter(struct native_state *state);
extern const char native_return[];
extern const void *native_target;
const void *native_target;

/* Set by the signal handler when the instruction faulted, and the instruction's RSP then. */
static volatile sig_atomic_t divide_error;
static uint64_t faulted_rsp;

asm(".text\n"
".globl native_enter, native_return\n"
".type native_enter, @function\n"
"native_enter:\n"
"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
"	mov %rdi, native_state_at(%rip)\n"
"	mov %rsp, native_stack(%rip)\n"
".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	movdqu 136 + 16 * \\n(%rdi), %xmm\\n\n"
".endr\n"
"	pushq 128(%rdi)\n"
"	popfq\n"
"	mov (%rdi), %rax\n	mov 8(%rdi), %rcx\n	mov 16(%rdi), %rdx\n	mov 24(%rdi), %rbx\n"
"	mov 32(%rdi), %rsp\n	mov 40(%rdi), %rbp\n	mov 48(%rdi), %rsi\n"
".irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	mov 8 * \\n(%rdi), %r\\n\n"
".endr\n"
"	mov 56(%rdi), %rdi\n"
"	jmp *native_target(%rip)\n"
"native_return:\n"
"	mov %rdi, native_scratch(%rip)\n"
"	mov native_state_at(%rip), %rdi\n"
"	mov %rax, (%rdi)\n	mov %rcx, 8(%rdi)\n	mov %rdx, 16(%rdi)\n	mov %rbx, 24(%rdi)\n"
"	mov %rsp, 32(%rdi)\n	mov %rbp, 40(%rdi)\n	mov %rsi, 48(%rdi)\n"
".irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	mov %r\\n, 8 * \\n(%rdi)\n"
".endr\n"
"	mov native_scratch(%rip), %rax\n"
"	mov %rax, 56(%rdi)\n"
"	mov native_stack(%rip), %rsp\n"
"	pushfq\n"
"	popq 128(%rdi)\n"
"	cld\n"
".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	movdqu %xmm\\n, 136 + 16 * \\n(%rdi)\n"
".endr\n"
"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
"	ret\n"
".size native_enter, . - native_enter\n"
".local native_state_at, native_stack, native_scratch\n"
".comm native_state_at, 8, 8\n"
".comm native_stack, 8, 8\n"
".comm native_scratch, 8, 8\n");

/*
 * Go on behind the instruction, as if it had done nothing. Not every processor returns from a
 * handler to an RSP that is no address.
 */
static void on_divide_error(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)number;
	(void)info;
	divide_error = 1;
	faulted_rsp = uc->uc_mcontext.gregs[REG_RSP];
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)&faulted_rsp;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)native_return;
}

bool native_init(struct native *n)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static uint8_t signal_stack[STACK_SIZE];
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	void *pages;

	pages = mmap(NULL, CODE_SIZE + NATIVE_DATA, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (pages == MAP_FAILED)
		return false;
	n->code = pages;
	n->data = n->code + CODE_SIZE;
	action.sa_sigaction = on_divide_error;
	return !sigaltstack(&stack, NULL) && !sigaction(SIGFPE, &action, NULL);
}

void native_deinit(struct native *n)
{
	signal(SIGFPE, SIG_DFL);
	munmap(n->code, CODE_SIZE + NATIVE_DATA);
}

bool native_run(struct native *n, const uint8_t *bytes, size_t length, struct native_state *state)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	uint64_t target = (uintptr_t)native_return;

	memcpy(n->code, bytes, length);
	memcpy(n->code + length, jump, sizeof(jump));
	memcpy(n->code + length + sizeof(jump), &target, sizeof(target));
	native_target = n->code;
	divide_error = 0;
	native_enter(state);
	if (divide_error)
		state->gpr[RSP] = faulted_rsp;
	return !divide_error;
}
