/*
 * The address of an EK's certificate on the server of the TPM's maker.
 */
#ifndef CRYPTO_EK_URL_H
#define CRYPTO_EK_URL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Some firmware TPMs do not contain an EK certificate. Their makers' servers have it,
 * at an address that is computed from the key. Writes that address to buf (cap bytes), with a
 * NUL; EK_URL_MAX bytes are always enough. `manufacturer` is TPM_PT_MANUFACTURER ("INTC",
 * "AMD\0"; the first character in the highest byte). The key is RSA; the modulus is n
 * bytes, big-endian; exponent 0 means 65537.
 * -ERR_NOTSUP: no address is known for such a TPM. -ERR_RANGE: cap is too small. In both
 * cases buf is "", unless cap is 0.
 */
int ek_url(uint32_t manufacturer, const uint8_t *modulus, size_t n, uint32_t exponent, char *buf,
	   size_t cap);

#endif
