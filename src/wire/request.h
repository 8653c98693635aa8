/*
 * Decodes a request line: the member "command", which says what is asked for, and those of
 * the other members that this type of request has.
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "wire/json.h"

/* All members that some type of request has, in the order in which they are decoded. */
enum request_field {
	FIELD_CREDENTIAL_BLOB,
	FIELD_ENCRYPTED_SECRET,
	FIELD_HMAC,
	FIELD_ENC,
	FIELD_AIK,
	FIELD_NONCE,
	FIELD_PCRS,
	FIELD_PCR_BANK,
	FIELD_COUNT
};
/* A set of them. */
#define FIELD_BIT(field) (1U << (field))

/* Their names on the wire: "credential_blob", ... */
#define FIELD_NAME_SIZE sizeof("encrypted_secret")
extern const char request_field_names[FIELD_COUNT][FIELD_NAME_SIZE];

struct request_bytes {
	const uint8_t *p; /* into the request's store; NULL if absent or null */
	size_t n;
};

struct request {
	/* The member "command", NUL-terminated; "" if it is absent, null or too long for
	 * any type of request. */
	char command[32];
	struct request_bytes field[FIELD_COUNT];
	/* The member that an error is about, or NULL. */
	const char *culprit;
	struct json_object object; /* points into the line */
	size_t used; /* bytes of `store` that the fields take */
	size_t touched; /* bytes of `store` that were written to since it was last wiped */
	/* The fields point into this. All of them together are shorter than the line. */
	uint8_t store[REQUEST_MAX];
};

/*
 * Parses one line (n bytes, without its line end) and decodes "command", which may have
 * any character but NUL. A byte order mark at the start of the line (EF BB BF) is
 * skipped. The line MUST stay as it is until request_take has returned.
 * -ERR_TOO_LONG: n is more than REQUEST_MAX; the errors of json_parse; -ERR_TYPE, with
 * "command" as the culprit: it is neither a string nor null.
 */
int request_parse(const uint8_t *line, size_t n, struct request *out);

/*
 * Decodes those members that are in `fields` (FIELD_BIT); all others are ignored. A
 * member that is null counts as absent. "aik", "pcrs" and "pcr_bank" are texts, without a
 * NUL at their end; the others are base64 and are decoded to bytes.
 * -ERR_TYPE: a member is neither a string nor null; -ERR_BASE64. `culprit` is the first
 * such member, and no field is set.
 */
int request_take(struct request *rq, unsigned fields);

/* Wipes the store and unsets all fields. */
void request_wipe(struct request *rq);

#endif
