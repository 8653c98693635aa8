"""What attestd inherits from its parent: descriptors, signals, the journal; and what an old kernel lacks."""
import contextlib
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import paths
from harness.service import answers, can_connect, wait_for

ATTESTD = paths.ATTESTD
pytestmark = pytest.mark.shipping  # needs no TPM; starts attestd itself


@contextlib.contextmanager
def started(folder, *args, wrap=(), **options):
    """Starts attestd as a child without a TPM; its log is folder/log."""
    with open(folder / "log", "wb") as log, subprocess.Popen(
            [*wrap, ATTESTD, "serve", "--socket", folder / "s", *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, **{"stderr": log, **options}) as process:
        try:
            yield process
        finally:
            process.kill()


def serves(process, folder):
    wait_for(lambda: answers(folder / "s") or process.poll() is not None, 60, "service")
    assert process.poll() is None, (folder / "log").read_text()


def ends(process):
    process.terminate()
    assert process.wait(30) == 0


def open_files(pid):
    return {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}


# ---- descriptors ------------------------------------------------------------

NO_CLOSE_RANGE = [str(paths.BUILD / "host/lacks"), "436"]


@pytest.mark.parametrize("wrap", [[], NO_CLOSE_RANGE], ids=["", "no close_range"])
def test_descriptors(tmp_path, wrap):
    """Inherited descriptors are closed, however many: so there are enough below the sandbox's limit."""
    secret = tmp_path / "secret"
    secret.touch()
    with open(secret, "rb") as file:
        many = [os.dup2(file.fileno(), fd, inheritable=True) for fd in range(100, 240)]
        try:
            with started(tmp_path, "--sandbox", "require", wrap=wrap, close_fds=False) as process:
                serves(process, tmp_path)
                assert str(secret) not in open_files(process.pid).values()
                ends(process)
        finally:
            for fd in many:
                os.close(fd)


@pytest.mark.parametrize("mine", [True, False], ids=["passed", "to another process"])
def test_passed_descriptors(tmp_path, mine):
    """Passed descriptors are kept; those after them are closed."""
    script = f'export LISTEN_FDS=1 LISTEN_PID={"$$" if mine else 1}; exec "$@"'
    with socket.socket(socket.AF_UNIX) as listening, open(tmp_path / "x", "w+b") as file:
        listening.bind(str(tmp_path / "passed"))
        listening.listen()
        sources = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in (listening, file)]

        def place():
            for fd, source in enumerate(sources, 3):
                os.dup2(source, fd)

        with started(tmp_path, wrap=["sh", "-c", script, "sh"], preexec_fn=place,
                     pass_fds=[3, 4]) as process:
            for fd in sources:
                os.close(fd)
            path = tmp_path / ("passed" if mine else "s")
            wait_for(lambda: can_connect(path), 30, "service")
            wait_for(lambda: answers(path), 30, "service")
            files = open_files(process.pid)
            assert str(tmp_path / "x") not in files.values()
            assert (tmp_path / "s").exists() is not mine
            ends(process)


def test_a_secret_by_descriptor(tmp_path):
    """A file such as a shell's <(...) is read before descriptors are closed."""
    for given, status in (b"x" * 64, 0), (b"x" * 65, 1):
        # The here-document is a pipe. `exec`: the shell becomes attestd.
        command = f'exec "$@" --endorsement-auth /dev/fd/7 7<<END\n{given.decode()}\nEND\n'
        with started(tmp_path, wrap=["sh", "-c", command, "sh"]) as process:
            if status == 0:
                serves(process, tmp_path)
                ends(process)
            else:
                assert process.wait(30) == status
                assert "more than 64 bytes in the authorisation in /dev/fd/7" in (tmp_path / "log").read_text()


# ---- signals -------------------------------------------------------------------

@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGHUP])
def test_ignored_signals(tmp_path, sig):
    """Signals that a shell lets a background process ignore stay ignored; others end attestd."""
    with started(tmp_path, preexec_fn=lambda: signal.signal(sig, signal.SIG_IGN)) as process:
        serves(process, tmp_path)
        process.send_signal(sig)
        time.sleep(0.3)
        serves(process, tmp_path)
        ends(process)
    with started(tmp_path) as process:
        serves(process, tmp_path)
        process.send_signal(sig)
        assert process.wait(30) == 0


# ---- the supervisor ---------------------------------------------------------------

def fill(path):
    """Fills the socket until no further datagram has room. Returns how many it holds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        other.connect(str(path))
        for n in range(100000):
            try:
                other.send(b"X")
            except BlockingIOError:
                return n
    raise AssertionError("no end")


def receive(notify, n):
    return [notify.recv(100).decode() for _ in range(n)]


def test_ready_waits_for_room(tmp_path):
    """A supervisor whose queue is full is notified when there is room; meanwhile attestd serves, without a busy
    loop."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(20)
        n = fill(tmp_path / "notify")
        with started(tmp_path, env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}) as process:
            serves(process, tmp_path)
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as f:
                before = f.read().split()[13:15]
            time.sleep(1)
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as f:
                after = f.read().split()[13:15]
            assert sum(map(int, after)) - sum(map(int, before)) < 20  # ticks of 10 ms
            serves(process, tmp_path)
            assert receive(notify, n + 1) == n * ["X"] + ["READY=1"]
            ends(process)
            assert receive(notify, 1) == ["STOPPING=1"]
    assert "cannot notify" not in (tmp_path / "log").read_text()


def test_supervisor_never_reads(tmp_path):
    """A supervisor that never reads does not delay the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        fill(tmp_path / "notify")
        with started(tmp_path, env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}) as process:
            serves(process, tmp_path)
            ends(process)


def test_supervisor_dies_meanwhile(tmp_path):
    """If the supervisor dies meanwhile, the log says so once."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        fill(tmp_path / "notify")
        with started(tmp_path, env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}) as process:
            serves(process, tmp_path)
            notify.close()
            wait_for(lambda: "cannot notify" in (tmp_path / "log").read_text(), 20, "warning")
            serves(process, tmp_path)
            ends(process)
    assert (tmp_path / "log").read_text().count("READY") <= 1


# ---- the journal --------------------------------------------------------------------

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (error|warning|info|debug) "
PRIORITIES = {"error": "<3>", "warning": "<4>", "info": "<6>", "debug": "<7>"}


@pytest.mark.parametrize("who", ["journal", "another stream", "no journal"])
def test_field_39_priorities(tmp_path, who):
    """Lines for the journal begin with a priority and have no time; all other lines have a time."""
    stat = (tmp_path / "log").touch() or (tmp_path / "log").stat()
    streams = {"journal": f"{stat.st_dev}:{stat.st_ino}", "another stream": f"{stat.st_dev}:1"}
    env = {key: value for key, value in os.environ.items() if key != "JOURNAL_STREAM"}
    if who in streams:
        env["JOURNAL_STREAM"] = streams[who]
    with started(tmp_path, "--log-level", "debug", env=env) as process:
        serves(process, tmp_path)
        ends(process)
    (tmp_path / "in-the-way").touch()
    with open(tmp_path / "log", "ab") as log:
        assert subprocess.run([ATTESTD, "serve", "--socket", tmp_path / "in-the-way"], env=env,
                              stderr=log, check=False, timeout=30).returncode == 1
    lines = (tmp_path / "log").read_text().splitlines()
    seen = set()
    for line in lines:
        if who == "journal":
            level = re.match(r"<\d>(\w+) ", line)[1]
            assert line.startswith(f"{PRIORITIES[level]}{level} "), line
        else:
            level = re.match(LINE, line)[1]
        seen.add(level)
    assert {"error", "warning", "info"} <= seen, lines


# ---- the kernel -------------------------------------------------------------------------

def test_old_kernel(tmp_path):
    """If the kernel executes TPM commands within write(), the log says so once."""
    for wrap, count in ([], 0), (["setarch", "--uname-2.6"], 1):
        with started(tmp_path, wrap=wrap) as process:
            serves(process, tmp_path)
            ends(process)
        log = (tmp_path / "log").read_text()
        assert log.count(" warning before Linux 5.0 no client is answered while the TPM works; this is") == count
