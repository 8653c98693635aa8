/*
 * A tbs.dll for the tests. Its TPM is behind a port of 127.0.0.1 (swtpm-run --tcp), and a
 * context is a connection. It is stricter than TPM Base Services: wrong arguments that
 * those would overlook are errors here. tbs_rules.h says which commands it lets through,
 * and for whom; tbs_told.h which faults can be asked for before it starts.
 *
 * Faults while it runs come from the launcher (its fault "rc"): a response
 * code 0x802840xx is not the TPM's but what Tbsip_Submit_Command returns: sleep
 * (TBS_E_COMMAND_CANCELED), or a TPM Base Services that was started anew, which
 * knows a context of before no more (TBS_E_INVALID_CONTEXT; what it really says
 * then nobody here can know).
 *
 * Names and rules: Microsoft's documentation of TPM Base Services. mingw's
 * tbs.h has not got all of it, so nothing is taken from there.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdbool.h>
#include <stdint.h>

#include "tbs_rules.h"
#include "tbs_told.h"

#define EXPORT __declspec(dllexport)

/* TBS_CONTEXT_PARAMS2 */
struct context_params2 {
	UINT32 version, flags;
};
#define CONTEXT_VERSION_TWO 2U
#define REQUEST_RAW 1U
#define INCLUDE_TPM12 2U
#define INCLUDE_TPM20 4U

/* TPM_DEVICE_INFO */
struct device_info {
	UINT32 structVersion, tpmVersion, tpmInterfaceType, tpmImpRevision;
};
#define VERSION_12 1U
#define VERSION_20 2U

EXPORT TBS_RESULT WINAPI Tbsi_Context_Create(const struct context_params2 *params, void **handle);
EXPORT TBS_RESULT WINAPI Tbsip_Context_Close(void *handle);
EXPORT TBS_RESULT WINAPI Tbsi_GetDeviceInfo(UINT32 size, struct device_info *info);
EXPORT TBS_RESULT WINAPI Tbsip_Submit_Command(void *handle, UINT32 locality, UINT32 priority,
					      const BYTE *command, UINT32 size, BYTE *result,
					      UINT32 *result_size);
EXPORT TBS_RESULT WINAPI Tbsip_Cancel_Commands(void *handle);
EXPORT TBS_RESULT WINAPI Tbsi_Get_OwnerAuth(void *handle, UINT32 type, BYTE *p, UINT32 *size);

#define PRIORITY_LOW 100U
#define PRIORITY_SYSTEM 400U
#define HEADER 10U
#define BUFFER 4096U
#define CONTEXTS 16

/* TBS_OWNERAUTH_TYPE: those of TPM 2.0. */
#define AUTH_ENDORSEMENT_20 12U
#define AUTH_STORAGE_20 13U
/* A handle is an address in this table. */
struct context {
	SOCKET socket;
	bool used, cancelled;
	bool unknown; /* it belongs to a TPM Base Services that no longer runs */
	struct tbs_owned owned;
};
static struct context contexts[CONTEXTS];
static SRWLOCK lock = SRWLOCK_INIT;

static UINT32 tpm_version(void)
{
	return setting("ATTESTD_TEST_TBS_VERSION", 10, VERSION_20);
}

/* ---- contexts -------------------------------------------------------- */

static SOCKET connect_tpm(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	BOOL on = TRUE;
	WSADATA data;
	SOCKET s;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((u_short)setting("ATTESTD_TEST_TPM", 10, 0));
	if (to.sin_port == 0 || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
		return INVALID_SOCKET;
	}
	s = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
	if (s != INVALID_SOCKET && connect(s, (struct sockaddr *)&to, sizeof to) != 0) {
		closesocket(s);
		return INVALID_SOCKET;
	}
	return s;
}

static struct context *context_of(void *handle)
{
	for (size_t i = 0; i < CONTEXTS; i++) {
		if (handle == &contexts[i] && contexts[i].used) {
			return &contexts[i];
		}
	}
	return NULL;
}

/* The same, without the lock held; NULL: this context cannot be used. */
static struct context *context_in_use(void *handle)
{
	struct context *c;

	AcquireSRWLockShared(&lock);
	c = context_of(handle);
	ReleaseSRWLockShared(&lock);
	return c != NULL && !c->unknown ? c : NULL;
}

TBS_RESULT WINAPI Tbsi_Context_Create(const struct context_params2 *params, void **handle)
{
	UINT32 fails = setting("ATTESTD_TEST_TBS", 16, TBS_SUCCESS);
	TBS_RESULT rc = TOO_MANY_TBS_CONTEXTS;
	SOCKET s;

	if (handle == NULL) {
		return INVALID_OUTPUT_POINTER;
	}
	if (params == NULL || params->version != CONTEXT_VERSION_TWO) {
		return INVALID_CONTEXT_PARAM;
	}
	/* Nothing but this may be set: the other bits are reserved. */
	if ((params->flags & ~INCLUDE_TPM12) != INCLUDE_TPM20) {
		return BAD_PARAMETER;
	}
	if (fails != TBS_SUCCESS) {
		return fails;
	}
	if (tpm_version() == VERSION_12 && !(params->flags & INCLUDE_TPM12)) {
		return TPM_NOT_FOUND; /* no TPM of a version that the caller wants */
	}
	s = connect_tpm();
	if (s == INVALID_SOCKET) {
		return TPM_NOT_FOUND;
	}
	AcquireSRWLockExclusive(&lock);
	for (size_t i = 0; i < CONTEXTS && rc != TBS_SUCCESS; i++) {
		if (!contexts[i].used) {
			contexts[i] = (struct context){.socket = s, .used = true};
			*handle = &contexts[i];
			rc = TBS_SUCCESS;
		}
	}
	ReleaseSRWLockExclusive(&lock);
	if (rc != TBS_SUCCESS) {
		closesocket(s);
	}
	return rc;
}

TBS_RESULT WINAPI Tbsip_Context_Close(void *handle)
{
	struct context *c;

	AcquireSRWLockExclusive(&lock);
	c = context_of(handle);
	if (c != NULL) {
		closesocket(c->socket);
		c->used = false;
	}
	ReleaseSRWLockExclusive(&lock);
	return c != NULL ? TBS_SUCCESS : INVALID_CONTEXT;
}

TBS_RESULT WINAPI Tbsi_GetDeviceInfo(UINT32 size, struct device_info *info)
{
	if (info == NULL || size != sizeof *info) {
		return BAD_PARAMETER;
	}
	if (setting("ATTESTD_TEST_TPM", 10, 0) == 0 && tpm_version() != VERSION_12) {
		return TPM_NOT_FOUND;
	}
	*info = (struct device_info){.structVersion = 1, .tpmVersion = tpm_version()};
	return TBS_SUCCESS;
}

/* ---- commands -------------------------------------------------------- */

static UINT32 size_of(const BYTE *command)
{
	return (UINT32)command[2] << 24 | (UINT32)command[3] << 16 | (UINT32)command[4] << 8 |
	       command[5];
}

/*
 * Waits for a response. All bytes that came with its last one belong to it, and if the TPM
 * closes the connection, what has come is a truncated response. Returns its size, or 0.
 */
static UINT32 receive(const struct context *c, BYTE *response)
{
	UINT32 have = 0;

	while (have < BUFFER && (have < HEADER || have < size_of(response))) {
		int got = recv(c->socket, (char *)response + have, (int)(BUFFER - have), 0);

		if (got <= 0) {
			break;
		}
		have += (UINT32)got;
	}
	return have;
}

/* Sends one TPM command. Only one thread at a time is here. */
static TBS_RESULT exchange(struct context *c, const BYTE *command, UINT32 size, BYTE *response,
			   UINT32 *got)
{
	*got = send(c->socket, (const char *)command, (int)size, 0) == (int)size
		       ? receive(c, response)
		       : 0;
	if (*got == 0) {
		return c->cancelled ? COMMAND_CANCELED : IOERROR;
	}
	return TBS_SUCCESS;
}

/* Makes a response of TPM Base Services themselves. */
static UINT32 answer(UINT32 code, BYTE *response)
{
	static const BYTE header[6] = {0x80, 0x01, 0, 0, 0, HEADER};

	CopyMemory(response, header, sizeof header);
	for (unsigned i = 0; i < 4; i++) {
		response[6 + i] = (BYTE)(code >> (24 - 8 * i));
	}
	return HEADER;
}

static UINT32 code_in(const BYTE *response, UINT32 n)
{
	return n < HEADER ? 0
			  : (UINT32)response[6] << 24 | (UINT32)response[7] << 16 |
				    (UINT32)response[8] << 8 | response[9];
}

static TBS_RESULT submit(struct context *c, const BYTE *command, UINT32 size, BYTE *response,
			 UINT32 *got)
{
	BYTE passed_on[BUFFER];
	struct tbs_command seen;
	TBS_RESULT rc;
	UINT32 code;

	CopyMemory(passed_on, command, size);
	code = tbs_enter(&c->owned, is_elevated(), passed_on, size, &seen);
	if (code != 0) {
		*got = answer(code, response);
		return TBS_SUCCESS;
	}
	rc = exchange(c, passed_on, size, response, got);
	if (rc != TBS_SUCCESS) {
		return rc;
	}
	code = code_in(response, *got);
	if (code >> 8 == 0x802840) {
		c->unknown = code == INVALID_CONTEXT;
		return code;
	}
	tbs_leave(&c->owned, &seen, response, *got);
	return TBS_SUCCESS;
}

TBS_RESULT WINAPI Tbsip_Submit_Command(void *handle, UINT32 locality, UINT32 priority,
				       const BYTE *command, UINT32 size, BYTE *result,
				       UINT32 *result_size)
{
	UINT32 fails = setting("ATTESTD_TEST_TBS_SUBMIT", 16, TBS_SUCCESS);
	struct context *c = context_in_use(handle);
	BYTE response[BUFFER];
	TBS_RESULT rc;
	UINT32 got;

	if (c == NULL) {
		return INVALID_CONTEXT;
	}
	if (result == NULL || result_size == NULL) {
		return INVALID_OUTPUT_POINTER;
	}
	if (locality != 0 || priority < PRIORITY_LOW || priority > PRIORITY_SYSTEM ||
	    priority % 100 != 0 || command == NULL || size < HEADER || size != size_of(command) ||
	    *result_size < HEADER) {
		return BAD_PARAMETER;
	}
	if (size > BUFFER) {
		return BUFFER_TOO_LARGE;
	}
	if (fails != TBS_SUCCESS) {
		return fails;
	}
	rc = submit(c, command, size, response, &got);
	if (rc == TBS_SUCCESS && got > *result_size) {
		rc = INSUFFICIENT_BUFFER;
	}
	if (rc == TBS_SUCCESS) {
		CopyMemory(result, response, got);
	}
	if (rc == TBS_SUCCESS || rc == INSUFFICIENT_BUFFER) {
		*result_size = got;
	}
	return rc;
}

/*
 * Ends the waiting of another thread. The connection cannot be used any more: each
 * further command of the context is cancelled as well.
 */
TBS_RESULT WINAPI Tbsip_Cancel_Commands(void *handle)
{
	UINT32 fails = setting("ATTESTD_TEST_TBS_CANCEL", 10, 0);
	struct context *c;

	if (fails != 0) {
		Sleep(fails == 1 ? 0 : INFINITE);
		return TBS_SUCCESS;
	}
	AcquireSRWLockExclusive(&lock);
	c = context_of(handle);
	if (c != NULL) {
		c->cancelled = true;
		shutdown(c->socket, SD_BOTH);
	}
	ReleaseSRWLockExclusive(&lock);
	return c != NULL ? TBS_SUCCESS : INVALID_CONTEXT;
}

/* ---- endorsementAuth ------------------------------------------------- */

/*
 * [NucBox]: an elevated caller got 20 bytes; what others get is not reported.
 * Microsoft's documentation: TBS_E_OWNERAUTH_NOT_FOUND where there is none,
 * TBS_E_BAD_PARAMETER for a type of TPM 1.2.
 */
TBS_RESULT WINAPI Tbsi_Get_OwnerAuth(void *handle, UINT32 type, BYTE *p, UINT32 *size)
{
	UINT32 fails = setting("ATTESTD_TEST_TBS_AUTH_FAILS", 16, TBS_SUCCESS);
	BYTE auth[AUTH_MAX];
	DWORD n = 0;
	UINT32 room;

	if (context_in_use(handle) == NULL) {
		return INVALID_CONTEXT;
	}
	if (size == NULL) {
		return INVALID_OUTPUT_POINTER;
	}
	if (type != AUTH_ENDORSEMENT_20 && type != AUTH_STORAGE_20) {
		return BAD_PARAMETER;
	}
	if (!is_elevated()) {
		return ACCESS_DENIED;
	}
	if (fails != TBS_SUCCESS) {
		return fails;
	}
	if (type == AUTH_STORAGE_20 || !read_auth(auth, &n)) {
		return OWNERAUTH_NOT_FOUND;
	}
	room = p == NULL ? 0 : *size;
	*size = n;
	if (room < n) {
		return INSUFFICIENT_BUFFER;
	}
	CopyMemory(p, auth, n);
	return TBS_SUCCESS;
}
