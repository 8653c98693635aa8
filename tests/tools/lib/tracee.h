/*
 * A command and all its descendants, whose opens of the TPM's device files are
 * answered by us: seccomp's user notification (seccomp_unotify(2)).
 */
#ifndef TOOLS_TRACEE_H
#define TOOLS_TRACEE_H

#include <stddef.h>
#include <stdint.h>

enum device { DEVICE_TPMRM0, DEVICE_TPM0, DEVICE_COUNT };
extern const char *const device_paths[DEVICE_COUNT];

/*
 * Answers a process's open of a device: a descriptor that becomes the command's (the
 * caller of this closes it afterwards), or a negative errno.
 */
typedef int (*open_fn)(enum device device, int pid);

/*
 * Forks, puts argv under the filter and runs it. Returns its process id and in
 * *listener the descriptor to poll for its opens; -1 with a message otherwise.
 * listener NULL: without a filter.
 */
int tracee_start(char **argv, int *listener);
/*
 * Reads one notification and answers it. Returns 0, or -1 when nobody is left
 * under the filter.
 */
int tracee_answer(int listener, open_fn open_device);

#endif
