/*
 * What went through the proxy: every command, in order.
 */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include <stdint.h>
#include <stdio.h>

/* rc is UINT32_MAX where no response code was sent. */
void record_add(unsigned session, uint32_t cc, uint32_t rc, double ms);
void record_reset(void);
/* Where each command is also written as a line of text; may be NULL. */
void record_to(FILE *log);
/* Where commands ('>') and true responses ('<') are written whole, in hex. */
void trace_to(FILE *trace);
void trace(char direction, const uint8_t *p, size_t n);

/* {"total":N,"opens":N,"commands":{"0x165":N,...}} */
void record_print_count(FILE *out, unsigned opens);
/* [[session,cc,rc,ms],...]; rc null: no response. */
void record_print_log(FILE *out);

#endif
