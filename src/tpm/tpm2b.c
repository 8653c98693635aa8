/*
 * Marshals and unmarshals TPM2Bs (TPM 2.0 Library part 2, 10.4), in place of tpm2-tss's own
 * functions. Those repeat the same code for each type, which costs 4 kB; and they do not
 * check that the structure in a TPM2B ends where the TPM2B's size says.
 */
#include <string.h>

#include <tss2/tss2_mu.h>

/* Writes the size and as many bytes to p + *offset; p has n bytes. */
static TSS2_RC put(const void *tpm2b, size_t max, uint8_t *p, size_t n, size_t *offset)
{
	size_t at = offset == NULL ? 0 : *offset;
	uint16_t size;

	if (tpm2b == NULL || (p == NULL && offset == NULL)) {
		return TSS2_MU_RC_BAD_REFERENCE;
	}
	memcpy(&size, tpm2b, sizeof size);
	if (size > max) {
		return TSS2_MU_RC_BAD_SIZE;
	}
	if (p != NULL) {
		if (n < at || n - at < sizeof size + size) {
			return TSS2_MU_RC_INSUFFICIENT_BUFFER;
		}
		p[at] = (uint8_t)(size >> 8);
		p[at + 1] = (uint8_t)size;
		memcpy(p + at + 2, (const uint8_t *)tpm2b + 2, size);
	}
	if (offset != NULL) {
		*offset = at + 2 + size;
	}
	return TSS2_RC_SUCCESS;
}

/* Reads the size at p + *offset, and moves *offset after it. So many bytes MUST follow, and
 * at most `max`. */
static TSS2_RC take_size(const uint8_t *p, size_t n, size_t *offset, size_t max, uint16_t *size)
{
	size_t at = *offset;

	if (n < at || n - at < 2) {
		return TSS2_MU_RC_INSUFFICIENT_BUFFER;
	}
	*size = (uint16_t)(p[at] << 8 | p[at + 1]);
	*offset = at + 2;
	return *size > n - at - 2 || *size > max ? TSS2_MU_RC_INSUFFICIENT_BUFFER : TSS2_RC_SUCCESS;
}

static TSS2_RC take(const uint8_t *p, size_t n, size_t *offset, void *tpm2b, size_t max)
{
	size_t at = offset == NULL ? 0 : *offset;
	uint16_t size;
	TSS2_RC rc;

	if (p == NULL || (tpm2b == NULL && offset == NULL)) {
		return TSS2_MU_RC_BAD_REFERENCE;
	}
	rc = take_size(p, n, &at, max, &size);
	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (tpm2b != NULL) {
		memcpy(tpm2b, &size, sizeof size);
		memcpy((uint8_t *)tpm2b + 2, p + at, size);
	}
	if (offset != NULL) {
		*offset = at + size;
	}
	return TSS2_RC_SUCCESS;
}

#define BYTES(type)                                                                            \
	TSS2_RC Tss2_MU_##type##_Marshal(const type *src, uint8_t *buffer, size_t buffer_size, \
					 size_t *offset)                                       \
	{                                                                                      \
		return put(src, sizeof *src - 2, buffer, buffer_size, offset);                 \
	}                                                                                      \
	TSS2_RC Tss2_MU_##type##_Unmarshal(const uint8_t *buffer, size_t buffer_size,          \
					   size_t *offset, type dest[])                        \
	{                                                                                      \
		return take(buffer, buffer_size, offset, dest, sizeof *dest - 2);              \
	}

/* A TPM2B that holds a structure. ESAPI never passes NULL for src, dest and offset. */
#define STRUCTURE(type, inner, member)                                                             \
	TSS2_RC Tss2_MU_##type##_Marshal(const type *src, uint8_t *buffer, size_t buffer_size,     \
					 size_t *offset)                                           \
	{                                                                                          \
		static const TPM2B_DIGEST empty;                                                   \
		size_t at = *offset;                                                               \
		TSS2_RC rc = put(&empty, 0, buffer, buffer_size, offset);                          \
                                                                                                   \
		if (rc == TSS2_RC_SUCCESS) {                                                       \
			rc = Tss2_MU_##inner##_Marshal(&src->member, buffer, buffer_size, offset); \
		}                                                                                  \
		if (rc == TSS2_RC_SUCCESS && buffer != NULL) {                                     \
			buffer[at] = (uint8_t)((*offset - at - 2) >> 8);                           \
			buffer[at + 1] = (uint8_t)(*offset - at - 2);                              \
		}                                                                                  \
		return rc;                                                                         \
	}                                                                                          \
	TSS2_RC Tss2_MU_##type##_Unmarshal(const uint8_t *buffer, size_t buffer_size,              \
					   size_t *offset, type dest[])                            \
	{                                                                                          \
		TSS2_RC rc =                                                                       \
			take_size(buffer, buffer_size, offset, sizeof dest->member, &dest->size);  \
		size_t end = *offset + dest->size;                                                 \
                                                                                                   \
		if (rc == TSS2_RC_SUCCESS) {                                                       \
			rc = Tss2_MU_##inner##_Unmarshal(buffer, end, offset, &dest->member);      \
		}                                                                                  \
		return rc == TSS2_RC_SUCCESS && *offset != end ? TSS2_MU_RC_BAD_SIZE : rc;         \
	}

/* All that tpm2-tss refers to; the linker drops what attestd does not need. */
BYTES(TPM2B_ATTEST)
BYTES(TPM2B_AUTH)
BYTES(TPM2B_CONTEXT_DATA)
BYTES(TPM2B_CONTEXT_SENSITIVE)
BYTES(TPM2B_DATA)
BYTES(TPM2B_DIGEST)
BYTES(TPM2B_ECC_PARAMETER)
BYTES(TPM2B_ENCRYPTED_SECRET)
BYTES(TPM2B_ID_OBJECT)
BYTES(TPM2B_MAX_CAP_BUFFER)
BYTES(TPM2B_MAX_NV_BUFFER)
BYTES(TPM2B_NAME)
BYTES(TPM2B_NONCE)
BYTES(TPM2B_PRIVATE_KEY_RSA)
BYTES(TPM2B_PUBLIC_KEY_RSA)
BYTES(TPM2B_SENSITIVE_DATA)
BYTES(TPM2B_SYM_KEY)
BYTES(TPM2B_TIMEOUT)
STRUCTURE(TPM2B_CREATION_DATA, TPMS_CREATION_DATA, creationData)
STRUCTURE(TPM2B_NV_PUBLIC, TPMS_NV_PUBLIC, nvPublic)
STRUCTURE(TPM2B_PUBLIC, TPMT_PUBLIC, publicArea)
STRUCTURE(TPM2B_SENSITIVE_CREATE, TPMS_SENSITIVE_CREATE, sensitive)
