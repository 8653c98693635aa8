"""attestd in its sandbox, without a TPM: as it ships, and built to try something from the inside."""
import ctypes
import os
import re
import signal
import subprocess

import pytest

from .paths import ATTESTD, BUILD
from .process import status
from .service import answers, wait_for

PROBE = str(BUILD / "injected/sandbox/x86_64-linux-musl/attestd")
LACKS = str(BUILD / "host/lacks")
SECCOMP, LANDLOCK, SETUID = 317, 444, 105  # on x86_64
NOBODY = 65534
DENIED, REFUSED = "permission denied", "operation not permitted"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")


def landlock_abi():
    return ctypes.CDLL(None).syscall(LANDLOCK, None, 0, 1)


class Attestd:
    """attestd as a child process, without a TPM. lacks: the numbers of system calls that its kernel lacks."""

    def __init__(self, folder, *args, binary=ATTESTD, lacks=(), **options):
        self.socket = folder / "socket"
        command = [LACKS, ",".join(map(str, lacks))] if lacks else []
        self.process = subprocess.Popen(
            [*command, binary, "serve", "--socket", self.socket, *args], cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=60)

    def wait_for(self, text):
        """Reads the log until a line has this text. False if attestd ends before."""
        for line in self.process.stderr:
            self.said += line
            if text in line:
                return True
        return False

    def ready(self):
        wait_for(lambda: answers(self.socket) or self.process.poll() is not None, 60, "reply")
        assert self.process.poll() is None, self.process.communicate()[1]
        return self

    def status(self):
        return status(self.process.pid)

    def end(self):
        """Stops it; returns its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        self.said += self.process.communicate(timeout=60)[1]
        return self.process.returncode


def let_through(folder):
    """Lets all users go through the folders above this one: pytest's are for root only."""
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 1:
            os.chmod(parent, 0o711)


def give(folder):
    """Makes the folder NOBODY's."""
    os.chown(folder, NOBODY, NOBODY)
    let_through(folder)


def probe(folder, name, path="", args=(), lacks=()):
    """Tries `name` inside the sandbox. Returns why it failed, "" if it succeeded, or the signal that ended
    the process."""
    env = dict(os.environ, ATTESTD_PROBE_SANDBOX=name, ATTESTD_PROBE_PATH=str(path))
    with Attestd(folder, *args, binary=PROBE, lacks=lacks, env=env) as attestd:
        found = attestd.wait_for(f" probe {name}")
        status = attestd.end()
    if not found:
        assert status < 0, attestd.said
        return signal.Signals(-status)
    assert status == 0
    return re.search(rf" probe {name}(?:: (.*))?$", attestd.said, re.M)[1] or ""
