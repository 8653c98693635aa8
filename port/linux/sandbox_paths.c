#include "sandbox_paths.h"

#include <string.h>

#include "base/text.h"
#include "options.h"

struct sandbox_paths sandbox_paths;

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
		name(sandbox_paths.chips[i].number, sizeof(sandbox_paths.chips[i].number), start, i,
		     "/dev");
		name(sandbox_paths.chips[i].version, sizeof(sandbox_paths.chips[i].version), start,
		     i, "/tpm_version_major");
		name(sandbox_paths.chips[i].pcrs, sizeof(sandbox_paths.chips[i].pcrs), start, i,
		     "/pcrs");
	}
}

void sandbox_paths_fill(void)
{
	memcpy(sandbox_paths.socket, linux_options.socket.sun_path, sizeof(sandbox_paths.socket));
	name_chips();
	if (linux_options.tpm != NULL) {
		memcpy(sandbox_paths.tpms[0], linux_options.tpm, strlen(linux_options.tpm) + 1);
		return;
	}
	/* A TPM may have another number after its driver was bound again. */
	for (unsigned i = 0; i < DEVICES; i++) {
		name(sandbox_paths.tpms[i], DEVICE_MAX, i < DEVICES / 2 ? "/dev/tpmrm" : "/dev/tpm",
		     i % (DEVICES / 2), "");
	}
}
