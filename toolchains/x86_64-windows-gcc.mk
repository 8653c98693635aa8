# A second compiler and a second C library (msvcrt), both from Debian. For tests only.
CPU = x86_64
include toolchains/windows.inc

CC = x86_64-w64-mingw32-gcc-win32
AR = x86_64-w64-mingw32-gcc-ar-win32
WINDRES = x86_64-w64-mingw32-windres
PACKAGES = gcc-mingw-w64-x86-64-win32 llvm-19
PREPARE =

LTO = -flto -flto-partition=one
GUARD =
# With -fdata-sections gcc would put variables that are zero into the file as data.
TARGET_OPTIMISE = -fno-inline-small-functions -fno-data-sections
# Without the C library's start files (which are not used) this version of ld crashes.
TARGET_LDFLAGS =
C_LDLIBS =
