#include <windows.h>

#include <limits.h>
#include <ntsecapi.h>

#include "err.h"
#include "port.h"

/*
 * advapi32's, which the service needs anyway: the same generator as
 * BCryptGenRandom's, without another library to load.
 */
int port_random(uint8_t *buf, size_t n)
{
	return n <= ULONG_MAX && RtlGenRandom(buf, (ULONG)n) ? 0 : -ERR_IO;
}
