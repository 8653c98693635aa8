#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "listen.h"
#include "sandbox_paths.h"
#include "sandbox.h"

/* These system calls have the same number on every kind of machine. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446

/* From linux/landlock.h, which may be missing beside a C library. */
#define CREATE_RULESET_VERSION 1
#define RULE_PATH_BENEATH 1
#define WRITE_FILE (1 << 1)
#define READ_FILE (1 << 2)
#define REMOVE_FILE (1 << 5)
#define NET_BIND_CONNECT_TCP 3
#define SCOPE_ABSTRACT_UNIX_SIGNAL 3

/*
 * Allows `access` to everything that is or will be in the folder of this file.
 * A folder that does not exist needs no rule.
 */
static bool allow(int rules, char *file, uint64_t access)
{
	char *slash = strrchr(file, '/');
	char *end = slash != NULL ? slash + 1 : file;
	char first = *end;
	struct __attribute__((packed)) {
		uint64_t access;
		int32_t fd;
	} rule = {.access = access};
	bool ok;

	*end = '\0';
	rule.fd = open(slash != NULL ? file : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*end = first;
	ok = rule.fd < 0 || syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0) == 0;
	(void)close(rule.fd);
	return ok;
}

bool landlock_enter(void)
{
	/* All access rights that each ABI knows: they are denied unless a rule allows them. */
	static const uint16_t files[] = {0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
	static char dev[] = "/dev/", sys[] = "/sys/devices/";
	long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
	uint64_t handled[3] = {0}; /* older kernels accept the last ones if they are 0 */
	int rules;
	bool ok;

	if (abi < 1) {
		return false;
	}
	handled[0] = files[(abi < 5 ? abi : 5) - 1];
	handled[1] = abi >= 4 ? NET_BIND_CONNECT_TCP : 0;
	handled[2] = abi >= 6 ? SCOPE_ABSTRACT_UNIX_SIGNAL : 0;
	rules = (int)syscall(CREATE_RULESET, handled, sizeof(handled), 0);
	/* Folders, because a TPM may come late, or come back with another number.
	 * The one of --tpm may be a link to a device. */
	ok = rules >= 0 && allow(rules, dev, READ_FILE | WRITE_FILE) &&
	     allow(rules, sys, READ_FILE) &&
	     allow(rules, sandbox_paths.tpms[0], READ_FILE | WRITE_FILE) &&
	     (!listen_created || allow(rules, sandbox_paths.socket, REMOVE_FILE)) &&
	     syscall(RESTRICT_SELF, rules, 0) == 0;
	(void)close(rules);
	return ok;
}
