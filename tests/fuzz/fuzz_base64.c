/* src/wire/base64.c, compared with a second decoder that works the other way round: it
 * normalises the text and encodes it again. */
#include "fuzz.h"

#include "base/text.h"
#include "bounds.h"
#include "wire/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char standard(uint8_t c)
{
	return (char)(c == '-' ? '+' : c == '_' ? '/' : c);
}

/*
 * Writes the input as standard base64 without white space and padding. Returns false if
 * the input is no base64.
 */
static bool normalise(const uint8_t *p, size_t n, char *text, size_t *len)
{
	size_t pad = 0, end = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\0' || strchr(" \t\r\n", p[i]) == NULL) {
			text[end++] = (char)p[i];
		}
	}
	while (pad < end && text[end - 1 - pad] == '=') {
		pad++;
	}
	*len = end - pad;
	if (*len % 4 == 1 || (pad > 0 && (pad > 2 || (*len + pad) % 4 != 0))) {
		return false;
	}
	for (size_t i = 0; i < *len; i++) {
		text[i] = standard((uint8_t)text[i]);
		if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL) {
			return false;
		}
	}
	return true;
}

static void decode(const uint8_t *p, size_t n)
{
	char *text = exact(NULL, n);
	size_t cap = base64_size((const char *)p, n);
	uint8_t *out = exact(NULL, cap);
	uint8_t *in_place = exact(NULL, n);
	char *again = exact(NULL, n + 4);
	size_t len = 99, len_in_place = 99, text_len;
	int e = base64_decode((const char *)p, n, out, &len);
	bool is_text = normalise(p, n, text, &text_len);

	MUST(cap <= n / 4 * 3 + 2);
	memcpy(in_place, p, n);
	MUST(base64_decode((const char *)in_place, n, in_place, &len_in_place) == e);
	MUST(len_in_place == len);
	if (e == 0) {
		MUST(is_text && len == text_len * 3 / 4 && len == cap);
		MUST(same_bytes(in_place, len, out, len));
		base64_encode(out, len, again);
		MUST(same_bytes(again, text_len, text, text_len));
	} else {
		MUST(e == -ERR_BASE64 && len == 0 && all_zero(out, cap));
		if (is_text) { /* the last character has bits set that belong to no byte */
			size_t unused = text_len % 4 == 2 ? 15 : 3;

			MUST(text_len % 4 != 0);
			MUST(((size_t)(strchr(alphabet, text[text_len - 1]) - alphabet) & unused) !=
			     0);
		}
	}
	free(again);
	free(in_place);
	free(out);
	free(text);
}

static void encode(const uint8_t *p, size_t n)
{
	size_t len = BASE64_LEN(n), decoded = 99;
	char *text = exact(NULL, len);
	char *written = exact(NULL, len);
	uint8_t *out = exact(NULL, len / 4 * 3 + 2);
	struct text t = text_in(written, len);

	base64_encode(p, n, text);
	MUST(base64_decode(text, len, out, &decoded) == 0);
	MUST(same_bytes(out, decoded, p, n));
	base64_put(&t, p, n);
	MUST(!t.cut && same_bytes(t.p, t.len, text, len));
	if (len > 0) {
		t = text_in(written, len - 1);
		base64_put(&t, p, n);
		MUST(t.cut && t.len == 0);
	}
	free(out);
	free(written);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode(data, size);
	encode(data, size);
	return 0;
}
