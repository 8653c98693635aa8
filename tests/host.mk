# Builds what only tests on this machine need: $(BUILD)/host/TOOL from each
# tests/tools/TOOL.c, $(BUILD)/host/unit/TEST from each tests/unit/TEST.c, and
# $(BUILD)/host/attestd. The unit tests and this attestd are compiled with sanitizers. With
# VARIANT=NAME they are compiled in another way, to $(BUILD)/NAME. tests/checks.mk calls
# this when the packages and the libraries' sources ($(DEPS)) are there.

PORT = linux
HOSTCC = gcc
VARIANT = host
OUT := $(BUILD)/$(VARIANT)
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl
# The TPM in the unit tests decrypts the salts that attestd encrypts.
BEARSSL_TESTS = $(addprefix rsa/rsa_,i31_oaep_decrypt i31_priv oaep_unpad) \
	$(addprefix int/i31_,decred mulacc reduce rshift)
include toolchains/deps.mk

TOOLS := $(patsubst tests/tools/%.c,$(OUT)/%,$(wildcard tests/tools/*.c))
UNIT_TESTS := $(wildcard tests/unit/test_*.c $(if $(filter valgrind,$(VARIANT)),tests/instrumented/test_*.c))
UNITS := $(patsubst %.c,$(OUT)/unit/%,$(notdir $(UNIT_TESTS)))
tools: $(TOOLS)
	@:
units: $(UNITS)
	@:
.PHONY: tools units attestd

Q := $(if $(V),,@)

TOOL_CFLAGS = -std=c11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wvla -D_GNU_SOURCE -Iinclude -Itests/tools
TOOL_LIB := $(patsubst tests/tools/%.c,$(OUT)/tools/%.o,$(sort $(wildcard tests/tools/lib/*.c)))

$(TOOL_LIB): $(OUT)/tools/%.o: tests/tools/%.c tests/host.mk
	@mkdir -p $(@D) && echo "HOSTCC $<"
	$(Q)$(HOSTCC) $(TOOL_CFLAGS) -MMD -MP -c -o $@ $<
$(TOOLS): $(OUT)/%: tests/tools/%.c $(TOOL_LIB) tests/host.mk
	@mkdir -p $(@D) && echo "HOSTCC $<"
	$(Q)$(HOSTCC) $(TOOL_CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(TOOL_LIB) \
		-Wl,--as-needed -lcrypto

# A unit test is linked with all of base/ and wire/, and with what this table names:
#   UNIT_SRC_test_x = sources of ours    UNIT_LIB_test_x = tss2, bearssl
#   UNIT_WRAP_test_x = functions that the test replaces, by the linker's --wrap
-include tests/unit/sources.mk

# For each VARIANT, how our sources are compiled (INSTRUMENTED) and the libraries
# (LIB_INSTRUMENTED). For valgrind they are optimised as in the program that ships, because
# what it examines is the code that the compiler makes.
INSTRUMENTED_host = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
INSTRUMENTED_valgrind = -Oz -fno-jump-tables -g
INSTRUMENTED_coverage = -O0 -g --coverage
LIB_INSTRUMENTED_host = -O1 -g -fsanitize=address
LIB_INSTRUMENTED_valgrind = -Oz -g
LIB_INSTRUMENTED_coverage = -O1 -g
INSTRUMENTED = $(INSTRUMENTED_$(VARIANT))
LIB_INSTRUMENTED = $(LIB_INSTRUMENTED_$(VARIANT))
wrap = $(addprefix -Wl$(comma)--wrap=,$1)
comma = ,
UNIT_EXTRA_coverage = $(OUT)/obj/tests/instrumented/gcov_at_exit.o
UNIT_WRAP_coverage = _exit
# Functions in tests need no prototypes.
UNIT_CFLAGS = $(INSTRUMENTED) $(OWN_CFLAGS) -D_GNU_SOURCE -Itests/unit -Iport
TEST_CFLAGS = -Wno-missing-prototypes -Wno-conversion

# $(call objects,SOURCES): the objects of our sources, as VARIANT compiles them.
objects = $(patsubst %.c,$(OUT)/obj/%.o,$1)
INSTRUMENTS := $(filter-out tests/instrumented/test_%,$(wildcard tests/instrumented/*.c))
SOURCES := $(sort $(wildcard src/*.c src/*/*.c port/common/*.c port/$(PORT)/*.c))

$(call objects,$(SOURCES) $(WINDOWS_SLOT_SRC) $(INSTRUMENTS)): $(OUT)/obj/%.o: %.c \
		tests/host.mk toolchains/deps.mk
	@mkdir -p $(@D) && echo "HOSTCC $<"
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

# $(call unit,TEST): the rule for one test's program.
define unit
$(OUT)/unit/$1: $(filter %/$1.c,$(UNIT_TESTS)) tests/host.mk $(wildcard tests/unit/sources.mk) \
		$(call objects,$(sort $(wildcard src/base/*.c src/wire/*.c) $(UNIT_SRC_$1))) \
		$(UNIT_EXTRA_$(VARIANT)) $(patsubst %,$(OUT)/lib%.a,$(UNIT_LIB_$1))
	@mkdir -p $$(@D) && echo "HOSTCC $$<"
	$$(Q)$$(HOSTCC) $$(UNIT_CFLAGS) $$(TEST_CFLAGS) -MMD -MP -MF $$@.d -MT $$@ -o $$@ \
		$$(filter %/$1.c %.o %.a,$$^) $(call wrap,$(UNIT_WRAP_$1) $(UNIT_WRAP_$(VARIANT))) -lcmocka
endef
$(foreach u,$(UNITS),$(eval $(call unit,$(notdir $u))))

# ESAPI's heap is an array inside attestd, where AddressSanitizer sees no blocks. With it,
# tests/instrumented/heap.c takes its place.
REPLACED_host = src/tpm/heap.c
EXTRA_host = tests/instrumented/planted_bugs.c tests/instrumented/malloc_heap.c tests/instrumented/pretend_sandbox.c
EXTRA_coverage = tests/instrumented/gcov_at_exit.c tests/instrumented/pretend_sandbox.c
# Without these, UndefinedBehaviorSanitizer's reports would not go to log_path.
LINK_host = -static-libasan -static-libubsan
WRAP_host = prctl syscall
WRAP_coverage = _exit prctl syscall
$(OUT)/attestd: $(call objects,$(filter-out $(REPLACED_$(VARIANT)),$(SOURCES)) $(EXTRA_$(VARIANT))) \
		$(OUT)/libtss2.a $(OUT)/libbearssl.a
	@echo "LD $@"
	$(Q)$(HOSTCC) $(INSTRUMENTED) $(LINK_$(VARIANT)) -o $@ $^ $(call wrap,$(WRAP_$(VARIANT)))
attestd: $(OUT)/attestd
	@:

$(OUT)/libtss2.a: $(TSS_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
$(OUT)/libbearssl.a: $(BEARSSL_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
$(OUT)/%.a:
	@rm -f $@
	@ar rcD $@ $^
$(OUT)/deps/tpm2-tss/%.o: $(TSS)/%.c toolchains/deps.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(LIB_INSTRUMENTED) $(TSS_CFLAGS) -c -o $@ $<
$(OUT)/deps/bearssl/%.o: $(BEARSSL)/%.c toolchains/deps.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(LIB_INSTRUMENTED) $(BEARSSL_CFLAGS) -c -o $@ $<

-include $(TOOLS:%=%.d) $(TOOL_LIB:.o=.d) $(UNITS:%=%.d) \
	$(patsubst %.o,%.d,$(call objects,$(SOURCES) $(WINDOWS_SLOT_SRC) $(INSTRUMENTS)))
.DELETE_ON_ERROR:
