/*
 * What the port's wait needs to know of the TPM.
 */
#ifndef LINUX_TPM_DEVICE_H
#define LINUX_TPM_DEVICE_H

/* To be polled for input until it comes, once; -1: not asked for. */
extern int tpm_armed_fd;
/* Warns where the kernel lets a TPM's command be waited for in its device only. */
void tpm_check_kernel(void);
/* It has come. */
void tpm_take_event(void);

#endif
