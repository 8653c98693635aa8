/*
 * The loop: clients, their deadlines, their order, and the TPM between them.
 */
#ifndef SERVICE_SERVER_H
#define SERVICE_SERVER_H

#include "port.h"

/*
 * Serves until the program shall end (PORT_SERVE) or standard input does
 * (PORT_ONCE). port_listen has been called. For a TPM that is not there at
 * the start requests wait up to grace_ms. Returns the exit code: 0; in
 * PORT_ONCE 1 if any reply was an error.
 */
int server_run(enum port_mode mode, uint32_t grace_ms);

#endif
