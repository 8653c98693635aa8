/* port/linux/option_files.c: authorisation values and the EK's certificate, from files. */
#include "port_linux.h"

#include <sys/xattr.h>

#include "../../port/linux/auth_value.h"
#include "../../port/linux/option_files.h"

static char file[80];

/* Sets the option, with a file that has these bytes. */
static void give(const char *option, const void *bytes, size_t n, mode_t mode)
{
	static char names[3][80];
	char *name = names[strcmp(option, "--ek-cert") == 0      ? 0
			   : strcmp(option, "--owner-auth") == 0 ? 1
								 : 2];
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s/given%s", dir, option);
	memcpy(name, file, sizeof(file));
	f = fopen(name, "wb");
	CHECK(f != NULL && (n == 0 || fwrite(bytes, 1, n, f) == n) && fclose(f) == 0);
	CHECK(chmod(name, mode) == 0 && set_option(option, name) == 0);
}

static void auth_is(const void *bytes, size_t n)
{
	uint8_t buf[AUTH_MAX];
	size_t len = 99;

	for (int i = 0; i < 2; i++) { /* it may be asked for again */
		CHECK(port_endorsement_auth(buf, &len) == 0);
		CHECK(len == n && memcmp(buf, bytes, n) == 0);
	}
}

static void owner_is(const void *bytes, size_t n)
{
	uint8_t buf[AUTH_MAX];
	size_t len = 99;

	CHECK(port_owner_auth(buf, &len) == 0);
	CHECK(len == n && memcmp(buf, bytes, n) == 0);
}

static void cert_is(const void *bytes, size_t n)
{
	const uint8_t *p;
	const char *source;
	size_t len;

	CHECK(port_ek_cert(0, &p, &len, &source) == 0);
	CHECK(len == n && memcmp(p, bytes, n) == 0 && strcmp(source, "file") == 0);
	CHECK(port_ek_cert(1, &p, &len, &source) == -ERR_CERT_ABSENT);
}

static void nothing_given(void)
{
	const uint8_t *p;
	const char *source;
	size_t len;

	log_begin();
	CHECK(option_files_read() == 0 && log_read()[0] == '\0');
	auth_is("", 0);
	owner_is("", 0);
	CHECK(port_ek_cert(0, &p, &len, &source) == -ERR_CERT_ABSENT);
	CHECK(!port_tpm_holds_keys());
	CHECK(set_option("--endorsement-auth", "") == -ERR_USAGE);
	CHECK(set_option("--ek-cert", "") == -ERR_USAGE);
}

/* One newline at the end does not belong to the value; everything else does. */
static void authorisation(void)
{
	static const struct {
		const char *file;
		size_t n, len;
	} cases[] = {
		{"", 0, 0},
		{"\n", 1, 0},
		{"secret", 6, 6},
		{"secret\n", 7, 6},
		{"secret\n\n", 8, 7},
		{"\0\r\n", 3, 2},
		{"123456789 123456789 123456789 123456789 123456789 123456789 1234", 64, 64},
		{"123456789 123456789 123456789 123456789 123456789 123456789 1234\n", 65, 64},
	};

	log_begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		give("--endorsement-auth", cases[i].file, cases[i].n, 0400);
		CHECK(option_files_read() == 0);
		auth_is(cases[i].file, cases[i].len);
	}
	CHECK(log_read()[0] == '\0');
	auth_value_wipe();
	auth_is("", 0);
}

/* ownerAuth is separate, with the same limits. */
static void authorisation_of_the_owner(void)
{
	uint8_t many[AUTH_MAX + 1];

	memset(many, 'x', sizeof(many));
	give("--endorsement-auth", "secret", 6, 0600);
	give("--owner-auth", "another\n", 8, 0644);
	log_begin();
	CHECK(option_files_read() == 0);
	CHECK(strstr(log_read(), "warning other users may read the authorisation") != NULL);
	auth_is("secret", 6);
	owner_is("another", 7);
	auth_value_wipe();
	auth_is("", 0);
	owner_is("", 0);
	give("--owner-auth", many, sizeof(many), 0600);
	CHECK(option_files_read() == -ERR_USAGE);
	owner_is("", 0);
}

/* Modes without a socket make none, but read the files. */
static void for_provision(void)
{
	give("--owner-auth", "x", 1, 0600);
	CHECK(port_listen(PORT_PROVISION) == 0 && access(path, F_OK) < 0);
	owner_is("x", 1);
}

static void authorisation_too_long(void)
{
	uint8_t many[1000];

	memset(many, 'x', sizeof(many));
	for (size_t n = AUTH_MAX + 1; n <= sizeof(many); n = n == AUTH_MAX + 1 ? n + 1 : n * 2) {
		give("--endorsement-auth", many, n, 0600);
		log_begin();
		CHECK(option_files_read() == -ERR_USAGE);
		CHECK(strstr(log_read(), "error more than 64 bytes in the authorisation in ") !=
		      NULL);
		CHECK(strstr(logged, file) != NULL);
		auth_is("", 0);
	}
	for (int i = 0; i < 2; i++) { /* it is not read again */
		CHECK(port_listen(PORT_SERVE) == -ERR_USAGE);
		CHECK((log_read()[0] != '\0') == (i == 0));
	}
	CHECK(access(path, F_OK) < 0);
}

/* A file that others may read causes a warning, and is used all the same. */
static void authorisation_for_all(void)
{
	static const struct {
		mode_t mode;
		bool told;
	} cases[] = {{0400, false}, {0600, false}, {0640, true}, {0604, true}, {0620, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		give("--endorsement-auth", "x", 1, cases[i].mode);
		log_begin();
		CHECK(option_files_read() == 0);
		CHECK((strstr(log_read(), "warning other users may read the authorisation") !=
		       NULL) == cases[i].told);
		CHECK((strstr(logged, file) != NULL) == cases[i].told);
		auth_is("x", 1);
	}
}

/* systemd lets a service's user read a credential by an access control list. */
static void authorisation_by_list(void)
{
	/* struct posix_acl_xattr: version 2; user::r--, user:7:r--, group::---, mask::r--, other::--- */
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entry[5];
	} list = {2, {{1, 4, ~0U}, {2, 4, 7}, {4, 0, ~0U}, {16, 4, ~0U}, {32, 0, ~0U}}};
	struct stat st;

	give("--endorsement-auth", "x", 1, 0400);
	if (setxattr(file, "system.posix_acl_access", &list, sizeof(list), 0) < 0) {
		CHECK(errno == ENOTSUP); /* this file system has no such lists */
		return;
	}
	CHECK(stat(file, &st) == 0 && (st.st_mode & 0777) == 0440);
	log_begin();
	CHECK(option_files_read() == 0 && log_read()[0] == '\0');
	auth_is("x", 1);
}

static void certificate(void)
{
	uint8_t many[CERT_FILE_MAX + 1];

	memset(many, '0', sizeof(many));
	give("--ek-cert", "\x30\0\xff\n", 4, 0644);
	log_begin();
	CHECK(option_files_read() == 0);
	cert_is("\x30\0\xff\n", 4); /* the bytes as they are */
	give("--ek-cert", many, CERT_FILE_MAX, 0644);
	CHECK(option_files_read() == 0 && log_read()[0] == '\0');
	cert_is(many, CERT_FILE_MAX);
	give("--ek-cert", many, CERT_FILE_MAX + 1, 0644);
	CHECK(option_files_read() == -ERR_USAGE);
	CHECK(strstr(log_read(), "error more than 8192 bytes in --ek-cert ") != NULL);
	CHECK(strstr(logged, file) != NULL);
	give("--ek-cert", "", 0, 0644);
	CHECK(option_files_read() == -ERR_USAGE);
	CHECK(strstr(log_read(), "error no bytes in --ek-cert ") != NULL);
}

/* If a file is missing or is no file, its name is logged, and nothing listens. */
static void unreadable(void)
{
	static const char *const names[][2] = {{"--endorsement-auth", "the authorisation in"},
					       {"--owner-auth", "the authorisation in"},
					       {"--ek-cert", "--ek-cert"}};

	for (unsigned i = 0; i < 3; i++) {
		give("--endorsement-auth", "x", 1, 0600);
		give("--owner-auth", "x", 1, 0600);
		give("--ek-cert", "x", 1, 0600);
		CHECK(set_option(names[i][0], "/nowhere/x") == 0);
		log_begin();
		CHECK(option_files_read() == -ERR_IO);
		CHECK(strstr(log_read(), "/nowhere/x: no such file") != NULL);
		CHECK(strstr(logged, names[i][1]) != NULL);
		CHECK(set_option(names[i][0], "/proc/self/fd") == 0);
		CHECK(option_files_read() == -ERR_IO);
		CHECK(strstr(log_read(), "/proc/self/fd: is a directory") != NULL);
	}
	CHECK(port_listen(PORT_SERVE) == -ERR_IO && access(path, F_OK) < 0);
}

/* Files are read before the process gives up the right to open them. */
static void before_the_sandbox(void)
{
	give("--endorsement-auth", "secret\n", 7, 0600);
	give("--ek-cert", "certificate", 11, 0600);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(unlink(file) == 0);
	auth_is("secret", 6);
	cert_is("certificate", 11);
	port_state(PORT_STOPPED);
	auth_is("", 0);
}

#define ALL_TESTS(X)                  \
	X(nothing_given)              \
	X(authorisation)              \
	X(authorisation_of_the_owner) \
	X(for_provision)              \
	X(authorisation_too_long)     \
	X(authorisation_for_all)      \
	X(authorisation_by_list)      \
	X(certificate)                \
	X(unreadable)                 \
	X(before_the_sandbox)

RUN(ALL_TESTS)
