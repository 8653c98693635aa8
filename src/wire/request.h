/*
 * A request line: its command, and those of its members that the command knows.
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "wire/json.h"

/* The members that some command knows, in the order in which they are looked at. */
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
	/* The command's name, NUL-terminated; "" if absent, null or longer
	 * than any command. */
	char command[32];
	struct request_bytes field[FIELD_COUNT];
	/* The member an error is about, or NULL. */
	const char *culprit;
	struct json_object object; /* points into the line */
	size_t used; /* bytes of the store that the fields take */
	size_t touched; /* ... that were ever written to */
	/* What the fields point to: less than the line was long. */
	uint8_t store[REQUEST_MAX];
};

/*
 * Parses one line (n bytes, without its line end), as far as to its command. A
 * byte order mark at its start (EF BB BF) is skipped. The line MUST stay until
 * request_take. -ERR_TOO_LONG if n is more than REQUEST_MAX; the errors of
 * json_parse; -ERR_TYPE, with "command" the culprit, if that is neither a string
 * nor null. The command may hold any character but NUL.
 */
int request_parse(const uint8_t *line, size_t n, struct request *out);

/*
 * Takes those of the request's members that are in `fields` (FIELD_BIT); the
 * others, known or not, are not looked at. One that is null counts as absent.
 * Binary ones (base64 on the wire) are decoded; texts ("aik", "pcrs",
 * "pcr_bank") are bytes without an end. -ERR_TYPE if one is neither a string nor
 * null, -ERR_BASE64: `culprit` is the first in fault. No field is there then.
 */
int request_take(struct request *rq, unsigned fields);

/* Wipes the store: the fields are none any more. */
void request_wipe(struct request *rq);

#endif
