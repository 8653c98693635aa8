"""The command line, the properties of attestd.exe, and how a console ends it."""
import json
import os
import pathlib
import re
import select
import subprocess
import threading

import pytest

from harness import paths
from harness.service import connect
from harness.wine import info, run
from test_program import attestd

pytestmark = pytest.mark.windows


@pytest.mark.core
def test_help():
    done = attestd("--help")
    assert done.returncode == 0 and not done.stderr
    for word in ("serve", "once", "call", "install", "uninstall", "--pipe", "--sddl", "--allow-quote",
                 r"\\.\pipe\TpmWrapperPipe", "--log-level"):
        assert word in done.stdout
    for word in ("--socket", "--tpm"):
        assert word not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("args", [
    ["--nope"], ["serve", "--nope"], ["-x"], ["serve", "getEK"], ["nope"], ["--pipe"],
    ["--pipe", ""], ["--pipe", "x" * 300], ["--pipe", r"a\b"], ["--pipe", r"\\other\pipe\a"],
    ["--pipe", r"\\.\pipe\a\b"], ["--pipe", "\\\\.\\pipe\\"], ["--sddl"], ["--socket", "x"],
    ["--log-level", "loud"], ["once", "--pipe", "x"], ["once", "getEK"], ["call", "getEK", "getEK"],
    ["call", "--sddl", "D:(A;;GA;;;SY)"], ["once", "--allow-quote", "D:(A;;GA;;;SY)"], ["install", "--nope"], ["install", "getEK"],
    ["install", "--sddl", "D:"], ["install", "--pipe", ""], ["uninstall", "--pipe", "x"],
    ["uninstall", "x"],
], ids=" ".join)
def test_wrong_options(args):
    done = attestd(*args)
    assert done.returncode == 64
    assert "usage: attestd" in done.stderr and not done.stdout


def test_provision():
    """On Windows, provision only prints that Windows does this itself. No TPM command is sent,
    and the code for it is not in the exe.
    """
    done = attestd("provision")
    assert done.returncode == 0 and not done.stderr
    assert "Windows itself keeps the EK in the TPM" in done.stdout
    usage = attestd("--help").stdout
    assert re.search(r"^  provision\n +says that here Windows", usage, re.M)
    for word in ("--undo", "--dry-run", "--owner-auth"):
        assert word not in usage
        assert attestd("provision", word).returncode == 64
    exe = pathlib.Path(paths.BINARIES[paths.first_binary()][-1]).read_bytes()
    assert b"Windows itself keeps the EK" in exe and b"EK is persistent now" not in exe


def test_arguments_with_quotes():
    """Arguments quoted by wine, as callers of CreateProcess do, are read unchanged."""
    for word in ('a"b', 'a b', 'a\\', 'a\\"b c\\', '"', "ключ \U0001f511"):
        done = attestd("call", "--pipe", "nobody", "--nope", word)
        assert done.returncode == 64
        done = attestd("serve", word)
        assert done.returncode == 64
        assert word in done.stderr.splitlines()[0]


def test_a_request_that_is_not_ascii(start):
    service = start("plain").ready()
    done = attestd("call", *service.where, '{"command":"getEK","имя":"\U0001f511 \\" x"}')
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "ok"


def read_terminal(ours):
    """Reads until the other side of the terminal is closed."""
    try:
        while os.read(ours, 4096):
            pass
    except OSError:
        pass


def test_a_request_that_is_typed(start):
    """A request typed at a console is UTF-8, although the console's code page is that of DOS."""
    service = start("plain").settled()
    ours, terminal = os.openpty()
    process = subprocess.Popen(
        [paths.wine(), paths.windows_tool("ordinary.exe"), paths.BINARIES[paths.first_binary()][-1],
         "call", "--pipe", service.pipe],
        stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    os.close(terminal)
    screen = threading.Thread(target=read_terminal, args=(ours,))  # wine would wait if nobody read its output
    screen.start()
    try:
        assert process.stdout.readline() == b"console\n"
        reply = []
        while not reply:  # input that comes before wine has set up the terminal is lost
            os.write(ours, '{"command":"getEK","\u00e9":"\u00e9"}\r'.encode())
            reply, _, _ = select.select([process.stdout], [], [], 1)
        assert json.loads(process.stdout.readline())["status"] == "ok"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        screen.join(20)
        os.close(ours)


@pytest.mark.core
def test_ctrl_c(start):
    """While one client is idle and another is in the middle of a line."""
    service = start("plain").settled()
    with connect(service.address), connect(service.address) as s:
        s.sendall(b'{"comm')
        service.terminate()
        assert service.wait_exit() in service.ENDS
    assert service.is_gone()


@pytest.mark.parametrize("event", [1, 2], ids=["break", "close"])
def test_other_console_events(start, event):
    """While a client is in the middle of a line."""
    service = start("plain").settled()
    with connect(service.address) as s:
        s.sendall(b'{"comm')
        done = run(paths.windows_tool("relay.exe"), "--event", str(event), service.pipe)
        assert done.returncode == 0, done.stdout
        assert service.wait_exit() in service.ENDS
    assert service.is_gone()


def test_ctrl_c_before_there_is_a_tpm(start):
    start("plain", launcher=["--absent"]).ready().stop()


def test_ctrl_c_ends_once(states, launch):
    """While `once` waits for input."""
    process = subprocess.Popen(
        [paths.SWTPM_RUN, "--state", states.new(), *launch.LAUNCHER, "--",
         *paths.BINARIES[paths.first_binary()], "once"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdin.write(b'{"command":"nope"}\n')
    process.stdin.flush()
    assert b"unknown_command" in process.stdout.readline()
    process.send_signal(launch.STOP_SIGNAL)
    assert process.wait(10) in (1, *launch.ENDS)
    process.stdin.close()
    process.stdout.close()


@pytest.mark.core
def test_version_resource():
    """The properties of the file that Explorer shows."""
    exe = pathlib.Path(paths.BINARIES[paths.first_binary()][-1]).read_bytes()
    version = attestd("--version").stdout.split()[1]

    def value(key):
        """A String of VS_VERSIONINFO: a key and a value, both with a NUL at the end."""
        key = key.encode("utf-16-le") + b"\0\0"
        assert exe.count(key) == 1, key
        words = exe[exe.index(key) + len(key):][:400].decode("utf-16-le", "replace")
        return words.lstrip("\0").split("\0")[0]

    assert value("ProductName") == "attestd"
    assert value("FileVersion").startswith(version) and value("ProductVersion").startswith(version)
    assert "TPM" in value("FileDescription")
    assert value("OriginalFilename") == "attestd.exe"
    numbers = b"".join(int(n).to_bytes(2, "little") for n in version.split("."))
    major, minor, patch = numbers[:2], numbers[2:4], numbers[4:6]
    fixed = exe.index(bytes.fromhex("bd04effe"))  # VS_FIXEDFILEINFO
    assert exe[fixed + 8:fixed + 16] == minor + major + b"\0\0" + patch


def test_hardening(start):
    """attestd asks for these process mitigation policies (wine only logs them), and keeps only
    one privilege.
    """
    strict_handles, extension_points, dynamic_code, fonts = 3, 6, 2, 9
    image_load, signature, child_processes = 10, 8, 13
    service = start("plain", env={"WINEDEBUG": "-all,fixme+process"}).ready()
    asked = re.findall(r"SetProcessMitigationPolicy \((\d+),", service.log())
    assert {strict_handles, extension_points, dynamic_code, fonts, image_load, signature,
            child_processes} == set(map(int, asked))
    known = info(service.pipe)
    assert (known["privileges"], known["privilege"]) == ("1", "SeChangeNotifyPrivilege")
