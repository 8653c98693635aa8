"""The script that the hooks call in an initramfs, run without an initramfs."""
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import paths
from harness.service import can_connect, wait_for

EARLY = paths.ROOT / "port/linux/packaging/early/early"


class Early:
    """The script with the test's paths, and without the kernel log."""

    def __init__(self, folder, attestd=paths.ATTESTD, shell="sh", env=None):
        self.run_dir = folder / "run"
        self.socket = self.run_dir / "attestd.sock"
        self.exchange = folder / "exchange"
        self.settings = folder / "settings"
        self.script = folder / "early"
        self.shell, self.env = shell.split(), env
        text = EARLY.read_text()
        for old, new in (("/usr/sbin/attestd", attestd), ("/run/attestd", self.run_dir),
                         ("/etc/attestd/initramfs-exchange", self.exchange),
                         ("/etc/attestd/initramfs.conf", self.settings),
                         ("/dev/kmsg", folder / "no/kmsg")):
            assert old in text
            text = text.replace(old, str(new))
        self.script.write_text(text)

    def write_exchange(self, text):
        self.exchange.write_text(f"#!/bin/sh\n{text}\n")
        self.exchange.chmod(0o755)

    def do(self, what, status=0):
        done = subprocess.run([*self.shell, self.script, what], check=False, timeout=30, env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def pid(self):
        return int((self.run_dir / "early.pid").read_text())

    def gone(self):
        return not self.run_dir.exists()


SHELLS = {"dash": "dash", "bash": "bash --posix",
          "busybox": f"{paths.BUILD}/vm/x86_64/busybox sh"}


@pytest.fixture(params=SHELLS)
def early(request, tmp_path):
    made = Early(tmp_path, shell=SHELLS[request.param])
    yield made
    made.do("stop")
    assert made.gone()


def alive(pid):
    return os.path.exists(f"/proc/{pid}/exe")


def test_exchange(early, tmp_path):
    """The exchange finds a service that listens. After a success it is not run again."""
    early.write_exchange(f'echo "$ATTESTD_SOCKET" >>{tmp_path}/seen\n'
                         f'{paths.ATTESTD} call --socket "$ATTESTD_SOCKET" x >{tmp_path}/reply\n'
                         f'test -s {tmp_path}/reply')
    early.do("run")
    pid = early.pid
    early.do("run")
    assert (tmp_path / "seen").read_text() == f"{early.socket}\n"
    assert "unknown_command" in (tmp_path / "reply").read_text()
    assert alive(pid) and can_connect(early.socket)
    early.do("stop")
    assert not alive(pid) and early.gone()


def options(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
        return f.read().split("\0")[4:-1]


@pytest.mark.parametrize("text,wait", [(None, None), ("", None), ("# ATTESTD_WAIT=1\n", None),
                                       ("ATTESTD_WAIT=20\n", "20"), ("ATTESTD_WAIT='0'", "0")])
def test_field_42_wait(early, text, wait):
    """The site's settings say how long to wait for a late TPM."""
    if text is not None:
        early.settings.write_text(text)
    early.env = {**os.environ, "ATTESTD_WAIT": "7"}  # a variable of the environment is no setting
    early.do("run")
    assert options(early.pid) == (["--wait", wait] if wait else [])


def test_wait_is_no_number(early):
    """A wrong setting is reported, and attestd's default is used."""
    early.settings.write_text("ATTESTD_WAIT=20s\n")
    assert "ATTESTD_WAIT" in early.do("run")
    assert options(early.pid) == []


def test_failure(early, tmp_path):
    """A failure is reported. The next call tries again, with the same service."""
    early.write_exchange(f"test -e {tmp_path}/network || exit 7")
    assert "exit status 7" in early.do("run", status=1)
    pid = early.pid
    (tmp_path / "network").touch()
    early.do("run")
    assert early.pid == pid
    (tmp_path / "network").unlink()
    early.do("run")


def test_no_exchange(early):
    early.do("run")
    assert can_connect(early.socket)


def test_died_between(early, tmp_path):
    """If attestd has died, the next attempt starts another."""
    early.write_exchange(f"{paths.ATTESTD} call --socket $ATTESTD_SOCKET x >{tmp_path}/reply\n"
                         f"test -s {tmp_path}/reply && test -e {tmp_path}/network")
    early.do("run", status=1)
    pid = early.pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), 20, "end")
    (tmp_path / "network").touch()
    early.do("run")
    assert early.pid != pid and alive(early.pid)


def test_needs_little(tmp_path):
    """It needs only the programs that it names: images without busybox have few."""
    said = re.search(r"a POSIX shell with ([^;]*?), and /proc",
                     EARLY.read_text().replace("\n# ", " "))[1]
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in re.findall(r"\w+", said):
        (tools / name).symlink_to(shutil.which(name))
    early = Early(tmp_path, shell=shutil.which("dash"), env={"PATH": str(tools)})
    early.write_exchange("exit 1")
    early.do("run", status=1)
    early.write_exchange("exit 0")
    early.do("run")
    assert "not found" not in early.do("stop")
    assert early.gone()


def test_stop_before_run(early):
    early.do("stop")
    early.do("stop")


def test_does_not_end(early):
    """An exchange that hangs is killed; the boot goes on."""
    early.do("run")
    pid = early.pid
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    early.do("stop")
    assert 5 < time.monotonic() - start < 20
    wait_for(lambda: not alive(pid), 5, "end")


def test_does_not_start(tmp_path):
    """If attestd does not start, the exchange is not run; the boot goes on."""
    early = Early(tmp_path, "/bin/false")
    early.write_exchange(f"touch {tmp_path}/seen")
    assert "does not answer" in early.do("run", status=1)
    assert not (tmp_path / "seen").exists()
    early.do("stop")
    assert early.gone()


@pytest.mark.parametrize("arguments", [[], ["start"], ["log"]])
def test_usage(arguments):
    done = subprocess.run(["sh", EARLY, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 64 and re.match("usage:", done.stderr)
