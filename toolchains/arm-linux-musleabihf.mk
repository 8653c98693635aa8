GNU = arm-linux-gnueabihf
DEBIAN_ARCH = armhf
MUSL = arm-linux-musleabihf
QEMU = qemu-arm-static
include toolchains/musl.inc
