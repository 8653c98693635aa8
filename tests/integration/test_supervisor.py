"""Socket activation and readiness as with systemd, but without systemd."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from harness import paths
from harness.service import account, answers, ask, can_connect, connect, parse_reply, read_all

# Python: runs a command with a listening socket as descriptor 3.
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
    ("2", paths.first_binary()), *(("1", binary) for binary in paths.BINARIES)])  # 2: the same socket twice
def test_activation(start, tmp_path, count, binary):
    """The passed socket is served, and is not removed at the end."""
    path = tmp_path / "passed"
    service = start("plain", wrap=wrapped(path, count), binary=binary)
    service.wait(lambda: can_connect(path), "socket")
    assert ask(path, {"command": "getEK"})["status"] == "ok"
    assert not service.socket.exists()
    service.terminate()
    assert service.wait_exit() == 0
    assert path.exists()


# Python: runs a command whose descriptors from 3 on are the sockets and files named before "--".
PASS_ALL = """
import os, socket, sys
at = sys.argv.index("--")
passed, command = sys.argv[1:at], sys.argv[at + 1:]
for fd, path in enumerate(passed, 3):
    if path == "-":
        got = os.open("/dev/null", os.O_RDONLY)
    else:
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen(64)
        got = s.detach()
    if got != fd:
        os.dup2(got, fd)
        os.close(got)
    os.set_inheritable(fd, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(passed)), LISTEN_FDNAMES="a")
os.execvp(command[0], command)
"""


def passing(*paths_):
    return [sys.executable, "-c", PASS_ALL, *map(str, paths_), "--"]


@pytest.mark.parametrize("count", [2, 8])
def test_all_that_is_passed_is_served(start, tmp_path, count):
    """Two ListenStream= lines give two sockets; clients of both are served at the same time."""
    sockets = [tmp_path / str(i) for i in range(count)]
    service = start("plain", wrap=passing(*sockets))
    service.wait(lambda: can_connect(sockets[-1]), "last socket")
    held = [connect(path) for path in sockets]
    for path in sockets:
        assert ask(path, {"command": "getEK"})["status"] == "ok"
    for s in held:
        s.sendall(b'{"command":"getEK"}\n')
        assert parse_reply(read_all(s))["status"] == "ok"
        s.close()
    assert not service.socket.exists()
    service.terminate()
    assert service.wait_exit() == 0
    assert all(path.exists() and not can_connect(path) for path in sockets)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be others")
def test_one_socket_does_not_starve_the_other(start, request):
    """Clients of the first socket hold all connections, and as many wait: the second is served nevertheless."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-"))
    request.addfinalizer(lambda: shutil.rmtree(folder))
    first, second = folder / "1", folder / "2"
    service = start("plain", wrap=passing(first, second), args=["--allow", "0,1,2"])
    service.wait(lambda: answers(first) and ask(first, {"command": "getEK"})["status"] == "ok", "EK")
    for path in (first, second):
        path.chmod(0o666)
    folder.chmod(0o711)
    held = []
    for uid in (0, 1, 2):
        with account(uid):
            held += [connect(first) for _ in range(16)]
    begin = time.monotonic()
    with connect(second) as s:
        s.sendall(b'{"command":"getEK"}\n')
        held.pop(0).close()
        held.pop(0).close()
        assert parse_reply(read_all(s))["status"] == "ok"
    assert time.monotonic() - begin < 9  # a silent client is closed after 10 s
    for s in held:
        s.close()


@pytest.mark.parametrize("passed, why", [
    (("a", "-"), "descriptor 4, passed by the supervisor, is not a listening Unix stream socket"),
    (("-",), "descriptor 3, passed by the supervisor, is not a listening Unix stream socket"),
    ("abcdefghi", "the supervisor passed more than 8 sockets"),
], ids=["second", "only", "nine"])
def test_what_is_passed_and_cannot_be_served(tmp_path, passed, why):
    """If one socket cannot be served, attestd says what is wrong, and ends."""
    attestd = [*paths.BINARIES[paths.first_binary()], "serve"]
    done = subprocess.run([*passing(*passed), *attestd], timeout=100, check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, cwd=tmp_path)
    assert done.returncode == 1
    assert f" error {why}\n" in done.stderr


def test_variables_for_another_process(start, tmp_path):
    """LISTEN_PID names another process: the variables are not for attestd."""
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
