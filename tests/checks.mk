# What runs, measures or tests the program: included by the Makefile. First what
# tests are run with, then the suites as a table, then the goals that run suites.

# Debian's own, whatever else is first in PATH: it has the modules that tests use.
PYTHON = /usr/bin/python3
RUN_PYTHON = env PYTHONDONTWRITEBYTECODE=1 BUILD=$(abspath $(BUILD)) $(PYTHON)
RESULTS = $(BUILD)/results
export ATTESTD = $(abspath $(BUILD)/$(HOST_TARGET)/attestd)
export ATTESTD_AARCH64 = $(abspath $(BUILD)/aarch64-linux-musl/attestd)
export SWTPM_RUN = $(abspath $(BUILD)/host/swtpm-run)

UNITS := $(sort $(basename $(notdir $(wildcard tests/unit/test_*.c))))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
PROBES := $(patsubst tests/injected/%.c,%,$(sort $(wildcard tests/injected/*.c)))
GUESTS = x86_64 aarch64
FORMATTED = $(wildcard $(foreach ext,c h,$(addsuffix .$(ext),include/* src/* src/*/* \
	port/*/* port/*/*/* tests/*/* tests/*/*/* toolchains/*/*)))
# Whose bytes tests/bench/parts.py counts.
PARTED = x86_64-linux-musl aarch64-linux-musl x86_64-windows aarch64-windows

# ---- What tests are run with ----

# The programs that tests use on this machine, and the unit tests' own.
tools: $(READY)/packages-tools
	$(SUBMAKE) -f tests/host.mk tools
units: $(READY)/packages-unit $(READY)/deps
	$(SUBMAKE) -f tests/host.mk units
valgrind-units: $(READY)/packages-valgrind $(READY)/deps
	$(SUBMAKE) -f tests/host.mk VARIANT=valgrind units
coverage-units: $(READY)/packages-coverage $(READY)/deps
	$(SUBMAKE) -f tests/host.mk VARIANT=coverage attestd units
	@find $(BUILD)/coverage -name '*.gcda' -delete
fuzzers: $(READY)/packages-fuzz $(READY)/deps
	$(SUBMAKE) -f tests/fuzz/fuzz.mk
# attestd with the sanitizers. It shares objects with the unit tests.
sanitized: units
	$(SUBMAKE) -f tests/host.mk attestd

# The programs that tests use on another system or CPU.
tools-%: target-%
	$(SUBMAKE) -f toolchains/build.mk TARGET=$* tools

# attestd with one file of tests/injected inside, for this machine; and with
# tests/injected/sandbox.c for a guest in tests/vm. (If their names began alike, it
# would depend on make's version which rule is taken.)
probes: $(PROBES:%=probe-%)
probe-%: target-$(HOST_TARGET)
	$(SUBMAKE) -f toolchains/build.mk TARGET=$(HOST_TARGET) INJECT=$*
sandbox-probe-%: target-%
	$(SUBMAKE) -f toolchains/build.mk TARGET=$* INJECT=sandbox

# attestd with debug information, which says whose the bytes are.
parts-%: target-%
	$(SUBMAKE) -f toolchains/build.mk TARGET=$* PARTS=1

# What is downloaded: kernels and their modules, wine for ARM64, a small Debian. The
# suites do not download it, since that would count as their time.
arm64-wine: $(READY)/packages-windows
	@tests/tools/arm64-wine setup $(BUILD)/arm64-wine
$(READY)/guest-%: tests/vm/fetch-guest tests/vm/fetch-cryptsetup $(READY)/packages-vm
	@tests/vm/fetch-guest $(BUILD)/vm $*
	@tests/vm/fetch-cryptsetup $(BUILD)/vm $*
	@mkdir -p $(@D) && touch $@
$(READY)/guest-aarch64-16k: tests/vm/fetch-guest $(READY)/packages-vm | $(READY)/guest-aarch64
	@tests/vm/fetch-guest $(BUILD)/vm aarch64-16k
	@mkdir -p $(@D) && touch $@
$(READY)/packaging-base: tests/packaging/debian-base $(GUESTS:%=$(READY)/guest-%) $(READY)/packages-packaging
	@tests/packaging/debian-base $(BUILD) >$@

# ---- The suites ----

# For each suite there is a goal suite-NAME and these three:
#   NEEDS_NAME  the goals that come first
#   HAS_NAME    whose packages it needs (toolchains/packages.mk)
#   RUN_NAME    how tests/tools/suite runs it; that leaves the outcome in $(RESULTS)
#
# tests/tools/suite gets none of make's own options: what a suite runs may call make.
SUITE = MAKEFLAGS= $(PYTHON) tests/tools/suite
empty =
comma = ,
list = $(subst $(empty) $(empty),$(comma),$(strip $1))
# $(call pytest,WORKERS,DISTRIBUTION FOLDER)
pytest = $(RUN_PYTHON) -m pytest -q -p no:cacheprovider -n $1 --dist $2 $(PYTEST_FLAGS)

NEEDS_rooms = $(ROOMS:%=target-%)
HAS_rooms = rooms
RUN_rooms = $(RESULTS) rooms $(PYTHON) tests/source/rooms --self-test $(ROOMS:%=$(BUILD)/%)
ROOMS = $(TARGET)

HAS_format = format
RUN_format = $(RESULTS) format clang-format-19 --dry-run -Werror $(FORMATTED)

# The clang-tidy runs take longest, so they come first.
NEEDS_analyse = target-$(HOST_TARGET) target-x86_64-windows
HAS_analyse = analyse
RUN_analyse = --each $(call list,$(ANALYSES)) $(RESULTS) analyse \
	$(MAKE) --no-print-directory -s -k -f tests/source/analyse.mk
ANALYSES = $(addprefix clang-tidy-,x86_64-windows $(HOST_TARGET)) gcc-$(HOST_TARGET) \
	$(addprefix cppcheck-,x86_64-windows $(HOST_TARGET))

NEEDS_reproducible = $(REPRODUCED:%=target-%)
HAS_reproducible = reproducible
RUN_reproducible = $(RESULTS) reproducible tests/binary/reproducible $(BUILD) $(REPRODUCED)
REPRODUCED = $(TARGETS)

NEEDS_parts = parts-$(HOST_TARGET)
HAS_parts = parts
RUN_parts = --pytest $(RESULTS) parts $(call pytest,2,loadfile tests/bench)

# These tests wait for clocks most of their time: hence six at once.
NEEDS_integration = $(sort target-$(HOST_TARGET) target-aarch64-linux-musl) probes tools
HAS_integration = integration
RUN_integration = --pytest $(RESULTS) integration $(call pytest,6,loadfile tests/integration)

# The same tests with the same sources compiled in another way: tests/host.mk.
NEEDS_sanitize = tools probes sanitized
HAS_sanitize = integration
RUN_sanitize = --pytest $(RESULTS) sanitize $(call pytest,2,loadfile tests/integration --target sanitized)

# test_port_linux_calm measures processor time, which valgrind itself takes.
NEEDS_valgrind = valgrind-units
HAS_valgrind = valgrind
RUN_valgrind = --each $(call list,$(MEMCHECKED)) $(RESULTS) valgrind \
	tests/instrumented/memcheck $(BUILD)/valgrind/unit
MEMCHECKED := $(filter-out test_port_linux_calm,$(UNITS)) \
	$(notdir $(basename $(wildcard tests/instrumented/test_*.c)))

# Each fuzz target runs the inputs that are kept, and then looks for others for TIME seconds.
NEEDS_fuzz = fuzzers
HAS_fuzz = fuzz
RUN_fuzz = --each $(call list,$(FUZZ)) --at-once $(AT_ONCE) $(RESULTS) fuzz tests/fuzz/run $(TIME)
TIME = 30
AT_ONCE = 2

NEEDS_soak = target-$(HOST_TARGET) tools
HAS_soak = soak
RUN_soak = $(RESULTS) soak $(RUN_PYTHON) tests/soak/soak.py $(SOAK_TIME)
SOAK_TIME = $(if $(filter file,$(origin TIME)),3600,$(TIME))

# The integration tests with attestd.exe, and some for it alone, with a tbs.dll that is a
# software TPM. Only the most important ones are run with what gcc makes, and on ARM64,
# where wine is emulated.
WINDOWS_SUITES = $(addprefix integration-,windows windows-gcc windows-arm64)
NEEDS_integration-windows = tools tools-x86_64-windows
NEEDS_integration-windows-gcc = tools tools-x86_64-windows-gcc
NEEDS_integration-windows-arm64 = tools tools-aarch64-windows arm64-wine
HAS_integration-windows = windows integration
HAS_integration-windows-gcc = windows integration
HAS_integration-windows-arm64 = windows integration
windows_tests = --pytest $(RESULTS) integration-$1 $(call pytest,2,loadfile tests/integration --target $1)
RUN_integration-windows = $(call windows_tests,windows)
RUN_integration-windows-gcc = $(call windows_tests,windows-gcc) $(GCC_FLAGS)
RUN_integration-windows-arm64 = $(call windows_tests,windows-arm64)

# On real kernels, in QEMU.
NEEDS_vm = tools $(GUESTS:%=$(READY)/guest-%) $(READY)/guest-aarch64-16k $(GUEST_PROGRAMS)
HAS_vm = vm
RUN_vm = --pytest $(RESULTS) vm $(call pytest,2,loadgroup tests/vm)
GUEST_PROGRAMS = $(GUESTS:%=tools-%-linux-musl) \
	$(addprefix sandbox-probe-,aarch64-linux-musl arm-linux-musleabihf)

# What is shipped with the binary, and images that Debian's own tools make of it.
NEEDS_packaging = tools $(DEB_TARGETS:%=target-%) $(GUESTS:%=$(READY)/guest-%) $(READY)/packaging-base
HAS_packaging = packaging
RUN_packaging = --pytest $(RESULTS) packaging $(call pytest,2,loadfile tests/packaging)

# attestd as image builders make it: with compilers of their own.
NEEDS_compilers = tools $(READY)/deps target-$(HOST_TARGET)
HAS_compilers = compilers
RUN_compilers = --pytest $(RESULTS) compilers $(call pytest,1,loadfile tests/compilers)

TABLE = rooms format analyse reproducible parts integration sanitize valgrind fuzz soak \
	$(WINDOWS_SUITES) vm packaging compilers
define suite
suite-$1: $$(NEEDS_$1) $$(HAS_$1:%=$$(READY)/packages-%)
	@$$(BESIDE_$1) $$(SUITE) $$(RUN_$1)
endef
$(foreach name,$(TABLE),$(eval $(call suite,$(name))))

# These three are several suites each: one for each unit test, one for each target, and what
# has to run before coverage is counted.
suite-unit: units
	@status=0; for unit in $(UNITS); do $(SUITE) --cmocka $(RESULTS) unit-$$unit \
		$(BUILD)/host/unit/$$unit || status=1; done; exit $$status
suite-binaries: targets $(READY)/packages-binaries
	@status=0; for target in $(TARGETS); do $(SUITE) $(RESULTS) binary-$$target \
		$(MAKE) --no-print-directory -f toolchains/build.mk TARGET=$$target check-binary || \
		status=1; done; exit $$status
suite-coverage: tools probes coverage-units $(READY)/packages-coverage
	-@$(SUITE) --each $(call list,$(UNITS:%=$(BUILD)/coverage/unit/%)) $(RESULTS) coverage-units env
	-@$(SUITE) --pytest $(RESULTS) coverage-integration \
		$(call pytest,2,loadfile tests/integration --target coverage)
	@$(SUITE) $(RESULTS) coverage tests/instrumented/coverage-report $(BUILD)

# ---- The goals ----

# One suite, without counting up.
unit rooms integration reproducible vm packaging compilers binaries: %: suite-%
format-check: suite-format
windows: $(WINDOWS_SUITES)
$(WINDOWS_SUITES): %: suite-%

# Each of these removes old results, asks for all packages, runs its stages, and counts up
# what the suites left. A suite that fails keeps no other from running: the summary decides.
#   PURPOSES_GOAL  whose packages it needs
#   STAGES_GOAL    one line for each stage; the suites of a stage run at the same time
#   SUITES_GOAL    whose results must be there
ALONE = sanitize valgrind analyse coverage fuzz soak
$(foreach name,$(ALONE),$(eval PURPOSES_$(name) = target tools $(name)) \
	$(eval STAGES_$(name) = $$(SUBMAKE) -k suite-$(name) || :) $(eval SUITES_$(name) = $(name)))
SUITES_coverage = coverage-units coverage-integration coverage

PURPOSES_check = target check
STAGES_check = $(SUBMAKE) -k integration unit rooms format-check PYTEST_FLAGS='-m "not slow and not variant"' || :
SUITES_check = $(UNITS:%=unit-%) rooms format integration

PURPOSES_test-windows = tools integration windows
STAGES_test-windows = $(SUBMAKE) -k windows GCC_FLAGS=--whole || :
SUITES_test-windows = $(WINDOWS_SUITES)

PURPOSES_test-vm = target tools vm
STAGES_test-vm = $(SUBMAKE) -k vm || :
SUITES_test-vm = vm

# Downloads come at the same time as compilers, and what only computes at the same time
# as what waits: analyse and compilers run at low priority, beside integration, which waits for
# clocks. What could not be downloaded is tried again by the suites that need it.
fetched: $(GUESTS:%=$(READY)/guest-%) arm64-wine $(READY)/packaging-base $(READY)/guest-aarch64-16k
compiled: $(TARGETS:%=target-%) units tools probes parts-$(HOST_TARGET) sanitized valgrind-units \
	fuzzers $(WINDOWS:%=tools-%) $(GUEST_PROGRAMS)
PURPOSES_test = targets tools unit format integration binaries parts valgrind analyse fuzz windows vm packaging \
	compilers
define STAGES_test
+@$(MAKE) --no-print-directory -k -j3 fetched & \
	$(MAKE) --no-print-directory $(AT_ALL_CORES) -k compiled; wait
$(SUBMAKE) targets
$(SUBMAKE) -k unit rooms format-check ROOMS='$(TARGET) x86_64-windows' || :
$(SUBMAKE) -k binaries reproducible suite-parts REPRODUCED='$(TARGET) x86_64-windows' || :
$(SUBMAKE) -k integration suite-analyse compilers BESIDE_analyse='nice -n 19 env' || :
$(SUBMAKE) -k suite-sanitize suite-valgrind PYTEST_FLAGS='-m "not slow"' || :
$(SUBMAKE) -k suite-fuzz AT_ONCE=5 || :
$(SUBMAKE) -k windows suite-soak SOAK_TIME=60 || :
$(SUBMAKE) -k vm packaging || :
endef
SUITES_test = $(SUITES_check) sanitize valgrind analyse fuzz soak $(WINDOWS_SUITES) vm packaging \
	reproducible parts compilers $(TARGETS:%=binary-%)

SUMMED_UP = check test test-windows test-vm $(ALONE)
$(SUMMED_UP): clean-results
	$(call NEED,$(PURPOSES_$@))
	$(STAGES_$@)
	@$(PYTHON) tests/tools/summary $(RESULTS) $(SUITES_$@)
clean-results:
	@rm -rf $(RESULTS)

run:
	$(call NEED,target tools run)
	$(SUBMAKE) target-$(TARGET) tools
	@tests/tools/demo $(BUILD)/$(TARGET)/attestd $(BUILD)/host/swtpm-run

parts: $(PARTED:%=parts-%) $(READY)/packages-parts
	@PARTED='$(PARTED)' $(RUN_PYTHON) tests/bench/bench.py --parts
bench:
	$(call NEED,targets tools bench vm parts)
	$(SUBMAKE) targets tools tools-x86_64-windows tools-aarch64-linux-musl \
		$(GUESTS:%=$(READY)/guest-%) $(READY)/guest-aarch64-16k
	$(SUBMAKE) $(PARTED:%=parts-%)
	@PARTED='$(PARTED)' $(RUN_PYTHON) tests/bench/bench.py

.PHONY: tools units valgrind-units coverage-units fuzzers sanitized probes arm64-wine \
	$(TABLE:%=suite-%) suite-unit suite-binaries suite-coverage unit rooms integration reproducible vm packaging \
	compilers binaries format-check windows $(WINDOWS_SUITES) $(SUMMED_UP) clean-results fetched compiled \
	run parts bench
