/*
 * For fuzz_request.c: writes a request from its decoded members, and checks reply
 * lines.
 */
#ifndef TESTS_REQUEST_LINES_H
#define TESTS_REQUEST_LINES_H

#include "fuzz.h"

#include "base/text.h"
#include "wire/base64.h"
#include "wire/request.h"

/* The members whose values are plain text, not base64. */
#define TEXTS (FIELD_BIT(FIELD_AIK) | FIELD_BIT(FIELD_PCRS) | FIELD_BIT(FIELD_PCR_BANK))

static char line[2 * REQUEST_MAX];
static size_t line_len;

static void put(const char *s)
{
	size_t n = strlen(s);

	MUST(n <= sizeof line - line_len);
	memcpy(line + line_len, s, n);
	line_len += n;
}

static void put_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char escape[8] = {(char)p[i]};

		MUST(p[i] != '\0');
		if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\') {
			snprintf(escape, sizeof escape, "\\u%04x", p[i]);
		}
		put(escape);
	}
}

static void put_field(const struct request *rq, unsigned i)
{
	size_t n = BASE64_LEN(rq->field[i].n);

	put(",\"");
	put(request_field_names[i]);
	put("\":\"");
	if (TEXTS & FIELD_BIT(i)) {
		put_text(rq->field[i].p, rq->field[i].n);
	} else {
		MUST(n <= sizeof line - line_len);
		base64_encode(rq->field[i].p, rq->field[i].n, line + line_len);
		line_len += n;
	}
	put("\"");
}

static void write_request(const struct request *rq)
{
	line_len = 0;
	put("{\"command\":\"");
	put_text((const uint8_t *)rq->command, strlen(rq->command));
	put("\"");
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		if (rq->field[i].p != NULL) {
			put_field(rq, i);
		}
	}
	put("}");
}

/* The reply is one line, and its braces and brackets are balanced. */
static void check_line(const struct text *reply)
{
	char open[4];
	size_t depth = 0;
	bool quoted = false;

	MUST(!reply->cut && reply->len > 0 && reply->p[reply->len - 1] == '\n');
	for (size_t i = 0; i + 1 < reply->len; i++) {
		char c = reply->p[i];

		MUST((unsigned char)c >= 0x20 && c != '\\' && (depth > 0 || i == 0));
		quoted = quoted != (c == '"');
		if (quoted) {
			continue;
		}
		if (c == '{' || c == '[') {
			MUST(depth < sizeof open);
			open[depth++] = c;
		} else if (c == '}' || c == ']') {
			MUST(open[--depth] == (c == '}' ? '{' : '['));
		}
	}
	MUST(depth == 0 && !quoted);
}

#endif
