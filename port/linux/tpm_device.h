/*
 * What port_wait needs to know about the TPM.
 */
#ifndef LINUX_TPM_DEVICE_H
#define LINUX_TPM_DEVICE_H

/* To be polled for input until it is ready, once; -1: port_tpm_arm was not called. */
extern int tpm_armed_fd;
/* Logs a warning if the kernel's device blocks until the TPM has answered. */
void tpm_check_kernel(void);
/* tpm_armed_fd is ready. */
void tpm_take_event(void);

#endif
