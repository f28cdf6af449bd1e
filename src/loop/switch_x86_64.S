/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void context_switch(void **from, void *to);
 *
 * Keep on this stack what the System V ABI says a function must keep, leave the stack's pointer in *from, and go on with
 * the stack `to`, which this function has left in the same way (or context_prepare has made up).
 */
	.text
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
	.align	16
context_switch:
	.cfi_startproc
	endbr64
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.cfi_endproc
	.size	context_switch, .-context_switch

/* Where a made-up stack begins: r12 is the function, r13 its argument. It does not return. */
	.globl	context_entry
	.hidden	context_entry
	.type	context_entry, @function
	.align	16
context_entry:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq	%r13, %rdi
	call	*%r12
	ud2
	.cfi_endproc
	.size	context_entry, .-context_entry

	.section .note.GNU-stack, "", @progbits
