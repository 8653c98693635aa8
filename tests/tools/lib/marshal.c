/*
 * TPM commands and responses, marshalled by hand.
 */
#include "marshal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

void msg_bytes(struct message *m, const void *p, size_t n)
{
	if (n > sizeof m->b - m->n)
		fail("command too long");
	if (n > 0)
		memcpy(m->b + m->n, p, n);
	m->n += n;
}

void msg_u8(struct message *m, uint8_t v)
{
	msg_bytes(m, &v, 1);
}

void msg_u16(struct message *m, uint16_t v)
{
	msg_u8(m, (uint8_t)(v >> 8));
	msg_u8(m, (uint8_t)v);
}

void msg_u32(struct message *m, uint32_t v)
{
	msg_u16(m, (uint16_t)(v >> 16));
	msg_u16(m, (uint16_t)v);
}

void msg_2b(struct message *m, const void *p, size_t n)
{
	msg_u16(m, (uint16_t)n);
	msg_bytes(m, p, n);
}

void msg_begin(struct message *m, uint16_t tag, uint32_t cc)
{
	m->n = m->at = 0;
	msg_u16(m, tag);
	msg_u32(m, 0); /* the size: msg_transmit */
	msg_u32(m, cc);
}

void msg_password(struct message *m)
{
	msg_u32(m, 9); /* bytes that follow */
	msg_u32(m, 0x40000009U); /* TPM_RS_PW */
	msg_u16(m, 0);
	msg_u8(m, 1); /* continueSession */
	msg_u16(m, 0);
}

const uint8_t *msg_get(struct message *m, size_t n)
{
	const uint8_t *p = m->b + m->at;

	if (n > m->n - m->at)
		return NULL;
	m->at += n;
	return p;
}

uint16_t msg_get_u16(struct message *m)
{
	const uint8_t *p = msg_get(m, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t msg_get_u32(struct message *m)
{
	const uint8_t *p = msg_get(m, 4);

	return p == NULL ? 0 : tpm_u32(p);
}

const uint8_t *msg_get_2b(struct message *m, size_t *n)
{
	*n = msg_get_u16(m);
	return msg_get(m, *n);
}

uint32_t msg_transmit(int fd, struct message *command, struct message *r)
{
	ssize_t got;

	tpm_put32(command->b + 2, (uint32_t)command->n);
	if (write(fd, command->b, command->n) != (ssize_t)command->n)
		fail("write to the TPM");
	r->n = r->at = 0;
	do {
		got = read(fd, r->b + r->n, sizeof r->b - r->n);
		if (got <= 0)
			fail("read from the TPM");
		r->n += (size_t)got;
	} while (r->n < TPM_HEADER || r->n < tpm_u32(r->b + 2));
	msg_get(r, 6);
	return msg_get_u32(r);
}
