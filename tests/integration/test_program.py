"""The command line, the socket, and how the program starts and ends."""
import os
import signal
import socket
import stat
import subprocess

import pytest

from harness import process
from harness.paths import BINARIES, first_binary
from harness.service import can_connect, connect

COMMANDS = pytest.mark.parametrize("binary", BINARIES)


def attestd(*args, binary=None, **options):
    return subprocess.run([*BINARIES[binary or first_binary()], *args], check=False, timeout=100,
                          text=True, capture_output=True, stdin=subprocess.DEVNULL, **options)


@COMMANDS
def test_help(binary):
    done = attestd("--help", binary=binary)
    assert done.returncode == 0 and not done.stderr
    for word in ("serve", "once", "call", "--socket", "--mode", "--owner", "--group", "--allow", "--allow-quote",
                 "--tpm", "--log-level"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@COMMANDS
def test_version(binary):
    done = attestd("--version", binary=binary)
    assert done.returncode == 0 and not done.stderr
    name, version = done.stdout.split()
    assert name == "attestd" and version[0].isdigit()


@pytest.mark.parametrize("args", [
    ["--nope"], ["serve", "--nope"], ["-x"], ["serve", "getEK"], ["nope"], ["--socket"],
    ["--socket", ""], ["--socket", "/" + "x" * 200], ["--mode", "999"], ["--mode", "rw"],
    ["--mode", "07777"], ["--mode", ""], ["--group", "wheel"], ["--group", "-1"],
    ["--log-level", "loud"], ["--tpm", ""], ["once", "--socket", "/tmp/x"], ["once", "getEK"],
    ["--owner", "root"], ["--owner", "4294967295"], ["--allow", "root"], ["--allow", ""],
    ["--allow=1,"], ["--allow", "1,,2"], ["--allow", "@"], ["--allow=" + ",".join("1" * 65)],
    ["--allow-quote", "root"], ["--allow-quote", ""], ["--allow-quote=1,"], ["once", "--allow-quote", "1"],
    ["once", "--allow", "1"], ["call", "getEK", "getEK"], ["call", "--mode", "0600"], ["call", "--tpm", "/dev/tpm0"],
], ids=" ".join)
def test_wrong_options(args):
    done = attestd(*args)
    assert done.returncode == 64
    assert "usage: attestd" in done.stderr and not done.stdout
    option = next((a.split("=")[0] for a in args if a.startswith("--")), args[-1])
    assert option in done.stderr.splitlines()[0]


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_mode_by_default(start):
    service = start("plain").ready()
    assert mode_of(service.socket) == 0o660


@pytest.mark.parametrize("mode", ["0600", "666", "0640"])
def test_mode(start, mode):
    assert mode_of(start("plain", args=["--mode", mode]).ready().socket) == int(mode, 8)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_group(start):
    service = start("plain", args=["--group", "4711"]).ready()
    assert os.stat(service.socket).st_gid == 4711


def test_options_with_an_equals_sign(start, tmp_path):
    service = start("plain", args=["--mode=0600", "--log-level=debug"]).ready()
    assert mode_of(service.socket) == 0o600


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(start, sig):
    service = start("plain").settled()
    service.terminate(sig)
    assert service.wait_exit() == 0
    assert not service.socket.exists()


def test_stops_before_it_has_found_a_tpm(start):
    start("plain", launcher=["--absent"]).ready().stop()


def test_a_stale_socket_is_replaced(start, tmp_path):
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    service = start("plain", args=["--socket", str(path)])
    service.wait(lambda: can_connect(path), "socket")


def refused(*args):
    done = attestd("serve", *args)
    assert done.returncode not in (0, 64) and " error " in done.stderr
    return done.stderr


def test_a_living_socket_is_left_alone(start):
    service = start("plain").settled()
    assert "answers" in refused("--socket", str(service.socket))
    service.ok({"command": "getEK"})


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_something_else_is_left_alone(tmp_path, what):
    path = tmp_path / "s"
    if what == "file":
        path.write_text("mine")
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    refused("--socket", str(path))
    assert os.path.lexists(path)


def test_no_such_folder(tmp_path):
    refused("--socket", str(tmp_path / "no" / "s"))


def test_anothers_socket_is_not_removed(start):
    """The socket was replaced while the service ran: attestd does not remove the new one."""
    service = start("plain").ready()
    service.socket.unlink()
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(service.socket))
    service.terminate()
    assert service.wait_exit() == 0
    assert service.socket.exists()


def test_no_core_dumps(start):
    service = start("plain").settled()
    pid = service.control.pid()
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        core = [line.split() for line in f if line.startswith("Max core file size")][0]
    assert core[4:6] == ["0", "0"]
    # Not dumpable: its files in /proc (not the folder) are root's, and nobody can attach to it.
    # For root there is no difference.
    assert os.stat(f"/proc/{pid}/fd").st_uid == 0


def test_no_new_privileges(start):
    assert process.status(start("plain").settled().control.pid())["NoNewPrivs"].strip() == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: attestd is undumpable")
def test_descriptors_are_not_leaked(start):
    service = start("plain").settled()
    fds = f"/proc/{service.control.pid()}/fd"
    before = len(os.listdir(fds))
    for _ in range(50):
        service.ok({"command": "getEK"})
        connect(service.socket).close()
    service.ok({"command": "getEK"})
    assert len(os.listdir(fds)) <= before + 1
    assert before < 12


def test_another_device_may_be_named(start):
    service = start("plain", args=["--tpm", "/dev/tpm0"], launcher=["--device", "both"]).settled()
    assert "/dev/tpm0" in service.log()


def test_the_resource_manager_comes_first(start):
    service = start("plain", launcher=["--device", "both"]).settled()
    assert "/dev/tpmrm0" in service.log()
