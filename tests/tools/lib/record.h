/*
 * The record of all commands that went through the proxy, in their order.
 */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include <stdint.h>
#include <stdio.h>

/* rc is UINT32_MAX if no response code was sent. */
void record_add(unsigned session, uint32_t cc, uint32_t rc, double ms);
void record_reset(void);
/* From now on each command is written to this file as a line of text, too. NULL: no longer. */
void record_to(FILE *log);
/* From now on commands ('>') and the TPM's own responses ('<') are written to this file in hex. */
void trace_to(FILE *trace);
void trace(char direction, const uint8_t *p, size_t n);

/* {"total":N,"opens":N,"commands":{"0x165":N,...}} */
void record_print_count(FILE *out, unsigned opens);
/* [[session,cc,rc,ms],...]; rc null: no response. */
void record_print_log(FILE *out);

#endif
