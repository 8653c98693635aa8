"""attestd call: the client."""
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

from harness.paths import BINARIES, first_binary


def call(where, *request, text="", binary=None):
    """where: the options that say so, or a Unix socket's path."""
    if isinstance(where, os.PathLike):
        where = ["--socket", str(where)]
    done = subprocess.run([*BINARIES[binary or first_binary()], "call", *where, *request],
                          check=False, input=text.encode(), capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.portable
@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("request_", ["getEK", '{"command":"getEK"}', None],
                         ids=["name", "JSON", "standard input"])
@pytest.mark.core
def test_ok(shared, request_, binary):
    if request_ is None:
        status, out, err = call(shared.where, text='{"command":"getEK"}\n', binary=binary)
    else:
        status, out, err = call(shared.where, request_, binary=binary)
    assert (status, err) == (0, "")
    assert json.loads(out) == shared.ok({"command": "getEK"}) and out.endswith("}\n")


@pytest.mark.portable
def test_an_error_is_the_exit_status(service):
    status, out, _ = call(service.where, "nope")
    assert status == 1 and json.loads(out)["error"] == "unknown_command"


@pytest.mark.parametrize("how,reason", [
    ("getEK >/dev/full", "no space left on device"), ("getEK >&-", "it is closed"),
    ("getEK | true", "nobody reads it"), ("</", "cannot read standard input: is a directory"),
    ("<&-", "cannot read standard input: it is closed")])
@pytest.mark.parametrize("ignored", ["", "trap '' PIPE; "], ids=["", "SIGPIPE ignored"])
def test_what_is_not_written_is_no_success(service, tmp_path, how, reason, ignored):
    """Nor what could not be read."""
    command, _, behind = how.partition("|")
    script = (f'{ignored}{{ {"sleep 0.3; " if behind else ""}"$@" {command}; '
              f'echo $? >{tmp_path}/status; }} {"|" if behind else ""}{behind}')
    done = subprocess.run(["sh", "-c", script, "sh", *BINARIES[first_binary()], "call", *service.where],
                          check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (tmp_path / "status").read_text() == "1\n"
    assert done.stdout == "" and reason in done.stderr


@pytest.mark.portable
def test_nobody_there(launch, tmp_path):
    status, out, err = call(launch.where_nobody_is(tmp_path), "getEK")
    assert status not in (0, 64) and out == "" and "cannot connect" in err


def test_a_service_that_hangs_up(tmp_path):
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    thread = threading.Thread(target=lambda: server.accept()[0].close())
    thread.start()
    status, out, err = call(path, "getEK")
    thread.join(10)
    assert status not in (0, 64) and out == "" and err


@pytest.mark.parametrize("reply", ['{"status":"error"}', '{"x":"ok"}', "ok", '{"status":"OK"}',
                                   '{"y":"\\"status\\":\\"ok\\""}'])
def test_only_ok_is_success(tmp_path, reply):
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        with server.accept()[0] as s:
            s.recv(1000)
            s.sendall(reply.encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    status, out, _ = call(path, "getEK")
    thread.join(10)
    assert status == 1 and out == reply + "\n"


@pytest.mark.portable
def test_a_long_request(service):
    status, out, _ = call(service.where, text="x" * 16384)
    assert status == 1 and json.loads(out)["error"] == "bad_json"
    status, out, err = call(service.where, text="x" * 20000)
    assert status == 1 and (out + err)


def test_old_socket_path(start):
    """Where the services it replaces listened."""
    path = pathlib.Path(f"/tmp/TpmWrapperPipe.{os.getpid()}.sock")
    service = start("plain", args=["--socket", str(path)])
    from harness.service import can_connect
    service.wait(lambda: can_connect(path), "socket")
    assert call(path, "getEK")[0] == 0
