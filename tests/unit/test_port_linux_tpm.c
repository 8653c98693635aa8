/*
 * port/linux/tpm_version.c: which chip a device belongs to, by sysfs; and tpm_device.c: why
 * a transfer failed. The tests' /sys is a folder, and their devices have made-up numbers.
 */
#include "port_linux.h"

#include <sys/sysmacros.h>

#include "../../port/linux/sandbox_paths.h"

/* ---- a /sys of our own --------------------------------------------------- */

static char sys[128]; /* the folder in place of /sys */

/* Devices by name, and what stat says about them. */
static struct {
	const char *name;
	dev_t number;
	mode_t type;
} nodes[2];

static const char *in_sys(const char *file, char to[256])
{
	if (sys[0] == '\0' || strncmp(file, "/sys/", 5) != 0) {
		return file;
	}
	(void)snprintf(to, 256, "%s/%s", sys, file + 5);
	return to;
}

int __real_open(const char *file, int flags, mode_t mode);
int __wrap_open(const char *file, int flags, mode_t mode);
int __wrap_open(const char *file, int flags, mode_t mode)
{
	char to[256];

	return __real_open(in_sys(file, to), flags, mode);
}

int __real_stat(const char *file, struct stat *st);
int __wrap_stat(const char *file, struct stat *st);
int __wrap_stat(const char *file, struct stat *st)
{
	char to[256];

	for (unsigned i = 0; i < 2; i++) {
		if (nodes[i].name != NULL && strcmp(nodes[i].name, file) == 0) {
			memset(st, 0, sizeof(*st));
			st->st_mode = nodes[i].type;
			st->st_rdev = nodes[i].number;
			return 0;
		}
	}
	return __real_stat(in_sys(file, to), st);
}

static void put(const char *file, const char *text)
{
	char name[256], command[300];
	FILE *f;

	(void)snprintf(name, sizeof(name), "%s/class/tpm/%s", sys, file);
	(void)snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", name);
	CHECK(system(command) == 0);
	f = fopen(name, "w");
	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void begin(void)
{
	(void)snprintf(sys, sizeof(sys), "%s/sys", dir);
	CHECK(mkdir(sys, 0755) == 0);
}

static mode_t permissions = 0660; /* of the device that `opens` opens */

/* The result of opening it, which is never 0, because no device is behind it. */
static int opens(const char *device, dev_t number)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *name;

	CHECK(set_option("--tpm", device) == 0);
	sandbox_paths_fill();
	nodes[0].name = device;
	nodes[0].number = number;
	nodes[0].type = S_IFCHR | permissions;
	return port_tpm_open(&tcti, &name);
}

#define IS_12 (-ERR_TPM_VERSION)
#define IS_NOT (-ERR_TPM_UNAVAILABLE)
#define FIRST makedev(10, 224)

/* Four chips: TPM 1.2 and 2.0, each as sysfs shows it before and since Linux 5.6. */
static void chips(void)
{
	begin();
	put("tpm0/dev", "10:224\n");
	put("tpm0/tpm_version_major", "2\n");
	put("tpm1/dev", "253:1\n");
	put("tpm1/tpm_version_major", "1\n");
	put("tpm2/dev", "253:2\n");
	put("tpm2/pcrs", "");
	put("tpm9/dev", "253:9\n");
	put("tpm9/tpm_version_major", "2\n");
	put("tpm9/pcrs", "");
}

/* The chip is found by the device's number, whatever its name. */
static void field_36_by_number(void)
{
	chips();
	CHECK(opens("/dev/tpm0", FIRST) == IS_NOT);
	CHECK(opens("/dev/tpm1", makedev(253, 1)) == IS_12);
	CHECK(opens("/dev/tpm2", makedev(253, 2)) == IS_12);
	CHECK(opens("/dev/tpm9", makedev(253, 9)) == IS_NOT);
	/* In a container the host's tpm1 is called tpm0, and the other way round. */
	CHECK(opens("/dev/tpm0", makedev(253, 1)) == IS_12);
	CHECK(opens("/dev/tpm1", FIRST) == IS_NOT);
	CHECK(opens("/dev/chip", makedev(253, 2)) == IS_12);
	/* A number that is no chip's, or that only begins like one. */
	CHECK(opens("/dev/tpm1", makedev(253, 10)) == IS_NOT);
	CHECK(opens("/dev/tpm1", makedev(25, 31)) == IS_NOT);
}

/* A TPM 1.2 has no resource manager, so a device of that name is no TPM 1.2. */
static void resource_manager(void)
{
	chips();
	CHECK(opens("/dev/tpmrm1", makedev(253, 65537)) == IS_NOT);
	CHECK(opens("/dev/tpmrm0", makedev(253, 65536)) == IS_NOT);
	CHECK(opens("/dev/tpm1", makedev(253, 65537)) == IS_NOT);
}

/* A chip is found although it came after the sandbox's paths were filled in. */
static void comes_late(void)
{
	begin();
	CHECK(opens("/dev/tpm0", makedev(511, 3)) == IS_NOT);
	put("tpm3/dev", "511:3\n");
	put("tpm3/tpm_version_major", "1\n");
	CHECK(opens("/dev/tpm0", makedev(511, 3)) == IS_12);
}

/* The kernel takes all permissions from the name of a device that goes. */
static void goes(void)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *name;

	begin();
	fake_devices[0] = (struct fake_device){.name = "/dev/tpm0", .error = EACCES};
	CHECK(opens("/dev/tpm0", FIRST) == -ERR_TPM_DENIED);
	permissions = 0;
	CHECK(opens("/dev/tpm0", FIRST) == -ERR_TPM_UNAVAILABLE);
	fake_devices[0].error = EPERM;
	CHECK(opens("/dev/tpm0", FIRST) == -ERR_TPM_UNAVAILABLE);
	permissions = 0001;
	CHECK(opens("/dev/tpm0", FIRST) == -ERR_TPM_DENIED);
	nodes[0].name = NULL; /* stat fails: nothing is known about the name */
	fake_devices[0].name = "/dev/attestd-nothing";
	CHECK(set_option("--tpm", "/dev/attestd-nothing") == 0);
	sandbox_paths_fill();
	CHECK(port_tpm_open(&tcti, &name) == -ERR_TPM_DENIED);
}

static void no_device(void)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *name;

	chips();
	CHECK(set_option("--tpm", "/dev/attestd-nothing") == 0);
	sandbox_paths_fill();
	CHECK(port_tpm_open(&tcti, &name) == IS_NOT);
	nodes[0].name = "/dev/attestd-nothing"; /* no device, but stat has a number for it */
	nodes[0].number = makedev(253, 1);
	nodes[0].type = S_IFREG;
	CHECK(port_tpm_open(&tcti, &name) == IS_NOT);
}

/* sysfs of real machines (from canonical/go-tpm2), if it is there. It lacks the numbers. */
static void real_trees(void)
{
	static const struct {
		const char *tree, *device;
		int result;
	} cases[] = {
		{"tpm1-device", "/dev/tpm0", IS_12},
		{"multiple-tpm2-devices", "/dev/tpm0", IS_NOT},
		{"multiple-tpm2-devices", "/dev/tpm1", IS_NOT},
		{"no-devices", "/dev/tpm0", IS_NOT},
	};
	char command[400];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(sys, sizeof(sys), "%s/sys%zu", dir, i);
		CHECK(mkdir(sys, 0755) == 0);
		(void)snprintf(command, sizeof(command),
			       "tar -xf ../shared/vectors/sysfs/%s-sysfs.tar -C %s 2>/dev/null",
			       cases[i].tree, sys);
		if (system(command) == 0) {
			if (strcmp(cases[i].tree, "no-devices") != 0) {
				put("tpm0/dev", "10:224\n");
			}
			if (strcmp(cases[i].device, "/dev/tpm1") == 0) {
				put("tpm1/dev", "253:1\n");
			}
			CHECK(opens(cases[i].device, i == 2 ? makedev(253, 1) : FIRST) ==
			      cases[i].result);
		}
	}
}

/* ---- transfers ------------------------------------------------------------- */

static int transfer_errno;
static TSS2_RC transfer_rc;

static TSS2_RC fake_transmit(TSS2_TCTI_CONTEXT *c, size_t n, const uint8_t *command)
{
	(void)c;
	(void)n;
	(void)command;
	errno = transfer_errno != 0 ? transfer_errno : errno;
	return transfer_rc;
}

static TSS2_RC fake_receive(TSS2_TCTI_CONTEXT *c, size_t *n, uint8_t *response, int32_t timeout)
{
	(void)timeout;
	*n = 10;
	return fake_transmit(c, 0, response);
}

/* Transmit and receive, since either may fail; only the last transfer counts. */
static void faults(void)
{
	static const struct {
		int e;
		TSS2_RC rc;
		int fault;
	} cases[] = {
		{EFAULT, TSS2_TCTI_RC_IO_ERROR, 0}, /* depends on the command */
		{EIO, TSS2_TCTI_RC_IO_ERROR, -ERR_TPM_UNAVAILABLE},
		{EPIPE, TSS2_TCTI_RC_IO_ERROR, -ERR_TPM_UNAVAILABLE},
		{0, TSS2_TCTI_RC_IO_ERROR, -ERR_TPM_UNAVAILABLE}, /* errno is from before */
		{EFAULT, TSS2_TCTI_RC_TRY_AGAIN, -ERR_TPM_UNAVAILABLE},
		{EFAULT, TSS2_RC_SUCCESS, -ERR_TPM_UNAVAILABLE},
	};
	TSS2_TCTI_CONTEXT *tcti;
	const char *name;
	/* NV_Read in a session, StartAuthSession, GetRandom: no gap without a session. */
	static const struct {
		uint8_t bytes[10];
		const char *device;
		int fault;
	} commands[] = {
		{{0x80, 2, 0, 0, 0, 10, 0, 0, 1, 0x4e}, "/dev/tpmrm0", -ERR_TPM_GAP},
		{{0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x76}, "/dev/tpmrm0", -ERR_TPM_GAP},
		{{0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x7b}, "/dev/tpmrm0", -ERR_TPM_UNAVAILABLE},
		{{0x80, 2, 0, 0, 0, 10, 0, 0, 1, 0x4e}, "/dev/my-tpm", -ERR_TPM_GAP},
		/* no resource manager */
		{{0x80, 2, 0, 0, 0, 10, 0, 0, 1, 0x4e}, "/dev/tpm0", -ERR_TPM_UNAVAILABLE},
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	uint8_t bytes[10] = {0};
	int pair[2];

	fake_transmit_fcn = fake_transmit;
	fake_receive_fcn = fake_receive;
	for (unsigned i = 0; i < 2 * count * sizeof(commands) / sizeof(commands[0]); i++) {
		unsigned c = i / 2 % count, of = i / 2 / count;
		int wanted = cases[c].fault != 0 ? cases[c].fault : commands[of].fault;
		size_t n = sizeof(bytes);

		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		fake_devices[0] = (struct fake_device){.name = commands[of].device, .fd = pair[0]};
		CHECK(set_option("--tpm", commands[of].device) == 0);
		sandbox_paths_fill();
		CHECK(port_tpm_open(&tcti, &name) == 0);
		if (i % 2 == 1) { /* only the read fails */
			transfer_errno = 0;
			transfer_rc = TSS2_RC_SUCCESS;
			CHECK(Tss2_Tcti_Transmit(tcti, n, commands[of].bytes) == 0);
		}
		transfer_errno = cases[c].e;
		transfer_rc = cases[c].rc;
		errno = EFAULT;
		CHECK((i % 2 == 0 ? Tss2_Tcti_Transmit(tcti, n, commands[of].bytes)
				  : Tss2_Tcti_Receive(tcti, &n, bytes, 0)) == transfer_rc);
		errno = EFAULT; /* a later failure of something else */
		CHECK(port_tpm_fault() == wanted);
		transfer_errno = 0;
		transfer_rc = TSS2_TCTI_RC_NO_CONNECTION;
		CHECK(Tss2_Tcti_Transmit(tcti, n, bytes) == transfer_rc);
		CHECK(port_tpm_fault() == -ERR_TPM_UNAVAILABLE);
		port_tpm_close();
		CHECK(close(pair[1]) == 0);
	}
}

#define ALL_TESTS(X)          \
	X(field_36_by_number) \
	X(resource_manager)   \
	X(comes_late)         \
	X(goes)               \
	X(no_device)          \
	X(real_trees)         \
	X(faults)

RUN(ALL_TESTS)
