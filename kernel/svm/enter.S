/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trip into the guest and back: the few instructions that have no form in C. Everything that
 * can be decided before or after is decided in run.c. APM volume 2, "VMRUN and #VMEXIT".
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "enter.h"

/*
 * The host's own choice for returning from a guest; older kernels have one choice for all entries
 * to the kernel, and one more for guests alone. entry_ibpb clobbers RAX, RCX, RDX.
 */
#ifndef UNTRAIN_RET_VM
.macro UNTRAIN_RET_VM
	UNTRAIN_RET
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
.endm
#endif

/*
 * Write SPEC_CTRL where its value in the guest differs from the host's; @to is loaded. RDI holds
 * the entry. Clobbers RAX, RCX, RDX.
 */
.macro SWITCH_SPEC_CTRL to:req from:req
	ALTERNATIVE "jmp .Lspec_ctrl_done\@", "", X86_FEATURE_MSR_SPEC_CTRL
	movq	\to(%rdi), %rax
	cmpq	\from(%rdi), %rax
	je	.Lspec_ctrl_done\@
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
.Lspec_ctrl_done\@:
.endm

.section .noinstr.text, "ax"

/*
 * void svm_vmrun(const struct svm_entry *entry)
 *
 * With V_INTR_MASKING a host interrupt ends the guest's run if RFLAGS.IF was set at VMRUN, so IF is
 * opened, under GIF = 0, which holds back interrupts, NMIs, SMIs and machine checks until STGI. STI
 * comes well before VMRUN: its shadow must not reach the guest.
 *
 * The host's own FS, GS, TR, LDTR and syscall MSRs are saved on every trip and not once a load:
 * another thread of this process may have changed the LDT since, and what VMLOAD brings back would
 * then point to freed memory.
 */
SYM_FUNC_START(svm_vmrun)
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	pushq	%rdi

.Lfirst:
	clgi
	sti
	movq	SVM_ENTRY_HOST_PA(%rdi), %rax
	vmsave	%rax
	SWITCH_SPEC_CTRL SVM_ENTRY_GUEST_SPEC, SVM_ENTRY_HOST_SPEC

	movq	SVM_ENTRY_VMCB_PA(%rdi), %rax
	movq	SVM_ENTRY_GPR(%rdi), %rdi
	movq	1*8(%rdi), %rcx
	movq	2*8(%rdi), %rdx
	movq	3*8(%rdi), %rbx
	movq	5*8(%rdi), %rbp
	movq	6*8(%rdi), %rsi
	movq	8*8(%rdi), %r8
	movq	9*8(%rdi), %r9
	movq	10*8(%rdi), %r10
	movq	11*8(%rdi), %r11
	movq	12*8(%rdi), %r12
	movq	13*8(%rdi), %r13
	movq	14*8(%rdi), %r14
	movq	15*8(%rdi), %r15
	movq	7*8(%rdi), %rdi
	/* No register may change from here on; VERW changes only ZF. */
	VM_CLEAR_CPU_BUFFERS

	vmload	%rax
	vmrun	%rax
	vmsave	%rax

	/* #VMEXIT restored RAX and RSP; all other registers are the guest's. */
	movq	(%rsp), %rax
	movq	SVM_ENTRY_GPR(%rax), %rax
	movq	%rcx, 1*8(%rax)
	movq	%rdx, 2*8(%rax)
	movq	%rbx, 3*8(%rax)
	movq	%rbp, 5*8(%rax)
	movq	%rsi, 6*8(%rax)
	movq	%rdi, 7*8(%rax)
	movq	%r8, 8*8(%rax)
	movq	%r9, 9*8(%rax)
	movq	%r10, 10*8(%rax)
	movq	%r11, 11*8(%rax)
	movq	%r12, 12*8(%rax)
	movq	%r13, 13*8(%rax)
	movq	%r14, 14*8(%rax)
	movq	%r15, 15*8(%rax)

	/* GS before any per-CPU access: the mitigations below may count calls in per-CPU data. */
	popq	%rdi
	movq	SVM_ENTRY_HOST_PA(%rdi), %rax
	vmload	%rax

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	SWITCH_SPEC_CTRL SVM_ENTRY_HOST_SPEC, SVM_ENTRY_GUEST_SPEC
	/* Before the first return, and with the kernel's page tables. */
	UNTRAIN_RET_VM

	/*
	 * Leave nothing of the guest where speculation could use it; the other registers come from
	 * the stack.
	 */
	xorl	%eax, %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d

	cli
	stgi
.Lout:
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	RET

	/*
	 * SVM was turned off beneath us, on the way to a reboot. Only CLGI can find out: after it
	 * neither interrupt nor NMI comes, so nobody turns SVM off any more. The trip did not take
	 * place: an interrupt came first.
	 */
.Loff:
	popq	%rdi
	movq	SVM_ENTRY_VMCB(%rdi), %rax
	movq	$SVM_EXIT_INTR, SVM_VMCB_EXIT_CODE(%rax)
	movq	$0, SVM_VMCB_EXIT_INT_INFO(%rax)
	jmp	.Lout

	_ASM_EXTABLE(.Lfirst, .Loff)
SYM_FUNC_END(svm_vmrun)
