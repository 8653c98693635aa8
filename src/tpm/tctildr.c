/*
 * ESAPI calls the library's TCTI loader where its caller passes no TCTI. attestd always
 * passes one (link.c) and loads nothing at run time, so that these are never called.
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
