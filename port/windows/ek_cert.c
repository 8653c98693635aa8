/*
 * Windows has certificate stores in the registry for the EK's certificates and for
 * those of the authorities above. It puts there what it finds in the TPM, and what
 * it downloads from the maker of a TPM that holds none. CryptoAPI could read them
 * as well, but it is a library of a megabyte that allocates, parses and uses the
 * network; this reads the registry itself, and writes nothing.
 */
#include <windows.h>

#include <stdint.h>

#include "bounds.h"
#include "common/store_element.h"
#include "ek_cert.h"
#include "err.h"
#include "log.h"
#include "port.h"
#include "utf16.h"

#define STORES L"SYSTEM\\CurrentControlSet\\Services\\TPM\\WMI\\Endorsement\\"
#define CERTIFICATES L"\\Certificates"

/* A key's name: a thumbprint of 40 digits, but others may have up to 255. */
#define NAME_LEN 256
/* A path of --ek-cert, in UTF-16 units. */
#define PATH_LEN 2048

struct store {
	const WCHAR *path;
	unsigned most; /* more certificates than Windows puts there are not read */
};

/* The RSA store first, since attestd's EK is RSA. A TPM usually has one certificate. */
static const struct store ek_stores[] = {
	{STORES L"EKCertStore" CERTIFICATES, 16},
	{STORES L"EKCertStoreECC" CERTIFICATES, 16},
	{NULL, 0},
};
static const struct store chain_stores[] = {
	{STORES L"IntermediateCACertStore" CERTIFICATES, EK_CHAIN_CERTS},
	{NULL, 0},
};

static uint8_t file[CERT_FILE_MAX];
static DWORD file_len;
static uint8_t element[CERT_FILE_MAX]; /* what was read from the registry last */

/* ---- a file ------------------------------------------------------------ */

/* -ERR_USAGE also if there is one more byte than fits. */
static int read_file(HANDLE h)
{
	uint8_t more;
	DWORD n = 0;

	file_len = 0;
	do {
		file_len += n;
		if (!ReadFile(h, file + file_len, CERT_FILE_MAX - file_len, &n, NULL)) {
			return -ERR_USAGE;
		}
	} while (n > 0);
	if (file_len == CERT_FILE_MAX && (!ReadFile(h, &more, 1, &n, NULL) || n > 0)) {
		return -ERR_USAGE;
	}
	return file_len > 0 ? 0 : -ERR_USAGE;
}

int ek_cert_file(const char *path)
{
	WCHAR wide[PATH_LEN];
	HANDLE h;
	int r;

	if (utf16_from_utf8(path, wide, PATH_LEN) == 0) {
		return -ERR_USAGE;
	}
	h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	if (h == INVALID_HANDLE_VALUE) {
		log_reason(PORT_LOG_ERROR, "cannot open", path, GetLastError());
		return -ERR_USAGE;
	}
	r = read_file(h);
	(void)CloseHandle(h);
	if (r < 0) {
		file_len = 0;
		log_reason(PORT_LOG_ERROR, "not a file with a certificate:", path, 0);
	}
	return r;
}

/* ---- the registry ------------------------------------------------------ */

/* How many certificates a store has. A store that cannot be read counts as one, so
 * that this is logged. */
static unsigned count(const struct store *store, HKEY *key)
{
	DWORD n = 0;
	LSTATUS e = RegOpenKeyExW(HKEY_LOCAL_MACHINE, store->path, 0, KEY_READ, key);

	if (e != ERROR_SUCCESS) {
		*key = NULL;
		return e == ERROR_FILE_NOT_FOUND || e == ERROR_PATH_NOT_FOUND ? 0 : 1;
	}
	if (RegQueryInfoKeyW(*key, NULL, NULL, NULL, &n, NULL, NULL, NULL, NULL, NULL, NULL,
			     NULL) != ERROR_SUCCESS) {
		return 1;
	}
	return n < store->most ? n : store->most;
}

static int read_element(HKEY key, unsigned n, const uint8_t **p, size_t *len)
{
	WCHAR name[NAME_LEN];
	DWORD name_len = NAME_LEN;
	DWORD size = sizeof(element);

	if (key == NULL ||
	    RegEnumKeyExW(key, n, name, &name_len, NULL, NULL, NULL, NULL) != ERROR_SUCCESS ||
	    RegGetValueW(key, name, L"Blob", RRF_RT_REG_BINARY, NULL, element, &size) !=
		    ERROR_SUCCESS ||
	    store_element_der(element, size, p, len) < 0) {
		return -ERR_IO;
	}
	return 0;
}

/* In the order in which the system lists the keys: the registry promises none. */
static int from_registry(const struct store *stores, unsigned n, const uint8_t **p, size_t *len)
{
	*p = NULL;
	*len = 0;
	for (const struct store *store = stores; store->path != NULL; store++) {
		HKEY key;
		unsigned here = count(store, &key);
		int r = n < here ? read_element(key, n, p, len) : -ERR_CERT_ABSENT;

		if (key != NULL) {
			(void)RegCloseKey(key);
		}
		if (n < here) {
			return r;
		}
		n -= here;
	}
	return -ERR_CERT_ABSENT;
}

/* ---- the contract ------------------------------------------------------ */

int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source)
{
	*source = "system";
	if (file_len > 0) {
		if (n == 0) {
			*p = file;
			*len = file_len;
			*source = "file";
			return 0;
		}
		n--;
	}
	return from_registry(ek_stores, n, p, len);
}

int port_ek_chain(unsigned n, const uint8_t **p, size_t *len)
{
	return from_registry(chain_stores, n, p, len);
}
