/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch between stacks for 64-bit ARM. What a function must keep goes onto the old stack and comes from the new one;
 * the layout is that of struct frame in context.c. FPCR is left alone: it belongs to the thread.
 */
#ifdef __aarch64__

#define FRAME 160

	.text

/* void switch_stack(void **from, void *to) */
	.globl	switch_stack
	.hidden	switch_stack
	.type	switch_stack, %function
	.p2align 4
switch_stack:
	.cfi_startproc
	hint	#34 /* bti c */
	sub	sp, sp, #FRAME
	.cfi_def_cfa_offset FRAME
	stp	x19, x20, [sp, #0]
	.cfi_offset x19, -FRAME
	.cfi_offset x20, -FRAME + 8
	stp	x21, x22, [sp, #16]
	.cfi_offset x21, -FRAME + 16
	.cfi_offset x22, -FRAME + 24
	stp	x23, x24, [sp, #32]
	.cfi_offset x23, -FRAME + 32
	.cfi_offset x24, -FRAME + 40
	stp	x25, x26, [sp, #48]
	.cfi_offset x25, -FRAME + 48
	.cfi_offset x26, -FRAME + 56
	stp	x27, x28, [sp, #64]
	.cfi_offset x27, -FRAME + 64
	.cfi_offset x28, -FRAME + 72
	stp	x29, x30, [sp, #80]
	.cfi_offset x29, -FRAME + 80
	.cfi_offset x30, -FRAME + 88
	stp	d8, d9, [sp, #96]
	.cfi_offset d8, -FRAME + 96
	.cfi_offset d9, -FRAME + 104
	stp	d10, d11, [sp, #112]
	.cfi_offset d10, -FRAME + 112
	.cfi_offset d11, -FRAME + 120
	stp	d12, d13, [sp, #128]
	.cfi_offset d12, -FRAME + 128
	.cfi_offset d13, -FRAME + 136
	stp	d14, d15, [sp, #144]
	.cfi_offset d14, -FRAME + 144
	.cfi_offset d15, -FRAME + 152

	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1

	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #FRAME
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	switch_stack, . - switch_stack

/* Where a new stack begins: call the function in x19, which does not return. Nothing called this: unwinding ends here. */
	.globl	switch_begin
	.hidden	switch_begin
	.type	switch_begin, %function
	.p2align 4
switch_begin:
	.cfi_startproc
	.cfi_undefined x30
	mov	x29, #0
	mov	x30, #0
	blr	x19
	brk	#1
	.cfi_endproc
	.size	switch_begin, . - switch_begin

#ifdef __ARM_FEATURE_BTI_DEFAULT
/* Fit for branch target identification. */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000000, 4, 1, 0
#endif

#endif
	.section .note.GNU-stack, "", %progbits
