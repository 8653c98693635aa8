#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "err.h"
#include "port.h"

/*
 * It does not wait: in an initramfs it may take the kernel seconds to gather
 * enough randomness, and no client would be answered in that time.
 */
int port_random(uint8_t *buf, size_t n)
{
	while (n > 0) {
		ssize_t r = getrandom(buf, n, GRND_NONBLOCK);

		if (r > 0) {
			buf += r;
			n -= (size_t)r;
		} else if (r < 0 && errno == EAGAIN) {
			return -ERR_RANDOM;
		} else if (r == 0 || errno != EINTR) {
			return -ERR_IO;
		}
	}
	return 0;
}
