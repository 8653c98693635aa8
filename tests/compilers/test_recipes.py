"""`make CC=...`: an image builder's own compiler builds attestd. The commands are those of the
Buildroot package and of the Yocto recipe; they run without a network, with nothing of Debian's
but the compiler, and with the sources in archives."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness.paths import BUILD, ROOT, SWTPM_RUN

PACKAGING = ROOT / "port/linux/packaging"
BUILDROOT = PACKAGING / "buildroot"
RECIPE, = (PACKAGING / "yocto").glob("attestd_*.bb")
MUSL = "x86_64-linux-musl"
# What a machine other than a Debian does not have. Each call is noted, and fails.
DEBIAN = ("dpkg", "dpkg-query", "apt-get", "apt", "sudo", "ar", "gcc-ar", "x86_64-linux-gnu-gcc-ar",
          "llvm-ar-19", "clang-tidy-19", "qemu-x86_64-static", "python3")
LIBRARIES = ("tpm2-tss", "bearssl", "jsmn")


def locked():
    """The archive and the sum of each library, from toolchains/deps.lock."""
    rows = [line.split() for line in (ROOT / "toolchains/deps.lock").read_text(encoding="ascii").splitlines()]
    return {archive: sha256 for name, _, archive, sha256 in (row for row in rows if row[0] != "#")
            if name in LIBRARIES}


class Machine:
    """One with a compiler, and with attestd's sources and the archives in folders; nobody is reached."""

    def __init__(self, folder):
        self.folder, self.tree = folder, folder / "attestd"
        self.archives, self.image, self.record = folder / "archives", folder / "image", folder / "record"
        for new in (self.tree, self.archives, self.image, folder / "bin"):
            new.mkdir()
        for name in ("LICENSE", "Makefile", "include", "port", "src", "toolchains"):
            subprocess.run(["cp", "-a", ROOT / name, self.tree], check=True)
        for archive in locked():
            shutil.copy(BUILD / "deps/archives" / archive, self.archives)
        for name in DEBIAN:
            self.program(name, f'echo "{name} $*" >>{self.record}; exit 1')

    def program(self, name, script):
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        (self.folder / "bin" / name).chmod(0o755)

    def sysroot(self):
        """musl's headers and libraries, where a compiler looks for them."""
        (self.folder / "sysroot/usr").mkdir(parents=True)
        for kind, name in (("include", f"/usr/include/{MUSL}"), ("lib", f"/usr/lib/{MUSL}")):
            shutil.copytree(name, self.folder / "sysroot/usr" / kind)
        return self.folder / "sysroot"

    def run(self, *command, user="root"):
        """Returns what it said; who is not root already is nobody in any case."""
        who = []
        if os.geteuid() == 0 and user == "nobody":
            who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
            subprocess.run(["chown", "-R", "65534:65534", self.folder], check=True)
        done = subprocess.run(
            [*who, "unshare", "--map-current-user", "--net", "nice", "-n", "19", *command], cwd=self.tree,
            env={"PATH": f"{self.folder}/bin:/usr/bin:/bin", "CC": "from-the-environment"}, check=False,
            stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        assert not self.record.exists(), self.record.read_text(encoding="ascii")
        return done.stdout

    def check(self, program):
        """It is as hard to attack as what ships, and it works."""
        checked = subprocess.run([ROOT / "tests/binary/check-binary", f"{MUSL}-given", program],
                                 check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert checked.returncode == 0, checked.stdout
        print(checked.stdout)
        done = subprocess.run([SWTPM_RUN, "--", program, "once"], input='{"command":"getHealth"}\n',
                              check=True, text=True, capture_output=True)
        assert json.loads(done.stdout)["status"] == "ok"


@pytest.fixture
def machine():
    # Not pytest's own folder, which only its user can enter.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-compiled-"))
    folder.chmod(0o755)
    yield Machine(folder)
    shutil.rmtree(folder)


# What Buildroot gives to a package, as far as this one uses it: the names and the kind of
# values are from its manual and its package/pkg-generic.mk.
STAND_IN = """
MAKEFLAGS += --no-print-directory
qstrip = $(strip $(subst ",,$(1)))
INSTALL = install
TARGET_MAKE_ENV = PATH="$(PATH)"
TARGET_CONFIGURE_OPTS = $(TARGET_MAKE_ENV) AR="image-ar" CC="$(TARGET_CC)" LD="image-ld" \\
\tCFLAGS="-D_LARGEFILE_SOURCE -O2 -g0" LDFLAGS="" CPPFLAGS="-D_FILE_OFFSET_BITS=64"
ATTESTD_DL_DIR = $(DL_DIR)/attestd
include $(BR2_EXTERNAL_ATTESTD_PATH)/external.mk
build: ; $(ATTESTD_BUILD_CMDS)
install: ; $(ATTESTD_INSTALL_TARGET_CMDS)
install-units: ; $(ATTESTD_INSTALL_INIT_SYSTEMD)
show: ; @echo '$($(NAME))'
"""


def buildroot(*arguments):
    return ["make", "-f", "../Makefile.buildroot", f"BR2_EXTERNAL_ATTESTD_PATH={BUILDROOT}",
            'BR2_PACKAGE_ATTESTD_SITE="file:///srv/archives"', *arguments]


def test_buildroot_with_clang_as_nobody(machine):
    (machine.folder / "Makefile.buildroot").write_text(STAND_IN, encoding="ascii")
    (machine.folder / "dl").mkdir()
    machine.archives.rename(machine.folder / "dl/attestd")
    machine.program("image-cc", f'exec clang-19 --target=x86_64-image-linux-musl --sysroot={machine.sysroot()} "$@"')
    said = machine.run(*buildroot("build", "install", "install-units", f"@D={machine.tree}", "TARGET_CC=image-cc",
                                  f"DL_DIR={machine.folder}/dl", f"TARGET_DIR={machine.image}"), user="nobody")
    assert "warning" not in said
    assert sorted(path.name for path in machine.image.rglob("*") if path.is_file()) == \
        ["attestd", "attestd.service", "attestd.socket"]
    machine.check(machine.image / "usr/sbin/attestd")


def expand(text, values):
    """BitBake's ${NAME}."""
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text)


def test_yocto_with_musl_gcc_as_root(machine):
    machine.program("image-gcc", 'exec musl-gcc "$@"')
    values = {"CC": "image-gcc  -fstack-protector-strong -D_FORTIFY_SOURCE=2",
              "CFLAGS": "-O2 -pipe -g -feliminate-unused-debug-types", "LDFLAGS": "-Wl,-O1 -Wl,--as-needed -Wl,-z,relro,-z,now",
              "ATTESTD_DEPS_DIR": str(machine.archives), "D": str(machine.image), "sbindir": "/usr/sbin",
              "systemd_system_unitdir": "/usr/lib/systemd/system"}
    steps = re.findall(r"^do_\w+\(\) \{\n(.*?)^\}", RECIPE.read_text(encoding="ascii"), re.M | re.S)
    assert len(steps) == 2
    said = machine.run("sh", "-euc", 'oe_runmake() { make "$@"; }\n' + expand("".join(steps), values))
    assert "warning" not in said
    machine.check(machine.image / "usr/sbin/attestd")


def test_archives_are_the_locked_ones():
    """Both name the archives and sums of toolchains/deps.lock, and the version that this is."""
    hashes = {}
    for line in (BUILDROOT / "package/attestd/attestd.hash").read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            kind, sha256, name = line.split()
            assert kind == "sha256"
            hashes[name] = sha256
    text = subprocess.run(["sha256sum", ROOT / "LICENSE"], check=True, text=True, capture_output=True).stdout
    assert hashes == {**locked(), "LICENSE": text.split()[0]}
    recipe = RECIPE.read_text(encoding="ascii")
    named = dict(re.findall(r"file://(\S+);name=(\S+);unpack=0", recipe))
    sums = dict(re.findall(r'^SRC_URI\[(\S+)\.sha256sum\] = "(\w+)"$', recipe, re.M))
    assert {archive: sums[name] for archive, name in named.items()} == locked()
    md5 = subprocess.run(["md5sum", ROOT / "LICENSE"], check=True, text=True, capture_output=True).stdout.split()[0]
    assert f"file://LICENSE;md5={md5}" in recipe
    version = re.search(r"^VERSION = (\S+)$", (ROOT / "Makefile").read_text(encoding="ascii"), re.M)[1]
    assert RECIPE.name == f"attestd_{version}.bb"


def test_buildroot_variables(machine):
    (machine.folder / "Makefile.buildroot").write_text(STAND_IN, encoding="ascii")

    def show(name):
        return machine.run(*buildroot("-s", "show", f"NAME={name}")).split()
    version = re.search(r"^VERSION = (\S+)$", (ROOT / "Makefile").read_text(encoding="ascii"), re.M)[1]
    assert show("ATTESTD_VERSION") == [version]
    assert show("ATTESTD_SITE") == ["file:///srv/archives"]
    assert show("ATTESTD_EXTRA_DOWNLOADS") == list(locked())
    assert show("BR_NO_CHECK_HASH_FOR") == [f"attestd-{version}.tar.gz"]


def test_a_compiler_without_musl(machine):
    """One line says what it lacks, after the linker's own words, and nothing is built."""
    done = subprocess.run(["make", "CC=gcc", f"DEPS_DIR={machine.archives}"], cwd=machine.tree, check=False,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={"PATH": f"{machine.folder}/bin:/usr/bin:/bin"})
    assert done.returncode == 2
    assert "attestd needs a compiler that links static PIEs with musl: gcc" in done.stdout.splitlines()
    assert not machine.record.exists() and not list(machine.tree.glob("build/*/src"))
