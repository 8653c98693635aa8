/*
 * The structure IMAGE_LOAD_CONFIG_DIRECTORY64 tells Windows' loader about control-flow
 * guard (the linker defines these symbols) and where DLLs may come from (the linker fills
 * that in). Its first member is its length, and this one ends after the last member that
 * is used. mingw-w64's is 120 bytes longer, and these bytes are all 0.
 */
	.section .rdata,"dr"
	.globl _load_config_used
	.balign 8
_load_config_used:
	.4byte 192 /* Size */
	.zero 108
	.8byte __guard_check_icall_fptr /* at 112: GuardCFCheckFunctionPointer */
#ifdef __x86_64__
	.8byte __guard_dispatch_icall_fptr
#else
	.8byte 0
#endif
	.8byte __guard_fids_table
	.8byte __guard_fids_count
	.4byte __guard_flags
	.zero 12 /* CodeIntegrity */
	.8byte __guard_iat_table
	.8byte __guard_iat_count
	.8byte __guard_longjmp_table
	.8byte __guard_longjmp_count
