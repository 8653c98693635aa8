/*
 * Writes reply lines: one JSON object and a line end.
 */
#ifndef WIRE_REPLY_H
#define WIRE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "err.h"

/* Begins the reply of a request that succeeded: {"status":"ok". The members follow, then
 * reply_end. */
void reply_ok(struct text *t);
/* A member in base64, or null if p is NULL. */
void reply_member(struct text *t, const char *key, const uint8_t *p, size_t n);
/* A member that is a string, or null if text is NULL. The text is escaped. */
void reply_text(struct text *t, const char *key, const char *text);
/* A member that is a number. */
void reply_number(struct text *t, const char *key, uint64_t n);
/*
 * Begins a member that is an object or an array; `bracket` is '{' or '['. Its members
 * (reply_member) or elements (reply_element, in base64) follow, then reply_close with the
 * closing bracket.
 */
void reply_open(struct text *t, const char *key, char bracket);
void reply_element(struct text *t, const uint8_t *p, size_t n);
void reply_close(struct text *t, char bracket);
/* The closing brace and the line end. */
void reply_end(struct text *t);

/*
 * Begins the reply of a request that failed, in the place of reply_ok:
 * {"status":"error","message":...,"error":..., and "field" (the member of the request that is
 * wrong) unless `field` is NULL, and "tpm_rc" (as "0x1df") unless tpm_rc is 0. The message
 * is `prefix`, which may be "", and err_message(e). The prefix is not escaped.
 */
void reply_error(struct text *t, int e, const char *prefix, const char *field, uint32_t tpm_rc);

#endif
