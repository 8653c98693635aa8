#include "paths.h"

#include <string.h>

#include "common/line.h"
#include "options.h"

struct paths paths;

/* /dev/tpmrmN is tpmN's; it does not exist for a TPM 1.2, but may have been asked for. */
static void name_version(char *to, size_t cap, const char *device)
{
	const char *name = strrchr(device, '/');
	struct line l = {to, 0, cap};

	name = name != NULL ? name + 1 : device;
	if (strncmp(name, "tpm", 3) != 0) {
		return;
	}
	name += strncmp(name, "tpmrm", 5) == 0 ? 5 : 3;
	line_str(&l, "/sys/class/tpm/tpm");
	line_str(&l, name);
	line_str(&l, "/tpm_version_major");
	line_end(&l);
}

void paths_fill(void)
{
	unsigned n = linux_options.tpm != NULL ? 1 : DEVICES;

	memcpy(paths.socket, linux_options.socket.sun_path, sizeof(paths.socket));
	for (unsigned i = 0; i < n; i++) {
		struct line l = {paths.tpms[i].device, 0, DEVICE_MAX};

		if (linux_options.tpm != NULL) {
			line_str(&l, linux_options.tpm);
		} else {
			/* A TPM whose driver was bound again may have another number. */
			line_str(&l, i < DEVICES / 2 ? "/dev/tpmrm" : "/dev/tpm");
			line_num(&l, i % (DEVICES / 2), 1);
		}
		line_end(&l);
		name_version(paths.tpms[i].version, sizeof(paths.tpms[i].version), l.p);
	}
}
