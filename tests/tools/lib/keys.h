/*
 * The EK and the AIK of a TPM, made and used by commands that are marshalled by
 * hand. What the TPM refuses ends the program.
 */
#ifndef TOOLS_KEYS_H
#define TOOLS_KEYS_H

#include "marshal.h"

struct bytes {
	uint8_t p[2048];
	size_t n;
};
struct key {
	uint32_t handle; /* while it is loaded; always, if persistent */
	struct bytes context, name, modulus;
};

/* The TPM's device, to be opened first. */
extern int keys_tpm;

/* One command; again where the TPM says so. `what` is its name, for people. */
void keys_transmit(struct message *c, struct message *r, const char *what);
/* NULL, and what is too long, end the program: they are from a malformed response. */
void keys_keep(struct bytes *to, const uint8_t *p, size_t n);

/* TPMT_PUBLIC: of the EK, template L-1 of the TCG EK Credential Profile; of the ECC AIK. */
void keys_ek_template(struct message *m);
void keys_aik_template(struct message *m);

/* Makes a primary key of the endorsement hierarchy, and keeps its context. It is loaded then. */
void key_create(struct key *k, void (*template)(struct message *));
/* Finds out its Name and, of an RSA key, the modulus: by k->handle. */
void key_read_public(struct key *k);
void key_load(struct key *k);
void key_flush(const struct key *k);

#endif
