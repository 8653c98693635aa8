#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tss2_tcti.h>
#include <tss2_tcti_device.h>

#include "base/wipe.h"
#include "common/pending_events.h"
#include "err.h"
#include "lifecycle.h"
#include "log.h"
#include "sandbox_paths.h"
#include "port.h"
#include "tpm_device.h"
#include "tpm_version.h"

int tpm_armed_fd = -1;

/* TSS2_TCTI_DEVICE_CONTEXT is private to tpm2-tss; it says how big it is. */
static union {
	max_align_t align;
	uint8_t bytes[256];
} blob;
static const char *opened; /* the device, or NULL */
/*
 * This epoll set is polled in place of the device. The kernel's poll of a TPM
 * waits for the running command, whatever poll's time limit; an epoll set polls
 * the device only after the device has signalled something.
 */
static int watch_fd = -1;

static TSS2_TCTI_CONTEXT *context(void)
{
	return (TSS2_TCTI_CONTEXT *)(void *)&blob;
}

static int poll_fd(void)
{
	TSS2_TCTI_POLL_HANDLE handle;
	size_t n = 1;

	if (Tss2_Tcti_GetPollHandles(context(), &handle, &n) != TSS2_RC_SUCCESS || n != 1) {
		return -1;
	}
	return handle.fd;
}

/* ---- what a transfer comes to ------------------------------------------- */

/* The TCTI's own ways to and from the device. */
static TSS2_TCTI_TRANSMIT_FCN to_device;
static TSS2_TCTI_RECEIVE_FCN from_device;
static int transfer_error; /* errno of the last transfer, 0 if it did not fail */
static bool with_session; /* the last command started or used a session */

/* The TCTI says only that a transfer failed; right after it errno says why. */
static TSS2_RC transferred(TSS2_RC rc)
{
	transfer_error = rc == TSS2_RC_SUCCESS || rc == TSS2_TCTI_RC_TRY_AGAIN ? 0 : errno;
	return rc;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *tcti, size_t n, const uint8_t *command)
{
	static const uint8_t start_auth_session[] = {0, 0, 0x01, 0x76};

	with_session = n >= 10 && (command[1] == 0x02 || /* TPM_ST_SESSIONS */
				   memcmp(command + 6, start_auth_session, 4) == 0);
	errno = 0;
	return transferred(to_device(tcti, n, command));
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *tcti, size_t *n, uint8_t *response, int32_t timeout)
{
	errno = 0;
	return transferred(from_device(tcti, n, response, timeout));
}

/*
 * The TCTI writes commands with this function. tpm2-tss's own is in one file with
 * its functions for sockets, which need the C library's resolver and stdio. One
 * write is enough: a device takes all of a command or nothing, and no signal has a
 * handler that could interrupt it.
 */
ssize_t write_all(int fd, const uint8_t *command, size_t n);
ssize_t write_all(int fd, const uint8_t *command, size_t n)
{
	return write(fd, command, n);
}

static void watch_transfers(void)
{
	to_device = TSS2_TCTI_TRANSMIT(context());
	from_device = TSS2_TCTI_RECEIVE(context());
	TSS2_TCTI_TRANSMIT(context()) = transmit;
	TSS2_TCTI_RECEIVE(context()) = receive;
}

/*
 * EFAULT comes from the kernel's resource manager: the TPM could not save our
 * session, because a session that another program leaves idle is too old. Up to
 * Linux 4.20 the write of the command returns it, later the read of the response.
 * (The kernel also returns it for a response that is cut short.)
 */
int port_tpm_fault(void)
{
	bool gap = transfer_error == EFAULT && with_session && !port_tpm_is_bare();

	return gap ? -ERR_TPM_GAP : -ERR_TPM_UNAVAILABLE;
}

/* ---- opening ---------------------------------------------------------------- */

static void watch(int device)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};

	watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch_fd >= 0 && epoll_ctl(watch_fd, EPOLL_CTL_ADD, device, &e) < 0) {
		log_reason(PORT_LOG_WARNING, "cannot wait for the TPM", NULL, errno);
		(void)close(watch_fd);
		watch_fd = -1;
	}
}

static void unwatch(void)
{
	tpm_armed_fd = -1;
	pending_tpm(false);
	if (watch_fd >= 0) {
		(void)close(watch_fd);
		watch_fd = -1;
	}
}

void tpm_take_event(void)
{
	struct epoll_event e;

	(void)epoll_wait(watch_fd, &e, 1, 0); /* consumes it, or it would stay ready */
	tpm_armed_fd = -1;
	pending_tpm(true);
}

/*
 * When a device goes, the kernel first takes all permissions from its name, and then
 * removes the name (devtmpfs). To be refused in between says nothing about ours.
 */
static bool is_going(const char *device)
{
	struct stat st;

	return stat(device, &st) == 0 && (st.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)) == 0;
}

/* *last: no other device is to be tried, since this one exists: it took its time
 * and did not answer, or we may not use it. */
static int open_device(unsigned i, bool *last)
{
	size_t size = sizeof(blob);
	int fd;

	if (tpm_is_12(sandbox_paths.tpms[i])) {
		return -ERR_TPM_VERSION;
	}
	/* Init does not return the reason, but errno has it; errno is 0 if Init
	 * waited and the device did not answer. */
	errno = 0;
	if (Tss2_Tcti_Device_Init(context(), &size, sandbox_paths.tpms[i]) != TSS2_RC_SUCCESS) {
		*last = errno == 0;
		switch (errno) {
		case EACCES:
		case EPERM:
			if (is_going(sandbox_paths.tpms[i])) {
				return -ERR_TPM_UNAVAILABLE;
			}
			*last = true;
			return -ERR_TPM_DENIED;
		case EBUSY:
			return -ERR_TPM_BUSY;
		default:
			return -ERR_TPM_UNAVAILABLE;
		}
	}
	watch_transfers();
	fd = poll_fd();
	if (fd >= 0) {
		(void)syscall(SYS_ioctl, fd, FIOCLEX);
		watch(fd);
	}
	return 0;
}

int port_tpm_open(TSS2_TCTI_CONTEXT **tcti, const char **device)
{
	int result = -ERR_TPM_UNAVAILABLE;
	bool last = false;
	size_t size = 0;

	*tcti = NULL;
	*device = NULL;
	port_tpm_close();
	if (Tss2_Tcti_Device_Init(NULL, &size, NULL) != TSS2_RC_SUCCESS || size > sizeof(blob) ||
	    signals_take() < 0) {
		return -ERR_TPM_UNAVAILABLE;
	}
	if (sandbox_paths.tpms[0][0] == '\0') {
		sandbox_paths_fill();
	}
	/* Each chip has two names. A chip that does not answer is not asked twice,
	 * and if its resource manager may not be used, it is not bypassed. */
	for (unsigned i = 0; i < DEVICES && sandbox_paths.tpms[i][0] != '\0' && !last; i++) {
		int r = open_device(i, &last);

		if (r == 0) {
			opened = sandbox_paths.tpms[i];
			*tcti = context();
			*device = sandbox_paths.tpms[i];
			return 0;
		}
		if (result == -ERR_TPM_UNAVAILABLE) {
			result = r; /* the first error that says more */
		}
	}
	return result;
}

void port_tpm_close(void)
{
	unwatch();
	if (opened != NULL) {
		Tss2_Tcti_Finalize(context());
		wipe(&blob, sizeof(blob));
		opened = NULL;
	}
}

/* /dev/tpmN. What is behind another name is not known. */
bool port_tpm_is_bare(void)
{
	const char *name = opened != NULL ? strrchr(opened, '/') : NULL;

	return name != NULL && strncmp(name, "/tpm", 4) == 0 && name[4] != 'r';
}

/* Up to Linux 4.20 the write of a command returns only when the TPM has answered. */
void tpm_check_kernel(void)
{
	struct utsname kernel;

	if (uname(&kernel) == 0 && kernel.release[0] < '5' && kernel.release[1] == '.') {
		log_reason(PORT_LOG_WARNING,
			   "before Linux 5.0 no client is answered while the TPM works; this is",
			   kernel.release, 0);
	}
}

bool port_tpm_holds_keys(void)
{
	return false;
}

/* The kernel lets every command through. */
int port_tpm_refusal(void)
{
	return 0;
}

int port_tpm_arm(void)
{
	if (watch_fd < 0) {
		return -ERR_NOTSUP;
	}
	tpm_armed_fd = watch_fd;
	return 0;
}
