GNU = aarch64-linux-gnu
DEBIAN_ARCH = arm64
MUSL = aarch64-linux-musl
QEMU = qemu-aarch64-static
include toolchains/musl.inc
