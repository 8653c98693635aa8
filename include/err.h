/*
 * Every error of attestd, in one list: symbol, name on the wire, message.
 *
 * Programs compare the name, so it never changes. The message is for people.
 * Functions return 0 or a negative value of this enum (-ERR_JSON).
 *
 * The README lists the same names; a test compares the two lists.
 */
#ifndef ATTESTD_ERR_H
#define ATTESTD_ERR_H

#define ERR_LIST(X)                                                                                \
	/* the request */                                                                          \
	X(ERR_TOO_LONG, "request_too_long", "The request is longer than 16384 bytes")              \
	X(ERR_UTF8, "bad_utf8", "The request is not valid UTF-8")                                  \
	X(ERR_NUL, "nul_byte", "The request contains a NUL")                                       \
	X(ERR_JSON, "bad_json", "The request is not a JSON object")                                \
	X(ERR_TRAILING, "trailing_text", "There is text after the JSON object")                    \
	X(ERR_NESTING, "nested_value", "A member's value is an object or an array")                \
	X(ERR_DUPLICATE, "duplicate_key", "A key occurs twice")                                    \
	X(ERR_MEMBERS, "too_many_members", "The object has more than 32 members")                  \
	X(ERR_TYPE, "wrong_type", "The value is not a string")                                     \
	X(ERR_COMMAND, "unknown_command", "Unknown command")                                       \
	X(ERR_FIELDS, "missing_fields", "Missing required fields")                                 \
	X(ERR_BASE64, "bad_base64", "The value is not base64")                                     \
	X(ERR_VALUE, "bad_value", "The value is not one of those allowed here")                    \
	X(ERR_NONCE_SIZE, "bad_nonce_size",                                                        \
	  "nonce is empty, or longer than 64 bytes or than this TPM accepts")                      \
	/* the credential */                                                                       \
	X(ERR_CREDENTIAL, "bad_credential_blob", "credential_blob is not a TPM2B_ID_OBJECT")       \
	X(ERR_CREDENTIAL_CONFLICT, "credential_conflict",                                          \
	  "credential_blob contradicts hmac and enc")                                              \
	X(ERR_HMAC_SIZE, "bad_hmac_size", "hmac is not as long as the EK's name algorithm needs")  \
	X(ERR_ENC_SIZE, "bad_enc_size", "enc does not have an encrypted credential's size")        \
	X(ERR_SECRET_SIZE, "bad_secret_size", "encrypted_secret is not as long as the EK needs")   \
	X(ERR_SECRET_CONFLICT, "secret_conflict",                                                  \
	  "encrypted_secret contradicts the secret in credential_blob")                            \
	X(ERR_REJECTED, "credential_rejected",                                                     \
	  "the TPM refused the credential: it was made for another EK or AIK, or is damaged")      \
	/* the TPM */                                                                              \
	X(ERR_TPM_UNAVAILABLE, "tpm_unavailable",                                                  \
	  "no TPM answers: is there one, and is it enabled in the firmware?")                      \
	X(ERR_TPM_VERSION, "tpm_version", "the TPM is a TPM 1.2; a TPM 2.0 is needed")             \
	X(ERR_TPM_DENIED, "tpm_access_denied",                                                     \
	  "attestd may not use the TPM: run it as an account that may")                            \
	X(ERR_TPM_BLOCKED, "tpm_command_blocked",                                                  \
	  "Windows blocks a TPM command that attestd needs: update it, at least to 10 1809")       \
	X(ERR_TPM_SERVICE, "tpm_service_stopped",                                                  \
	  "the system's TPM service is not running: start or enable it")                           \
	X(ERR_TPM_BUSY, "tpm_busy",                                                                \
	  "another program holds the TPM device: end it, or use /dev/tpmrm0")                      \
	X(ERR_TPM_TIMEOUT, "tpm_timeout", "the TPM did not answer in time")                        \
	X(ERR_TPM_RESPONSE, "tpm_bad_response", "the TPM's answer is malformed")                   \
	X(ERR_TPM_NOT_STARTED, "tpm_not_started", "the TPM was not started by the firmware")       \
	X(ERR_TPM_FULL, "tpm_no_memory", "the TPM has no free slot; another program uses them")    \
	X(ERR_TPM_AUTH, "tpm_auth_required", "the endorsement hierarchy has an authorisation set") \
	X(ERR_TPM_HIERARCHY, "hierarchy_disabled", "the endorsement hierarchy is disabled")        \
	X(ERR_TPM_LOCKOUT, "tpm_lockout", "the TPM is in dictionary-attack lockout")               \
	X(ERR_TPM_GAP, "tpm_context_gap",                                                          \
	  "another program leaves a TPM session idle for too long: end it, or flush its session")  \
	X(ERR_TPM_FAILURE, "tpm_failure",                                                          \
	  "the TPM is in failure mode: switch the machine off and on")                             \
	X(ERR_TPM_UPGRADE, "tpm_upgrade",                                                          \
	  "the TPM is in the middle of a firmware upgrade: finish it")                             \
	X(ERR_TPM_CANCELED, "tpm_canceled",                                                        \
	  "the system cancelled the TPM command because it went to sleep: ask again")              \
	X(ERR_PCRS_CHANGED, "pcrs_changed", "the PCRs changed while they were quoted: ask again")  \
	X(ERR_TPM_RC, "tpm_error", "the TPM answered with an error")                               \
	/* the client */                                                                           \
	X(ERR_ACCESS, "access_denied", "this client is not allowed")                               \
	X(ERR_CLIENTS, "too_many_connections", "this client has too many connections")             \
	/* attestd itself */                                                                       \
	X(ERR_STOPPING, "stopping", "attestd is stopping")                                         \
	X(ERR_MEMORY, "out_of_memory", "out of memory")                                            \
	X(ERR_RANDOM, "no_randomness", "the system has no random numbers yet: ask again")          \
	X(ERR_INTERNAL, "internal_error", "internal error")                                        \
	/* never on the wire: only in the log and at the start */                                  \
	X(ERR_CERT_ABSENT, "cert_absent", "the NV index holds no certificate")                     \
	X(ERR_CERT_FORMAT, "cert_format", "what the NV index holds is not a certificate")          \
	X(ERR_CERT_KEY, "cert_key", "the certificate is for another key than the EK")              \
	X(ERR_CERT_ACCESS, "cert_access", "the NV index may not be read")                          \
	X(ERR_USAGE, "usage", "wrong option or value")                                             \
	X(ERR_ADDRESS, "address_in_use", "the address is in use")                                  \
	X(ERR_IO, "io_error", "the system reported an error")                                      \
	X(ERR_RANGE, "too_small", "the buffer is too small")                                       \
	X(ERR_NOTSUP, "not_supported", "not supported")

enum err {
	ERR_OK = 0,
#define ERR_SYMBOL(symbol, name, message) symbol,
	ERR_LIST(ERR_SYMBOL)
#undef ERR_SYMBOL
		ERR_COUNT
};

/*
 * The wire name and the message of an error; `e` may have either sign. They
 * return static strings, never NULL: "ok" for 0, ERR_INTERNAL's for a value
 * out of range. src/wire/reply.c defines them.
 */
const char *err_name(int e);
const char *err_message(int e);

#endif
