CPU = aarch64
include toolchains/windows.inc
