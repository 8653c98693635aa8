/*
 * The EK and the AIK of a TPM, created and used with commands that are marshalled by
 * hand. If the TPM refuses one, the program ends.
 */
#ifndef TOOLS_KEYS_H
#define TOOLS_KEYS_H

#include "marshal.h"

struct bytes {
	uint8_t p[2048];
	size_t n;
};
struct key {
	uint32_t handle; /* valid while the key is loaded; always, if it is persistent */
	struct bytes context, name, modulus;
};

/* The TPM's device, which the program MUST open first. */
extern int keys_tpm;

/* Sends one command, and again if the TPM answers "try again". `what` is its name in messages. */
void keys_transmit(struct message *c, struct message *r, const char *what);
/* Copies bytes of a response. NULL or too many bytes (a malformed response) end the program. */
void keys_keep(struct bytes *to, const uint8_t *p, size_t n);

/* TPMT_PUBLIC: of the EK, template L-1 of the TCG EK Credential Profile; of the ECC AIK. */
void keys_ek_template(struct message *m);
void keys_aik_template(struct message *m);

/* Creates a primary key in the endorsement hierarchy and saves its context. It stays loaded. */
void key_create(struct key *k, void (*template)(struct message *));
/* Reads the Name of the key at k->handle and, if it is an RSA key, its modulus. */
void key_read_public(struct key *k);
void key_load(struct key *k);
void key_flush(const struct key *k);

#endif
