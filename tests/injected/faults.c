/*
 * A heap that says no, and a clock that jumps, as a file says that the tests
 * share with this process: ATTESTD_PROBE names it. Nobody looks for a certificate
 * again: what that takes of the heap would be counted with a test's own.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port.h"
#include "tpm/heap.h"

static struct probe {
	uint64_t clock_ms; /* what the clock is ahead */
	uint64_t refused; /* the allocation that fails, counted from 1; 0: none */
	uint64_t all; /* not 0: and those that follow */
	uint64_t count; /* allocations so far */
	uint64_t used; /* bytes of the heap */
	uint64_t most; /* ... that were used at once */
} own, *volatile probe = &own;

void *__real_heap_malloc(size_t n);
void *__real_heap_calloc(size_t count, size_t n);
void __real_heap_free(void *p);
uint64_t __real_port_now_ms(void);
void *__wrap_heap_malloc(size_t n);
void *__wrap_heap_calloc(size_t count, size_t n);
void __wrap_heap_free(void *p);
uint64_t __wrap_port_now_ms(void);
void __wrap_tpm_look_again(void);

void __wrap_tpm_look_again(void)
{
}

__attribute__((constructor)) static void share(void)
{
	const char *path = getenv("ATTESTD_PROBE");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, sizeof *probe, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (path != NULL && p == MAP_FAILED) {
		abort();
	}
	if (p != MAP_FAILED) {
		probe = p;
		(void)close(fd);
	}
}

static int is_refused(void)
{
	uint64_t n = ++probe->count;

	return probe->refused != 0 && (n == probe->refused || (probe->all && n > probe->refused));
}

static void *given(void *p)
{
	probe->used = heap_used();
	if (probe->most < probe->used) {
		probe->most = probe->used;
	}
	return p;
}

void *__wrap_heap_malloc(size_t n)
{
	return is_refused() ? NULL : given(__real_heap_malloc(n));
}

void *__wrap_heap_calloc(size_t count, size_t n)
{
	return is_refused() ? NULL : given(__real_heap_calloc(count, n));
}

void __wrap_heap_free(void *p)
{
	__real_heap_free(p);
	given(NULL);
}

uint64_t __wrap_port_now_ms(void)
{
	return __real_port_now_ms() + probe->clock_ms;
}
