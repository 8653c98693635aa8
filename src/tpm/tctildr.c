/*
 * ESAPI refers to the library's loader of TCTIs, for callers that bring none.
 * attestd always brings its own (src/tpm/link.c) and loads nothing at run time.
 */
#include <tss2/tss2_tctildr.h>

TSS2_RC Tss2_TctiLdr_Initialize(const char *conf, TSS2_TCTI_CONTEXT **context)
{
	(void)conf;
	*context = NULL;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

void Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	(void)context;
}
