# A second compiler and a second C library (msvcrt), both Debian's own.
CPU = x86_64
include toolchains/windows.inc

CC = x86_64-w64-mingw32-gcc-win32
AR = x86_64-w64-mingw32-gcc-ar-win32
WINDRES = x86_64-w64-mingw32-windres
PACKAGES = gcc-mingw-w64-x86-64-win32 llvm-19
PREPARE =

LTO = -flto -flto-partition=one
GUARD =
# It takes zeroes in sections of their own for data.
TARGET_OPTIMISE = -fno-inline-small-functions -fno-data-sections
# Without the C library's start files, unused as they are, this ld crashes.
TARGET_LDFLAGS =
C_LDLIBS =
