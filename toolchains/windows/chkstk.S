/*
 * What the compiler calls before it takes a page of stack or more: touches
 * each page in order, for Windows grows the stack at its guard page only. The
 * one thing that would be needed of a library of the compiler's own.
 */
	.text

#ifdef __x86_64__
/* %rax bytes will be taken. May change %r10, %r11 and the flags. */
	.globl ___chkstk_ms
___chkstk_ms:
	leaq 8(%rsp), %r10
	movq %r10, %r11
	subq %rax, %r11
1:	subq $4096, %r10
	cmpq %r11, %r10
	jbe 2f
	testb %al, (%r10)
	jmp 1b
2:	testb %al, (%r11)
	ret
#endif

#ifdef __aarch64__
/* x15 times 16 bytes will be taken. May change x16, x17 and the flags. */
	.globl __chkstk
__chkstk:
	mov x17, sp
	sub x16, x17, x15, lsl #4
1:	sub x17, x17, #4096
	cmp x17, x16
	b.ls 2f
	ldrb wzr, [x17]
	b 1b
2:	ldrb wzr, [x16]
	ret
#endif
