/*
 * What is given as files: authorisations and the EK's certificate. The contract's
 * port_endorsement_auth, port_owner_auth, port_ek_cert and port_ek_chain are here.
 */
#ifndef LINUX_GIVEN_H
#define LINUX_GIVEN_H

/*
 * Reads the files of --endorsement-auth, --owner-auth and --ek-cert, as far as
 * they are asked for: once, while the process may still open them. -ERR_USAGE: one has
 * not the size that it may have; -ERR_IO: it cannot be read. Logged.
 */
int given_read(void);

/* The same, but what it came to the first time. */
int given_read_once(void);

/* Forgets the secrets among them. */
void given_wipe(void);

#endif
