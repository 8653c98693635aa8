#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RH_ENDORSEMENT 0x4000000BU
#define TPM_RC_RETRY 0x922U

#define CC_CreatePrimary 0x131U
#define CC_ContextLoad 0x161U
#define CC_ContextSave 0x162U
#define CC_ReadPublic 0x173U

int keys_tpm;

void keys_transmit(struct message *c, struct message *r, const char *what)
{
	uint32_t rc;

	/* TPM_RC_RETRY is the answer to the first use of a key with dictionary-attack
		 * protection after a start of the TPM. */
	do
		rc = msg_transmit(keys_tpm, c, r);
	while (rc == TPM_RC_RETRY);
	if (rc == 0)
		return;
	fprintf(stderr, "%s: 0x%x\n", what, rc);
	exit(1);
}

void keys_keep(struct bytes *to, const uint8_t *p, size_t n)
{
	if (p == NULL || n > sizeof to->p) {
		fprintf(stderr, "malformed response\n");
		exit(1);
	}
	memcpy(to->p, p, n);
	to->n = n;
}

/* TPMT_PUBLIC of the EK, template L-1 of the TCG EK Credential Profile. */
void keys_ek_template(struct message *m)
{
	static const uint8_t policy[] = {
		0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
		0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
		0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
	};
	static const uint8_t unique[256];

	msg_u16(m, 0x0001); /* RSA */
	msg_u16(m, 0x000B);
	msg_u32(m, 0x000300B2);
	msg_2b(m, policy, sizeof policy);
	msg_u16(m, 0x0006); /* AES-128-CFB */
	msg_u16(m, 128);
	msg_u16(m, 0x0043);
	msg_u16(m, 0x0010); /* no scheme */
	msg_u16(m, 2048);
	msg_u32(m, 0);
	msg_2b(m, unique, sizeof unique);
}

void keys_aik_template(struct message *m)
{
	static const uint8_t unique[32];

	msg_u16(m, 0x0023); /* ECC */
	msg_u16(m, 0x000B);
	msg_u32(m, 0x00050072);
	msg_2b(m, NULL, 0);
	msg_u16(m, 0x0010); /* no symmetric */
	msg_u16(m, 0x0018); /* ECDSA with SHA-256 */
	msg_u16(m, 0x000B);
	msg_u16(m, 0x0003); /* P-256 */
	msg_u16(m, 0x0010); /* no kdf */
	msg_2b(m, unique, sizeof unique);
	msg_2b(m, unique, sizeof unique);
}

void key_read_public(struct key *k)
{
	struct message c, r;
	const uint8_t *public, *name;
	size_t n, name_n;

	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_ReadPublic);
	msg_u32(&c, k->handle);
	keys_transmit(&c, &r, "ReadPublic");
	public = msg_get_2b(&r, &n);
	name = msg_get_2b(&r, &name_n);
	keys_keep(&k->name, name, name_n);
	if (public[1] == 1 && n > 256) /* an RSA key ends in its modulus */
		keys_keep(&k->modulus, public + n - 256, 256);
}

void key_create(struct key *k, void (*template)(struct message *))
{
	struct message c, r, public;

	public.n = 0;
	template(&public);
	msg_begin(&c, TPM_ST_SESSIONS, CC_CreatePrimary);
	msg_u32(&c, RH_ENDORSEMENT);
	msg_password(&c);
	msg_u16(&c, 4); /* no authValue, no data */
	msg_u32(&c, 0);
	msg_2b(&c, public.b, public.n);
	msg_u16(&c, 0);
	msg_u32(&c, 0);
	keys_transmit(&c, &r, "CreatePrimary");
	k->handle = msg_get_u32(&r);
	key_read_public(k);
	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_ContextSave);
	msg_u32(&c, k->handle);
	keys_transmit(&c, &r, "ContextSave");
	keys_keep(&k->context, r.b + r.at, r.n - r.at);
}

void key_flush(const struct key *k)
{
	struct message c, r;

	msg_begin(&c, TPM_ST_NO_SESSIONS, TPM_CC_FlushContext);
	msg_u32(&c, k->handle);
	keys_transmit(&c, &r, "FlushContext");
}

void key_load(struct key *k)
{
	struct message c, r;

	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_ContextLoad);
	msg_bytes(&c, k->context.p, k->context.n);
	keys_transmit(&c, &r, "ContextLoad");
	k->handle = msg_get_u32(&r);
}
