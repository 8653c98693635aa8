/*
 * Reply lines: one JSON object and a line end.
 */
#ifndef WIRE_REPLY_H
#define WIRE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "err.h"

/* {"status":"ok" ; reply_member for each member ; reply_end. */
void reply_ok(struct text *t);
/* A member in base64, or null if p is NULL. */
void reply_member(struct text *t, const char *key, const uint8_t *p, size_t n);
/* A member that is a text, or null if text is NULL: the device's name is what somebody typed. */
void reply_text(struct text *t, const char *key, const char *text);
/* A member that is a number. */
void reply_number(struct text *t, const char *key, uint64_t n);
/*
 * A member that is an object or an array: `bracket` opens it. Its own members
 * (reply_member) or its elements (in base64) follow, then reply_close.
 */
void reply_open(struct text *t, const char *key, char bracket);
void reply_element(struct text *t, const uint8_t *p, size_t n);
void reply_close(struct text *t, char bracket);
/* The closing brace and the line end. */
void reply_end(struct text *t);

/*
 * In reply_ok's place, for a request that failed: {"status":"error","message":...,"error":... with
 * "field" if `field` is not NULL (the request's member in fault) and "tpm_rc"
 * if the TPM said something (tpm_rc is not 0; as "0x1df"). The message is err_message(e)
 * behind `prefix`, which may be "". Neither prefix nor field is escaped: both
 * are texts of ours. As everywhere here, look at t->cut before it is sent.
 */
void reply_error(struct text *t, int e, const char *prefix, const char *field, uint32_t tpm_rc);

#endif
