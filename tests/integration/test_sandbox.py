"""The sandbox: what it forbids, and what attestd does on a kernel that lacks a part of it."""
import os
import platform
import signal
import subprocess

import pytest

from harness.paths import ATTESTD
from harness.sandbox import DENIED, LACKS, LANDLOCK, PROBE, REFUSED, SECCOMP, Attestd, landlock_abi, probe

pytestmark = [pytest.mark.shipping,  # other builds of attestd have no filter for system calls
              pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls have the numbers of x86_64")]


# ---- what is forbidden ------------------------------------------------------

@pytest.mark.parametrize("name", [
    "execve", "fork", "clone", "socket", "socketpair", "connect", "bind", "sendto", "sendmsg",
    "ptrace", "process_vm_readv", "kill", "setuid", "mount", "unshare", "chroot", "bpf",
    "io_uring", "memfd", "mmap", "mmap_exec", "mprotect_exec", "unprotect_paths", "openat",
    "openat2", "mkdir", "chmod", "rename", "x32", "int80", "unknown"])
def test_ends_the_process(tmp_path, name):
    assert probe(tmp_path, name, "/etc/passwd") == signal.SIGSYS


@pytest.mark.parametrize("name,path", [
    ("open", "/etc/passwd"), ("open", "/proc/self/mem"), ("open", "/dev/mem"),
    ("open", "/dev/null"), ("open", "/dev/tpmrm0"), ("stat", "/etc/passwd"),
    ("stat_through", "/etc/passwd"), ("list", "/"),
    ("write", "FILE"), ("truncate", "FILE"), ("create", "NEW"), ("unlink", "FILE"),
    ("nofile", ""), ("fcntl", ""), ("getpid", "")])
def test_refused(tmp_path, name, path):
    """Refused, whatever the call: the path is not one of attestd's own."""
    file, new = tmp_path / "file", tmp_path / "new"
    file.write_text("kept")
    path = {"FILE": file, "NEW": new}.get(path, path)
    assert probe(tmp_path, name, path) == REFUSED
    assert file.read_text() == "kept" and not new.exists()


@pytest.mark.parametrize("name", ["paths", "relro"])
def test_read_only(tmp_path, name):
    """The paths that may be opened, and the tables of pointers, cannot be written."""
    assert probe(tmp_path, name) == signal.SIGSEGV


def test_allowed(tmp_path):
    """Shows that the attempts work: what attestd may do succeeds, and a TPM that is not there looks like that."""
    assert probe(tmp_path, "getrandom") == ""
    assert probe(tmp_path, "tpm3") == probe(tmp_path, "stat_tpm3") == "no such file or directory"
    for name in ("socket", "mmap_exec"):
        assert probe(tmp_path, name, args=["--sandbox", "off"]) == ""
    assert probe(tmp_path, "open", "/etc/passwd", args=["--sandbox", "off"]) == ""


# ---- Landlock and seccomp, each alone ----------------------------------------

@pytest.mark.skipif(landlock_abi() < 1, reason="this kernel has no Landlock")
class TestLandlock:
    """Landlock alone, without seccomp."""

    @staticmethod
    def probe(folder, name, path="", args=()):
        return probe(folder, name, path, args, lacks=[SECCOMP])

    @pytest.mark.parametrize("name", ["open", "write", "truncate", "unlink", "rename", "openat2"])
    def test_another_file(self, tmp_path, name):
        folder, file = tmp_path / "folder", tmp_path / "file"
        folder.mkdir()
        file.write_text("kept")
        assert self.probe(folder, name, file) == DENIED
        assert file.read_text() == "kept"

    @pytest.mark.parametrize("name", ["create", "mkdir"])
    def test_beside_the_socket(self, tmp_path, name):
        assert self.probe(tmp_path, name, tmp_path / "new") == DENIED
        assert not (tmp_path / "new").exists()

    def test_folders(self, tmp_path):
        assert self.probe(tmp_path, "list", "/") == DENIED
        assert self.probe(tmp_path, "list", "/dev") == DENIED

    def test_devices(self, tmp_path):
        """A TPM may come with another name, so Landlock allows all devices that permissions allow."""
        assert self.probe(tmp_path, "open", "/dev/null") == ""
        assert self.probe(tmp_path, "create", "/dev/attestd-probe") == DENIED

    @pytest.mark.skipif(landlock_abi() < 6, reason="Landlock before scopes")
    def test_signals(self, tmp_path):
        assert self.probe(tmp_path, "kill") == REFUSED

    def test_once_removes_nothing(self, tmp_path):
        """`attestd once` has no socket; at the default path there may be another's."""
        (tmp_path / "file").write_text("kept")
        env = dict(os.environ, ATTESTD_PROBE_SANDBOX="unlink",
                   ATTESTD_PROBE_PATH=str(tmp_path / "file"))
        done = subprocess.run([LACKS, str(SECCOMP), PROBE, "once"], env=env, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert f"probe unlink: {DENIED}" in done.stderr
        assert (tmp_path / "file").exists()


def test_seccomp_without_landlock(tmp_path):
    assert probe(tmp_path, "open", "/etc/passwd", lacks=[LANDLOCK]) == REFUSED
    assert probe(tmp_path, "execve", lacks=[LANDLOCK]) == signal.SIGSYS


# ---- kernels without a part of the sandbox ------------------------------------

PARTS = [([SECCOMP], "seccomp"), ([LANDLOCK], "Landlock"), ([125], "capabilities"),
         ([302], "limits"), ([157], "undumpable no_new_privs"),
         ([SECCOMP, LANDLOCK], "Landlock seccomp")]


@pytest.mark.parametrize("lacks,named", PARTS, ids=[named for _, named in PARTS])
def test_lacking(tmp_path, lacks, named):
    """One warning names everything that is missing, and attestd goes on; with `require` it does not start."""
    message = f"this system lacks protections: {named}\n"
    with Attestd(tmp_path, lacks=lacks) as attestd:
        attestd.ready()
        assert attestd.end() == 0
        assert attestd.said.count(" warning this system") == 1
        assert attestd.said.count(f" warning {message}") == 1
        assert not attestd.socket.exists()
    with Attestd(tmp_path, "--sandbox", "require", lacks=lacks) as attestd:
        assert attestd.process.wait(60) == 1
        attestd.end()
        assert f" error {message}" in attestd.said
        assert not attestd.socket.exists()
    once = subprocess.run([LACKS, ",".join(map(str, lacks)), ATTESTD, "once", "--sandbox",
                           "require"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    assert once.returncode == 1 and message in once.stderr


def test_off(tmp_path):
    with Attestd(tmp_path, "--sandbox", "off") as attestd:
        attestd.ready()
        assert attestd.status()["Seccomp"] == "0"
        assert attestd.end() == 0
        assert " warning the sandbox is off\n" in attestd.said


def test_required(start):
    """This kernel has everything: with a TPM, from start to end."""
    service = start("plain", args=["--sandbox", "require"]).settled()
    assert "sandbox" not in service.log() and "lacks" not in service.log()
