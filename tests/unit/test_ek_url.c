/* src/crypto/ek_url.c: the address of an EK's certificate on its maker's server. */
#include "unit.h"

#include "bounds.h"
#include "crypto/ek_url.h"
#include "err.h"

#define INTC 0x494e5443
#define AMD 0x414d4400

/* EKs from the tests of google/go-attestation, with the addresses that those tests expect. */
static const char intel_modulus[] =
	"c320e2f244a8601aacf3e01d26c665249935562de1da197e9e7f076c469613cfb653e98ec2c386fc1d133f2c"
	"8c6cc338b732f0b208bd838a877a3e5bbc3e1d4084e835c7c8906a1c05b4d2d30fdbebc1dbad950fa6b165bd"
	"4b6a864603146164c0c4f59d489011ef1f928deea6e90061f3d375e5646273151ef622252098be1a4ab01dc0"
	"a12227c609fdaceb115af408d4693a6f49919774695b0c12bc18a1ff7120a7337b2fb5f1951d8bb7f094d5b5"
	"54c11c9523b30729fe64787d0a13b9e630488dab4dfd86634a5270ec72fcc5a44dc679a8f32938dd8197e29d"
	"ae839f5b4ca0f5de27c9522c23c54e1c2ce57859525118bd4470b18180eef78ae4267bcd";
static const char intel_url[] =
	"https://ekop.intel.com/ekcertservice/WVEG2rRwkQ7m3RpXlUphgo6Y2HLxl18h6ZZkkOAdnBE%3D";
static const char amd_modulus[] =
	"a3c203dcc44b6505a0ab65882b5a937b61d0c736608835a7e93cf0eae40ea172358b23bda7121a8a5471965d"
	"8d78ad654553ff74428257e986c2fef94fecb6326ce9161518fcee51b441bc4e2a1c0f0e9690744027d03d87"
	"538c3febc3de63c294da00f7fb2c077ebfd1272656d611d204642fe7199004faaaba3bc73e1e44a2edf0a7d7"
	"e8e1bf63d9027c9b0a0c2b586dce0e6af1d27f5d5581b04bb719bb8d2544fa99cefb1fe89baab00028d96d4e"
	"2aaeae0f51b0310f54bd749d9c67329a612b0203cc0c221a34ba661ade31af7a9b6e9d70dc13df77065b141a"
	"32cd6d70b8696544b60a3dcaef7c80aaa1606144c7b32d9393583af5a836f71405ed8bd9";
static const char amd_url[] = "https://ftpm.amd.com/pki/aia/D027B3CE6A9B6B56846D2B9935884A88";
/* Intel's address for the other key. It has both characters that base64url writes differently. */
static const char url_safe[] =
	"https://ekop.intel.com/ekcertservice/K-2S_Sc5or5AVi9JVBfXoHn5s1NtZCQrpCCk3mA03nk%3D";

static const struct {
	uint32_t manufacturer;
	const char *modulus;
	const char *url;
} known[] = {
	{INTC, intel_modulus, intel_url},
	{AMD, amd_modulus, amd_url},
	{INTC, amd_modulus, url_safe},
};
#define KNOWN (sizeof known / sizeof *known)

static void field_44_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		char url[EK_URL_MAX];
		size_t n;
		uint8_t *modulus = unhex(known[i].modulus, &n);
		uint8_t *copy = exact(modulus, n);

		assert_int_equal(n, 256);
		assert_int_equal(ek_url(known[i].manufacturer, copy, n, 65537, url, sizeof url), 0);
		assert_string_equal(url, known[i].url);
		memset(url, '#', sizeof url);
		assert_int_equal(ek_url(known[i].manufacturer, copy, n, 0, url, sizeof url), 0);
		assert_string_equal(url, known[i].url);
		free(copy);
		free(modulus);
	}
}

/* Leading zeros of the modulus do not matter. */
static void test_leading_zeros(void **state)
{
	uint8_t modulus[258] = {0};
	char url[EK_URL_MAX];
	size_t n;
	uint8_t *p;

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		p = unhex(known[i].modulus, &n);
		memcpy(modulus + 2, p, n);
		free(p);
		assert_int_equal(
			ek_url(known[i].manufacturer, modulus, n + 2, 65537, url, sizeof url), 0);
		assert_string_equal(url, known[i].url);
	}
}

/* Each bit of the modulus changes the address. */
static void test_other_keys(void **state)
{
	char url[EK_URL_MAX];
	size_t n;
	uint8_t *p;

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		p = unhex(known[i].modulus, &n);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			p[bit / 8] ^= 1 << bit % 8;
			assert_int_equal(
				ek_url(known[i].manufacturer, p, n, 65537, url, sizeof url), 0);
			assert_string_not_equal(url, known[i].url);
			assert_int_equal(strlen(url), strlen(known[i].url));
			p[bit / 8] ^= 1 << bit % 8;
		}
		free(p);
	}
}

static void refuses(uint32_t manufacturer, const uint8_t *p, size_t n, uint32_t exponent)
{
	char url[EK_URL_MAX] = "rubbish";

	assert_int_equal(ek_url(manufacturer, p, n, exponent, url, sizeof url), -ERR_NOTSUP);
	assert_string_equal(url, "");
}

static void test_not_known(void **state)
{
	/* IBM (swtpm), Infineon, ST, Nuvoton, Qualcomm, Microsoft; and values close to both. */
	static const uint32_t others[] = {0x49424d00, 0x49465800, 0x53544d20, 0x4e544300,
					  0x51434f4d, 0x4d534654, 0x414d4420, 0x00414d44,
					  0x43544e49, 0,          UINT32_MAX};
	static const uint32_t exponents[] = {1, 3, 17, 65536, 0x01000100, UINT32_MAX};
	static const uint8_t zeros[256];
	size_t n;
	uint8_t *p = unhex(intel_modulus, &n);

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		refuses(others[i], p, n, 65537);
	}
	for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
		refuses(INTC, p, n, exponents[i]);
		refuses(AMD, p, n, exponents[i]);
	}
	refuses(INTC, p, 0, 65537);
	refuses(AMD, zeros, sizeof zeros, 65537);
	free(p);
}

static void test_no_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		size_t n;
		uint8_t *modulus = unhex(known[i].modulus, &n);
		size_t needed = strlen(known[i].url) + 1;

		assert_in_range(needed, 1, EK_URL_MAX);
		for (size_t cap = 0; cap <= needed; cap++) {
			char *url = malloc(cap);

			memset(url, '#', cap);
			assert_int_equal(ek_url(known[i].manufacturer, modulus, n, 65537, url, cap),
					 cap < needed ? -ERR_RANGE : 0);
			if (cap > 0) {
				assert_string_equal(url, cap < needed ? "" : known[i].url);
			}
			free(url);
		}
		free(modulus);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_44_known),  cmocka_unit_test(test_leading_zeros),
		cmocka_unit_test(test_other_keys), cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests_name("ek_url", tests, NULL, NULL);
}
