GNU = riscv64-linux-gnu
DEBIAN_ARCH = riscv64
MUSL = riscv64-linux-musl
QEMU = qemu-riscv64-static
include toolchains/musl.inc
