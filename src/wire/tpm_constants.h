/*
 * The numbers of the TPM 2.0 Library (part 2) that wire/ needs, under the names that
 * tpm2-tss gives them. wire/ does not include tpm2-tss; a unit test compares the two lists.
 *
 * Only for .c files: what includes tpm2-tss as well would define the names twice.
 */
#ifndef WIRE_TPM_CONSTANTS_H
#define WIRE_TPM_CONSTANTS_H

#define TPM_CONSTANTS(X)                     \
	/* 6.2 TPM_GENERATED */              \
	X(TPM2_GENERATED_VALUE, 0xff544347)  \
	/* 6.3 TPM_ALG_ID */                 \
	X(TPM2_ALG_RSASSA, 0x0014)           \
	X(TPM2_ALG_ECDSA, 0x0018)            \
	/* 6.5.2 TPM_CC */                   \
	X(TPM2_CC_EvictControl, 0x120)       \
	X(TPM2_CC_CreatePrimary, 0x131)      \
	X(TPM2_CC_ActivateCredential, 0x147) \
	X(TPM2_CC_Certify, 0x148)            \
	X(TPM2_CC_CertifyCreation, 0x14a)    \
	X(TPM2_CC_NV_Read, 0x14e)            \
	X(TPM2_CC_PolicySecret, 0x151)       \
	X(TPM2_CC_Quote, 0x158)              \
	X(TPM2_CC_ContextLoad, 0x161)        \
	X(TPM2_CC_ContextSave, 0x162)        \
	X(TPM2_CC_NV_ReadPublic, 0x169)      \
	X(TPM2_CC_ReadPublic, 0x173)         \
	X(TPM2_CC_StartAuthSession, 0x176)   \
	X(TPM2_CC_GetCapability, 0x17a)      \
	X(TPM2_CC_PCR_Read, 0x17e)           \
	/* 6.6.3 TPM_RC */                   \
	X(TPM2_RC_BAD_TAG, 0x01e)            \
	/* 6.9 TPM_ST */                     \
	X(TPM2_ST_RSP_COMMAND, 0x00c4)       \
	X(TPM2_ST_NO_SESSIONS, 0x8001)       \
	X(TPM2_ST_SESSIONS, 0x8002)          \
	X(TPM2_ST_ATTEST_QUOTE, 0x8018)      \
	/* 6.12 TPM_CAP */                   \
	X(TPM2_CAP_HANDLES, 1)

#define TPM_CONSTANT(name, value) name = (value),
enum { TPM_CONSTANTS(TPM_CONSTANT) };
#undef TPM_CONSTANT

#endif
