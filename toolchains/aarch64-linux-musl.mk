GNU = aarch64-linux-gnu
DEBIAN_ARCH = arm64
MUSL = aarch64-linux-musl
QEMU = qemu-aarch64-static
include toolchains/musl.inc
# All that we compile is within a megabyte, what comes last (musl.ld) with its first
# byte: an address is one instruction then, not two. That saves 4 kB. Beyond it the
# linker stops.
TARGET_CFLAGS += -mcmodel=tiny
# The C library is compiled for more. The workaround for an erratum of the
# Cortex-A53 that only rewrites an instruction: the other kind, never needed in so
# small a program, pads the text by 4 kB wherever it comes upon a place for it.
LDFLAGS += -mno-fix-cortex-a53-843419 -Wl,--fix-cortex-a53-843419=adr
