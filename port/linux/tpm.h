/*
 * What the port's wait needs to know of the TPM.
 */
#ifndef LINUX_TPM_H
#define LINUX_TPM_H

/* To be polled for input until it comes, once; -1: not asked for. */
extern int tpm_armed_fd;
/* It has come. */
void tpm_take_event(void);

#endif
