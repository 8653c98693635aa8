GNU = x86_64-linux-gnu
DEBIAN_ARCH = amd64
MUSL = x86_64-linux-musl
QEMU = qemu-x86_64-static
include toolchains/musl.inc
# Relocations are packed (100 bytes instead of 4.8 kB), and START knows how to read them.
START = $(OUT)/start.o
LINK_FLAGS += -Wl,-z,pack-relative-relocs
