# Builds one TARGET: $(BUILD)/$(TARGET)/attestd. Made by the Makefile, which
# has seen to the compiler, its C library and $(DEPS).

include toolchains/$(TARGET).mk

OUT := $(BUILD)/$(TARGET)
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl

# Simply expanded, so that the compiler is asked for its paths only once.
TARGET_CPPFLAGS := $(TARGET_CPPFLAGS)

SOURCES := $(sort $(wildcard src/*.c src/*/*.c port/$(PORT)/*.c))
include toolchains/deps.mk

OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
TSS_OBJECTS := $(TSS_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
BEARSSL_OBJECTS := $(BEARSSL_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)

# Size first; what gcc inlines across files because it is small is not. Unwind
# tables serve exceptions and debuggers; there are neither here.
OPTIMISE = -Oz -fno-inline-small-functions -fno-jump-tables -fomit-frame-pointer \
	-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -fstack-protector-strong -fno-ident
# Saves a quarter. Not for BearSSL: its constant-time code counts on what the
# compiler cannot see across files.
LTO = -flto -flto-partition=one
# 4 kB pages: the larger ones that some linkers assume are all padding. So is
# what would keep constants and code in segments of their own.
LDFLAGS = -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,-z,max-page-size=4096 \
	-Wl,-z,common-page-size=4096,-z,noseparate-code,--build-id=none,--hash-style=gnu,-s

# V=1 shows the commands.
Q := $(if $(V),,@)

attestd: $(OUT)/attestd
	@:

$(OUT)/attestd: $(OBJECTS) $(OUT)/libtss2.a $(OUT)/libbearssl.a
	@echo "LD $@"
	$(Q)$(CC) $(OPTIMISE) $(LTO) $(TARGET_CFLAGS) $(LDFLAGS) $(TARGET_LDFLAGS) -o $@ $^ $(TARGET_LDLIBS)

$(OUT)/libtss2.a: $(TSS_OBJECTS)
$(OUT)/libbearssl.a: $(BEARSSL_OBJECTS)
$(OUT)/%.a:
	@rm -f $@
	$(Q)$(AR) rcD $@ $^

# Is it what it should be? Runs it, under QEMU if it is another CPU's.
check-binary: $(OUT)/attestd
	@toolchains/check-binary $(TARGET) $< $(if $(filter-out $(HOST_TARGET),$(TARGET)),$(QEMU))
.PHONY: attestd check-binary
.DELETE_ON_ERROR:

# Nearly all of the time that is not the TPM's is spent here.
$(addprefix $(OUT)/deps/bearssl/src/,int/i31_montmul.o hash/sha2small.o): OPTIMISE += -O2

# What else decides how things are compiled; the Makefile has the version.
$(OBJECTS) $(TSS_OBJECTS) $(BEARSSL_OBJECTS): toolchains/build.mk toolchains/deps.mk \
	$(wildcard toolchains/*.inc) toolchains/$(TARGET).mk
$(OBJECTS): Makefile

$(OBJECTS): $(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(OPTIMISE) $(LTO) $(TARGET_CFLAGS) $(OWN_CFLAGS) $(TARGET_CPPFLAGS) \
		$(if $(filter port/%,$<),$(PORT_CPPFLAGS)) -MD -MP -c -o $@ $<

$(TSS_OBJECTS): $(OUT)/deps/%.o: $(DEPS)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPTIMISE) $(LTO) $(TARGET_CFLAGS) $(TSS_CFLAGS) $(TARGET_CPPFLAGS) -c -o $@ $<

$(BEARSSL_OBJECTS): $(OUT)/deps/%.o: $(DEPS)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPTIMISE) $(TARGET_CFLAGS) $(BEARSSL_CFLAGS) $(TARGET_CPPFLAGS) -c -o $@ $<

-include $(OBJECTS:.o=.d)
