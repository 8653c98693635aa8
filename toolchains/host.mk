# Builds what runs on this machine only: $(BUILD)/host/TOOL from each
# tests/tools/TOOL.c, and $(BUILD)/host/unit/TEST from each tests/unit/TEST.c.
# Made by the Makefile, which has seen to the packages and $(DEPS).

PORT = linux
HOSTCC = gcc
OUT := $(BUILD)/host
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl
include toolchains/deps.mk

TOOLS := $(patsubst tests/tools/%.c,$(OUT)/%,$(wildcard tests/tools/*.c))
UNITS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/test_*.c))
tools: $(TOOLS)
	@:
units: $(UNITS)
	@:
.PHONY: tools units

Q := $(if $(V),,@)

TOOL_CFLAGS = -std=c11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wvla -D_GNU_SOURCE -Iinclude -Itests/tools
TOOL_LIB := $(patsubst tests/tools/%.c,$(OUT)/tools/%.o,$(sort $(wildcard tests/tools/lib/*.c)))

$(TOOL_LIB): $(OUT)/tools/%.o: tests/tools/%.c toolchains/host.mk
	@mkdir -p $(@D) && echo "HOSTCC $<"
	$(Q)$(HOSTCC) $(TOOL_CFLAGS) -MMD -MP -c -o $@ $<
$(TOOLS): $(OUT)/%: tests/tools/%.c $(TOOL_LIB) toolchains/host.mk
	@mkdir -p $(@D) && echo "HOSTCC $<"
	$(Q)$(HOSTCC) $(TOOL_CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(TOOL_LIB) \
		-Wl,--as-needed -lcrypto

# A unit test is linked with all of wire/ and with what this table names:
#   UNIT_SRC_test_x = sources of ours    UNIT_LIB_test_x = tss2, bearssl
-include tests/unit/sources.mk

CHECKED = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# The tests' own functions may all be called test_...: no prototypes for them.
UNIT_CFLAGS = $(CHECKED) $(OWN_CFLAGS) -D_GNU_SOURCE -Itests/unit -Iport
TEST_CFLAGS = -Wno-missing-prototypes -Wno-conversion

# objects(SOURCES): ours, with the sanitizers.
objects = $(patsubst %.c,$(OUT)/obj/%.o,$1)
UNIT_SOURCES := $(sort $(wildcard src/wire/*.c) $(foreach u,$(UNITS),$(UNIT_SRC_$(notdir $u))))

$(call objects,$(UNIT_SOURCES)): $(OUT)/obj/%.o: %.c toolchains/host.mk toolchains/deps.mk
	@mkdir -p $(@D) && echo "HOSTCC $<"
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

# unit(TEST): one test's program.
define unit
$(OUT)/unit/$1: tests/unit/$1.c toolchains/host.mk $(wildcard tests/unit/sources.mk) \
		$(call objects,$(sort $(wildcard src/wire/*.c) $(UNIT_SRC_$1))) \
		$(patsubst %,$(OUT)/lib%.a,$(UNIT_LIB_$1))
	@mkdir -p $$(@D) && echo "HOSTCC $$<"
	$$(Q)$$(HOSTCC) $$(UNIT_CFLAGS) $$(TEST_CFLAGS) -MMD -MP -MF $$@.d -MT $$@ -o $$@ \
		$$(filter %.c %.o %.a,$$^) -lcmocka
endef
$(foreach u,$(UNITS),$(eval $(call unit,$(notdir $u))))

$(OUT)/libtss2.a: $(TSS_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
$(OUT)/libbearssl.a: $(BEARSSL_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
$(OUT)/%.a:
	@rm -f $@
	@ar rcD $@ $^
$(OUT)/deps/tpm2-tss/%.o: $(TSS)/%.c toolchains/deps.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g -fsanitize=address $(TSS_CFLAGS) -c -o $@ $<
$(OUT)/deps/bearssl/%.o: $(BEARSSL)/%.c toolchains/deps.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g -fsanitize=address $(BEARSSL_CFLAGS) -c -o $@ $<

-include $(TOOLS:%=%.d) $(TOOL_LIB:.o=.d) $(UNITS:%=%.d) $(patsubst %.o,%.d,$(call objects,$(UNIT_SOURCES)))
.DELETE_ON_ERROR:
