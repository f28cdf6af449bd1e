/* SPDX-License-Identifier: Apache-2.0 */
/* The same as switch_x86_64.S by the procedure call standard of the Arm 64-bit architecture: x19 to x30 and d8 to d15. */
	.text
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, %function
	.align	4
context_switch:
	.cfi_startproc
	hint	#34
	sub	sp, sp, #160
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
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
	add	sp, sp, #160
	ret
	.cfi_endproc
	.size	context_switch, .-context_switch

/* Where a made-up stack begins: x19 is the function, x20 its argument. It does not return. */
	.globl	context_entry
	.hidden	context_entry
	.type	context_entry, %function
	.align	4
context_entry:
	.cfi_startproc
	.cfi_undefined x30
	hint	#34
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.size	context_entry, .-context_entry

	.section .note.GNU-stack, "", %progbits
