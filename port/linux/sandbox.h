/*
 * The parts of the sandbox, in the order in which they are entered. There is no
 * way back from any of them. False: the kernel lacks it or refuses.
 */
#ifndef LINUX_SANDBOX_H
#define LINUX_SANDBOX_H

#include <stdbool.h>

/*
 * Becomes the user of --user, if it was given, and drops all supplementary
 * groups, unless only one of them opens the TPM. False with errno: it did not.
 * Call sandbox_paths_fill first.
 */
bool user_become(void);
/* user_become has made the process another user's, for good. */
extern bool user_became;
/*
 * Root joins the group that the TPM's device belongs to (on Debian it is tss), if
 * the device does not open otherwise: without capabilities root needs the device's
 * permissions like any other user. Call sandbox_paths_fill first.
 */
void tpm_group_join(void);
/* Gives up all capabilities. */
bool capabilities_drop(void);
/* Files: only the TPMs' devices, and removing the socket. No TCP, no signals to others. */
bool landlock_enter(void);
/* Makes the paths and the relocated data read-only, and filters system calls. */
bool seccomp_enter(void);

#endif
