# Builds the fuzz targets for this machine: $(BUILD)/fuzz/TARGET from each
# tests/fuzz/fuzz_TARGET.c. The Makefile calls this file, after it has checked the
# packages and unpacked $(DEPS).

PORT = linux
FUZZCC = clang-19
OUT := $(BUILD)/fuzz
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl
include toolchains/deps.mk

# A target is linked with all of base/ and wire/, and with what this table names:
#   FUZZ_SRC_x = sources of ours    FUZZ_LIB_x = tss2, bearssl    FUZZ_WRAP_x = functions
include tests/fuzz/sources.mk

TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz: $(TARGETS:%=$(OUT)/%) $(OUT)/seeds/made
	@:
$(OUT)/seeds/made: tests/fuzz/seeds $(wildcard tests/fuzz/*.py) tests/unit/rsa_key.h tests/unit/certificates.h
	@rm -rf $(@D)
	@tests/fuzz/seeds $(@D)
	@touch $@
.PHONY: fuzz

Q := $(if $(V),,@)

COMMON = -O1 -g -fno-omit-frame-pointer
SANITIZED = $(COMMON) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS = $(SANITIZED) $(OWN_CFLAGS) -D_GNU_SOURCE -Itests/fuzz -Itests/unit -Iport

# objects(SOURCES): attestd's own objects, built with the sanitizers.
objects = $(patsubst %.c,$(OUT)/obj/%.o,$1)
SOURCES := $(sort $(wildcard src/base/*.c src/wire/*.c) $(foreach t,$(TARGETS),$(FUZZ_SRC_$t)))
FUZZ_SOURCES := $(SOURCES) $(TARGETS:%=tests/fuzz/fuzz_%.c)

$(call objects,$(FUZZ_SOURCES)): $(OUT)/obj/%.o: %.c tests/fuzz/fuzz.mk toolchains/deps.mk
	@mkdir -p $(@D) && echo "FUZZCC $<"
	$(Q)$(FUZZCC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

# $(call fuzz_target,TARGET): the rule for its program.
define fuzz_target
$(OUT)/$1: $(call objects,$(sort $(wildcard src/base/*.c src/wire/*.c) $(FUZZ_SRC_$1)) tests/fuzz/fuzz_$1.c) \
		$(patsubst %,$(OUT)/lib%.a,$(FUZZ_LIB_$1)) tests/fuzz/fuzz.mk tests/fuzz/sources.mk
	@echo "LD $$@"
	$$(Q)$$(FUZZCC) $$(COMMON) -fsanitize=fuzzer,address,undefined -o $$@ $$(filter %.o %.a,$$^) \
		$(FUZZ_WRAP_$1:%=-Wl,--wrap=%)
endef
$(foreach t,$(TARGETS),$(eval $(call fuzz_target,$t)))

# The fuzzer follows the libraries' code, too. They are compiled without
# UndefinedBehaviorSanitizer, because harmless undefined behaviour in them is not ours.
LIB_CFLAGS = $(COMMON) -fsanitize=fuzzer-no-link,address
$(OUT)/libtss2.a: $(TSS_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
$(OUT)/libbearssl.a: $(BEARSSL_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
$(OUT)/%.a:
	@rm -f $@
	@ar rcD $@ $^
$(OUT)/deps/tpm2-tss/%.o: $(TSS)/%.c toolchains/deps.mk tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZCC) $(LIB_CFLAGS) $(TSS_CFLAGS) -c -o $@ $<
$(OUT)/deps/bearssl/%.o: $(BEARSSL)/%.c toolchains/deps.mk tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZCC) $(LIB_CFLAGS) $(BEARSSL_CFLAGS) -c -o $@ $<

-include $(patsubst %.o,%.d,$(call objects,$(FUZZ_SOURCES)))
.DELETE_ON_ERROR:
