#include <windows.h>

#include <sddl.h>

#include "err.h"
#include "options.h"
#include "pipe_security.h"
#include "sid.h"

/* Inherits nothing; LocalSystem and Administrators have all rights. */
#define DEFAULT_SDDL L"D:P(A;;GA;;;SY)(A;;GA;;;BA)"

PSECURITY_DESCRIPTOR pipe_security_parse(const wchar_t *sddl)
{
	PSECURITY_DESCRIPTOR security = NULL;
	BOOL present = FALSE, defaulted = FALSE, has_sacl = FALSE;
	ACL *dacl = NULL, *sacl = NULL;
	PSID owner = NULL, group = NULL;

	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &security,
								  NULL)) {
		return NULL;
	}
	if (!GetSecurityDescriptorDacl(security, &present, &dacl, &defaulted) || !present ||
	    dacl == NULL || dacl->AceCount == 0 ||
	    /* A SACL, an owner or a group would not be applied, so it is refused. */
	    !GetSecurityDescriptorSacl(security, &has_sacl, &sacl, &defaulted) || has_sacl ||
	    !GetSecurityDescriptorOwner(security, &owner, &defaulted) || owner != NULL ||
	    !GetSecurityDescriptorGroup(security, &group, &defaulted) || group != NULL) {
		(void)LocalFree(security);
		return NULL;
	}
	return security;
}

/* The system's own mapping for files, and so for pipes. Its functions take no const. */
static GENERIC_MAPPING rights = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
				 FILE_ALL_ACCESS};

static ACL *dacl_of(PSECURITY_DESCRIPTOR security)
{
	BOOL present = FALSE, defaulted = FALSE;
	ACL *dacl = NULL;

	return GetSecurityDescriptorDacl(security, &present, &dacl, &defaulted) && present ? dacl
											   : NULL;
}

/* The rights lie in the same place in every kind of entry. When an object gets a
 * DACL the system maps it as well, and AccessCheck relies on that. */
int pipe_security_map(PSECURITY_DESCRIPTOR security)
{
	ACL *dacl = dacl_of(security);

	for (DWORD i = 0; dacl != NULL && i < dacl->AceCount; i++) {
		void *entry;

		if (!GetAce(dacl, i, &entry)) {
			return -ERR_USAGE;
		}
		MapGenericMask(&((ACCESS_ALLOWED_ACE *)entry)->Mask, &rights);
	}
	return dacl != NULL ? 0 : -ERR_USAGE;
}

/*
 * AccessCheck needs an owner and a group. LocalSystem is both: an owner may always
 * change the DACL, but that right is not asked for here.
 */
bool pipe_security_grants(PSECURITY_DESCRIPTOR security, HANDLE token)
{
	SECURITY_DESCRIPTOR whole;
	BYTE system[SECURITY_MAX_SID_SIZE];
	PRIVILEGE_SET used = {0};
	DWORD size = sizeof(system), used_size = sizeof(used), granted = 0;
	BOOL may = FALSE;

	return CreateWellKnownSid(WinLocalSystemSid, NULL, system, &size) &&
	       InitializeSecurityDescriptor(&whole, SECURITY_DESCRIPTOR_REVISION) &&
	       SetSecurityDescriptorOwner(&whole, system, FALSE) &&
	       SetSecurityDescriptorGroup(&whole, system, FALSE) &&
	       SetSecurityDescriptorDacl(&whole, TRUE, dacl_of(security), FALSE) &&
	       AccessCheck(&whole, token, FILE_READ_DATA | FILE_WRITE_DATA, &rights, &used,
			   &used_size, &granted, &may) &&
	       may;
}

SECURITY_ATTRIBUTES *pipe_security_own(void)
{
	static SECURITY_DESCRIPTOR security;
	static SECURITY_ATTRIBUTES attributes = {sizeof(attributes), &security, FALSE};
	static union {
		ACL acl;
		BYTE room[sizeof(ACL) + sizeof(ACCESS_ALLOWED_ACE) + SECURITY_MAX_SID_SIZE];
	} dacl;
	union sid self;

	if (sid_of_process(&self) < 0 || !InitializeAcl(&dacl.acl, sizeof(dacl), ACL_REVISION) ||
	    !AddAccessAllowedAce(&dacl.acl, ACL_REVISION, FILE_ALL_ACCESS, self.user.User.Sid) ||
	    !InitializeSecurityDescriptor(&security, SECURITY_DESCRIPTOR_REVISION) ||
	    !SetSecurityDescriptorDacl(&security, TRUE, &dacl.acl, FALSE) ||
	    !SetSecurityDescriptorControl(&security, SE_DACL_PROTECTED, SE_DACL_PROTECTED)) {
		return NULL;
	}
	return &attributes;
}

int pipe_security_apply(HANDLE pipe)
{
	if (windows_options.security == NULL) {
		windows_options.security = pipe_security_parse(DEFAULT_SDDL);
	}
	if (windows_options.security == NULL ||
	    !SetKernelObjectSecurity(pipe, DACL_SECURITY_INFORMATION, windows_options.security)) {
		return -ERR_IO;
	}
	return 0;
}
