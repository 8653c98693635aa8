#include "paths.h"

#include <string.h>

#include "base/text.h"
#include "options.h"

struct paths paths;

static void name(char *to, size_t cap, const char *start, unsigned n, const char *end)
{
	struct text t = text_in(to, cap);

	text_printable(&t, start);
	text_dec(&t, n, 1);
	text_printable(&t, end);
	text_end(&t);
}

static void name_chips(void)
{
	static const char start[] = "/sys/class/tpm/tpm";

	for (unsigned i = 0; i < CHIPS; i++) {
		name(paths.chips[i].number, sizeof(paths.chips[i].number), start, i, "/dev");
		name(paths.chips[i].version, sizeof(paths.chips[i].version), start, i,
		     "/tpm_version_major");
		name(paths.chips[i].pcrs, sizeof(paths.chips[i].pcrs), start, i, "/pcrs");
	}
}

void paths_fill(void)
{
	memcpy(paths.socket, linux_options.socket.sun_path, sizeof(paths.socket));
	name_chips();
	if (linux_options.tpm != NULL) {
		memcpy(paths.tpms[0], linux_options.tpm, strlen(linux_options.tpm) + 1);
		return;
	}
	/* A TPM whose driver was bound again may have another number. */
	for (unsigned i = 0; i < DEVICES; i++) {
		name(paths.tpms[i], DEVICE_MAX, i < DEVICES / 2 ? "/dev/tpmrm" : "/dev/tpm",
		     i % (DEVICES / 2), "");
	}
}
