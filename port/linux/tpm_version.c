#include "tpm_version.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "sandbox_paths.h"

/* The content of a file in sysfs, without its line end; "" if there is none. */
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
 * The name of the device tells nothing: in a container it may be that of another
 * chip. So the chip is found by the device's number. A resource manager's device
 * has a number that is no chip's; a TPM 1.2 has no resource manager.
 */
bool tpm_is_12(const char *device)
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
	/* Linux before 5.6 gives no version, and has this file for a TPM 1.2 only. */
	read_attribute(sandbox_paths.chips[i].version, text, sizeof(text));
	return text[0] == '1' || (text[0] == '\0' && is_there(sandbox_paths.chips[i].pcrs));
}
