/*
 * The compiler calls this before a function takes a page of stack or more. It touches
 * each page in order, because Windows grows the stack only at its guard page. Nothing
 * else would be needed from the compiler's own library.
 */
	.text

#ifdef __x86_64__
/* The function will take %rax bytes. This may change %r10, %r11 and the flags. */
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
/* The function will take x15 * 16 bytes. This may change x16, x17 and the flags. */
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
