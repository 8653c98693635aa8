# Static analysis of src/ and TARGET's port/, with TARGET's headers. tests/checks.mk calls this
# when the packages, the target's C library and the libraries' sources ($(DEPS)) are there.
#
#   make -f tests/source/analyse.mk gcc-TARGET|clang-tidy-TARGET|cppcheck-TARGET
#
# .clang-tidy and tests/source/cppcheck say what to look for. Only one goal at a time. A file
# that was found good is analysed again when it, a header or a setting changes.

TARGET := $(patsubst gcc-%,%,$(MAKECMDGOALS:clang-tidy-%=%))
TARGET := $(TARGET:cppcheck-%=%)
include toolchains/$(TARGET).mk
OUT := $(BUILD)/analyse/$(TARGET)
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl
include toolchains/deps.mk

# src/ has no #ifdef for an operating system, so it is analysed only once, for Linux.
CORE := $(if $(EXE),,$(sort $(wildcard src/*.c src/*/*.c)))
SOURCES := $(CORE) $(sort $(wildcard port/$(PORT)/*.c) $(if $(EXE),,$(wildcard port/common/*.c)))
SETTINGS := tests/source/analyse.mk toolchains/deps.mk toolchains/$(TARGET).mk \
	$(wildcard toolchains/*.inc include/*.h src/*/*.h port/*/*.h port/*/*/*.h)
TARGET_CPPFLAGS := $(TARGET_CPPFLAGS)
flags = $(OWN_CFLAGS) $(TARGET_CPPFLAGS) $(if $(filter port/%,$1),-Iport $(PORT_CPPFLAGS),$(CORE_CPPFLAGS))

gcc-$(TARGET): $(SOURCES:%.c=$(OUT)/%.gcc)
	@:
clang-tidy-$(TARGET): $(SOURCES:%.c=$(OUT)/%.tidy)
	@:
.PHONY: gcc-$(TARGET) clang-tidy-$(TARGET) cppcheck-$(TARGET)

# gcc 13 and later report as lost a descriptor that a global variable of listen.c holds, and
# those that lifecycle.c leaves open on purpose as 0, 1 and 2.
KEEPS_FDS = port/linux/listen.c port/linux/lifecycle.c
$(OUT)/%.gcc: %.c $(SETTINGS)
	@mkdir -p $(@D)
	@gcc -O2 -fanalyzer $(if $(filter $(KEEPS_FDS),$<),-Wno-analyzer-fd-leak) $(TARGET_CFLAGS) $(call flags,$<) -c -o $@.o $<
	@touch $@

# clang-tidy needs these two options of CC's, if CC is clang; for gcc's targets the default
# is right.
TIDY_TARGET = $(filter --target=% --sysroot=%,$(CC))
# The checks about style would take most of their time for windows.h's 65,000 declarations.
# Its error numbers end in a small l, which cert-dcl16-c does not like.
TIDY_CHECKS = $(if $(EXE),--checks=-misc-*$(comma)-readability-*$(comma)-cert-dcl16-c)
comma = ,
$(OUT)/%.tidy: %.c $(SETTINGS) .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy-19 --quiet $(TIDY_CHECKS) $< -- $(TIDY_TARGET) $(filter-out -Werror,$(call flags,$<)) 2>$@.log || \
		{ cat $@.log; exit 1; }
	@touch $@

# One run sees all files, so that it finds functions that are never called.
cppcheck-$(TARGET): $(SOURCES) $(SETTINGS) tests/source/cppcheck
	@mkdir -p $(OUT)/cppcheck
	@tests/source/cppcheck $(OUT)/cppcheck $(PORT) $(SOURCES)
