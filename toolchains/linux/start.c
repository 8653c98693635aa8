/*
 * Where the process begins, in place of the C library's rcrt1.o: that knows every
 * kind of relocation and, before musl 1.2.4, not the packed ones (RELR), which take
 * 100 bytes of the file where the others take 5 kB. Here are only those: toolchains/
 * check-binary sees to it that there are no others.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

int main(int argc, char **argv);
int __libc_start_main(int (*main)(int, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*ldso)(void));

_Noreturn void start(uintptr_t *stack);
/* The linker's. Hidden: an address from a table would itself want to be relocated. */
#define HIDDEN __attribute__((visibility("hidden")))
/* The program's first byte, where it is loaded: its addresses are counted from there. */
extern HIDDEN char __ehdr_start[];
extern HIDDEN const Elf64_Dyn _DYNAMIC[];
/* musl's elf.h has these two since 1.2.4. */
#define RELR_SIZE 35
#define RELR_AT 36

/* The stack begins with argc and argv (System V ABI); nobody has called us. */
__asm__(".text\n"
	".globl _start\n"
	".hidden _start\n"
	".type _start, %function\n"
	"_start:\n"
#if defined __x86_64__
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start\n"
#elif defined __aarch64__
	"	mov x29, xzr\n"
	"	mov x30, xzr\n"
	"	mov x0, sp\n"
	"	b start\n"
#endif
);

/* An even entry is an address to relocate, the next one's is behind it; an odd one has
 * a bit for each of the next 63 words. */
static void relocate(const uintptr_t *entry, size_t n)
{
	uintptr_t base = (uintptr_t)__ehdr_start;
	uintptr_t *word = NULL;

	for (; n > 0; n--, entry++) {
		if ((*entry & 1) == 0) {
			word = (uintptr_t *)(base + *entry);
			*word++ += base;
			continue;
		}
		for (size_t i = 0; i < 63; i++, word++) {
			if ((*entry >> 1 >> i & 1) != 0) {
				*word += base;
			}
		}
	}
}

__attribute__((used)) _Noreturn void start(uintptr_t *stack)
{
	uintptr_t at = 0, size = 0;

	for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == RELR_AT) {
			at = d->d_un.d_ptr;
		} else if (d->d_tag == RELR_SIZE) {
			size = d->d_un.d_val;
		}
	}
	relocate((const uintptr_t *)(__ehdr_start + at), size / sizeof(uintptr_t));
	(void)__libc_start_main(main, (int)*stack, (char **)(stack + 1), NULL, NULL, NULL);
	__builtin_unreachable();
}
