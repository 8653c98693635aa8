"""Rootless containers: root of a user namespace, which may use the TPM because of a group that has no
number there. The device is a file with the same permissions."""
import ctypes
import fcntl
import os
import platform
import socket
import subprocess
import threading

import pytest

from harness import process
from harness.paths import ATTESTD
from harness.sandbox import let_through
from harness.service import answers, ask, wait_for

USER, GROUP, OTHERS = 1000, 1234, 100000  # outside
CLONE_NEWUSER = 0x10000000
libc = ctypes.CDLL(None, use_errno=True)


def has_namespaces():
    return subprocess.run(["unshare", "--user", "true"], check=False, capture_output=True).returncode == 0


pytestmark = [pytest.mark.shipping, pytest.mark.skipif(
    os.geteuid() != 0 or platform.machine() != "x86_64" or not has_namespaces(),
    reason="becomes others, in a user namespace")]


class Attestd:
    """attestd, in a namespace or not, with inherited groups."""

    def __init__(self, folder, groups, *args, namespace=True, owner=0, mode=0o660):
        self.socket, self.device = folder / "s", folder / "device"
        self.device.touch()
        os.chown(self.device, owner, GROUP)
        self.device.chmod(mode)
        folder.chmod(0o711)
        if namespace:
            os.chown(folder, USER, USER)
        let_through(folder)
        ready, mapped = os.pipe(), os.pipe()

        # The socket is passed, because in the namespace this machine's folders belong to nobody.
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.socket))
        self.listening.listen()
        self.socket.chmod(0o666)
        passed = fcntl.fcntl(self.listening.fileno(), fcntl.F_DUPFD, 100)

        def enter():
            os.dup2(passed, 3)
            os.setgroups(groups)
            if not namespace:
                return
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)
            if libc.unshare(CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            os.write(ready[1], str(os.getpid()).encode())
            os.read(mapped[0], 1)
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)

        def write_maps():
            pid = os.read(ready[0], 20).decode()
            for name in "uid_map", "gid_map":
                with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as f:
                    f.write(f"0 {USER} 1\n1 {OTHERS} 65536\n")
            os.write(mapped[1], b"x")

        thread = threading.Thread(target=write_maps)
        if namespace:
            thread.start()
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", ATTESTD, "serve", "--tpm",
                 self.device, "--wait", "0", *args],
                stdin=subprocess.DEVNULL, stderr=log, preexec_fn=enter, pass_fds=[3])
        if namespace:
            thread.join(30)
        for fd in *ready, *mapped, passed:
            os.close(fd)
        self.log = folder / "log"

    def __enter__(self):
        wait_for(lambda: self.process.poll() is not None or answers(self.socket), 30, "service")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.listening.close()
        self.socket.unlink()

    def groups(self):
        """The groups of the process, with the host's numbers."""
        return process.status(self.process.pid)["Groups"].split()

    def opens(self):
        return ask(self.socket, {"command": "getEK"})["error"] != "tpm_access_denied"


@pytest.mark.parametrize("args", [[], ["--user", "5:6"]], ids=["root", "user"])
def test_field_35_inherited_group(tmp_path, args):
    """Only the inherited group allows to open the device, so attestd must keep it."""
    with Attestd(tmp_path, [GROUP], *args) as attestd:
        assert attestd.groups() == [str(GROUP)]
        assert attestd.opens()


@pytest.mark.parametrize("args", [[], ["--user", "5:6"]], ids=["root", "user"])
def test_without_the_group(tmp_path, args):
    """Without the group there is no access: so the test above shows something."""
    with Attestd(tmp_path, [], *args) as attestd:
        assert not attestd.opens()


def test_other_groups_are_laid_down(tmp_path):
    """Groups that do not allow to open the device, or are not needed for it, are given up."""
    user = 60001
    for gid, mode, opens in (GROUP, 0o660, True), (7, 0o666, True), (7, 0o600, False):
        with Attestd(tmp_path, [GROUP, 42], "--user", f"{user}:{gid}", namespace=False,
                     mode=mode) as attestd:
            assert attestd.groups() == []
            assert attestd.opens() is opens
    with Attestd(tmp_path, [GROUP, 42], "--user", f"{user}:7", namespace=False) as attestd:
        assert attestd.groups() == ["42", str(GROUP)] and attestd.opens()
        assert "it keeps them" in attestd.log.read_text()


def test_root_with_the_group(tmp_path):
    """Root keeps all its groups if one is the TPM's. Otherwise it joins the TPM's group."""
    with Attestd(tmp_path, [GROUP, 42], namespace=False, owner=60001) as attestd:
        assert attestd.groups() == ["42", str(GROUP)] and attestd.opens()
    with Attestd(tmp_path, [42], namespace=False, owner=60001) as attestd:
        assert attestd.groups() == [str(GROUP)] and attestd.opens()
