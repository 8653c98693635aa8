/*
 * attestd call: the client.
 */
#ifndef SERVICE_CALL_H
#define SERVICE_CALL_H

#include "service/options.h"

/* Sends the request, prints the reply or one member of it. Returns the exit status. */
int call(const struct options *o);

#endif
