/*
 * attestd call: sends one request to a running attestd and prints the reply.
 */
#ifndef SERVICE_CALL_REQUEST_H
#define SERVICE_CALL_REQUEST_H

#include "service/command_line.h"

/* Prints the whole reply or, if the options say so, one member of it. Returns the exit
 * code: 0 if the reply says "ok" and was printed, else 1. */
int call_run(const struct options *o);

#endif
