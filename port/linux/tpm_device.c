#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tss2_tcti.h>
#include <tss2_tcti_device.h>

#include "base/wipe.h"
#include "common/pending_events.h"
#include "base/text.h"
#include "err.h"
#include "lifecycle.h"
#include "log.h"
#include "sandbox_paths.h"
#include "port.h"
#include "tpm_device.h"

int tpm_armed_fd = -1;

/* TSS2_TCTI_DEVICE_CONTEXT is private to tpm2-tss; it says how big it is. */
static union {
	max_align_t align;
	uint8_t bytes[256];
} blob;
static const char *opened; /* the device, or NULL */
/*
 * What is polled in the device's stead. The kernel's poll of a TPM waits for
 * the command at work, whatever its time limit; an epoll set asks the device
 * only after the device has said that there is news.
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

/* What a file of sysfs says, without its line end; "" if it is not there. */
static const char *read_attribute(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, text, cap - 1);
		(void)close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	*strchrnul(text, '\n') = '\0';
	return text;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/*
 * Whether the kernel says so of the chip whose device this is. Its name tells
 * nothing: in a container another chip may have it. So the chip is found by the
 * device's number; a resource manager's number is no chip's, for a TPM 1.2 has
 * none.
 */
static bool is_tpm12(const char *device)
{
	struct stat st;
	char number[24], text[24];
	struct text t = text_in(number, sizeof(number));
	unsigned i = 0;

	if (stat(device, &st) < 0 || !S_ISCHR(st.st_mode)) {
		return false;
	}
	text_dec(&t, major(st.st_rdev), 1);
	text_str(&t, ":");
	text_dec(&t, minor(st.st_rdev), 1);
	text_end(&t);
	while (i < CHIPS &&
	       strcmp(read_attribute(sandbox_paths.chips[i].number, text, sizeof(text)), number) !=
		       0) {
		i++;
	}
	if (i == CHIPS) {
		return false;
	}
	/* Before Linux 5.6 there was no version, and this file for a TPM 1.2 only. */
	read_attribute(sandbox_paths.chips[i].version, text, sizeof(text));
	return text[0] == '1' || (text[0] == '\0' && is_there(sandbox_paths.chips[i].pcrs));
}

/* ---- what a transfer comes to ------------------------------------------- */

/* The TCTI's own ways to and from the device. */
static TSS2_TCTI_TRANSMIT_FCN to_device;
static TSS2_TCTI_RECEIVE_FCN from_device;
static int transfer_error; /* errno of the last transfer, 0 if it did not fail */
static bool with_session; /* the last command begins or uses a session */

/* The TCTI tells only that a transfer failed; right behind it errno says why. */
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
 * What the TCTI writes a command with. tpm2-tss's own shares a file with its
 * sockets, for which the C library would bring along its resolver and stdio. A
 * device takes all of a command or nothing, and no signal has a handler.
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
 * EFAULT is the kernel's resource manager: the TPM did not save our session,
 * since one that somebody else leaves idle is too far behind. Up to Linux 4.20
 * the command's write says so, then the read of its response. (Of a response
 * that is cut short the kernel says the same, and no more.)
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

	(void)epoll_wait(watch_fd, &e, 1, 0); /* or it would be there for ever */
	tpm_armed_fd = -1;
	pending_tpm(true);
}

/* *last: it is there, but mute, which took its time; or it is not for us. */
static int open_device(unsigned i, bool *last)
{
	size_t size = sizeof(blob);
	int fd;

	if (is_tpm12(sandbox_paths.tpms[i])) {
		return -ERR_TPM_VERSION;
	}
	/* Init hides the reason; but it is in errno, or nowhere if a wait of
	 * Init's ended without an answer. */
	errno = 0;
	if (Tss2_Tcti_Device_Init(context(), &size, sandbox_paths.tpms[i]) != TSS2_RC_SUCCESS) {
		*last = errno == 0;
		switch (errno) {
		case EACCES:
		case EPERM:
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
	/* Two names are the same chip's: one that is mute is not asked twice, and
	 * none is taken past its resource manager that may not be used with it. */
	for (unsigned i = 0; i < DEVICES && sandbox_paths.tpms[i][0] != '\0' && !last; i++) {
		int r = open_device(i, &last);

		if (r == 0) {
			opened = sandbox_paths.tpms[i];
			*tcti = context();
			*device = sandbox_paths.tpms[i];
			return 0;
		}
		if (result == -ERR_TPM_UNAVAILABLE) {
			result = r; /* the first that says more */
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

/* /dev/tpmN. Of another name it is not known what stands behind it. */
bool port_tpm_is_bare(void)
{
	const char *name = opened != NULL ? strrchr(opened, '/') : NULL;

	return name != NULL && strncmp(name, "/tpm", 4) == 0 && name[4] != 'r';
}

/* Up to Linux 4.20 the write of a command comes back with the TPM's answer. */
void tpm_check_kernel(void)
{
	struct utsname kernel;

	if (uname(&kernel) == 0 && kernel.release[0] < '5' && kernel.release[1] == '.') {
		log_reason(PORT_LOG_WARNING,
			   "before Linux 5.0 nobody is answered while the TPM works; this is",
			   kernel.release, 0);
	}
}

bool port_tpm_holds_keys(void)
{
	return false;
}

/* The kernel passes all on. */
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
