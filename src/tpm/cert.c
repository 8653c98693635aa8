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

/* Takes the certificate out of these bytes, if its key is the EK's. */
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

/* Takes one of the port's, in DER or PEM. t->nv.data is free: what NV held was no use. */
static int take_file(struct tpm *t, const uint8_t *p, size_t n, const char *source)
{
	size_t len;

	if (pem_certificate(p, n, t->nv.data, sizeof t->nv.data, &len) == 0) {
		p = t->nv.data;
		n = len;
	}
	return take(t, p, n, source);
}

/* Takes the first of the port's that is the EK's. Otherwise returns the last one's error. */
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

/* Logs an error unless it was logged last: cert_operation runs again and again. */
static void log_error(struct tpm *t, int r, uint32_t rc)
{
	if (r != t->cert_logged && r != 0) {
		t->log(r != -ERR_CERT_ABSENT, "no EK certificate", r, rc);
	}
	t->cert_logged = r;
}

/*
 * May the reply say that there is no certificate (r != 0)? Yes, if the TPM's error is
 * about the index or the command. An error about the TPM's own state is temporary, and is
 * reported to the client.
 */
static bool is_settled(int r, TSS2_RC rc)
{
	return rc == TSS2_RC_SUCCESS || (rc_tpm(rc) & TPM2_RC_FMT1) || r == 0 ||
	       r == -ERR_CERT_ABSENT || r == -ERR_CERT_ACCESS || r == -ERR_TPM_LOCKOUT;
}

static void learn(struct tpm *t, int r)
{
	log_error(t, r, t->nv.rc);
	if (ek_url(t->id.manufacturer, ek_modulus(t), EK_KEY_LEN, KEY_RSA_EXPONENT,
		   t->id.ek_cert_url, sizeof t->id.ek_cert_url) != 0) {
		t->id.ek_cert_url[0] = '\0';
	}
	t->facts |= FACT_CERT;
}

/* Sends nothing: takes what the index held, or what the port has. */
static TSS2_RC choose_certificate(struct tpm *t)
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
	{choose_certificate, NULL, 0, NV_EK_CERT},
};

const struct operation cert_operation = {STEPS(steps), .begin = nv_begin, .conclude = conclude};
