/*
 * What Windows' loader is to know of control-flow guard, in the linker's own
 * symbols, and of where DLLs may come from, which the linker fills in: the
 * structure IMAGE_LOAD_CONFIG_DIRECTORY64 as far as that goes. It says how long
 * it is; mingw-w64's is 120 bytes longer, all of them 0.
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
