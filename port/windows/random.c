#include <windows.h>

#include <limits.h>
#include <ntsecapi.h>

#include "err.h"
#include "port.h"

/*
 * advapi32's function, because the service needs that library anyway; it is the
 * same generator as BCryptGenRandom's, which would need another library.
 */
int port_random(uint8_t *buf, size_t n)
{
	return n <= ULONG_MAX && RtlGenRandom(buf, (ULONG)n) ? 0 : -ERR_IO;
}
