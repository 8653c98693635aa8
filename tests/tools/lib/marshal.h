/*
 * TPM commands and responses, marshalled by hand.
 */
#ifndef TOOLS_MARSHAL_H
#define TOOLS_MARSHAL_H

#include "tpm.h"

#define TPM_ST_NO_SESSIONS 0x8001
#define TPM_ST_SESSIONS 0x8002

/* A command that grows at its end, or a response that is read from `at` on. */
struct message {
	uint8_t b[TPM_BUFFER];
	size_t n; /* bytes in b */
	size_t at; /* bytes read */
};

/* Starts a command. */
void msg_begin(struct message *m, uint16_t tag, uint32_t cc);
void msg_u8(struct message *m, uint8_t v);
void msg_u16(struct message *m, uint16_t v);
void msg_u32(struct message *m, uint32_t v);
void msg_bytes(struct message *m, const void *p, size_t n);
/* Appends a TPM2B: the size, and the bytes. */
void msg_2b(struct message *m, const void *p, size_t n);
/* Appends an authorisation area: one password session with an empty password. */
void msg_password(struct message *m);

uint16_t msg_get_u16(struct message *m);
uint32_t msg_get_u32(struct message *m);
/* Returns the next n bytes, or NULL if there are fewer. */
const uint8_t *msg_get(struct message *m, size_t n);
const uint8_t *msg_get_2b(struct message *m, size_t *n);

/*
 * Sends the command to the TPM device and reads the response into r; r->at is behind its
 * header. Returns the response code. Ends the program if the device fails.
 */
uint32_t msg_transmit(int fd, struct message *command, struct message *r);

#endif
