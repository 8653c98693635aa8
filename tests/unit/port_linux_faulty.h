/*
 * Runs a table of faults on the Linux port, each entry in a process of its own.
 */
#ifndef TESTS_PORT_LINUX_FAULTY_H
#define TESTS_PORT_LINUX_FAULTY_H

#include "port_linux.h"

#include "faults.h"

#include "../../port/linux/log.h"

/* Calls one(i) for each entry i, in a process of its own. */
static inline void each(unsigned count, void (*one)(unsigned i))
{
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();
		int status;

		CHECK(pid >= 0);
		if (pid == 0) {
			log_begin();
			one(i);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		if (status != 0) {
			(void)fprintf(stderr, "number %u\n", i);
		}
		CHECK(status == 0);
	}
}
#define EACH(table, one) each(sizeof(table) / sizeof((table)[0]), one)

#endif
