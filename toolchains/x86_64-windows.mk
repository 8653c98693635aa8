CPU = x86_64
include toolchains/windows.inc

# The program may run with a shadow stack, where the CPU has one.
TARGET_LDFLAGS += -Wl,-Xlink=-cetcompat
