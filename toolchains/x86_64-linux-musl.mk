GNU = x86_64-linux-gnu
DEBIAN_ARCH = amd64
MUSL = x86_64-linux-musl
QEMU = qemu-x86_64-static
include toolchains/musl.inc
