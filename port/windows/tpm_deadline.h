/*
 * A time limit for each TPM command: TBS itself waits for ever.
 */
#ifndef WINDOWS_TPM_DEADLINE_H
#define WINDOWS_TPM_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include <Tbs.h>

/* A command is about to be sent by this handle: it is cancelled after `ms`. */
void tpm_deadline_begin(TBS_HCONTEXT handle, uint32_t ms);
/* It has ended. True: because it was cancelled here. */
bool tpm_deadline_end(void);

/*
 * The program shall end: a command that still runs STOP_MS later is cancelled.
 * Any thread may call this.
 */
void tpm_deadline_stop(void);

#endif
