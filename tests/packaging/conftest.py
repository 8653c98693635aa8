"""Fixtures: the Debian packages, and a time limit for every test."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "vm")]
from harness import limit, paths  # noqa: E402

time_limit = limit.each_test(60)
VERSION = os.environ.get("VERSION") or re.search(
    r"^VERSION = (\S+)", (paths.ROOT / "Makefile").read_text(), re.M)[1]
BINARIES = {"x86_64-linux-musl": paths.ATTESTD, "aarch64-linux-musl": paths.ATTESTD_AARCH64}
ARCHITECTURES = {"amd64": "x86_64-linux-musl", "arm64": "aarch64-linux-musl"}


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): a time limit of its own")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


class Build:
    """A separate build folder with the binaries in it."""

    def __init__(self, folder):
        self.folder = folder
        for target, binary in BINARIES.items():
            (folder / target).mkdir()
            shutil.copy(binary, folder / target / "attestd")

    def deb(self, arch, **env):
        """Makes a package; returns the finished process."""
        return subprocess.run([paths.ROOT / "toolchains/release/deb", self.folder, ARCHITECTURES[arch]],
                              env={**os.environ, "VERSION": VERSION, **env}, check=False,
                              capture_output=True, text=True)


@pytest.fixture
def build(tmp_path):
    return Build(tmp_path)


@pytest.fixture(scope="session")
def debs(tmp_path_factory):
    """The packages, by architecture."""
    made = Build(tmp_path_factory.mktemp("build"))
    found = {}
    for arch in ARCHITECTURES:
        done = made.deb(arch)
        assert done.returncode == 0, done.stderr
        found[arch] = pathlib.Path(done.stdout.strip())
    return found


def make(*arguments):
    """Calls make as a user does; returns the finished process."""
    return subprocess.run(["make", "--no-print-directory", *arguments,
                           f"BUILD={os.path.relpath(paths.BUILD, paths.ROOT)}"], cwd=paths.ROOT,
                          env={**os.environ, "MAKEFLAGS": ""}, check=False,
                          capture_output=True, text=True)


def files_below(folder):
    """The files below a folder with their modes, by path."""
    return {"/" + str(path.relative_to(folder)): path.stat().st_mode & 0o7777
            for path in sorted(folder.rglob("*")) if not path.is_dir()}


def install(destdir, binary=paths.ATTESTD, **env):
    """Runs toolchains/release/install into a folder; returns the files with their modes, by path."""
    subprocess.run([paths.ROOT / "toolchains/release/install", binary], check=True, cwd="/",
                   env={**os.environ, "DESTDIR": str(destdir), **env})
    return files_below(destdir)
