/*
 * attestd as a service of Windows.
 */
#ifndef WINDOWS_SERVICE_H
#define WINDOWS_SERVICE_H

#include <stdbool.h>

#include "bounds.h"
#include "port.h"

/* Of the service, and of the event source. */
#define SERVICE_NAME L"attestd"

/* The one event, whose text is the line; attestd.rc has it. */
#define SERVICE_EVENT 1

/*
 * How long stopping takes at most: TBS blocks, so that the command in hand,
 * which may be the slowest, comes to its end first if it cannot be cancelled.
 */
#define SERVICE_STOP_MS (TPM_CREATE_MS + STOP_MS + 5000)

/*
 * If the service control manager has started this process: runs body as the
 * service, on another thread, and returns true once it has ended, with its
 * value in *result. False, and nothing has happened, if somebody else has.
 */
bool service_run(int argc, char **argv, int (*body)(int argc, char **argv), int *result);

/* Tells the manager. False: this is not a service. */
bool service_state(enum port_state state);

#endif
