/*
 * Runs a command, and answers for the kernel when it or a descendant opens a device file of
 * the TPM, by seccomp's user notification (seccomp_unotify(2)).
 */
#ifndef TOOLS_TRACEE_H
#define TOOLS_TRACEE_H

#include <stddef.h>
#include <stdint.h>

enum device { DEVICE_TPMRM0, DEVICE_TPM0, DEVICE_COUNT };
extern const char *const device_paths[DEVICE_COUNT];

/*
 * Answers a process that opens a device: a descriptor, which is copied into the process and
 * then closed by the caller, or a negative errno.
 */
typedef int (*open_fn)(enum device device, int pid);

/*
 * Forks and runs argv under the filter. Returns its process id, and in *listener the
 * descriptor to poll for its opens; or prints a message and returns -1. If listener is NULL,
 * there is no filter.
 */
int tracee_start(char **argv, int *listener);
/*
 * Reads one notification and answers it. Returns 0, or -1 if no process is left under the
 * filter.
 */
int tracee_answer(int listener, open_fn open_device);

#endif
