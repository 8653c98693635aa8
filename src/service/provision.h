/*
 * attestd provision: an administrator has the EK kept in the TPM, or no longer.
 */
#ifndef SERVICE_PROVISION_H
#define SERVICE_PROVISION_H

#include "service/command_line.h"

/* The exit status, beside 0 (it is as it was asked for) and EXIT_USAGE. */
enum {
	PROVISION_FAILED = 1, /* nothing was changed */
	PROVISION_REFUSED = 2, /* nothing was changed: something else is at the EK's handle */
	PROVISION_UNSURE = 3, /* it may have been done; to be asked for again */
};

/*
 * Does it, or says why not. port_listen has been called. The TPM is waited for
 * as long as the options say; a stop ends it with the TPM command at work.
 */
int provision_run(const struct options *o);

#endif
