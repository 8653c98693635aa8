/*
 * Every limit of attestd, and how they depend on each other.
 */
#ifndef ATTESTD_BOUNDS_H
#define ATTESTD_BOUNDS_H

#include <assert.h>

/* Connections, a slot each. */
#define CONN_MAX 32
/* How many of them one account may have, so that others find room. */
#define CONN_EACH (CONN_MAX / 2)

/* A request line in bytes, without its line end. */
#define REQUEST_MAX 16384
/* What a slot can receive: the line with "\r\n". */
#define RX_MAX (REQUEST_MAX + 2)
/* Members of a request object. */
#define MEMBERS_MAX 32

/* An EK certificate in DER, and the NV index that holds it, in bytes. */
#define EK_CERT_MAX 4096
/* The same as a PEM file, with room for the text that people write above it. */
#define CERT_FILE_MAX 8192
/* Its address at the TPM's maker, with a NUL: the longest known has 83 characters. */
#define EK_URL_MAX 96
/* TPM2B_PUBLIC as it goes over the wire: RSA 2048 with its template. */
#define TPM_PUBLIC_MAX 384
/* SubjectPublicKeyInfo of an RSA key of up to 4096 bits. */
#define SPKI_MAX 560
/* An authorisation value (TPM2B_AUTH): the longest digest. */
#define AUTH_MAX 64
/* TPM Name: nameAlg and the longest digest. */
#define TPM_NAME_MAX 66

/* TPMS_CREATION_DATA of a key that is created without PCRs or outside information. */
#define CREATION_MAX 128
/* TPMS_ATTEST of a quote or a certification by a key whose Name is SHA-256. */
#define ATTEST_MAX 256
/* TPMT_SIGNATURE: RSA 2048. */
#define SIGNATURE_MAX 264
/* A client's nonce, in a quote or a certification. */
#define NONCE_MAX 64

/* PCRs that can be quoted, counted from 0, and the bytes of one: SHA-512. */
#define PCR_COUNT 24
#define PCR_MAX 64

/* The certificates of the EK's chain: bytes, with the padding around them, and how many. */
#define EK_CHAIN_MAX 8192
#define EK_CHAIN_CERTS 32

/* Base64 of n bytes, with padding. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)
/* A reply line; 512 bytes are for keys, quotation marks and the longest message. */
#define TX_MAX 12288
static_assert(BASE64_LEN(SPKI_MAX) + BASE64_LEN(EK_CERT_MAX) + 2 * BASE64_LEN(TPM_PUBLIC_MAX) +
			      BASE64_LEN(TPM_NAME_MAX) + BASE64_LEN(CREATION_MAX) +
			      BASE64_LEN(ATTEST_MAX) + BASE64_LEN(SIGNATURE_MAX) + 512 <=
		      TX_MAX,
	      "a reply holds all that is known of the EK and the AIK");
static_assert(BASE64_LEN(EK_CHAIN_MAX) + EK_CHAIN_CERTS * (4 + sizeof("\"\",")) + 512 <= TX_MAX,
	      "a reply holds the EK's chain");
static_assert(PCR_COUNT * (BASE64_LEN(PCR_MAX) + sizeof("\"23\":\"\",")) + BASE64_LEN(ATTEST_MAX) +
			      BASE64_LEN(SIGNATURE_MAX) + 512 <=
		      TX_MAX,
	      "a reply holds a quote of all PCRs");

/* Members of a reply, together with the elements of its one object or array. */
#define ITEMS_MAX 40
static_assert(MEMBERS_MAX < ITEMS_MAX && 8 + PCR_COUNT <= ITEMS_MAX &&
		      8 + EK_CHAIN_CERTS <= ITEMS_MAX,
	      "a reply that is sent can be read");

/*
 * The older services' clients on Windows read a reply with one read of
 * PIPE_READ bytes. A reply with an RSA EK and a certificate of the usual length
 * fits into that, and so does one with the certificate's address instead.
 */
#define PIPE_READ 4096
#define EK_CERT_USUAL 1600
#define SPKI_RSA_2048 294
#define TPM_PUBLIC_RSA_2048 316 /* TPM2B_PUBLIC, of an EK with its policy */
#define TPM_PUBLIC_P256 90 /* of an ECC AIK, whose Name, attestation and signature follow */
#define TPM_NAME_SHA256 34
#define ATTEST_CREATION 147
#define SIGNATURE_P256 72
static_assert(BASE64_LEN(SPKI_RSA_2048) + BASE64_LEN(EK_CERT_USUAL) +
			      BASE64_LEN(TPM_PUBLIC_RSA_2048) + BASE64_LEN(TPM_PUBLIC_P256) +
			      BASE64_LEN(TPM_NAME_SHA256) + BASE64_LEN(CREATION_MAX) +
			      BASE64_LEN(ATTEST_CREATION) + BASE64_LEN(SIGNATURE_P256) + 256 <=
		      PIPE_READ,
	      "one read takes a reply with an ECC AIK");

/* TPMS_ID_OBJECT (TPM 2.0 Library part 2, 12.4.2): the longest digest, and
 * a credential of the longest digest with its size. */
#define ID_HMAC_MAX 64
#define ID_ENC_MAX (2 + 64)
#define ID_OBJECT_MAX (2 + ID_HMAC_MAX + ID_ENC_MAX)
/* TPM2B_ENCRYPTED_SECRET without its size: RSA 4096. */
#define SECRET_MAX 512

/* What ESAPI allocates at once: its contexts, three saved keys, results. */
#define HEAP_MAX 65536

/* A TPM response in bytes (TPM2_MAX_RESPONSE_SIZE of the PC Client profile). */
#define TPM_RESPONSE_MAX 4096

/* Times in milliseconds. */
#define CLIENT_MS 10000U /* how long a client may be silent, or not read */
#define LINGER_MS 1000U /* what a refused client still sends is read away */
#define TURN_AWAY_MS 250U /* ... if it holds a slot until it has read why */
#define STOP_MS 5000U /* after a stop, to finish the request in hand */
#define TPM_GRACE_MS 5000U /* after the start, for a late TPM: --wait's default */
#define WAIT_MAX_S 600U /* ... and its maximum, in seconds */
#define TPM_REOPEN_MIN_MS 50U /* first pause before the TPM is looked for again */
#define TPM_REOPEN_MAX_MS 1000U
#define TPM_REOPEN_COUNT 64U /* after so many attempts, in about a minute, ... */
#define TPM_REOPEN_LATE_MS 10000U /* ... the pause is this */
#define TPM_COMMAND_MS 30000U /* one TPM command */
#define TPM_CREATE_MS 180000U /* one TPM command that makes a key */
#define CERT_AGAIN_MS 60000U /* between two attempts to find a certificate */
#define READY_PAUSE_MS 50U /* after a reply, before the next activation's session is made */
#define READY_MS 30000U /* how long that session waits for its activation */
#define TPM_RETRY_MIN_MS 20U /* after TPM_RC_RETRY and the like: the first pause */
#define TPM_RETRY_COUNT 8U /* ... each pause is twice as long as the last */

#endif
