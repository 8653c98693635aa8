# attestd. What there is to make:
#
#   make [TARGET=...]  build/TARGET/attestd, attestd.exe for Windows; this
#                      machine's kind by default
#   make targets       that for every toolchains/TARGET.mk
#   make run           an attestation, start to end, on a software TPM
#   make check         the quick tests; make test: all of them
#   make test-windows  those for Windows alone, under wine
#   make test-vm       those on real kernels alone, in virtual machines
#   make fuzz          [TIME=30] the fuzz targets, so many seconds each
#   make sanitize      the integration tests on attestd with ASan and UBSan inside
#   make valgrind      the unit tests under memcheck; and what has to take constant time
#   make analyse       gcc -fanalyzer, clang-tidy, cppcheck
#   make coverage      of lines and branches, by unit and integration tests
#   make soak          [TIME=3600] good and bad clients together, so many seconds
#   make install       [DESTDIR=] [PREFIX=/usr/local] the binary, units, hooks, manual
#   make deb           Debian packages, for amd64 and arm64
#   make bench         sizes, memory and times, in one table
#   make rooms, make format-check, make reproducible, make unit, make clean
#
# DEPS_DIR=FOLDER takes the source archives from there, not from Debian.

VERSION = 0.1.0
BUILD = build

MACHINE := $(shell uname -m)
HOST_TARGET := $(if $(filter arm%,$(MACHINE)),arm-linux-musleabihf,$(MACHINE)-linux-musl)
TARGET = $(HOST_TARGET)
WINDOWS = x86_64-windows x86_64-windows-gcc aarch64-windows
TARGETS := $(sort $(basename $(notdir $(wildcard toolchains/*-*.mk))))
include toolchains/$(TARGET).mk

# Debian's own, whatever else is first in PATH: it has the modules.
PYTHON = /usr/bin/python3
PREFIX = /usr/local
export VERSION BUILD HOST_TARGET

# What each purpose needs of Debian; a target's own list is in its .mk.
PACKAGES_deps = xz-utils
PACKAGES_tools = gcc libc6-dev libssl-dev
PACKAGES_unit = gcc libc6-dev libcmocka-dev python3-minimal
PACKAGES_format = clang-format-19
PACKAGES_rooms = python3-minimal
PACKAGES_integration = swtpm swtpm-tools tpm2-tools qemu-user-static openssl jq \
	python3 python3-pytest python3-pytest-xdist python3-cryptography
PACKAGES_soak = $(PACKAGES_integration)
PACKAGES_binaries = binutils qemu-user-static wine wine64
PACKAGES_windows = wine wine64 $(shell tests/tools/arm64-wine packages) \
	$(foreach t,$(WINDOWS),$(shell MAKEFLAGS= $(MAKE) -s packages TARGET=$t))
PACKAGES_vm = qemu-system-x86 qemu-system-arm swtpm swtpm-tools tpm2-tools openssl \
	binutils python3 python3-pytest python3-pytest-xdist python3-cryptography util-linux
PACKAGES_packaging = bash dash debian-archive-keyring e2fsprogs lintian mandoc mmdebstrap \
	python3 python3-cryptography python3-pytest python3-pytest-xdist qemu-system-x86 \
	qemu-user-static shellcheck swtpm swtpm-tools systemd tpm2-tools util-linux wget
# llvm-19: the names in the stacks that a crash prints
PACKAGES_fuzz = clang-19 libclang-rt-19-dev llvm-19 python3-minimal
PACKAGES_valgrind = gcc libc6-dev libc6-dbg libcmocka-dev valgrind
PACKAGES_coverage = gcovr $(PACKAGES_unit) $(PACKAGES_integration)
PACKAGES_analyse = clang-tidy-19 cppcheck python3-minimal
PACKAGES_sanitize = $(PACKAGES_unit) $(PACKAGES_integration)
PACKAGES_run = swtpm swtpm-tools tpm2-tools openssl
PACKAGES_bench = swtpm swtpm-tools tpm2-tools python3 python3-cryptography valgrind wine wine64
PACKAGES_parts = gcc libc6-dev llvm-19 python3 python3-pytest python3-pytest-xdist
PACKAGES_target = $(PACKAGES)
PACKAGES_targets = $(foreach t,$(TARGETS),$(shell MAKEFLAGS= $(MAKE) -s packages TARGET=$t))

# What only builds installs nothing: it says in one line what is missing. What runs
# or tests sees to all that it needs, and so do the makes that it calls.
BUILDS = all targets target-% install deb packages clean
export NEED_INSTALLS ?= $(if $(filter-out $(BUILDS),$(MAKECMDGOALS)),yes)

# Asks for all that a goal needs at once: who may install nothing is told one
# command, not one after the other.
NEED = @toolchains/need $(sort $(foreach purpose,deps $1,$(PACKAGES_$(purpose))))

READY = $(BUILD)/ready
RESULTS = $(BUILD)/results

# All cores, unless we were told how many.
AT_ALL_CORES = $(if $(findstring --jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE = +@$(MAKE) --no-print-directory $(AT_ALL_CORES)

all: $(READY)/target-$(TARGET) $(READY)/deps
	$(SUBMAKE) -f toolchains/build.mk TARGET=$(TARGET)

targets:
	$(call NEED,targets)
	$(SUBMAKE) $(TARGETS:%=target-%)
packages:
	@echo $(PACKAGES)
target-%:
	$(SUBMAKE) TARGET=$*

$(READY)/target-$(TARGET): Makefile toolchains/$(TARGET).mk toolchains/deps.lock \
		$(wildcard toolchains/*.inc toolchains/windows/*) $(firstword $(PREPARE))
	$(call NEED,target)
	@$(PREPARE)
	@mkdir -p $(@D) && touch $@

$(READY)/deps: toolchains/deps.lock toolchains/fetch-deps $(READY)/packages-deps
	@toolchains/fetch-deps $(BUILD)/deps tpm2-tss bearssl jsmn
	@touch $@

# Not at the same time as a target's, which have these among them: to be said once.
$(READY)/packages-deps: | $(READY)/target-$(TARGET)
$(READY)/packages-%: Makefile
	@toolchains/need $(PACKAGES_$*)
	@mkdir -p $(@D) && touch $@

# The programs that tests run on Windows, beside that target's attestd.exe.
tools-%: target-%
	$(SUBMAKE) -f toolchains/build.mk TARGET=$* tools

# attestd with a probe of the tests' inside, for this machine; and the sandbox's
# for those of the guest with large pages (of a name that the first cannot take
# for its own: which of two that fit is taken differs from make to make).
PROBES := $(patsubst tests/injected/%.c,%,$(sort $(wildcard tests/injected/*.c)))
probes: $(PROBES:%=probe-%)
probe-%: target-$(HOST_TARGET)
	$(SUBMAKE) -f toolchains/build.mk TARGET=$(HOST_TARGET) PROBE=$*
sandbox-probe-%: target-%
	$(SUBMAKE) -f toolchains/build.mk TARGET=$* PROBE=sandbox

# Its twins with debug information, which say whose the bytes are: tests/bench/parts.py.
PARTED = x86_64-linux-musl aarch64-linux-musl x86_64-windows aarch64-windows
parts-%: target-%
	$(SUBMAKE) -f toolchains/build.mk TARGET=$* PARTS=1

parts: $(PARTED:%=parts-%) $(READY)/packages-parts
	@PYTHONDONTWRITEBYTECODE=1 BUILD=$(abspath $(BUILD)) PARTED='$(PARTED)' \
		$(PYTHON) tests/bench/bench.py --parts

# The programs that tests use, and the unit tests themselves, for this machine.
tools: $(READY)/packages-tools
	$(SUBMAKE) -f tests/host.mk tools

units: $(READY)/packages-unit $(READY)/deps
	$(SUBMAKE) -f tests/host.mk units

# Each suite leaves its outcome in $(RESULTS); `summary` counts them up and
# decides. So a suite that fails does not keep the next one from running.
# Not our jobs: what a suite runs may call make itself.
SUITE = MAKEFLAGS= $(PYTHON) tests/tools/suite
empty =
comma = ,
list = $(subst $(empty) $(empty),$(comma),$(strip $1))
UNITS := $(sort $(basename $(notdir $(wildcard tests/unit/test_*.c))))
SUITES = $(UNITS:%=unit-%) rooms format integration
# What only computes, where it runs beside tests that wait for clocks: it has what they leave.
BESIDE =

unit: units
	-@for unit in $(UNITS); do \
		$(SUITE) --cmocka $(RESULTS) unit-$$unit $(BUILD)/host/unit/$$unit; done

# Each fuzz target, for TIME seconds; but first what is known to be of interest.
TIME = 30
AT_ONCE = 2
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzzers: $(READY)/packages-fuzz $(READY)/deps
	$(SUBMAKE) -f tests/fuzz/fuzz.mk
suite-fuzz: fuzzers
	-@$(SUITE) --each $(call list,$(FUZZ)) --at-once $(AT_ONCE) $(RESULTS) fuzz tests/fuzz/run $(TIME)

# The same tests, of the same sources compiled another way: tests/host.mk.
sanitized: units
	$(SUBMAKE) -f tests/host.mk attestd
suite-sanitize: tools probes sanitized $(READY)/packages-integration
	-@$(SUITE) --pytest $(RESULTS) sanitize $(PYTEST) --target sanitized $(PYTEST_FLAGS)

# Not what measures processor time: valgrind takes some itself.
MEMCHECKED := $(filter-out test_port_linux_calm,$(UNITS)) \
	$(notdir $(basename $(wildcard tests/instrumented/test_*.c)))
checked-units: $(READY)/packages-valgrind $(READY)/deps
	$(SUBMAKE) -f tests/host.mk VARIANT=valgrind units
suite-valgrind: checked-units
	-@$(SUITE) --each $(call list,$(MEMCHECKED)) $(RESULTS) valgrind \
		tests/instrumented/memcheck $(BUILD)/valgrind/unit

suite-coverage: tools probes $(READY)/packages-coverage $(READY)/deps
	$(SUBMAKE) -f tests/host.mk VARIANT=coverage attestd units
	@find $(BUILD)/coverage -name '*.gcda' -delete
	-@$(SUITE) --each $(call list,$(UNITS:%=$(BUILD)/coverage/unit/%)) $(RESULTS) coverage-units env
	-@$(SUITE) --pytest $(RESULTS) coverage-integration $(PYTEST) --target coverage $(PYTEST_FLAGS)
	-@$(SUITE) $(RESULTS) coverage tests/instrumented/report $(BUILD)

# The longest first.
ANALYSES = $(addprefix clang-tidy-,x86_64-windows $(HOST_TARGET)) gcc-$(HOST_TARGET) \
	$(addprefix cppcheck-,x86_64-windows $(HOST_TARGET))
suite-analyse: target-$(HOST_TARGET) target-x86_64-windows $(READY)/packages-analyse
	-@$(BESIDE) env $(SUITE) --each $(call list,$(ANALYSES)) $(RESULTS) analyse \
		$(MAKE) --no-print-directory -s -k -f tests/source/analyse.mk

ROOMS = $(TARGET)
rooms: $(ROOMS:%=target-%) $(READY)/packages-rooms
	@$(SUITE) $(RESULTS) rooms $(PYTHON) tests/source/rooms --self-test $(ROOMS:%=$(BUILD)/%)

FORMATTED = $(wildcard $(foreach ext,c h,$(addsuffix .$(ext),include/* src/* src/*/* \
	port/*/* port/*/*/* tests/*/* tests/*/*/* toolchains/*/*)))
format-check: $(READY)/packages-format $(READY)/packages-rooms
	@$(SUITE) $(RESULTS) format clang-format-19 --dry-run -Werror $(FORMATTED)

export ATTESTD = $(abspath $(BUILD)/$(HOST_TARGET)/attestd)
export ATTESTD_AARCH64 = $(abspath $(BUILD)/aarch64-linux-musl/attestd)
export SWTPM_RUN = $(abspath $(BUILD)/host/swtpm-run)
WORKERS = 2
pytest = env PYTHONDONTWRITEBYTECODE=1 BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest -q \
	-p no:cacheprovider -n $(WORKERS) --dist
PYTEST = $(pytest) loadfile tests/integration
PYTEST_VM = $(pytest) loadgroup tests/vm
PYTEST_PACKAGING = $(pytest) loadfile tests/packaging

# Most of their time these wait for a clock.
integration: WORKERS = 6
integration: $(sort target-$(HOST_TARGET) target-aarch64-linux-musl) probes tools $(READY)/packages-integration
	-@$(SUITE) --pytest $(RESULTS) integration $(PYTEST) $(PYTEST_FLAGS)

# Clients of two accounts, good and bad; all that is counted is in its last line.
SOAK_TIME = $(if $(filter file,$(origin TIME)),3600,$(TIME))
suite-soak: target-$(HOST_TARGET) tools $(READY)/packages-soak
	-@$(SUITE) $(RESULTS) soak env PYTHONDONTWRITEBYTECODE=1 BUILD=$(abspath $(BUILD)) \
		$(PYTHON) tests/soak/soak.py $(SOAK_TIME)

# The same tests for attestd.exe, and some of its own; with a TBS of theirs that
# is a software TPM. The most important ones on ARM64, where wine is emulated,
# and for the exe that gcc makes, a second opinion.
ARM64_WINE = $(BUILD)/arm64-wine
WINDOWS_SUITES = $(addprefix integration-,windows windows-gcc windows-arm64)
windows: $(WINDOWS_SUITES)
# Each waits more than it works: two at a time.
$(WINDOWS_SUITES): integration-%: tools $(READY)/packages-integration $(READY)/packages-windows
	-@$(SUITE) --pytest $(RESULTS) $@ $(PYTEST) --target $* $(PYTEST_FLAGS) $(PYTEST_FLAGS_$*)
integration-windows: tools-x86_64-windows
integration-windows-gcc: tools-x86_64-windows-gcc
integration-windows-arm64: tools-aarch64-windows arm64-wine
arm64-wine: $(READY)/packages-windows
	@tests/tools/arm64-wine setup $(ARM64_WINE)

# On real kernels, in QEMU.
GUESTS = x86_64 aarch64
$(READY)/guest-%: tests/vm/fetch-guest tests/vm/fetch-cryptsetup $(READY)/packages-vm
	@tests/vm/fetch-guest $(BUILD)/vm $*
	@tests/vm/fetch-cryptsetup $(BUILD)/vm $*
	@mkdir -p $(@D) && touch $@
# One more kernel, for the programs of aarch64 and arm.
$(READY)/guest-aarch64-16k: tests/vm/fetch-guest $(READY)/packages-vm | $(READY)/guest-aarch64
	@tests/vm/fetch-guest $(BUILD)/vm aarch64-16k
	@mkdir -p $(@D) && touch $@

GUEST_PROGRAMS = $(GUESTS:%=tools-%-linux-musl) \
	$(addprefix sandbox-probe-,aarch64-linux-musl arm-linux-musleabihf)
vm: tools $(GUESTS:%=$(READY)/guest-%) $(READY)/guest-aarch64-16k $(GUEST_PROGRAMS)
	-@$(SUITE) --pytest $(RESULTS) vm $(PYTEST_VM)

# Not by the tests that use it: how long that takes is not theirs.
$(READY)/packaging-base: tests/packaging/debian-base $(GUESTS:%=$(READY)/guest-%) $(READY)/packages-packaging
	@tests/packaging/debian-base $(BUILD) >$@

# What ships around the binary; images that Debian's own tools make of it.
DEB_TARGETS = x86_64-linux-musl aarch64-linux-musl
packaging: tools $(DEB_TARGETS:%=target-%) $(GUESTS:%=$(READY)/guest-%) $(READY)/packaging-base
	-@$(SUITE) --pytest $(RESULTS) packaging $(PYTEST_PACKAGING)

install: target-$(TARGET)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' toolchains/release/install $(BUILD)/$(TARGET)/attestd$(EXE)

PACKAGES_deb = $(foreach t,$(DEB_TARGETS),$(shell MAKEFLAGS= $(MAKE) -s packages TARGET=$t))
deb:
	$(call NEED,deb)
	$(SUBMAKE) $(DEB_TARGETS:%=target-%)
	@for target in $(DEB_TARGETS); do toolchains/release/deb $(BUILD) $$target || exit; done

binaries: targets $(READY)/packages-binaries
	-@for target in $(TARGETS); do $(SUITE) $(RESULTS) binary-$$target \
		$(MAKE) --no-print-directory -f toolchains/build.mk TARGET=$$target check-binary; done

REPRODUCED = $(TARGETS)
suite-parts: parts-$(HOST_TARGET) $(READY)/packages-parts
	-@$(SUITE) --pytest $(RESULTS) parts $(pytest) loadfile tests/bench

reproducible: $(REPRODUCED:%=target-%) $(READY)/packages-rooms
	@$(SUITE) $(RESULTS) reproducible tests/binary/reproducible $(BUILD) $(REPRODUCED)

clean-results:
	@rm -rf $(RESULTS)

PACKAGES_check = $(foreach purpose,tools unit format integration,$(PACKAGES_$(purpose))) \
	$(shell MAKEFLAGS= $(MAKE) -s packages TARGET=aarch64-linux-musl)
check: clean-results
	$(call NEED,target check)
	$(SUBMAKE) -k integration unit rooms format-check PYTEST_FLAGS='-m "not slow and not variant"' || :
	@$(PYTHON) tests/tools/summary $(RESULTS) $(SUITES)

# One suite alone.
ALONE = sanitize valgrind analyse coverage fuzz soak
SUITES_coverage = coverage-units coverage-integration coverage
$(ALONE): clean-results
	$(call NEED,target tools $@)
	$(SUBMAKE) suite-$@
	@$(PYTHON) tests/tools/summary $(RESULTS) $(or $(SUITES_$@),$@)

test-windows: clean-results
	$(call NEED,tools integration windows)
	$(SUBMAKE) windows PYTEST_FLAGS_windows-gcc=--whole
	@$(PYTHON) tests/tools/summary $(RESULTS) $(WINDOWS_SUITES)

test-vm: clean-results
	$(call NEED,target tools vm)
	$(SUBMAKE) vm
	@$(PYTHON) tests/tools/summary $(RESULTS) vm

# What has to be downloaded comes while all that tests need is compiled: neither takes
# the other's turn. What could not be had is tried again by the suites.
fetched: $(GUESTS:%=$(READY)/guest-%) arm64-wine $(READY)/packaging-base $(READY)/guest-aarch64-16k
compiled: $(TARGETS:%=target-%) units tools probes parts-$(HOST_TARGET) sanitized checked-units \
	fuzzers $(WINDOWS:%=tools-%) $(GUEST_PROGRAMS)

test: clean-results
	$(call NEED,targets tools unit format integration binaries parts valgrind analyse fuzz windows vm packaging)
	+@$(MAKE) --no-print-directory -k -j3 fetched & \
		$(MAKE) --no-print-directory $(AT_ALL_CORES) -k compiled; wait
	$(SUBMAKE) targets
	$(SUBMAKE) -k unit rooms format-check ROOMS='$(TARGET) x86_64-windows' || :
	$(SUBMAKE) -k binaries reproducible suite-parts \
		REPRODUCED='$(TARGET) x86_64-windows' || : # a compiler each
	$(SUBMAKE) -k integration suite-analyse BESIDE='nice -n 19' || :
	$(SUBMAKE) -k suite-sanitize suite-valgrind PYTEST_FLAGS='-m "not slow"' || :
	$(SUBMAKE) suite-fuzz AT_ONCE=5 || : # it counts by the clock
	$(SUBMAKE) -k windows suite-soak SOAK_TIME=60 || :
	$(SUBMAKE) -k vm packaging || :
	@$(PYTHON) tests/tools/summary $(RESULTS) $(SUITES) sanitize valgrind analyse fuzz \
		soak $(WINDOWS_SUITES) vm packaging reproducible parts $(TARGETS:%=binary-%)

run:
	$(call NEED,target tools run)
	$(SUBMAKE) target-$(TARGET) tools
	@tests/tools/demo $(BUILD)/$(TARGET)/attestd $(BUILD)/host/swtpm-run

bench:
	$(call NEED,targets tools bench vm parts)
	$(SUBMAKE) targets tools tools-x86_64-windows tools-aarch64-linux-musl \
		$(GUESTS:%=$(READY)/guest-%) $(READY)/guest-aarch64-16k
	$(SUBMAKE) $(PARTED:%=parts-%)
	@BUILD=$(abspath $(BUILD)) PARTED='$(PARTED)' $(PYTHON) tests/bench/bench.py

clean:
	rm -rf $(BUILD)

.PHONY: all targets packages probes tools units unit rooms format-check integration binaries \
	reproducible clean-results check windows $(WINDOWS_SUITES) arm64-wine \
	test-windows vm test-vm packaging install deb $(ALONE) $(ALONE:%=suite-%) \
	suite-parts parts sanitized checked-units fuzzers fetched compiled test run bench clean
.PRECIOUS: $(READY)/packages-%
.DELETE_ON_ERROR:
