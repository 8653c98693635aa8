GNU = aarch64-linux-gnu
DEBIAN_ARCH = arm64
MUSL = aarch64-linux-musl
QEMU = qemu-aarch64-static
include toolchains/musl.inc

# clang's code for this CPU is 7 kB less than gcc's: what functions have in common
# becomes functions of their own. It and its linker know all CPUs.
CC = clang-19 --target=$(MUSL) -Qunused-arguments
AR = llvm-ar-19
PACKAGES = clang-19 lld-19 llvm-19 binutils-aarch64-linux-gnu $(if $(SYSROOT),,musl-dev)
TARGET_CPPFLAGS = -nostdlibinc -isystem $(SYSROOT)/usr/include/$(MUSL)
# Debug information is for make parts, and what ships is stripped of it: the functions
# that it makes stand in another order where there is none.
TARGET_OPTIMISE = -fno-asynchronous-unwind-tables -fno-unwind-tables -gdwarf-4
LTO = -flto
# All that we compile is within a megabyte, what comes last (lld.ld) with its first
# byte: an address is one instruction then, not two. That saves 4 kB. Beyond it the
# linker stops.
TARGET_CFLAGS += -mcmodel=tiny

# Segments as musl.ld has them are what lld makes when told of the largest page.
# Relocations packed, 100 bytes for 5 kB, and a start that knows them. The C library
# is compiled for more than a megabyte: in that way an erratum of the Cortex-A53 is.
LINKER_SCRIPT = toolchains/lld.ld
START = $(OUT)/start.o
LINK_FLAGS = -fuse-ld=lld -Wl,--gc-sections,--icf=all,-O2,-z,relro,-z,now \
	-Wl,-z,max-page-size=65536,-z,common-page-size=65536,-z,noseparate-code \
	-Wl,--no-rosegment,--pack-dyn-relocs=relr,-T,$(LINKER_SCRIPT),--fix-cortex-a53-843419 \
	-Wl,--build-id=none,--hash-style=gnu,--no-eh-frame-hdr,-s
TARGET_LDLIBS = -L$(MUSL_LIB) -lc
