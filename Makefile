# attestd. What there is to make:
#
#   make [TARGET=...]  build/TARGET/attestd, or attestd.exe for Windows; without
#                      TARGET, for this machine
#   make targets       the same for every toolchains/TARGET.mk
#   make install       [DESTDIR=] [PREFIX=/usr/local] the binary, units, hooks, manual
#   make deb           Debian packages for amd64 and arm64
#   make clean         removes the build folder
#
#   make run           one attestation from start to end, on a software TPM
#   make bench         sizes, memory and times, in one table
#   make parts         what the bytes of each binary belong to
#
#   make check         the quick tests
#   make test          all tests, but for coverage
#   make test-windows  only the tests for Windows, under wine
#   make test-vm       only the tests on real kernels, in virtual machines
#   make packaging     only the tests of the packages, units, hooks and images
#   make compilers     only the builds with other compilers: make CC=...
#   make fuzz          [TIME=30] the fuzz targets, each for so many seconds
#   make sanitize      the integration tests on attestd with ASan and UBSan
#   make valgrind      the unit tests under memcheck, and the constant-time tests
#   make analyse       gcc -fanalyzer, clang-tidy and cppcheck
#   make coverage      lines and branches that unit and integration tests run
#   make soak          [TIME=3600] good and bad clients together, for so many seconds
#   make unit, rooms, format-check, reproducible: one suite each (tests/checks.mk)
#
# DEPS_DIR=FOLDER takes the source archives from that folder, not from Debian. CC=COMPILER
# builds with any compiler for Linux and musl, and uses nothing else of Debian's.

VERSION = 0.1.0
BUILD = build
PREFIX = /usr/local

# What is built for: each TARGET is toolchains/TARGET.mk.
MACHINE := $(shell uname -m)
HOST_TARGET := $(if $(filter arm%,$(MACHINE)),arm-linux-musleabihf,$(MACHINE)-linux-musl)
TARGET = $(HOST_TARGET)
TARGETS := $(sort $(basename $(notdir $(wildcard toolchains/*-*.mk))))
WINDOWS = x86_64-windows x86_64-windows-gcc aarch64-windows
DEB_TARGETS = x86_64-linux-musl aarch64-linux-musl
include toolchains/target.mk
include toolchains/packages.mk
export VERSION BUILD HOST_TARGET

# A goal that only builds installs no package: it names what is missing and stops.
# A goal that runs or tests something installs what it needs, and so do the makes
# that it calls.
BUILDS = all targets target-% install deb packages clean
export NEED_INSTALLS ?= $(if $(filter-out $(BUILDS),$(MAKECMDGOALS)),yes)

# $(call NEED,PURPOSE...): asks for the packages of all these purposes at once, so
# that who may not install any is told one command.
NEED = @toolchains/need $(sort $(foreach purpose,deps $1,$(PACKAGES_$(purpose))))

# An empty file in here says that this step is done.
READY = $(BUILD)/ready

# Uses all cores, unless make was told how many.
AT_ALL_CORES = $(if $(findstring --jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE = +@$(MAKE) --no-print-directory $(AT_ALL_CORES)

# The program is built in three steps: the compiler and its C library are there,
# the libraries' sources are unpacked, toolchains/build.mk compiles and links.
all: $(READY)/$(GIVEN)target-$(TARGET) $(READY)/deps
	$(SUBMAKE) -f toolchains/build.mk TARGET=$(TARGET)

$(READY)/$(GIVEN)target-$(TARGET): Makefile $(TARGET_FILE) toolchains/packages.mk toolchains/deps.lock \
		$(wildcard toolchains/*.inc toolchains/windows/*) $(firstword $(PREPARE))
	$(call NEED,target)
	@$(PREPARE)
	@mkdir -p $(@D) && touch $@

$(READY)/deps: toolchains/deps.lock toolchains/fetch-deps $(READY)/packages-deps
	@toolchains/fetch-deps $(BUILD)/deps tpm2-tss bearssl jsmn
	@touch $@

# After the target's packages, which have these among them: otherwise both would
# say what is missing.
$(READY)/packages-deps: | $(READY)/$(GIVEN)target-$(TARGET)
$(READY)/packages-%: toolchains/packages.mk
	@toolchains/need $(PACKAGES_$*)
	@mkdir -p $(@D) && touch $@

targets:
	$(call NEED,targets)
	$(SUBMAKE) $(TARGETS:%=target-%)
target-%:
	$(SUBMAKE) TARGET=$*
packages:
	@echo $(PACKAGES)

install: target-$(TARGET)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' toolchains/release/install $(BUILD)/$(TARGET)/attestd$(EXE)

deb:
	$(call NEED,deb)
	$(SUBMAKE) $(DEB_TARGETS:%=target-%)
	@for target in $(DEB_TARGETS); do toolchains/release/deb $(BUILD) $$target || exit; done

clean:
	rm -rf $(BUILD)

# Everything that runs or tests the program. It builds without the folder tests/.
-include tests/checks.mk

.PHONY: all targets packages install deb clean
.PRECIOUS: $(READY)/packages-%
.DELETE_ON_ERROR:
