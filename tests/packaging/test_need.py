"""toolchains/need installs what is missing, without asking anything."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness.paths import ATTESTD, BUILD, ROOT

PACKAGE = "attestd-test-of-need"
CONFIG = "etc/attestd-test-of-need.conf"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


def run(*command, **options):
    return subprocess.run(command, check=True, timeout=60, **options)


def make_package(folder):
    """A package with a conffile, in an archive of the test's."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / CONFIG).parent.mkdir()
    (tree / CONFIG).write_text("the package's\n", encoding="ascii")
    (tree / "DEBIAN/conffiles").write_text(f"/{CONFIG}\n", encoding="ascii")
    control = (f"Package: {PACKAGE}\nVersion: 1\nArchitecture: all\n"
               "Maintainer: nobody <nobody@example.org>\nDescription: for a test\n")
    (tree / "DEBIAN/control").write_text(control, encoding="ascii")
    archive = folder / "archive"
    archive.mkdir()
    run("dpkg-deb", "--root-owner-group", "-b", tree, archive / "it.deb",
        stdout=subprocess.DEVNULL)
    data = (archive / "it.deb").read_bytes()
    (archive / "Packages").write_text(
        f"{control}Filename: ./it.deb\nSize: {len(data)}\n"
        f"SHA256: {hashlib.sha256(data).hexdigest()}\n", encoding="ascii")
    return archive


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A folder into which apt-get installs from now on; it cannot change the machine's own packages."""
    root = tmp_path / "root"
    database = root / "var/lib/dpkg"
    for folder in (database / "updates", database / "info", root / "etc", tmp_path / "etc/apt",
                   tmp_path / "lists/partial", tmp_path / "cache/archives/partial"):
        folder.mkdir(parents=True)
    (database / "status").touch()
    config = tmp_path / "apt.conf"
    config.write_text(f'Dir::Etc "{tmp_path}/etc/apt";\n'
                      f'Dir::State::Lists "{tmp_path}/lists";\n'
                      f'Dir::State::status "{database}/status";\n'
                      f'Dir::Cache "{tmp_path}/cache";\n'
                      f'Dir::Log "{tmp_path}";\n'
                      'APT::Sandbox::User "root";\n'
                      f'DPkg::Options {{ "--root={root}"; "--log={tmp_path}/dpkg.log"; }};\n',
                      encoding="ascii")
    (tmp_path / "etc/apt/sources.list").write_text(
        f"deb [trusted=yes] file:{make_package(tmp_path)} ./\n", encoding="ascii")
    monkeypatch.setenv("APT_CONFIG", str(config))
    # Actions that the machine's configuration adds would be done to the machine.
    monkeypatch.setenv("DPKG_ADMINDIR", str(database))
    return root


def need(installs="yes"):
    return subprocess.run([ROOT / "toolchains/need", PACKAGE],
                          env=dict(os.environ, NEED_INSTALLS=installs), check=False,
                          timeout=120, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_installs(system):
    done = need()
    assert done.returncode == 0, done.stdout
    assert (system / CONFIG).read_text(encoding="ascii") == "the package's\n"
    assert need().stdout == ""  # nothing is left to do


def test_a_changed_configuration_file_stays(system):
    """dpkg would ask which version to keep, whatever debconf's frontend is, and would fail without an answer."""
    (system / CONFIG).write_text("mine\n", encoding="ascii")
    done = need()
    assert done.returncode == 0, done.stdout
    assert (system / CONFIG).read_text(encoding="ascii") == "mine\n"


def test_says_how(system):
    """Building installs nothing; the command that it prints is all that is needed."""
    done = need(installs="")
    assert done.returncode == 1 and not (system / CONFIG).exists()
    said, command = re.fullmatch("(.*)\\. As root: (.*)\n", done.stdout).groups()
    assert said == f"attestd needs {PACKAGE}"
    # -y: on a terminal, apt-get would ask.
    run("sh", "-c", command.replace(" install ", " install -y "), stdin=subprocess.DEVNULL)
    assert need(installs="").stdout == ""


class Bare:
    """A Debian with nothing installed that cannot be changed. What would change it is noted."""

    def __init__(self, folder):
        self.folder = folder
        self.build = folder / "build"
        self.record = folder / "record"
        self.program("dpkg-query", "exit 1")
        for name in ("apt-get", "sudo"):
            self.program(name, f'echo "{name} $*" >>{self.record}; exit 1')
        self.program("sleep", "exit 0")

    def program(self, name, script):
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        (self.folder / "bin" / name).chmod(0o755)

    def make(self, *arguments):
        env = {name: value for name, value in os.environ.items()
               if name not in ("NEED_INSTALLS", "MAKEFLAGS", "MAKELEVEL", "DEPS_DIR")}
        env["PATH"] = f"{self.folder}/bin:{env['PATH']}"
        return subprocess.run(["make", f"BUILD={self.build}", *arguments], cwd=ROOT, env=env,
                              check=False, timeout=50, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def recorded(self):
        return self.record.read_text(encoding="ascii") if self.record.exists() else ""


@pytest.fixture
def bare(tmp_path):
    return Bare(tmp_path)


@pytest.mark.parametrize("user", ["0", "1000"])
@pytest.mark.parametrize("arguments, needed", [
    ([], "gcc musl-tools"), (["-j4"], "gcc musl-tools"),
    (["TARGET=aarch64-linux-musl"], "clang-19 lld-19"),
    (["TARGET=x86_64-windows"], "bzip2 clang-19 lld-19 llvm-19"),
    (["targets"], "clang-19 gcc gcc-riscv64-linux-gnu musl-tools"),
    (["install"], "gcc musl-tools"), (["deb"], "clang-19 gcc musl-tools")],
    ids=lambda value: "-".join(value) or "make" if isinstance(value, list) else "")
def test_building_installs_nothing(bare, arguments, needed, user):
    """One line, beside make's own, and nothing else happens."""
    bare.program("id", f"echo {user}")
    done = bare.make(*arguments)
    assert done.returncode == 2
    said, = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    names, command = re.fullmatch("attestd needs (.*)\\. As root: (.*)", said).groups()
    assert {*needed.split(), "xz-utils"} <= set(names.split())
    assert command == f"apt-get update && apt-get install --no-install-recommends {names}"
    assert bare.recorded() == "" and not bare.build.exists()


@pytest.mark.parametrize("goal, needed", [
    ("run", "gcc musl-tools swtpm tpm2-tools xz-utils"), ("tools", "gcc libssl-dev"),
    ("check", "clang-19 libcmocka-dev python3-pytest swtpm xz-utils"),
    ("test", "clang-19 libcmocka-dev mmdebstrap qemu-system-arm swtpm valgrind wine64 xz-utils")])
def test_running_installs_all(bare, goal, needed):
    """Everything is installed at once, before anything else is done."""
    bare.program("id", "echo 0")
    done = bare.make(goal)
    assert done.returncode == 2 and "attestd needs" not in done.stdout
    first = bare.recorded().splitlines()[0].split()
    assert first[0] == "apt-get" and {"install", "-y", *needed.split()} <= set(first)


@pytest.mark.parametrize("goal", ["run", "check", "test"])
def test_running_without_the_right_to_install(bare, goal):
    """sudo is tried, and would ask for a password."""
    bare.program("id", "echo 1000")
    done = bare.make(goal)
    assert done.returncode == 2
    said, = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    assert re.fullmatch("attestd needs .*\\. As root: apt-get update && apt-get install .*", said)
    assert bare.recorded() == "sudo -n true\n" and not (bare.build / "deps").exists()


@pytest.fixture
def fetched(bare, monkeypatch):
    """Calls toolchains/fetch-deps for the bare machine's build folder, as make does."""
    monkeypatch.setenv("PATH", f"{bare.folder}/bin:{os.environ['PATH']}")
    monkeypatch.delenv("DEPS_DIR", raising=False)

    def fetch(*names):
        return subprocess.run([ROOT / "toolchains/fetch-deps", bare.build / "deps", *names],
                              check=False, timeout=50, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True)
    return fetch


def test_sources_that_cannot_be_fetched(fetched, monkeypatch):
    """One line says which sources are missing and how to get them; it leaves out those that are there."""
    monkeypatch.setenv("DEPS_DIR", str(BUILD / "deps/archives"))
    assert fetched("jsmn").returncode == 0
    monkeypatch.delenv("DEPS_DIR")
    assert fetched("jsmn").stderr == ""  # and nothing is fetched
    done = fetched("tpm2-tss", "bearssl", "jsmn")
    assert done.returncode == 1
    said, = done.stderr.splitlines()
    archives = [line.split()[2] for line in
                (ROOT / "toolchains/deps.lock").read_text(encoding="ascii").splitlines()
                if line.startswith(("tpm2-tss ", "bearssl "))]
    assert said.startswith(f"attestd needs {archives[0]} {archives[1]} (")
    assert "apt-get source --download-only tpm2-tss bearssl" in said and said.endswith("make DEPS_DIR=FOLDER")


def test_musl_that_cannot_be_fetched(fetched, bare):
    done = subprocess.run([ROOT / "toolchains/musl-sysroot", bare.build / "sysroot", "arm64"], check=False,
                          timeout=50, stdin=subprocess.DEVNULL, text=True, capture_output=True)
    assert done.returncode == 1
    said, = done.stderr.splitlines()
    assert said.startswith("attestd needs musl-dev for arm64 (") and "apt-get download musl-dev:arm64" in said


def test_builds_without_network_and_rights(tmp_path_factory):
    """A user who is not root builds without network, with the sources unpacked."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-built-"))
    try:
        build_elsewhere(Bare(folder))
    finally:
        shutil.rmtree(folder)


def build_elsewhere(bare):
    tree, target = bare.folder / "tree", pathlib.Path(ATTESTD).parent.name
    (tree / "build/deps").mkdir(parents=True)
    for name in ("Makefile", "include", "port", "src", "toolchains"):
        run("cp", "-a", ROOT / name, tree)
    run("cp", "-a", BUILD / target, tree / "build")
    for name in ("tpm2-tss", "bearssl", "jsmn"):
        run("cp", "-a", BUILD / "deps" / name, BUILD / "deps" / f"{name}.sum", tree / "build/deps")
    # Nothing else has to be made.
    (tree / "build" / target / "src/main.o").unlink()
    (bare.folder / "bin/dpkg-query").unlink()
    who = []
    if os.geteuid() == 0:
        who = NOBODY
        run("chown", "-R", "65534:65534", bare.folder)
    done = subprocess.run(
        [*who, "unshare", "--map-current-user", "--net", "make", f"TARGET={target}"], cwd=tree,
        env={"PATH": f"{bare.folder}/bin:/usr/bin:/bin"}, check=False, timeout=50,
        stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines() == ["CC src/main.c", f"LD build/{target}/attestd"]
    assert bare.recorded() == ""
    assert (tree / "build" / target / "attestd").read_bytes() == pathlib.Path(ATTESTD).read_bytes()
