#include "unit.h"

#include "bounds.h"
#include "err.h"
#include "wire/base64.h"
#include "wire/reader.h"
#include "wire/spki.h"

/* Made with openssl genrsa 512 and genrsa -3 520; the results of rsa -pubout. */
#define MODULUS_512                                                                                \
	"cff8e7efcf11c547bcfb7157ef728cc0ed729d71b4e51853793d7fe42ebc955fc6b3c2800683fab28aa38007" \
	"9f466dc68e1f4cceb56245a811c4e40150900587"
#define SPKI_512                                                                                   \
	"305c300d06092a864886f70d0101010500034b003048024100cff8e7efcf11c547bcfb7157ef728cc0ed729d" \
	"71b4e51853793d7fe42ebc955fc6b3c2800683fab28aa380079f466dc68e1f4cceb56245a811c4e401509005" \
	"870203010001"
#define MODULUS_520                                                                                \
	"f2e7bea7291c7f61789979f0a3521b692cac5bd3be6130293f3bca03c7686b4c9b4b9cf15294907941609479" \
	"8a917d4c0c49eb2942d3a5e967b6186875e5e16af5"
#define SPKI_520                                                                                   \
	"305b300d06092a864886f70d0101010500034a003047024200f2e7bea7291c7f61789979f0a3521b692cac5b" \
	"d3be6130293f3bca03c7686b4c9b4b9cf152949079416094798a917d4c0c49eb2942d3a5e967b6186875e5e1" \
	"6af5020103"

static void check(const char *modulus, uint32_t exponent, const char *expected)
{
	uint8_t buf[SPKI_MAX];
	size_t expected_len;
	size_t n;
	size_t len;
	uint8_t *m = unhex(modulus, &n);
	uint8_t *want = unhex(expected, &expected_len);

	assert_int_equal(spki_rsa(m, n, exponent, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, expected_len);
	assert_memory_equal(buf, want, len);
	free(m);
	free(want);
}

static void known_keys(void **state)
{
	(void)state;
	check(MODULUS_512, 65537, SPKI_512);
	check(MODULUS_512, 0, SPKI_512);
	check(MODULUS_520, 3, SPKI_520);
	check("00" MODULUS_512, 0, SPKI_512);
	check("00000000" MODULUS_520, 3, SPKI_520);
}

static void smallest_numbers(void **state)
{
	(void)state;
	/* highest bit clear, highest bit set; the same for the exponent */
	check("7f", 1,
	      "301a300d06092a864886f70d010101050003090030060201"
	      "7f"
	      "020101");
	check("80", 128,
	      "301c300d06092a864886f70d0101010500030b0030080202"
	      "0080"
	      "02020080");
	check("01", 0xffffffff,
	      "301e300d06092a864886f70d0101010500030d00300a0201"
	      "01"
	      "020500ffffffff");
	check("01", 0x12345678,
	      "301d300d06092a864886f70d0101010500030c0030090201"
	      "01"
	      "020412345678");
}

/* Reads a DER header with the shortest form of the length. */
static size_t header(struct reader *r, uint8_t tag)
{
	size_t n;

	assert_int_equal(reader_u8(r), tag);
	n = reader_u8(r);
	if (n == 0x81) {
		n = reader_u8(r);
		assert_true(n > 0x7f);
	} else if (n == 0x82) {
		n = reader_u16(r);
		assert_true(n > 0xff);
	} else {
		assert_true(n < 0x80);
	}
	assert_true(n <= r->n);
	return n;
}

static void header_to_end(struct reader *r, uint8_t tag)
{
	size_t n = header(r, tag);

	assert_int_equal(n, r->n);
}

/* Every size of a modulus; what was written is parsed again. */
static void every_size(void **state)
{
	uint8_t modulus[513];
	uint8_t buf[SPKI_MAX];
	size_t len;

	(void)state;
	memset(modulus, 0x55, sizeof(modulus));
	for (size_t n = 1; n <= 512; n++) {
		for (int top = 0; top < 2; top++) {
			struct reader r;

			modulus[0] = top ? 0x80 : 0x7f;
			assert_int_equal(spki_rsa(modulus, n, 0, buf, sizeof(buf), &len), 0);
			r = reader_over(buf, len);
			header_to_end(&r, 0x30);
			assert_int_equal(header(&r, 0x30), 13);
			assert_non_null(reader_bytes(&r, 13));
			header_to_end(&r, 0x03);
			assert_int_equal(reader_u8(&r), 0);
			header_to_end(&r, 0x30);
			assert_int_equal(header(&r, 0x02), n + (size_t)top);
			if (top) {
				assert_int_equal(reader_u8(&r), 0);
			}
			assert_memory_equal(reader_bytes(&r, n), modulus, n);
			assert_int_equal(header(&r, 0x02), 3);
			assert_int_equal(reader_u16(&r), 0x0100);
			assert_int_equal(reader_u8(&r), 1);
			assert_true(reader_done(&r));
		}
	}
	assert_int_equal(spki_rsa(modulus, 513, 0, buf, sizeof(buf), &len), -ERR_RANGE);
	modulus[0] = 0;
	assert_int_equal(spki_rsa(modulus, 513, 0, buf, sizeof(buf), &len), 0);
	modulus[0] = 0xff;
	assert_int_equal(spki_rsa(modulus, 512, 0xffffffff, buf, sizeof(buf), &len), 0);
}

static void no_modulus(void **state)
{
	uint8_t zeros[512] = {0};
	uint8_t buf[SPKI_MAX];
	size_t len;

	(void)state;
	for (size_t n = 0; n <= sizeof(zeros); n += 64) {
		memset(buf, 0xa5, sizeof(buf));
		len = 99;
		assert_int_equal(spki_rsa(zeros, n, 0, buf, sizeof(buf), &len), -ERR_RANGE);
		assert_int_equal(len, 0);
		for (size_t i = 0; i < sizeof(buf); i++) {
			assert_int_equal(buf[i], 0);
		}
	}
}

/* Buffers of every size, too small and large enough. */
static void every_capacity(void **state)
{
	size_t n;
	size_t len;
	uint8_t *m = unhex(MODULUS_512, &n);

	(void)state;
	for (size_t cap = 0; cap <= SPKI_MAX; cap++) {
		uint8_t *buf = malloc(cap);
		int e;

		assert_non_null(buf);
		memset(buf, 0xa5, cap);
		e = spki_rsa(m, n, 0, buf, cap, &len);
		assert_int_equal(e, cap < strlen(SPKI_512) / 2 ? -ERR_RANGE : 0);
		assert_int_equal(len, e == 0 ? strlen(SPKI_512) / 2 : 0);
		for (size_t i = 0; e != 0 && i < cap; i++) {
			assert_int_equal(buf[i], 0);
		}
		free(buf);
	}
	free(m);
}

/* Decodes the base64 lines of a PEM file. */
static size_t unpem(const uint8_t *pem, size_t n, uint8_t *out)
{
	char *text = calloc(1, n + 1);
	char *line;
	size_t used = 0;
	size_t len;

	assert_non_null(text);
	memcpy(text, pem, n);
	for (line = strtok(text, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
		if (line[0] == '-') {
			continue;
		}
		assert_int_equal(base64_decode(line, strlen(line), out + used, &len), 0);
		used += len;
	}
	free(text);
	return used;
}

/* From keylime: the modulus is the end of TPM2B_PUBLIC; the exponent is before its size. */
static void keylime_key(void **state)
{
	uint8_t want[SPKI_MAX];
	uint8_t buf[SPKI_MAX];
	size_t pub_len;
	size_t pem_len;
	size_t want_len;
	size_t len;
	uint8_t *pub;
	uint8_t *pem;

	(void)state;
	pub = vector("ekpub/keylime_ek.pub", &pub_len);
	pem = vector("ekpub/keylime_ekpub.pem", &pem_len);
	want_len = unpem(pem, pem_len, want);
	assert_int_equal(spki_rsa(pub + pub_len - 256, 256, 0, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, want_len);
	assert_memory_equal(buf, want, len);
	free(pub);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_keys),     cmocka_unit_test(smallest_numbers),
		cmocka_unit_test(every_size),     cmocka_unit_test(no_modulus),
		cmocka_unit_test(every_capacity), cmocka_unit_test(keylime_key),
	};

	return cmocka_run_group_tests_name("spki", tests, NULL, NULL);
}
