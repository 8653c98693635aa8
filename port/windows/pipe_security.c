#include <windows.h>

#include <sddl.h>

#include "err.h"
#include "options.h"
#include "pipe_security.h"
#include "sid.h"

/* Protected, and all rights to LocalSystem and to Administrators. */
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
	    /* Of these nothing would be applied. */
	    !GetSecurityDescriptorSacl(security, &has_sacl, &sacl, &defaulted) || has_sacl ||
	    !GetSecurityDescriptorOwner(security, &owner, &defaulted) || owner != NULL ||
	    !GetSecurityDescriptorGroup(security, &group, &defaulted) || group != NULL) {
		(void)LocalFree(security);
		return NULL;
	}
	return security;
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
