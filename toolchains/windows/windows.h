/*
 * tss2_tcti.h includes <windows.h>, but needs only HANDLE. All sources but the port's get
 * this file instead: src/ sees nothing else of Windows, and compiles six times as fast.
 */
#ifndef ATTESTD_WINDOWS_H
#define ATTESTD_WINDOWS_H
typedef void *HANDLE;
#endif
