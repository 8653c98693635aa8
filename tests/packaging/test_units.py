"""What the units say, without systemd: the command is started as by socket activation."""
import pathlib
import re
import shlex
import signal
import socket
import subprocess

import pytest

from harness import paths
from harness.service import ask, can_connect, wait_for
from harness.tpm import States

UNITS = paths.ROOT / "port/linux/packaging/systemd"


def setting(unit, name):
    return re.search(rf"^{name}=(.*)$", (UNITS / unit).read_text(), re.M)[1]


def listens(*sockets):
    """Whether all of these listen, which is a moment after their paths exist. No client asks, for it would start
    attestd: the kernel's list says so in its flags (__SO_ACCEPTCON)."""
    lines = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()]
    listening = {line[-1] for line in lines if line[3] == "00010000"}
    return {str(path) for path in sockets} <= listening


@pytest.mark.parametrize("binary", ["native", "aarch64"])
def test_activation(tmp_path, binary):
    """It is started by its first client, says when it is ready, and is ended by SIGTERM."""
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
                wait_for(lambda: listens(path), 20, "socket")
                assert ask(path, {"command": "getAttestationData"})["status"] == "ok"
                assert notify.recv(100) == b"READY=1"
                process.send_signal(signal.SIGTERM)
                assert notify.recv(100) == b"STOPPING=1"
                assert process.wait(15) == 0
                assert path.exists() and not can_connect(path)
            finally:
                process.kill()


def test_two_sockets(tmp_path):
    """Two sockets, as two ListenStream= lines pass them: both have clients, whichever comes first."""
    first, second = tmp_path / "first", tmp_path / "second"
    with subprocess.Popen(
            [paths.SWTPM_RUN, "--state", str(States(tmp_path).new("plain")), "--",
             "systemd-socket-activate", "-l", first, "-l", second,
             *paths.BINARIES["native"], "serve"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: listens(first, second), 20, "sockets")
            for path in (second, first, second):
                assert ask(path, {"command": "getEK"})["status"] == "ok"
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
            assert first.exists() and second.exists()
        finally:
            process.kill()


def test_socket_is_the_default():
    """The unit's socket is the default one: clients need no option."""
    usage = subprocess.run([paths.ATTESTD, "--help"], capture_output=True, text=True, check=True)
    assert f"({setting('attestd.socket', 'ListenStream')})" in usage.stdout
    assert f"({setting('attestd.socket', 'SocketMode')})" in usage.stdout


def test_field_40_devices():
    """TPMs are allowed by their class, and /dev/tpm0, which has another one, by its number. Not by name, because the
    device may not exist when the service starts."""
    allowed = re.findall("^DeviceAllow=(.*)$", (UNITS / "attestd.service").read_text(), re.M)
    assert sorted(allowed) == ["/dev/char/10:224 rw", "char-tpm rw"]


def test_field_41_credential(tmp_path):
    """What the unit's comment says about endorsementAuth works: attestd reads the file that systemd makes."""
    text = (UNITS / "attestd.service").read_text()
    source = re.search("^#   LoadCredential=([^:]+):/", text, re.M)[1]
    command = shlex.split(re.search("^#   ExecStart=(/.*)$", text, re.M)[1])
    (tmp_path / source).write_text("secret\n")
    (tmp_path / source).chmod(0o400)
    args = [arg.replace("%d", str(tmp_path)) for arg in command[1:]]
    with subprocess.Popen([paths.ATTESTD, *args, "--socket", tmp_path / "s"], text=True,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        wait_for(lambda: can_connect(tmp_path / "s") or process.poll() is not None, 20, "socket")
        process.terminate()
        assert "endorsement-auth" not in process.communicate(timeout=30)[1]
        assert process.returncode == 0
    (tmp_path / source).unlink()
    done = subprocess.run([paths.ATTESTD, *args, "--socket", tmp_path / "s"], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.returncode == 1 and f"{tmp_path}/{source}: no such file" in done.stderr


def test_provision(tmp_path):
    """The unit's command makes the EK persistent, runs before attestd, and is not enabled by default."""
    unit = "attestd-provision.service"
    command = shlex.split(setting(unit, "ExecStart"))
    assert command == ["/usr/sbin/attestd", "provision"]
    assert setting(unit, "Type") == "oneshot" and setting(unit, "WantedBy") == "multi-user.target"
    assert "attestd.service" in setting(unit, "Before").split()
    for other in ("attestd.service", "attestd.socket"):
        assert unit not in (UNITS / other).read_text()
    state = States(tmp_path).new("plain")
    for said in ("The EK is persistent now", "The EK is already at 0x81010001"):
        done = subprocess.run([paths.SWTPM_RUN, "--state", str(state), "--", paths.ATTESTD, *command[1:]],
                              check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert said in done.stdout


@pytest.mark.parametrize("enabled", [False, True])
def test_provision_stays_as_the_administrator_had_it(tmp_path, enabled):
    """The package's script enables the unit again if the administrator had enabled it, and only then."""
    helper = tmp_path / "deb-systemd-helper"
    helper.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/said\n'
                      f'case "$*" in *attestd-provision*) [ {int(enabled)} = 1 ] || '
                      f'case "$*" in *was-enabled*) exit 1 ;; esac ;; esac\n')
    for name in ("systemd-sysusers", "deb-systemd-invoke", "systemctl"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    for tool in tmp_path.iterdir():
        tool.chmod(0o755)
    subprocess.run(["sh", paths.ROOT / "port/linux/packaging/debian/postinst", "configure", ""], check=True, timeout=60,
                   env={"PATH": f"{tmp_path}:/usr/bin:/bin", "DPKG_ROOT": str(tmp_path)})
    said = (tmp_path / "said").read_text().splitlines()
    assert ("enable attestd-provision.service" in said) == enabled
    assert "update-state attestd-provision.service" in said and "enable attestd.service" in said
