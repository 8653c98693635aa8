/*
 * Where the maker of a TPM keeps the certificate of its EK.
 */
#ifndef CRYPTO_EK_URL_H
#define CRYPTO_EK_URL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Some firmware TPMs hold no EK certificate: their makers' servers have it, at
 * an address made of the key. Writes that address, for the maker that
 * TPM_PT_MANUFACTURER names ("INTC", "AMD\0"; the first character is the
 * highest byte) and the RSA key with this modulus (n bytes, big-endian) and
 * exponent (0 means 65537), NUL-terminated, of at most EK_URL_MAX bytes with
 * the NUL. It has no character that JSON would escape.
 * -ERR_NOTSUP: no address is known for such a TPM. -ERR_RANGE: cap is too
 * small. buf is "" then, if there is room for that.
 */
int ek_url(uint32_t manufacturer, const uint8_t *modulus, size_t n, uint32_t exponent, char *buf,
	   size_t cap);

#endif
