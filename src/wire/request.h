/*
 * A request line: its command, and its credential fields decoded.
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

/* The binary members, in base64 on the wire. */
enum request_field {
	FIELD_CREDENTIAL_BLOB,
	FIELD_ENCRYPTED_SECRET,
	FIELD_HMAC,
	FIELD_ENC,
	FIELD_COUNT
};
/* Their names on the wire: "credential_blob", ... */
extern const char *const request_field_names[FIELD_COUNT];

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
	bool in_fields; /* an error is in the binary members, all else is well */
	/* What the fields point to: less than the line was long. */
	uint8_t store[REQUEST_MAX];
};

/*
 * Parses one line (n bytes, without its line end). A byte order mark at its
 * start (EF BB BF) is skipped. A member that is null counts as absent; unknown
 * members are ignored. -ERR_TOO_LONG if n is more than REQUEST_MAX; the errors
 * of json_parse; -ERR_TYPE if a known member is neither a string nor null;
 * -ERR_BASE64. The command is looked at first, then the fields in their order
 * above: `culprit` is the first in fault.
 *
 * On failure the fields are absent and their bytes in the store wiped; the
 * command is kept if it could be read, for the reply's prefix and the log. It
 * may hold any character but NUL.
 */
int request_parse(const uint8_t *line, size_t n, struct request *out);

#endif
