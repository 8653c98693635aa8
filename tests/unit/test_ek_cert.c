#include "unit.h"

#include "err.h"
#include "wire/ek_cert.h"

/* Made with openssl req -x509, and with x509 -req (a certificate of version 1). */
static const char cert_v3[] =
	"308201733082011da0030201020214762b7b784ce5ba37d17c35e579a83fe1f12a4613300d06092a864886f7"
	"0d01010b0500300d310b300906035504030c02454b3020170d3236313132323134303830385a180f32313236"
	"313032393134303830385a300d310b300906035504030c02454b305c300d06092a864886f70d010101050003"
	"4b003048024100cff8e7efcf11c547bcfb7157ef728cc0ed729d71b4e51853793d7fe42ebc955fc6b3c28006"
	"83fab28aa380079f466dc68e1f4cceb56245a811c4e401509005870203010001a3533051301d0603551d0e04"
	"160414a8819e9a7ff5c4726ed0b2816b19625503391c7f301f0603551d23041830168014a8819e9a7ff5c472"
	"6ed0b2816b19625503391c7f300f0603551d130101ff040530030101ff300d06092a864886f70d01010b0500"
	"034100ad17d33f96c916e6db7478cabe833196694f7f805bded7a473be428f2a045df5c4a7a1045ada801e09"
	"51dca9971e3905861b31ee855686f2ae3ffb0eb78936fc";
static const char cert_v1[] =
	"308201183081c302142b4939430550c03cd6d688beb8f742c76f854e09300d06092a864886f70d01010b0500"
	"300d310b300906035504030c02454b3020170d3236313132323134303830385a180f32313236313032393134"
	"303830385a300d310b300906035504030c02454b305c300d06092a864886f70d0101010500034b0030480241"
	"00cff8e7efcf11c547bcfb7157ef728cc0ed729d71b4e51853793d7fe42ebc955fc6b3c2800683fab28aa380"
	"079f466dc68e1f4cceb56245a811c4e401509005870203010001300d06092a864886f70d01010b0500034100"
	"c2c5e63ad013882737fea4d7324b636436752873d89da6546281d6c5045a4b5f2b73df6acd6508474a50607c"
	"c08419d267bf2ba3c03bfd23dd4a6f0a2821f9ed";

/* A buffer that bytes are appended to. */
struct bytes {
	uint8_t p[8192];
	size_t n;
};

static struct bytes of_hex(const char *hex)
{
	struct bytes b;
	uint8_t *p = unhex(hex, &b.n);

	assert_true(b.n <= sizeof(b.p));
	memcpy(b.p, p, b.n);
	free(p);
	return b;
}

static struct bytes with_head(const void *head, size_t n, struct bytes b)
{
	struct bytes r;

	memcpy(r.p, head, n);
	memcpy(r.p + n, b.p, b.n);
	r.n = n + b.n;
	return r;
}

static struct bytes stored(struct bytes b, bool full, size_t size)
{
	uint8_t head[] = {0x10, 0x01, 0x00, (uint8_t)(size >> 8), (uint8_t)size, 0x10, 0x02};

	return with_head(head, full ? 7 : 5, b);
}

static struct bytes tpm2b(struct bytes b)
{
	uint8_t head[] = {(uint8_t)(b.n >> 8), (uint8_t)b.n};

	return with_head(head, 2, b);
}

/* Encodes DER with the shortest form of the length. */
static struct bytes der(uint8_t tag, struct bytes b)
{
	uint8_t one[] = {tag, (uint8_t)b.n};
	uint8_t two[] = {tag, 0x81, (uint8_t)b.n};
	uint8_t three[] = {tag, 0x82, (uint8_t)(b.n >> 8), (uint8_t)b.n};

	if (b.n < 128) {
		return with_head(one, 2, b);
	}
	return b.n < 256 ? with_head(two, 3, b) : with_head(three, 4, b);
}

static struct bytes padded(struct bytes b, uint8_t with, size_t n)
{
	memset(b.p + b.n, with, n);
	b.n += n;
	return b;
}

static int find(const uint8_t *p, size_t n, const uint8_t **cert, size_t *len)
{
	int e;

	*cert = (const uint8_t *)"rubbish";
	*len = 99;
	e = ek_cert_find(p, n, cert, len);
	if (e != 0) {
		assert_null(*cert);
		assert_int_equal(*len, 0);
	} else {
		assert_true(*cert >= p && *len >= 2 && *cert + *len <= p + n);
		assert_int_equal((*cert)[0], 0x30);
	}
	return e;
}

static void finds(struct bytes in, struct bytes want)
{
	uint8_t *copy = exact(in.p, in.n);
	const uint8_t *cert;
	size_t len;

	assert_int_equal(find(copy, in.n, &cert, &len), 0);
	assert_int_equal(len, want.n);
	assert_memory_equal(cert, want.p, len);
	free(copy);
}

static void finds_not(struct bytes in, int e)
{
	uint8_t *copy = exact(in.p, in.n);
	const uint8_t *cert;
	size_t len;

	assert_int_equal(find(copy, in.n, &cert, &len), e);
	free(copy);
}

static void bare_and_padded(void **state)
{
	struct bytes c = of_hex(cert_v3);

	(void)state;
	finds(c, c);
	finds(padded(c, 0xff, 1600 - c.n), c);
	finds(padded(c, 0x00, 1), c);
	finds(padded(c, 0x30, 700), c);
}

static void wrapped(void **state)
{
	struct bytes c = of_hex(cert_v3);

	(void)state;
	finds(stored(c, false, c.n), c);
	finds(stored(c, true, c.n + 2), c);
	finds(padded(stored(c, true, c.n + 2), 0, 100), c);
	finds(padded(stored(c, false, c.n), 0xff, 1), c);
	/* the size in the header is ignored */
	finds(stored(c, true, 0), c);
	finds(stored(c, true, 0xffff), c);
	finds(der(0x04, c), c);
	finds(padded(der(0x04, c), 0xff, 300), c);
	finds(der(0x04, padded(c, 0, 5)), c);
	finds(tpm2b(c), c);
	finds(tpm2b(padded(c, 0xff, 50)), c);
	/* a TPM2B in a larger index */
	for (size_t n = 1; n < 1200; n += 109) {
		finds(padded(tpm2b(c), 0xff, n), c);
		finds(padded(tpm2b(c), 0x00, n), c);
		finds(padded(tpm2b(padded(c, 0xff, 7)), 0x00, n), c);
	}
	/* a TPM2B that does not contain all of it, or nothing */
	finds_not(with_head("\x00\x20", 2, c), -ERR_CERT_FORMAT);
	finds_not(with_head("\x00\x00", 2, c), -ERR_CERT_FORMAT);
}

static void wrapped_twice(void **state)
{
	struct bytes c = of_hex(cert_v1);

	(void)state;
	finds(tpm2b(der(0x04, c)), c);
	finds(tpm2b(stored(c, true, c.n)), c);
	finds(stored(der(0x04, c), true, 0), c);
	finds(stored(tpm2b(c), false, 0), c);
	finds(stored(tpm2b(der(0x04, c)), true, 0), c);
	finds(tpm2b(stored(der(0x04, c), false, 0)), c);
	finds(padded(tpm2b(stored(der(0x04, c), false, 0)), 0xff, 300), c);
	finds(padded(stored(padded(tpm2b(c), 0, 9), true, 0), 0xff, 300), c);
	/* not more than three times */
	finds_not(tpm2b(tpm2b(tpm2b(tpm2b(c)))), -ERR_CERT_FORMAT);
	finds_not(stored(stored(stored(stored(c, true, 0), true, 0), true, 0), true, 0),
		  -ERR_CERT_FORMAT);
	/* an OCTET STRING must contain a SEQUENCE */
	finds_not(der(0x04, der(0x04, c)), -ERR_CERT_FORMAT);
}

/* The size of a TPM2B of 0x04xx bytes looks like the tag of an OCTET STRING. */
static void tpm2b_or_octet_string(void **state)
{
	struct bytes empty = {.n = 0};

	(void)state;
	for (size_t n = 900; n < 1400; n++) {
		struct bytes c = der(0x30, padded(empty, 0x55, n));

		finds(tpm2b(c), c);
		finds(padded(tpm2b(c), 0xff, 500), c);
		finds(der(0x04, c), c);
		finds(tpm2b(der(0x04, c)), c);
		finds(stored(c, true, n), c);
	}
}

static void absent(void **state)
{
	struct bytes empty = {.n = 0};

	(void)state;
	finds_not(empty, -ERR_CERT_ABSENT);
	for (size_t n = 1; n <= 1600; n += 41) {
		finds_not(padded(empty, 0x00, n), -ERR_CERT_ABSENT);
		finds_not(padded(empty, 0xff, n), -ERR_CERT_ABSENT);
		finds_not(padded(padded(empty, 0xff, n), 0x00, 1), -ERR_CERT_FORMAT);
		finds_not(padded(padded(empty, 0x00, n), 0xff, 1), -ERR_CERT_FORMAT);
	}
}

static void finds_hex(const char *hex, int e)
{
	if (e == 0) {
		finds(of_hex(hex), of_hex(hex));
	} else {
		finds_not(of_hex(hex), e);
	}
}

static void refuses_other_lengths(void **state)
{
	struct bytes empty = {.n = 0};

	(void)state;
	finds_hex("3000", 0);
	finds_hex("3001", -ERR_CERT_FORMAT);
	finds_hex("30", -ERR_CERT_FORMAT);
	finds_hex("308000000000", -ERR_CERT_FORMAT);
	finds_hex("3081", -ERR_CERT_FORMAT);
	finds_hex("308101", -ERR_CERT_FORMAT);
	finds_hex("30810155", 0);
	finds_hex("308201", -ERR_CERT_FORMAT);
	finds_hex("3082000155", 0);
	finds_hex("308300000155", -ERR_CERT_FORMAT);
	finds_hex("30840000000155", -ERR_CERT_FORMAT);
	finds_hex("30ff55555555", -ERR_CERT_FORMAT);
	finds_hex("318101", -ERR_CERT_FORMAT);
	finds_hex("1001", -ERR_CERT_FORMAT);
	finds_hex("10010000051002", -ERR_CERT_FORMAT);
	finds_hex("1001010002"
		  "3000",
		  -ERR_CERT_FORMAT); /* a part of a certificate */
	finds_hex("040255", -ERR_CERT_FORMAT);
	finds_hex("04023003", -ERR_CERT_FORMAT);
	/* lengths in forms that DER or certificates do not have, with enough bytes behind */
	for (unsigned first = 0x80; first < 0x100; first++) {
		uint8_t head[] = {0x30, (uint8_t)first, 0x00, 0x00, 0x00, 0x00};

		if (first != 0x81 && first != 0x82) {
			finds_not(with_head(head, sizeof(head), padded(empty, 0x00, 300)),
				  -ERR_CERT_FORMAT);
		}
	}
	for (size_t n = 0; n < 600; n++) {
		struct bytes c = der(0x30, padded(empty, 0x55, n));

		finds(c, c);
		c.n--;
		finds_not(c, -ERR_CERT_FORMAT);
	}
}

static void find_damaged(const uint8_t *p, size_t n, void *arg)
{
	const size_t *whole = arg;
	const uint8_t *cert;
	size_t len;
	int e = find(p, n, &cert, &len);

	assert_true(e == 0 || e == -ERR_CERT_FORMAT || (n == 0 && e == -ERR_CERT_ABSENT));
	if (n < *whole) {
		assert_int_not_equal(e, 0);
	}
}

static void damaged(void **state)
{
	struct bytes c = of_hex(cert_v3);
	struct bytes all = tpm2b(stored(der(0x04, c), true, c.n));

	(void)state;
	sweep(all.p, all.n, find_damaged, &all.n);
}

static struct bytes read_vector(const char *name)
{
	struct bytes b;
	uint8_t *p = vector(name, &b.n);

	assert_true(b.n <= sizeof(b.p));
	memcpy(b.p, p, b.n);
	free(p);
	return b;
}

static void public_certificates(void **state)
{
	struct bytes c;
	struct bytes hirs;

	(void)state;
	hirs = read_vector("ekcert/hirs_nuc1_ek_cert_7_byte_header_removed.der");
	finds(read_vector("ekcert/hirs_nuc1_ek_cert_untouched_7byte_header.bin"), hirs);
	finds(hirs, hirs);
	c = read_vector("ekcert/keylime_st_rsa_ek_ff_padded.bin");
	assert_int_equal(c.n, 1600);
	hirs = c;
	hirs.n = 1169;
	finds(c, hirs);
	c = read_vector("ekcert/keylime_nuvoton_ca2110_bad_set_order.der");
	finds(c, c);
	c = read_vector("ekcert/swtpm_rsa2048_ek_cert.der");
	finds(c, c);
	c = read_vector("ekcert/swtpm_p384_ek_cert.der");
	finds(c, c);
	finds(read_vector("ekcert/synthetic_octet_string_wrapped.bin"), c);
	finds(read_vector("ekcert/synthetic_ff_padded_1600.bin"), c);
	finds_not(read_vector("ekcert/synthetic_truncated.bin"), -ERR_CERT_FORMAT);
	finds_not(read_vector("ekcert/synthetic_ff_filled_1024.bin"), -ERR_CERT_ABSENT);
	finds_not(read_vector("ekcert/synthetic_zero_filled_1024.bin"), -ERR_CERT_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_and_padded), cmocka_unit_test(wrapped),
		cmocka_unit_test(wrapped_twice),   cmocka_unit_test(tpm2b_or_octet_string),
		cmocka_unit_test(absent),          cmocka_unit_test(refuses_other_lengths),
		cmocka_unit_test(damaged),         cmocka_unit_test(public_certificates),
	};

	return cmocka_run_group_tests_name("ek_cert", tests, NULL, NULL);
}
