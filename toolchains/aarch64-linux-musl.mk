GNU = aarch64-linux-gnu
DEBIAN_ARCH = arm64
MUSL = aarch64-linux-musl
QEMU = qemu-aarch64-static
include toolchains/musl.inc

# clang's code for this CPU is 7 kB smaller than gcc's, because clang turns code that
# functions have in common into functions of its own. clang and lld know all CPUs.
CC = clang-19 --target=$(MUSL) -Qunused-arguments
AR = llvm-ar-19
PACKAGES = clang-19 lld-19 llvm-19 binutils-aarch64-linux-gnu $(if $(SYSROOT),,musl-dev)
TARGET_CPPFLAGS = -nostdlibinc -isystem $(SYSROOT)/usr/include/$(MUSL)
# `make parts` needs debug information, but without it clang puts the functions of its own
# in another order. So it is always made; the linker leaves it out of what ships.
TARGET_OPTIMISE = -fno-asynchronous-unwind-tables -fno-unwind-tables -gdwarf-4
LTO = -flto
# The whole program, up to the first byte of the last variable (lld.ld), is within a
# megabyte. So an address takes one instruction, not two, which saves 4 kB. If the
# program grows beyond that, the linker stops with an error.
TARGET_CFLAGS += -mcmodel=tiny

# lld lays out segments as musl.ld does, when it knows the largest page. Relocations are
# packed (100 bytes instead of 5 kB), and START knows how to read them. The C library is
# not compiled with -mcmodel=tiny, so its code needs the fix for an erratum of the
# Cortex-A53.
LINKER_SCRIPT = toolchains/lld.ld
START = $(OUT)/start.o
LINK_FLAGS = -fuse-ld=lld -Wl,--gc-sections,--icf=all,-O2,-z,relro,-z,now \
	-Wl,-z,max-page-size=65536,-z,common-page-size=65536,-z,noseparate-code \
	-Wl,--no-rosegment,--pack-dyn-relocs=relr,-T,$(LINKER_SCRIPT),--fix-cortex-a53-843419 \
	-Wl,--build-id=none,--hash-style=gnu,--no-eh-frame-hdr,-s
TARGET_LDLIBS = -L$(MUSL_LIB) -lc
