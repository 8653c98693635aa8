# What programs that only read the sources have to say of them: with TARGET's
# headers, src/ and TARGET's port/. Made by the Makefile, which has seen to the
# packages, the target's sysroot and $(DEPS).
#
#   make -f tests/source/analyse.mk gcc-TARGET|clang-tidy-TARGET|cppcheck-TARGET
#
# What they are to look for is in .clang-tidy and in tests/source/cppcheck.
# One goal at a time. A file that was found good is looked at again when it or a header changes.

TARGET := $(patsubst gcc-%,%,$(MAKECMDGOALS:clang-tidy-%=%))
TARGET := $(TARGET:cppcheck-%=%)
include toolchains/$(TARGET).mk
OUT := $(BUILD)/analyse/$(TARGET)
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl
include toolchains/deps.mk

# src/ has no #ifdef of a system's: once is enough.
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

# gcc 13 and later take a descriptor for lost that a global of listen.c's holds,
# and those of lifecycle.c that are to stay open as the first three.
KEEPS_FDS = port/linux/listen.c port/linux/lifecycle.c
$(OUT)/%.gcc: %.c $(SETTINGS)
	@mkdir -p $(@D)
	@gcc -O2 -fanalyzer $(if $(filter $(KEEPS_FDS),$<),-Wno-analyzer-fd-leak) $(TARGET_CFLAGS) $(call flags,$<) -c -o $@.o $<
	@touch $@

# clang's own name for the target's machine is gcc's, or was said in CC.
TIDY_TARGET = $(filter --target=% --sysroot=%,$(CC))
# Of windows.h's 65,000 declarations the families about style take most of the time;
# and its error numbers have a small l behind them.
TIDY_CHECKS = $(if $(EXE),--checks=-misc-*$(comma)-readability-*$(comma)-cert-dcl16-c)
comma = ,
$(OUT)/%.tidy: %.c $(SETTINGS) .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy-19 --quiet $(TIDY_CHECKS) $< -- $(TIDY_TARGET) $(filter-out -Werror,$(call flags,$<)) 2>$@.log || \
		{ cat $@.log; exit 1; }
	@touch $@

# One run sees all files: what is static, what nobody calls.
cppcheck-$(TARGET): $(SOURCES) $(SETTINGS) tests/source/cppcheck
	@mkdir -p $(OUT)/cppcheck
	@tests/source/cppcheck $(OUT)/cppcheck $(PORT) $(SOURCES)
