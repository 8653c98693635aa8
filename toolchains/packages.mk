# The Debian packages that each purpose needs: PACKAGES_<purpose>. A target's own
# list, PACKAGES, is in toolchains/<TARGET>.mk. Variables only.

packages_of = $(foreach t,$1,$(shell MAKEFLAGS= $(MAKE) -s packages TARGET=$t))

# To build.
PACKAGES_target = $(PACKAGES)
PACKAGES_targets = $(call packages_of,$(TARGETS))
PACKAGES_deps = $(if $(GIVEN),,xz-utils)
PACKAGES_deb = $(call packages_of,$(DEB_TARGETS))

# To run or measure what was built.
PACKAGES_run = swtpm swtpm-tools tpm2-tools openssl
PACKAGES_bench = swtpm swtpm-tools tpm2-tools python3 python3-cryptography valgrind wine wine64
PACKAGES_parts = gcc libc6-dev llvm-19 python3 python3-pytest python3-pytest-xdist

# To test.
PACKAGES_tools = gcc libc6-dev libssl-dev
PACKAGES_unit = gcc libc6-dev libcmocka-dev python3-minimal
PACKAGES_format = clang-format-19 python3-minimal
PACKAGES_rooms = python3-minimal
PACKAGES_reproducible = python3-minimal
PACKAGES_integration = swtpm swtpm-tools tpm2-tools qemu-user-static openssl jq \
	python3 python3-pytest python3-pytest-xdist python3-cryptography
PACKAGES_soak = $(PACKAGES_integration)
PACKAGES_sanitize = $(PACKAGES_unit) $(PACKAGES_integration)
PACKAGES_coverage = gcovr $(PACKAGES_unit) $(PACKAGES_integration)
PACKAGES_valgrind = gcc libc6-dev libc6-dbg libcmocka-dev valgrind
PACKAGES_analyse = clang-tidy-19 cppcheck python3-minimal
# llvm-19 has the symbolizer, which puts function names into the fuzzer's stack traces.
PACKAGES_fuzz = clang-19 libclang-rt-19-dev llvm-19 python3-minimal
PACKAGES_binaries = binutils qemu-user-static wine wine64
PACKAGES_windows = wine wine64 $(shell tests/tools/arm64-wine packages) $(call packages_of,$(WINDOWS))
PACKAGES_compilers = clang-19 lld-19 musl-tools util-linux swtpm swtpm-tools tpm2-tools python3 \
	python3-pytest python3-pytest-xdist
PACKAGES_vm = qemu-system-x86 qemu-system-arm swtpm swtpm-tools tpm2-tools openssl \
	binutils python3 python3-pytest python3-pytest-xdist python3-cryptography util-linux
PACKAGES_packaging = bash dash debian-archive-keyring e2fsprogs lintian mandoc mmdebstrap \
	python3 python3-cryptography python3-pytest python3-pytest-xdist qemu-system-x86 \
	qemu-user-static shellcheck swtpm swtpm-tools systemd tpm2-tools util-linux wget
PACKAGES_check = $(foreach suite,tools unit format integration,$(PACKAGES_$(suite))) \
	$(call packages_of,aarch64-linux-musl)
