"""What the units say, without systemd: the command, activated as by the socket."""
import re
import shlex
import signal
import socket
import subprocess

import pytest

from harness import paths
from harness.service import ask, can_connect, wait_for
from harness.tpm import States

UNITS = paths.ROOT / "port/linux/systemd"


def setting(unit, name):
    return re.search(rf"^{name}=(.*)$", (UNITS / unit).read_text(), re.M)[1]


@pytest.mark.parametrize("binary", ["native", "aarch64"])
def test_activation(tmp_path, binary):
    """Started by its first client, ready by its own word, ended by SIGTERM."""
    command = shlex.split(setting("attestd.service", "ExecStart"))
    assert command[0] == "/usr/sbin/attestd"
    assert setting("attestd.service", "Type") == "notify"
    path, told = tmp_path / "socket", tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(told))
        notify.settimeout(20)
        with subprocess.Popen(
                [paths.SWTPM_RUN, "--state", str(States(tmp_path).new("plain")), "--",
                 "systemd-socket-activate", "-l", path, "-E", f"NOTIFY_SOCKET={told}",
                 *paths.BINARIES[binary], *command[1:]],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: path.exists(), 20, "socket")
                assert ask(path, {"command": "getAttestationData"})["status"] == "ok"
                assert notify.recv(100) == b"READY=1"
                process.send_signal(signal.SIGTERM)
                assert notify.recv(100) == b"STOPPING=1"
                assert process.wait(15) == 0
                assert path.exists() and not can_connect(path)
            finally:
                process.kill()


def test_socket_is_the_default():
    """Clients need no option."""
    usage = subprocess.run([paths.ATTESTD, "--help"], capture_output=True, text=True, check=True)
    assert f"({setting('attestd.socket', 'ListenStream')})" in usage.stdout
    assert f"({setting('attestd.socket', 'SocketMode')})" in usage.stdout
