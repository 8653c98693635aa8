"""toolchains/need installs what is missing, and nothing asks a question meanwhile."""
import hashlib
import os
import subprocess

import pytest

from harness.paths import ROOT

PACKAGE = "attestd-test-of-need"
CONFIG = "etc/attestd-test-of-need.conf"


def run(*command, **options):
    return subprocess.run(command, check=True, timeout=60, **options)


def make_package(folder):
    """A package with a conffile, in an archive of its own."""
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
    """Where apt-get installs to, from here on; the machine's own packages are out of its reach."""
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
    # What the machine's configuration adds would be done to the machine.
    monkeypatch.setenv("DPKG_ADMINDIR", str(database))
    return root


def need():
    return subprocess.run([ROOT / "toolchains/need", PACKAGE], env=os.environ, check=False,
                          timeout=120, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_installs(system):
    done = need()
    assert done.returncode == 0, done.stdout
    assert (system / CONFIG).read_text(encoding="ascii") == "the package's\n"
    assert need().stdout == ""  # there is nothing to do any more


def test_a_changed_configuration_file_stays(system):
    """dpkg asks whose it is to be, whatever debconf's frontend is, and fails unanswered."""
    (system / CONFIG).write_text("mine\n", encoding="ascii")
    done = need()
    assert done.returncode == 0, done.stdout
    assert (system / CONFIG).read_text(encoding="ascii") == "mine\n"
