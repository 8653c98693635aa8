/*
 * Linked into the shipping build of attestd: makes allocations fail and the clock jump. A file
 * that the test and this process share says when; the variable ATTESTD_PROBE names it. attestd
 * does not look for a certificate again in this build, because the allocations for that would
 * be counted with those of the test.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port.h"
#include "tpm/heap.h"

static struct probe {
	uint64_t clock_ms; /* how far the clock is ahead */
	uint64_t refused; /* which allocation fails, counted from 1; 0: none */
	uint64_t all; /* if not 0, those that follow fail, too */
	uint64_t count; /* allocations so far */
	uint64_t used; /* bytes of the heap in use */
	uint64_t most; /* the most that were in use at once */
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
