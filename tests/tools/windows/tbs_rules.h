/*
 * Which commands TPM Base Services let through to a TPM 2.0, and which context a handle belongs to.
 *
 * Known from others, each said where it is used:
 *   [blocking]  Microsoft's documentation, "Command Blocking" (win32, TBS)
 *   [virtual]   the same, "Resource Virtualization"
 *   [TSS.MSR n] issue or pull request n of microsoft/TSS.MSR
 *   [NucBox]    a report of credentials activated on Windows 11 25H2, AMD fTPM
 *   [others]    projects that say what their users met on real machines
 *   [PCPTool]   Microsoft's own sample for attestation, in microsoft/TSS.MSR, which sends
 *               commands of its own to TBS, with handles that Windows has given it
 * Nobody here has a real Windows. Where two things are possible, this is the
 * stricter one.
 */
#ifndef TBS_RULES_H
#define TBS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TBS_OWNED_MAX 64
#define TBS_SESSIONS_MAX 3 /* of one command */

/* What a context has loaded. All zero at first. */
struct tbs_owned {
	struct tbs_handle {
		uint32_t said, real; /* to the caller; to the TPM */
	} handles[TBS_OWNED_MAX];
	size_t count;
};

/* What tbs_enter has seen of a command. */
struct tbs_command {
	uint32_t code;
	uint32_t flushed; /* FlushContext: the handle, as the caller gave it */
	uint32_t ending[TBS_SESSIONS_MAX]; /* sessions that end with it, if it succeeds */
	size_t ending_count;
};

/*
 * Checks the n bytes of a command, whose header MUST be right, and replaces its handles by
 * the TPM's. Returns 0 if the command is to be sent, else the response code to answer it
 * with.
 */
uint32_t tbs_enter(const struct tbs_owned *o, bool elevated, uint8_t *p, size_t n,
		   struct tbs_command *c);

/* Notes what the response of the TPM says, and replaces the handle in it by the context's. */
void tbs_leave(struct tbs_owned *o, const struct tbs_command *c, uint8_t *p, size_t n);

#endif
