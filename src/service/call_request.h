/*
 * attestd call: the client.
 */
#ifndef SERVICE_CALL_REQUEST_H
#define SERVICE_CALL_REQUEST_H

#include "service/command_line.h"

/* Sends the request, prints the reply or one member of it. Returns the exit status. */
int call(const struct options *o);

#endif
