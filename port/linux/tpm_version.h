/*
 * Which version of TPM a device belongs to.
 */
#ifndef LINUX_TPM_VERSION_H
#define LINUX_TPM_VERSION_H

#include <stdbool.h>

/* Does the kernel say that this device is a TPM 1.2's? */
bool tpm_is_12(const char *device);

#endif
