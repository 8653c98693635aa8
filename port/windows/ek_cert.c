/*
 * Windows has certificate stores for the EK's certificates and for those of
 * the authorities above, in the registry. It puts there what it finds in the
 * TPM, and what it gets from the maker of a TPM that holds none. CryptoAPI
 * would read it as well, but is a library of a megabyte that allocates, parses
 * and looks at the network; this asks the registry, and writes nothing.
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

/* A key's name: a thumbprint has 40 digits. Others may be up to 255 long. */
#define NAME_LEN 256
/* A path of --ek-cert, in UTF-16 units. */
#define PATH_LEN 2048

struct store {
	const WCHAR *path;
	unsigned most; /* one that has more is not as Windows makes it */
};

/* In this order: an RSA EK is what we have. There is one certificate for a TPM. */
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

/* One byte more than may be there tells that there is more. */
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

/* How many certificates a store has. One that is closed to us counts as one,
 * so that somebody hears of it. */
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

/* The registry promises no order: it is that in which the system lists the keys. */
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
