/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch between stacks for x86-64 (System V). What a function must keep goes onto the old stack and comes from the new
 * one; the layout is that of struct frame in context.c.
 */
#ifdef __x86_64__

#if defined(__CET__) && (__CET__ & 1)
#define LANDING endbr64
#else
#define LANDING
#endif

/* Those bits of MXCSR that a function must keep; the others tell of exceptions that have happened. */
#define MXCSR_CONTROL 0xffc0

	.text

/* void switch_stack(void **from, void *to) */
	.globl	switch_stack
	.hidden	switch_stack
	.type	switch_stack, @function
	.p2align 4
switch_stack:
	.cfi_startproc
	LANDING
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %eax
	movw	4(%rsp), %dx

	movq	%rsp, (%rdi)
	movq	%rsi, %rsp

	/* Loading the control words is slow, and they are the same nearly always. */
	xorl	(%rsp), %eax
	testl	$MXCSR_CONTROL, %eax
	jnz	1f
	cmpw	4(%rsp), %dx
	jne	1f
2:
	.cfi_remember_state
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	/* A jump, not a return: this is not where the last call came from, so the prediction of a return would be wrong. */
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmp *%rcx
1:
	.cfi_restore_state
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	2b
	.cfi_endproc
	.size	switch_stack, . - switch_stack

/* Where a new stack begins: call the function in rbx, which does not return. Nothing called this: unwinding ends here. */
	.globl	switch_begin
	.hidden	switch_begin
	.type	switch_begin, @function
	.p2align 4
switch_begin:
	.cfi_startproc
	.cfi_undefined rip
	LANDING
	xorl	%ebp, %ebp
	callq	*%rbx
	ud2
	.cfi_endproc
	.size	switch_begin, . - switch_begin

#if defined(__CET__) && (__CET__ & 1)
/* Fit for indirect branch tracking. Not for shadow stacks, which would have to be switched as well. */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000002, 4, 1, 0
#endif

#endif
	.section .note.GNU-stack, "", @progbits
