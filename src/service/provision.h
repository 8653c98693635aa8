/*
 * attestd provision: makes the EK persistent in the TPM, or with --undo removes it.
 */
#ifndef SERVICE_PROVISION_H
#define SERVICE_PROVISION_H

#include "service/command_line.h"

/* The exit codes beside 0 (the TPM is in the state that was asked for) and EXIT_USAGE. */
enum {
	PROVISION_FAILED = 1, /* nothing was changed */
	PROVISION_REFUSED = 2, /* nothing was changed: another object is at the EK's handle */
	PROVISION_UNSURE = 3, /* it may have been changed; run it again */
};

/*
 * Runs it and prints the outcome. port_listen MUST have been called. Waits for the TPM
 * as long as the options say. PORT_EVENT_STOP ends it after the current TPM command.
 */
int provision_run(const struct options *o);

#endif
