"""Socket activation and readiness, as systemd does them; without it."""
import os
import socket
import subprocess
import sys

import pytest

from harness import paths
from harness.service import ask, can_connect

# Runs a command with a listening socket as descriptor 3.
PASS_SOCKET = """
import os, socket, sys
path, count, command = sys.argv[1], sys.argv[2], sys.argv[3:]
s = socket.socket(socket.AF_UNIX, getattr(socket, os.environ.get("KIND", "SOCK_STREAM")))
s.bind(path)
if os.environ.get("KIND") is None:
    s.listen(32)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
for fd in range(4, 4 + int(count) - 1):
    os.dup2(3, fd)
os.environ.update(LISTEN_PID=os.environ.get("CLAIM", str(os.getpid())), LISTEN_FDS=count)
os.execvp(command[0], command)
"""


def wrapped(path, count="1"):
    return [sys.executable, "-c", PASS_SOCKET, str(path), count]


@pytest.mark.parametrize("count,binary", [
    ("2", paths.first_binary()), *(("1", binary) for binary in paths.BINARIES)])
def test_activation(start, tmp_path, count, binary):
    """The socket passed is served, and left where it is at the end."""
    path = tmp_path / "passed"
    service = start("plain", wrap=wrapped(path, count), binary=binary)
    service.wait(lambda: can_connect(path), "socket")
    assert ask(path, {"command": "getEK"})["status"] == "ok"
    assert not service.socket.exists()
    service.terminate()
    assert service.wait_exit() == 0
    assert path.exists()


def test_not_for_us(start, tmp_path):
    """LISTEN_PID names another process: the variables are not ours."""
    service = start("plain", wrap=wrapped(tmp_path / "passed"), env={"CLAIM": "1"})
    service.settled()


def test_passed_something_else(tmp_path):
    attestd = [*paths.BINARIES[paths.first_binary()], "serve", "--socket", tmp_path / "s"]
    done = subprocess.run([*wrapped(tmp_path / "passed"), *attestd], timeout=100, check=False,
                          env=dict(os.environ, KIND="SOCK_DGRAM"), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode not in (0, 64)
    assert " error " in done.stderr


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_notify(start, tmp_path, abstract):
    """READY=1 when clients can connect, STOPPING=1 at the end."""
    name = f"@attestd-test-{os.getpid()}" if abstract else str(tmp_path / "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name[1:] if abstract else name)
        s.settimeout(60)
        service = start("plain", env={"NOTIFY_SOCKET": name})
        assert s.recv(1000) == b"READY=1"
        assert ask(service.socket, {"command": "getEK"})["status"] == "ok"
        service.terminate()
        assert s.recv(1000) == b"STOPPING=1"
        assert service.wait_exit() == 0


def test_nobody_to_notify(start, tmp_path):
    start("plain", env={"NOTIFY_SOCKET": str(tmp_path / "none")}).settled()
