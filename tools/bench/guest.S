/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of every case: a loop between two readings of the TSC. In 64-bit mode; RCX is
 * the count, RBX an address, RSI a stride. Position-independent: it is copied into the guest.
 */
#include "layout.h"

	.section .rodata
	.globl guest_code, guest_code_end
	.code64

.macro routine name
	.globl	\name
\name:
.endm

.macro stamp offset
	lfence
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, (LAYOUT_RESULT + \offset)
.endm

.macro begin
	movq	%rcx, %r8
	stamp	0
.endm

.macro finish
	stamp	8
	outb	%al, $LAYOUT_PORT_DONE
	hlt
.endm

guest_code:

routine guest_cpuid
	movq	%rcx, %r8
	stamp	0
1:	xorl	%eax, %eax
	xorl	%ecx, %ecx
	cpuid
	decq	%r8
	jnz	1b
	finish

routine guest_vmcall
	begin
1:	movl	$0xffff, %eax
	vmcall
	decq	%r8
	jnz	1b
	finish

routine guest_vmmcall
	begin
1:	movl	$0xffff, %eax
	vmmcall
	decq	%r8
	jnz	1b
	finish

/* IA32_MTRRCAP: read-only, and nobody passes it through. */
routine guest_msr
	begin
1:	movl	$0xfe, %ecx
	rdmsr
	decq	%r8
	jnz	1b
	finish

routine guest_port
	begin
1:	outb	%al, $LAYOUT_PORT_TEST
	decq	%r8
	jnz	1b
	finish

routine guest_doorbell
	begin
1:	outb	%al, $LAYOUT_PORT_DOORBELL
	decq	%r8
	jnz	1b
	finish

routine guest_device
	begin
1:	movl	%eax, (%rbx)
	decq	%r8
	jnz	1b
	finish

/* One byte of a page, then the page a stride further. */
routine guest_touch
	begin
1:	movb	$1, (%rbx)
	addq	%rsi, %rbx
	decq	%r8
	jnz	1b
	finish

/*
 * x2APIC: one-shot timer of the shortest count, and its interrupt. The IDT is in place; the handler
 * counts in RDI.
 */
routine guest_timer
	movq	%rcx, %r8
	movl	$0x80f, %ecx
	movl	$0x1ff, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$0x832, %ecx
	movl	$0x40, %eax
	wrmsr
	movl	$0x83e, %ecx
	movl	$0xb, %eax
	wrmsr
	xorl	%edi, %edi
	stamp	0
	sti
1:	movq	%rdi, %r9
	movl	$0x838, %ecx
	movl	$1, %eax
	xorl	%edx, %edx
	wrmsr
2:	cmpq	%rdi, %r9
	je	2b
	decq	%r8
	jnz	1b
	cli
	finish

routine guest_interrupt
	incq	%rdi
	movl	$0x80b, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	iretq

/* x2APIC EOI: as many vectors are in service. */
routine guest_eoi
	begin
	movl	$0x80b, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
1:	wrmsr
	decq	%r8
	jnz	1b
	finish

/* IA32_TSC_DEADLINE: each time far enough away never to come. */
routine guest_deadline
	movq	%rcx, %r8
	movl	$0x832, %ecx
	movl	$0x40040, %eax
	xorl	%edx, %edx
	wrmsr
	stamp	0
1:	rdtsc
	addl	$(1 << 28), %eax
	adcl	$0, %edx
	movl	$0x6e0, %ecx
	wrmsr
	decq	%r8
	jnz	1b
	stamp	8
	movl	$0x6e0, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	outb	%al, $LAYOUT_PORT_DONE
	hlt

/* x2APIC ICR: vector 50h to the APIC with id 1. */
routine guest_icr
	begin
	movl	$0x830, %ecx
	movl	$0x50, %eax
	movl	$1, %edx
1:	wrmsr
	decq	%r8
	jnz	1b
	finish

/* As many vectors are requested: take them. */
routine guest_take
	begin
	xorl	%edi, %edi
	sti
1:	cmpq	%r8, %rdi
	jb	1b
	cli
	finish

/* x2APIC: halt until as many interrupts came, each for a HLT of its own. */
routine guest_halt
	movq	%rcx, %r8
	movl	$0x80f, %ecx
	movl	$0x1ff, %eax
	xorl	%edx, %edx
	wrmsr
	xorl	%edi, %edi
	stamp	0
1:	sti
	hlt
	cli
	cmpq	%r8, %rdi
	jb	1b
	finish

guest_code_end:
	.section .note.GNU-stack, "", @progbits
