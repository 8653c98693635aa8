/*
 * A tbs.dll whose TPM is behind a port of 127.0.0.1 (swtpm-run --tcp), for the
 * tests: a context is a connection. It is stricter than TPM Base Services:
 * what those would overlook is an error here.
 *
 * ATTESTD_TEST_TPM=PORT          where the TPM is; not set: there is none
 * ATTESTD_TEST_TBS=HEX           Tbsi_Context_Create fails with that
 * ATTESTD_TEST_TBS_SUBMIT=HEX    Tbsip_Submit_Command fails with that
 * ATTESTD_TEST_TBS_CANCEL=1      Tbsip_Cancel_Commands does nothing; 2: and never returns
 * ATTESTD_TEST_TBS_VERSION=1     the TPM is a TPM 1.2
 *
 * Names and rules: Microsoft's documentation of TPM Base Services. mingw's
 * tbs.h has not got all of it, so nothing is taken from there.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdbool.h>
#include <stdint.h>

#define EXPORT __declspec(dllexport)

typedef UINT32 TBS_RESULT;

#define TBS_SUCCESS 0U
/* Not all of them are in every winerror.h. */
enum {
	INTERNAL_ERROR = 0x80284001,
	BAD_PARAMETER = 0x80284002,
	INVALID_OUTPUT_POINTER = 0x80284003,
	INVALID_CONTEXT = 0x80284004,
	INSUFFICIENT_BUFFER = 0x80284005,
	IOERROR = 0x80284006,
	INVALID_CONTEXT_PARAM = 0x80284007,
	TOO_MANY_TBS_CONTEXTS = 0x80284009,
	COMMAND_CANCELED = 0x8028400D,
	BUFFER_TOO_LARGE = 0x8028400E,
	TPM_NOT_FOUND = 0x8028400F,
};

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

#define PRIORITY_LOW 100U
#define PRIORITY_SYSTEM 400U
#define HEADER 10U
#define BUFFER 4096U
#define CONTEXTS 16

/* A handle is an address in this table. */
struct context {
	SOCKET socket;
	bool used, cancelled;
};
static struct context contexts[CONTEXTS];
static SRWLOCK lock = SRWLOCK_INIT;

/* ---- the environment ------------------------------------------------- */

/* A variable's number, or `otherwise` where it is not set. */
static UINT32 setting(const char *name, unsigned base, UINT32 otherwise)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];
	UINT32 value = 0;
	DWORD n = GetEnvironmentVariableA(name, text, sizeof text);

	if (n == 0 || n >= sizeof text) {
		return otherwise;
	}
	for (DWORD i = base == 16 && text[0] == '0' && (text[1] | 32) == 'x' ? 2 : 0; i < n; i++) {
		UINT32 digit = 0;

		while (digit < base && digits[digit] != (text[i] | 32)) {
			digit++;
		}
		value = value * base + digit;
	}
	return value;
}

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
		return TPM_NOT_FOUND; /* none that the caller wants */
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
 * Waits for a response: all that came with its last byte belongs to it, and
 * the TPM's hanging up is the end of one that is cut short. Its size, or 0.
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

/* One command; a thread of its own has it to itself. */
static TBS_RESULT exchange(struct context *c, const BYTE *command, UINT32 size, BYTE *result,
			   UINT32 *result_size)
{
	BYTE response[BUFFER];
	UINT32 got;

	if (send(c->socket, (const char *)command, (int)size, 0) != (int)size) {
		return c->cancelled ? COMMAND_CANCELED : IOERROR;
	}
	got = receive(c, response);
	if (got == 0) {
		return c->cancelled ? COMMAND_CANCELED : IOERROR;
	}
	if (got > *result_size) {
		*result_size = got;
		return INSUFFICIENT_BUFFER;
	}
	CopyMemory(result, response, got);
	*result_size = got;
	return TBS_SUCCESS;
}

TBS_RESULT WINAPI Tbsip_Submit_Command(void *handle, UINT32 locality, UINT32 priority,
				       const BYTE *command, UINT32 size, BYTE *result,
				       UINT32 *result_size)
{
	UINT32 fails = setting("ATTESTD_TEST_TBS_SUBMIT", 16, TBS_SUCCESS);
	struct context *c;

	AcquireSRWLockShared(&lock);
	c = context_of(handle);
	ReleaseSRWLockShared(&lock);
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
	return exchange(c, command, size, result, result_size);
}

/*
 * Ends what another thread waits for. The connection cannot be used any more:
 * each further command of the context is cancelled as well.
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
