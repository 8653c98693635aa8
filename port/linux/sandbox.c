#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "err.h"
#include "log.h"
#include "port.h"

int port_sandbox_enter(void)
{
	static const struct rlimit none = {0, 0};
	int result = 0;

	/* musl's setrlimit is for many threads, with all that this takes */
	if (prlimit(0, RLIMIT_CORE, &none, NULL) < 0) {
		log_reason(PORT_LOG_WARNING, "cannot turn core dumps off", NULL, errno);
		result = -ERR_NOTSUP;
	}
	/* Also for those that a pipe in core_pattern takes, and for debuggers. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		log_reason(PORT_LOG_WARNING, "cannot become undumpable", NULL, errno);
		result = -ERR_NOTSUP;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		log_reason(PORT_LOG_WARNING, "cannot give up new privileges", NULL, errno);
		result = -ERR_NOTSUP;
	}
	return result;
}
