/*
 * Here the process begins, instead of in the C library's rcrt1.o. Before musl 1.2.4
 * rcrt1.o does not know packed relocations (RELR), which take 100 bytes of the file
 * where others take 5 kB. This file knows only packed ones; tests/binary/check-binary
 * checks that a program has no others.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

int main(int argc, char **argv);
int __libc_start_main(int (*main)(int, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*ldso)(void));

_Noreturn void start(uintptr_t *stack);
/* From the linker. Hidden, because otherwise their addresses would be in a table that must
 * itself be relocated first. */
#define HIDDEN __attribute__((visibility("hidden")))
/* The program's first byte in memory. The addresses in its tables are relative to it. */
extern HIDDEN char __ehdr_start[];
extern HIDDEN const Elf64_Dyn _DYNAMIC[];
/* musl's elf.h has names for these two since 1.2.4. */
#define RELR_SIZE 35
#define RELR_AT 36

/* The stack begins with argc and argv (System V ABI). There is no caller to return to. */
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

/* An even entry is the address of a word to relocate. An odd entry has a bit for each of the
 * 63 words after the last one that an entry was about. */
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
