/*
 * How long a chip takes for each command, from a published benchmark. The software TPM
 * executes the command; its response is held back until the chip's time is over.
 *
 * Whether a key is RSA or ECC is read from its template, or asked from the TPM by the
 * key's handle. So it does not matter who made the key, or how it was loaded.
 */
#ifndef TOOLS_CHIP_H
#define TOOLS_CHIP_H

#include "loaded.h"
#include "tpm.h"

/*
 * From now on each command takes that chip's time, or for NULL the software TPM's own.
 * Returns whether there is such a chip. `swaps` adds the time of the kernel's resource
 * manager, which loads and saves around each command what its client has loaded (Linux,
 * tpm2-space.c).
 */
bool chip_be(const char *name, bool swaps);
/*
 * Microseconds that a command will take; 0 without a chip. The TPM MUST NOT be working on
 * a command: it may be asked for a public area.
 */
int64_t chip_us(struct tpm *t, const uint8_t *cmd, size_t n);
/* The same for a command that the TPM answers with "try again" without executing it. */
int64_t chip_retry_us(void);
/* What `swaps` adds before the command, for what the client has loaded by then, and after it. */
int64_t chip_before_us(const struct loaded *l);
int64_t chip_behind_us(const struct loaded *l);
/* Prints all chips: {"NAME":{"rsa_key":MS,...},...} */
void chip_print_all(FILE *out);

#endif
