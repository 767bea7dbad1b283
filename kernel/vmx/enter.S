/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The step over the border: host registers out, guest registers in, VMLAUNCH or VMRESUME, and back.
 * Only what must happen between two instructions of different owners is here; the rest of an entry
 * is run.c.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#include "frame.h"

#define VMCS_HOST_RSP_FIELD	0x6c14

/* Offsets into hvm_run.gpr[], enum hvm_gpr. RSP is the VMCS's. */
#define GPR_RAX	0
#define GPR_RCX	8
#define GPR_RDX	16
#define GPR_RBX	24
#define GPR_RBP	40
#define GPR_RSI	48
#define GPR_RDI	56
#define GPR_R8	64
#define GPR_R9	72
#define GPR_R10	80
#define GPR_R11	88
#define GPR_R12	96
#define GPR_R13	104
#define GPR_R14	112
#define GPR_R15	120

.section .noinstr.text, "ax"

/*
 * bool vmx_enter_guest(struct vmx_frame *frame, u64 *gpr)
 *
 * Runs the guest of the current VMCS until an exit. True: the processor refused the entry (VMfail),
 * and nothing of the guest ran. Interrupts are off. RDI frame, RSI registers.
 */
SYM_FUNC_START(vmx_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi
	push	%rdi

	/* The exit finds this stack again. Its depth rarely changes from one entry to the next. */
	cmp	%rsp, VMX_FRAME_HOST_RSP(%rdi)
	je	.Lstack_known
	mov	%rsp, VMX_FRAME_HOST_RSP(%rdi)
	mov	$VMCS_HOST_RSP_FIELD, %eax
.Lwrite_stack:
	vmwrite	%rsp, %rax
.Lstack_known:

	/* The guest's SPEC_CTRL, as late as possible: no indirect branch follows. */
	ALTERNATIVE "jmp .Lspec_entered", "", X86_FEATURE_MSR_SPEC_CTRL
	mov	VMX_FRAME_GUEST_SPEC(%rdi), %eax
	cmp	VMX_FRAME_HOST_SPEC(%rdi), %eax
	je	.Lspec_entered
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lspec_entered:

	/* CF picks the instruction below: neither MOV nor VERW touches it. */
	btl	$0, VMX_FRAME_LAUNCHED(%rdi)

	mov	GPR_RAX(%rsi), %rax
	mov	GPR_RCX(%rsi), %rcx
	mov	GPR_RDX(%rsi), %rdx
	mov	GPR_RBX(%rsi), %rbx
	mov	GPR_RBP(%rsi), %rbp
	mov	GPR_RDI(%rsi), %rdi
	mov	GPR_R8(%rsi), %r8
	mov	GPR_R9(%rsi), %r9
	mov	GPR_R10(%rsi), %r10
	mov	GPR_R11(%rsi), %r11
	mov	GPR_R12(%rsi), %r12
	mov	GPR_R13(%rsi), %r13
	mov	GPR_R14(%rsi), %r14
	mov	GPR_R15(%rsi), %r15
	mov	GPR_RSI(%rsi), %rsi

	/* Processor buffers (MDS, TAA, RFDS, TSA): what the host asked for, after its last load. */
	CLEAR_CPU_BUFFERS
	VM_CLEAR_CPU_BUFFERS

	/* The unwinder goes on at the exit with the stack of here. */
	UNWIND_HINT_SAVE
	jnc	.Llaunch
.Lresume:
	vmresume
	jmp	.Lrefused
.Llaunch:
	vmlaunch
	jmp	.Lrefused

SYM_INNER_LABEL_ALIGN(vmx_guest_exit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rax
	mov	16(%rsp), %rax
	mov	%rcx, GPR_RCX(%rax)
	mov	%rdx, GPR_RDX(%rax)
	mov	%rbx, GPR_RBX(%rax)
	mov	%rbp, GPR_RBP(%rax)
	mov	%rsi, GPR_RSI(%rax)
	mov	%rdi, GPR_RDI(%rax)
	mov	%r8, GPR_R8(%rax)
	mov	%r9, GPR_R9(%rax)
	mov	%r10, GPR_R10(%rax)
	mov	%r11, GPR_R11(%rax)
	mov	%r12, GPR_R12(%rax)
	mov	%r13, GPR_R13(%rax)
	mov	%r14, GPR_R14(%rax)
	mov	%r15, GPR_R15(%rax)
	pop	GPR_RAX(%rax)
	xor	%ebx, %ebx

	/*
	 * No value of the guest's stays for speculation to use; RBX, RBP and R12 to R15 are popped
	 * below, RAX, RCX and RDX overwritten.
	 */
.Lclear:
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	/*
	 * Before the first RET: the guest may have trained the return stack, and IBRS has to be the
	 * host's.
	 */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	pop	%rdi
	ALTERNATIVE "jmp .Lspec_left", "", X86_FEATURE_MSR_SPEC_CTRL
	mov	VMX_FRAME_HOST_SPEC(%rdi), %eax
	ALTERNATIVE "", "jmp .Lspec_write", X86_FEATURE_KERNEL_IBRS
	cmp	VMX_FRAME_GUEST_SPEC(%rdi), %eax
	je	.Lspec_fence
.Lspec_write:
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lspec_fence:
	lfence
.Lspec_left:
	CLEAR_BRANCH_HISTORY_VMEXIT

	mov	%ebx, %eax
	pop	%rsi
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lrefused:
	mov	$1, %ebx
	jmp	.Lclear

	/* VMX was turned off beneath us, on the way to a reboot. */
	_ASM_EXTABLE(.Lwrite_stack, .Lstack_known)
	_ASM_EXTABLE(.Lresume, .Lrefused)
	_ASM_EXTABLE(.Llaunch, .Lrefused)
SYM_FUNC_END(vmx_enter_guest)
