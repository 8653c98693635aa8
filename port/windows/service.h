/*
 * attestd as a service of Windows.
 */
#ifndef WINDOWS_SERVICE_H
#define WINDOWS_SERVICE_H

#include <stdbool.h>

#include "bounds.h"
#include "port.h"

/* The name of the service and of the event source. */
#define SERVICE_NAME L"attestd"

/* The only event, whose text is the log line; it is in attestd.rc. */
#define SERVICE_EVENT 1

/*
 * How long stopping takes at most: a running TPM command that cannot be cancelled
 * ends first, and it may be the slowest one.
 */
#define SERVICE_STOP_MS (TPM_CREATE_MS + STOP_MS + 5000)

/*
 * If the service control manager has started this process, calls body as the
 * service, on another thread, and returns true when it has returned, with its
 * value in *result. False: another program has started it, and nothing was done.
 */
bool service_run(int argc, char **argv, int (*body)(int argc, char **argv), int *result);

/* Tells the manager that state. False: this process is not a service. */
bool service_state(enum port_state state);

#endif
