/*
 * How long a chip takes for each command: what a published benchmark gives for
 * it, by what the command asks of it. The software TPM does the work meanwhile.
 *
 * What a key is, RSA or ECC, is in its template or asked from the TPM by its
 * handle, so that it is true whoever made the key, and however it was loaded.
 */
#ifndef TOOLS_CHIP_H
#define TOOLS_CHIP_H

#include "loaded.h"
#include "tpm.h"

/*
 * From now on each command takes that chip's time; NULL: the software TPM's
 * own. Whether there is such a chip. With `swaps` the kernel's resource manager
 * is thought to be before it, as tpm2-space.c of Linux has it: around each
 * command it loads and saves what its client has loaded.
 */
bool chip_be(const char *name, bool swaps);
/*
 * Microseconds that a command takes which is about to be sent; 0 without a chip.
 * The TPM MUST have nothing in flight, for it may be asked for a public area.
 */
int64_t chip_us(struct tpm *t, const uint8_t *cmd, size_t n);
/* The same for one with which the TPM has not begun, but wants it sent again. */
int64_t chip_retry_us(void);
/* What is added where there is that resource manager, for what the client has loaded
 * before the command, and behind it. */
int64_t chip_before_us(const struct loaded *l);
int64_t chip_behind_us(const struct loaded *l);
/* All that there are: {"NAME":{"rsa_key":MS,...},...} */
void chip_print_all(FILE *out);

#endif
