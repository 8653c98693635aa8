#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "bounds.h"
#include "err.h"
#include "base/text.h"
#include "log.h"
#include "options.h"
#include "sandbox_paths.h"
#include "port.h"
#include "sandbox.h"
#include "tpm_device.h"

/* One for each client, and as many for everything else. */
#define FILES_MAX (2 * CONN_MAX)

enum { LIMITS, UNDUMPABLE, NO_NEW_PRIVS, CAPABILITIES, LANDLOCK, SECCOMP, PARTS };
static const char names[PARTS][13] = {
	"limits", "undumpable", "no_new_privs", "capabilities", "Landlock", "seccomp",
};

/* Not setrlimit: musl's handles threads, and is larger. */
static bool limit(int resource, rlim_t n)
{
	struct rlimit l = {n, n};

	return prlimit(0, resource, &l, NULL) == 0;
}

static void drop_bounding_set(void)
{
	/* ends at the first that does not exist; without privileges, at once */
	for (unsigned long i = 0; prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0;) {
		i++;
	}
}

/* Logs which of them are missing. */
static int tell(const bool *has)
{
	bool fatal = linux_options.sandbox == SANDBOX_REQUIRE;
	char text[100];
	struct text t = text_in(text, sizeof(text));

	for (unsigned i = 0; i < PARTS; i++) {
		if (!has[i]) {
			text_str(&t, " ");
			text_printable(&t, names[i]);
		}
	}
	if (t.len == 0) {
		return 0;
	}
	text_end(&t);
	log_reason(fatal ? PORT_LOG_ERROR : PORT_LOG_WARNING,
		   "this system lacks protections:", text + 1, 0);
	return fatal ? -ERR_NOTSUP : 0;
}

int port_sandbox_enter(enum port_mode mode)
{
	bool has[PARTS] = {[CAPABILITIES] = true, [LANDLOCK] = true, [SECCOMP] = true};
	bool full = mode != PORT_CALL;

	if (mode == PORT_SERVE) {
		tpm_check_kernel();
	}
	if (full && linux_options.sandbox != SANDBOX_OFF) {
		drop_bounding_set(); /* only root may, so before user_become */
	}
	if (full) {
		sandbox_paths_fill();
	}
	if (!user_become()) {
		log_reason(PORT_LOG_ERROR, "cannot become", "--user", errno);
		return -ERR_IO;
	}
	if (linux_options.sandbox == SANDBOX_OFF) {
		log_reason(PORT_LOG_WARNING, "the sandbox is off", NULL, 0);
		return 0;
	}
	has[LIMITS] = limit(RLIMIT_CORE, 0);
	/* The limit does not hold for dumps to a pipe (core_pattern), nor for debuggers. */
	has[UNDUMPABLE] = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
	has[NO_NEW_PRIVS] = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	if (full) {
		tpm_group_join();
		has[CAPABILITIES] = capabilities_drop();
		has[LANDLOCK] = landlock_enter();
		/* After Landlock, which opens folders. Without capabilities this
		 * is refused if the limit is already lower. */
		(void)limit(RLIMIT_NOFILE, FILES_MAX);
		has[SECCOMP] = seccomp_enter();
	}
	return tell(has);
}
