# Builds attestd for one TARGET, as $(BUILD)/$(TARGET)/attestd$(EXE), and the programs that
# tests run on TARGET, in $(BUILD)/$(TARGET)/tools. The Makefile calls it when the compiler,
# its C library and the libraries' sources ($(DEPS)) are there.

include toolchains/target.mk

# INJECT=NAME builds a second program, with tests/injected/NAME.c inside, in
# $(BUILD)/injected/NAME/TARGET. It has no LTO, so that the linker sees each call of the
# functions that NAME.c replaces (WRAP_NAME in tests/injected/wrap.mk).
INJECT =
# PARTS=1 builds a second program, with debug information, in $(BUILD)/parts/TARGET. The
# debug information says which source each byte is from (tests/bench/parts.py).
PARTS =
OUT := $(BUILD)/$(if $(INJECT),injected/$(INJECT)/)$(if $(PARTS),parts/)$(TARGET)
# The program with something injected uses the BearSSL of the one that ships.
SHIPS := $(if $(INJECT),$(BUILD)/$(TARGET),$(OUT))
DEPS := $(BUILD)/deps
TSS := $(DEPS)/tpm2-tss
BEARSSL := $(DEPS)/bearssl

# := asks the compiler for its paths only once.
TARGET_CPPFLAGS := $(TARGET_CPPFLAGS)

SOURCES := $(sort $(wildcard src/*.c src/*/*.c port/common/*.c port/$(PORT)/*.c) \
	$(INJECT:%=tests/injected/%.c))
include toolchains/deps.mk

OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
RESOURCES := $(patsubst %.rc,$(OUT)/%.res.o,$(wildcard port/$(PORT)/*.rc))
TSS_OBJECTS := $(TSS_SOURCES:$(DEPS)/%.c=$(OUT)/deps/%.o)
BEARSSL_OBJECTS := $(BEARSSL_SOURCES:$(DEPS)/%.c=$(SHIPS)/deps/%.o)

# Size first. TARGET_OPTIMISE has what one compiler needs, and COMPILER_FLAGS is a file
# that says what the compiler knows that was given on the command line.
OPTIMISE_FLAGS = -Oz -fno-jump-tables -fomit-frame-pointer -ffunction-sections \
	-fdata-sections -fstack-protector-strong -fno-ident
ifdef GIVEN
include $(COMPILER_FLAGS) # made by a rule below
endif
OPTIMISE = $(GIVEN_CFLAGS) $(OPTIMISE_FLAGS) $(TARGET_OPTIMISE)
# LTO saves a quarter of the size. BearSSL is compiled without it, because its
# constant-time code relies on the compiler not seeing across files.

ifneq ($(INJECT),)
include tests/injected/wrap.mk
override LTO =
LINK_FLAGS += $(WRAP_$(INJECT):%=-Wl,--wrap=%)
endif

ifneq ($(PARTS),)
OPTIMISE += $(if $(findstring -g,$(TARGET_OPTIMISE)),,-g)
override LINK_FLAGS := $(LINK_FLAGS:,-s=)
endif

# V=1 shows the commands.
Q := $(if $(V),,@)

attestd: $(OUT)/attestd$(EXE)
	@:

# The compiler that all objects are from: with another one they are made again.
$(BUILD)/$(TARGET)/compiler: FORCE
	@mkdir -p $(@D)
	@echo $(call quoted,$(CC) $(GIVEN_FLAGS)) | cmp -s - $@ || echo $(call quoted,$(CC) $(GIVEN_FLAGS)) >$@
quoted = '$(subst ','\'',$1)'
FORCE:
ifdef GIVEN
$(COMPILER_FLAGS): toolchains/try-compiler $(BUILD)/$(TARGET)/compiler
	@toolchains/try-compiler $@ $(GIVEN_CPU) $(CC)
endif

# Archives of LTO objects need an ar that fits the compiler. A compiler that was given
# comes without: there the objects are linked themselves.
LIBRARIES := $(if $(GIVEN),$(TSS_OBJECTS) $(BEARSSL_OBJECTS),$(OUT)/libtss2.a $(SHIPS)/libbearssl.a)
$(OUT)/attestd$(EXE): $(START) $(OBJECTS) $(RESOURCES) $(LIBRARIES) $(LINKER_SCRIPT)
	@echo "LD $@"
	$(Q)$(CC) $(OPTIMISE) $(LTO) $(TARGET_CFLAGS) $(GIVEN_LDFLAGS) $(LINK_FLAGS) $(TARGET_LDFLAGS) -o $@ $(filter-out $(LINKER_SCRIPT),$^) $(TARGET_LDLIBS)

$(OUT)/libtss2.a: $(TSS_OBJECTS)
$(SHIPS)/libbearssl.a: $(BEARSSL_OBJECTS)
$(OUT)/libtss2.a $(SHIPS)/libbearssl.a:
	@rm -f $@
	$(Q)$(AR) rcD $@ $^

# Checks the properties of the binary, and runs it if this machine can.
check-binary: $(OUT)/attestd$(EXE)
	@$(CHECK_BINARY)
.PHONY: attestd check-binary tools FORCE
.DELETE_ON_ERROR:

# Almost all time that attestd itself needs is spent in these two, so they are fast, not small.
$(addprefix $(SHIPS)/deps/bearssl/src/,int/i31_montmul.o hash/sha2small.o): OPTIMISE += -O2

# These files decide how everything is compiled. The Makefile has the version.
$(OBJECTS) $(TSS_OBJECTS) $(BEARSSL_OBJECTS): toolchains/build.mk toolchains/deps.mk \
	$(wildcard toolchains/*.inc) $(TARGET_FILE) $(BUILD)/$(TARGET)/compiler
$(OBJECTS): Makefile

$(OBJECTS): $(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(OPTIMISE) $(LTO) $(TARGET_CFLAGS) $(OWN_CFLAGS) $(TARGET_CPPFLAGS) \
		$(if $(filter port/% tests/%,$<),-Iport $(PORT_CPPFLAGS),$(CORE_CPPFLAGS)) -MD -MP -c -o $@ $<

$(TSS_OBJECTS): $(OUT)/deps/%.o: $(DEPS)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPTIMISE) $(LTO) $(TARGET_CFLAGS) $(TSS_CFLAGS) $(TARGET_CPPFLAGS) \
		$(if $(findstring /tcti-,$<),$(TCTI_CPPFLAGS),$(CORE_CPPFLAGS)) -c -o $@ $<

$(BEARSSL_OBJECTS): $(SHIPS)/deps/%.o: $(DEPS)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPTIMISE) $(NO_LTO) $(TARGET_CFLAGS) $(BEARSSL_CFLAGS) $(TARGET_CPPFLAGS) -c -o $@ $<

# Without LTO, and without a stack protector, because its canary is not set yet.
$(OUT)/start.o: toolchains/linux/start.c toolchains/build.mk $(TARGET_FILE) $(wildcard toolchains/*.inc) \
		$(BUILD)/$(TARGET)/compiler
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(OPTIMISE) $(NO_LTO) -fno-stack-protector $(TARGET_CFLAGS) $(OWN_CFLAGS) $(TARGET_CPPFLAGS) -c -o $@ $<

# The version is given as text, with quotes that the shell keeps, and as four numbers.
comma = ,
$(RESOURCES): $(OUT)/%.res.o: %.rc $(wildcard port/$(PORT)/*.h) Makefile toolchains/build.mk
	@mkdir -p $(@D)
	@echo "RC $<"
	$(Q)$(WINDRES) -DATTESTD_VERSION='\"$(VERSION)\"' \
		-DATTESTD_VERSION_COMMAS=$(subst .,$(comma),$(VERSION)),0 -i $< -o $@

# The programs that tests run on TARGET: for Windows two exes, and a tbs.dll that stands in
# for Windows's own; for Linux a program that makes a TPM inside a virtual machine.
TOOLS := $(addprefix $(OUT)/tools/,$(if $(EXE),relay.exe ordinary.exe tbs.dll,vtpm-proxy))
tools: $(TOOLS)
	@:
$(OUT)/tools/vtpm-proxy: tests/vm/vtpm-proxy.c $(START) toolchains/build.mk $(TARGET_FILE) $(LINKER_SCRIPT)
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) -std=c11 -Os -Wall -Wextra -Werror -Wshadow -Wvla $(TARGET_CFLAGS) $(TARGET_CPPFLAGS) \
		$(PORT_CPPFLAGS) $(LINK_FLAGS) $(TARGET_LDFLAGS) -o $@ $(START) $< $(TARGET_LDLIBS)
$(addprefix $(OUT)/tools/,relay.exe ordinary.exe tbs.dll): $(OUT)/tools/%: toolchains/build.mk toolchains/windows.inc $(TARGET_FILE)
	@mkdir -p $(@D)
	@echo "CC $(filter %.c,$^)"
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -Werror $(TARGET_CPPFLAGS) $(PORT_CPPFLAGS) \
		$(if $(filter %.dll,$@),-shared) -static -s $(if $(C_LDLIBS),-nodefaultlibs) \
		-o $@ $(filter %.c,$^) -lws2_32 -ladvapi32 $(if $(C_LDLIBS),-lmingw32 $(C_LDLIBS))
$(OUT)/tools/relay.exe: $(addprefix tests/tools/windows/,relay.c look.c options.c relay.h client.h)
$(OUT)/tools/ordinary.exe: tests/tools/windows/ordinary.c
$(OUT)/tools/tbs.dll: $(addprefix tests/tools/windows/,tbs.c tbs_rules.c tbs_rules.h tbs_told.c tbs_told.h \
	client.c client.h)

-include $(OBJECTS:.o=.d)
