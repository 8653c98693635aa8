/*
 * All of windows.h that tss2_tcti.h wants, for what is not the port's. So src/
 * sees no more of Windows than a pointer, and compiles six times as fast.
 */
#ifndef ATTESTD_WINDOWS_H
#define ATTESTD_WINDOWS_H
typedef void *HANDLE;
#endif
