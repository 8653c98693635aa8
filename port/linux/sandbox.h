/*
 * The parts of the sandbox, in the order in which they are entered. Each is
 * one way; false: the kernel does not have it, or refuses.
 */
#ifndef LINUX_SANDBOX_H
#define LINUX_SANDBOX_H

#include <stdbool.h>

/*
 * Becomes the user of --user, if there is one, and has no other groups, unless
 * the TPM opens by one of them only. False with errno: did not. Fill `sandbox_paths`
 * first.
 */
bool user_become(void);
/* It has: for good. */
extern bool user_became;
/*
 * Has root join the group that the TPM is for, as Debian's is for tss: without
 * capabilities it would not get past the device's permissions. Not if the device
 * opens as it is. Fill `sandbox_paths` first.
 */
void tpm_group_join(void);
/* Gives up all capabilities. */
bool capabilities_drop(void);
/* Files: the TPMs', and removing the socket. No TCP, no signals to others. */
bool landlock_enter(void);
/* Makes the paths and the relocated data read-only, and filters system calls. */
bool seccomp_enter(void);

#endif
