# What TARGET is built with: its own file, toolchains/TARGET.mk, or the compiler that
# was given on make's command line. Included after TARGET has its default.

# `make CC=...` (or CC in the environment and `make -e`): GIVEN is set. An image builder
# does that. A target for Windows has more programs than a compiler, so it is no such case.
ifneq ($(filter command override,$(origin CC)),)
GIVEN := $(if $(findstring -windows,$(TARGET)),,given-)
else
GIVEN :=
endif

ifdef GIVEN
GIVEN_CPU := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
TARGET = $(GIVEN_CPU)-linux-musl
TARGET_FILE = toolchains/given.inc
else
TARGET_FILE = toolchains/$(TARGET).mk
endif
include $(TARGET_FILE)
