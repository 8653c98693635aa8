#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tss2_tcti.h>
#include <tss2_tcti_device.h>

#include "common/due.h"
#include "common/line.h"
#include "err.h"
#include "lifecycle.h"
#include "log.h"
#include "paths.h"
#include "port.h"
#include "tpm.h"

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

/* Whether the kernel says so in this file, which may not be there. */
static bool is_tpm12(const char *path)
{
	char version = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return false;
	}
	(void)!read(fd, &version, 1);
	(void)close(fd);
	return version == '1';
}

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
	due_tpm(false);
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
	due_tpm(true);
}

/* *last: it is there, but mute, which took its time; or it is not for us. */
static int open_device(unsigned i, bool *last)
{
	size_t size = sizeof(blob);
	int fd;

	if (is_tpm12(paths.tpms[i].version)) {
		return -ERR_TPM_VERSION;
	}
	/* Init hides the reason; but it is in errno, or nowhere if a wait of
	 * Init's ended without an answer. */
	errno = 0;
	if (Tss2_Tcti_Device_Init(context(), &size, paths.tpms[i].device) != TSS2_RC_SUCCESS) {
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
	if (paths.tpms[0].device[0] == '\0') {
		paths_fill();
	}
	/* Two names are the same chip's: one that is mute is not asked twice, and
	 * none is taken past its resource manager that may not be used with it. */
	for (unsigned i = 0; i < DEVICES && paths.tpms[i].device[0] != '\0' && !last; i++) {
		int r = open_device(i, &last);

		if (r == 0) {
			opened = paths.tpms[i].device;
			*tcti = context();
			*device = paths.tpms[i].device;
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
		explicit_bzero(&blob, sizeof(blob));
		opened = NULL;
	}
}

/* /dev/tpmN. Of another name it is not known what stands behind it. */
bool port_tpm_is_bare(void)
{
	const char *name = strrchr(opened, '/');

	return name != NULL && strncmp(name, "/tpm", 4) == 0 && name[4] != 'r';
}

bool port_tpm_holds_keys(void)
{
	return false;
}

int port_tpm_fault(void)
{
	return -ERR_TPM_UNAVAILABLE; /* the device says no more */
}

int port_tpm_arm(void)
{
	if (watch_fd < 0) {
		return -ERR_NOTSUP;
	}
	tpm_armed_fd = watch_fd;
	return 0;
}
