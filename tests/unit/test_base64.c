#include "unit.h"

#include "bounds.h"
#include "err.h"
#include "wire/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Decodes a copy in a block of exactly its size, to a buffer of the size that base64.h asks for. */
static int decode(const char *s, size_t n, uint8_t *out, size_t *len)
{
	uint8_t *copy = exact(s, n);
	size_t cap = base64_size((char *)copy, n);
	uint8_t *room = malloc(cap);
	size_t again;
	int e;

	assert_non_null(room);
	assert_true(cap <= n / 4 * 3 + 2);
	memset(room, 0xa5, cap);
	*len = 12345;
	e = base64_decode((const char *)copy, n, room, len);
	if (e != 0) {
		assert_int_equal(e, -ERR_BASE64);
		assert_int_equal(*len, 0);
	} else {
		assert_int_equal(*len, cap);
		memcpy(out, room, *len);
	}
	free(room);
	/* Decoding in place gives the same. */
	assert_int_equal(base64_decode((char *)copy, n, copy, &again), e);
	assert_int_equal(again, *len);
	assert_memory_equal(copy, out, again);
	free(copy);
	return e;
}

static void vectors_of_rfc_4648(void **state)
{
	static const char *const vectors[] = {
		"", "f",    "fo",   "foo",  "foob",     "fooba",    "foobar",
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		const char *plain = vectors[i];
		const char *coded = vectors[i + 7];
		size_t n = strlen(coded);
		uint8_t out[16];
		char text[16];
		size_t len;

		memset(text, '#', sizeof(text));
		base64_encode((const uint8_t *)plain, strlen(plain), text);
		assert_memory_equal(text, coded, n);
		assert_int_equal(text[n], '#');
		assert_int_equal(BASE64_LEN(strlen(plain)), n);
		assert_int_equal(decode(coded, n, out, &len), 0);
		assert_int_equal(len, strlen(plain));
		assert_memory_equal(out, plain, len);
		/* without padding */
		while (n > 0 && coded[n - 1] == '=') {
			n--;
		}
		assert_int_equal(decode(coded, n, out, &len), 0);
		assert_int_equal(len, strlen(plain));
		assert_memory_equal(out, plain, len);
	}
}

static uint8_t expected_six(int c)
{
	const char *at;

	if (c == '-' || c == '_') {
		return c == '-' ? 62 : 63;
	}
	at = c != 0 ? strchr(alphabet, c) : NULL;
	return at == NULL ? 255 : (uint8_t)(at - alphabet);
}

static bool is_white(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Every byte at every place of a group of four, compared with the alphabet. */
static void every_character(void **state)
{
	(void)state;
	for (int place = 0; place < 4; place++) {
		for (int c = 0; c < 256; c++) {
			char s[5] = "AAAA";
			uint8_t six = expected_six(c);
			uint8_t out[8] = {0};
			uint32_t v;
			size_t len;
			int e;

			s[place] = (char)c;
			e = decode(s, 4, out, &len);
			if (c == '=' && place == 3) {
				assert_int_equal(e, 0);
				assert_int_equal(len, 2);
				continue;
			}
			if (is_white(c)) { /* three characters are left, which are 18 bits of 0 */
				assert_int_equal(e, 0);
				assert_int_equal(len, 2);
				continue;
			}
			assert_int_equal(e, six == 255 ? -ERR_BASE64 : 0);
			if (e == 0) {
				v = (uint32_t)out[0] << 16 | (uint32_t)out[1] << 8 | out[2];
				assert_int_equal(v, (uint32_t)six << (18 - 6 * place));
			}
		}
	}
}

static void encodes_every_six(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 64; v++) {
		for (unsigned place = 0; place < 4; place++) {
			uint32_t bits = v << (18 - 6 * place);
			uint8_t in[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
					 (uint8_t)bits};
			char out[4];

			base64_encode(in, 3, out);
			for (unsigned k = 0; k < 4; k++) {
				assert_int_equal(out[k], k == place ? alphabet[v] : 'A');
			}
		}
	}
}

/* The last character before the padding must not have bits set that belong to no byte. */
static void refuses_unused_bits(void **state)
{
	(void)state;
	for (int v = 0; v < 64; v++) {
		char two[] = "A?==";
		char three[] = "AA?=";
		uint8_t out[8];
		size_t len;

		two[1] = alphabet[v];
		three[2] = alphabet[v];
		assert_int_equal(decode(two, 4, out, &len), v % 16 == 0 ? 0 : -ERR_BASE64);
		assert_int_equal(decode(two, 2, out, &len), v % 16 == 0 ? 0 : -ERR_BASE64);
		assert_int_equal(decode(three, 4, out, &len), v % 4 == 0 ? 0 : -ERR_BASE64);
		assert_int_equal(decode(three, 3, out, &len), v % 4 == 0 ? 0 : -ERR_BASE64);
	}
}

static void refuses_other_texts(void **state)
{
	static const char *const wrong[] = {
		"A",          "=",        "==",        "===",       "====",     "A=",
		"A==",        "A===",     "AA=",       "AAA==",     "AAAA=",    "AAAA==",
		"AAAA===",    "AAAA====", "AA=A",      "A=AA",      "=AAA",     "AA==AAAA",
		"AAA=AAAA",   "AAAAA",    "AAAAA===",  "AAAAAAAAA", "AAAA\v",   "AAAA\f",
		"\xc2\xa0",   "AAAA\x1f", "AAAA!",     "AAAA\x7f",  "AAAA,AAA", "AA*=",
		"\xc3\xa4==", "AAAAAA=",  "AAAAAAA==", "AAAAAA===",
	};
	uint8_t out[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(decode(wrong[i], strlen(wrong[i]), out, &len), -ERR_BASE64);
	}
	assert_int_equal(decode("AA\0A", 4, out, &len), -ERR_BASE64);
}

static void decodes_both_alphabets(void **state)
{
	uint8_t out[16];
	size_t len;

	(void)state;
	assert_int_equal(decode("-_+/", 4, out, &len), 0);
	assert_memory_equal(out, "\xfb\xff\xbf", 3);
	assert_int_equal(decode("_-8", 3, out, &len), 0);
	assert_memory_equal(out, "\xff\xef", 2);
}

/* All lengths are encoded and decoded again; one damaged character makes the text invalid. */
static void decodes_what_it_encodes(void **state)
{
	uint8_t bytes[301];
	uint8_t out[310];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 151 + 7);
	}
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		uint8_t *in = exact(bytes, n);
		char *text = malloc(BASE64_LEN(n));

		base64_encode(in, n, text);
		assert_int_equal(decode(text, BASE64_LEN(n), out, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(out, bytes, n);
		for (size_t i = 0; n < 64 && i < BASE64_LEN(n); i++) {
			char kept = text[i];

			text[i] = '.';
			assert_int_equal(decode(text, BASE64_LEN(n), out, &len), -ERR_BASE64);
			text[i] = kept;
		}
		free(text);
		free(in);
	}
}

/* White space anywhere makes no difference, in valid and in invalid text. */
static void ignores_white_space(void **state)
{
	static const char *const spaces[] = {" ", "\t", "\r", "\n", "\r\n", " \t\r\n \t\r\n"};
	static const char *const texts[] = {
		"",         "Zg==",   "Zm8=",  "Zm9v",     "Zm9vYg==", "Zm9vYmE=",
		"Zm9vYmFy", "Zg",     "Zm8",   "Zm9vYg",   "-_8",      "=",
		"==",       "Zg=",    "Zm9v=", "Zg===",    "Zm9vYg=A", "Z",
		"Zm9vZ",    "Zm9vZh", "Zm9*",  "Zm9v====",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i]);
		uint8_t want[16], out[16];
		size_t want_len, len;
		int e = decode(texts[i], n, want, &want_len);

		for (size_t k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++) {
			char everywhere[256] = "";

			for (size_t at = 0; at <= n; at++) {
				char s[64];

				snprintf(s, sizeof(s), "%.*s%s%s", (int)at, texts[i], spaces[k],
					 texts[i] + at);
				assert_int_equal(decode(s, strlen(s), out, &len), e);
				assert_int_equal(len, want_len);
				assert_memory_equal(out, want, len);
				strcat(everywhere, spaces[k]);
				strncat(everywhere, texts[i] + at, 1);
			}
			assert_int_equal(decode(everywhere, strlen(everywhere), out, &len), e);
			assert_int_equal(len, want_len);
			assert_memory_equal(out, want, len);
		}
	}
}

static void wipes_on_failure(void **state)
{
	uint8_t out[16];
	size_t len;

	(void)state;
	memset(out, 0xa5, sizeof(out));
	assert_int_equal(base64_decode("Zm9vYmFyZm9*", 12, out, &len), -ERR_BASE64);
	for (size_t i = 0; i < sizeof(out); i++) {
		assert_int_equal(out[i], i < 9 ? 0 : 0xa5);
	}
}

static void puts_into_a_text(void **state)
{
	char buf[64];
	struct text t = text_in(buf, sizeof buf);

	(void)state;
	memset(buf, '#', sizeof buf);
	base64_put(&t, (const uint8_t *)"foobar", 0);
	base64_put(&t, (const uint8_t *)"foobar", 4);
	text_str(&t, "|");
	base64_put(&t, (const uint8_t *)"foobar", 6);
	assert_false(t.cut);
	assert_int_equal(t.len, strlen("Zm9vYg==|Zm9vYmFy"));
	assert_memory_equal(buf, "Zm9vYg==|Zm9vYmFy#", t.len + 1);
}

/* Eight characters, behind no others or five: if there is not room for all, none is written. */
static void puts_whole_or_nothing(void **state)
{
	(void)state;
	for (size_t before = 0; before <= 5; before += 5) {
		for (size_t cap = before; cap <= before + 8; cap++) {
			bool fits = cap == before + 8;
			char *buf = (char *)exact("#############", cap);
			struct text t = text_in(buf, cap);

			text_put(&t, "abcde", before);
			base64_put(&t, (const uint8_t *)"12345", 5);
			assert_int_equal(t.cut, !fits);
			assert_int_equal(t.len, fits ? before + 8 : before);
			assert_memory_equal(buf, "abcde", before);
			if (!fits) {
				assert_memory_equal(buf + before, "########", cap - before);
				text_put(&t, "x", cap > before);
				assert_int_equal(t.len, before + (cap > before));
				assert_true(t.cut);
			}
			free(buf);
		}
	}
}

/* The length of the base64 would wrap around. */
static void puts_no_huge_lengths(void **state)
{
	static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 2, SIZE_MAX / 4 * 3 + 3,
				      SIZE_MAX / 2};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
		struct text t = text_in(buf, sizeof buf);
		const uint8_t *volatile p = (const uint8_t *)"abc";
		volatile size_t n = huge[i];

		memset(buf, '#', sizeof buf);
		text_str(&t, "ab");
		base64_put(&t, p, n);
		assert_true(t.cut);
		assert_int_equal(t.len, 2);
		assert_memory_equal(buf, "ab##########", 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_rfc_4648),     cmocka_unit_test(every_character),
		cmocka_unit_test(encodes_every_six),       cmocka_unit_test(refuses_unused_bits),
		cmocka_unit_test(refuses_other_texts),     cmocka_unit_test(decodes_both_alphabets),
		cmocka_unit_test(decodes_what_it_encodes), cmocka_unit_test(ignores_white_space),
		cmocka_unit_test(wipes_on_failure),        cmocka_unit_test(puts_into_a_text),
		cmocka_unit_test(puts_whole_or_nothing),   cmocka_unit_test(puts_no_huge_lengths),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
