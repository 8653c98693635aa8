#include <string.h>

#include "bounds.h"
#include "crypto/ek_url.h"
#include "err.h"
#include "port.h"
#include "tpm/cert.h"
#include "tpm/ek.h"
#include "tpm/nv_read.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "wire/cert_key.h"
#include "wire/ek_cert.h"
#include "wire/pem.h"

/* Takes the certificate that is somewhere in these bytes, if it is the EK's. */
static int take(struct tpm *t, const uint8_t *p, size_t n, const char *source)
{
	const uint8_t *cert;
	size_t len;
	int r = ek_cert_find(p, n, &cert, &len);

	if (r == 0) {
		r = cert_key_is_rsa(cert, len, ek_modulus(t), EK_KEY_LEN, KEY_RSA_EXPONENT);
	}
	if (r == 0 && len > sizeof t->id.ek_cert) {
		r = -ERR_CERT_FORMAT;
	}
	if (r == 0) {
		memcpy(t->id.ek_cert, cert, len);
		t->id.ek_cert_len = len;
		t->id.ek_cert_source = source;
	}
	return r;
}

/* One of the port's: DER or PEM. What was read from NV is not needed any more. */
static int take_file(struct tpm *t, const uint8_t *p, size_t n, const char *source)
{
	size_t len;

	if (pem_certificate(p, n, t->nv.data, sizeof t->nv.data, &len) == 0) {
		p = t->nv.data;
		n = len;
	}
	return take(t, p, n, source);
}

/* The first that is the EK's; otherwise why the last was none. */
static int take_from_port(struct tpm *t)
{
	int result = -ERR_CERT_ABSENT;
	const char *source;
	const uint8_t *p;
	size_t n;

	for (unsigned i = 0; result != 0; i++) {
		int r = port_ek_cert(i, &p, &n, &source);

		if (r == -ERR_CERT_ABSENT) {
			break;
		}
		result = r != 0 ? r : take_file(t, p, n, source);
	}
	return result;
}

/* Told once: the same is found again and again. */
static void tell(struct tpm *t, int r, uint32_t rc)
{
	if (r != t->cert_logged && r != 0) {
		t->log(r != -ERR_CERT_ABSENT, "no EK certificate", r, rc);
	}
	t->cert_logged = r;
}

/*
 * May the reply say that there is none? What the TPM says of the index or the
 * command is as good as that until the next look; what it says of its own state
 * will soon be over, and is the client's to know.
 */
static bool is_settled(int r, TSS2_RC rc)
{
	return rc == TSS2_RC_SUCCESS || (rc_tpm(rc) & TPM2_RC_FMT1) || r == 0 ||
	       r == -ERR_CERT_ABSENT || r == -ERR_CERT_ACCESS || r == -ERR_TPM_LOCKOUT;
}

static void learn(struct tpm *t, int r)
{
	tell(t, r, t->nv.rc);
	if (ek_url(t->id.manufacturer, ek_modulus(t), EK_KEY_LEN, KEY_RSA_EXPONENT,
		   t->id.ek_cert_url, sizeof t->id.ek_cert_url) != 0) {
		t->id.ek_cert_url[0] = '\0';
	}
	t->facts |= FACT_CERT;
}

/* No command: what the index held, or what the port has instead. */
static TSS2_RC judge(struct tpm *t)
{
	int r = nv_outcome(t);

	t->id.ek_cert_len = 0;
	t->id.ek_cert_source = NULL;
	if (r == 0) {
		r = take(t, t->nv.data, t->nv.len, "nv");
	}
	if (r != 0) {
		int elsewhere = take_from_port(t);

		r = elsewhere == 0 || r == -ERR_CERT_ABSENT ? elsewhere : r;
	}
	if (!is_settled(r, t->nv.rc)) {
		return t->nv.rc;
	}
	learn(t, r);
	return STEP_SKIP;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	nv_close(t);
	return rc == TSS2_RC_SUCCESS ? 0 : rc_error(rc);
}

static const struct step steps[] = {
	{nv_open_start, nv_open_finish, TPM_COMMAND_MS, NV_EK_CERT},
	{nv_public_start, nv_public_finish, TPM_COMMAND_MS, NV_EK_CERT},
	{nv_read_start, nv_read_finish, TPM_COMMAND_MS, NV_EK_CERT},
	{judge, NULL, 0, NV_EK_CERT},
};

const struct operation cert_operation = {STEPS(steps), .begin = nv_begin, .conclude = conclude};
