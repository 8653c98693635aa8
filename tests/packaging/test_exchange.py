"""The example of an exchange, where its verifier is of no help."""
import pathlib
import socket
import subprocess
import threading
import time

import pytest

from harness import paths

EXAMPLE = paths.ROOT / "port/linux/early/exchange.example"
LIMIT_S = 30  # the example's own, for all that it waits for the verifier
SHORT_S = 2  # here
PROGRAMS = ("base64", "cat", "sed", "timeout", "wget")


@pytest.fixture(params=["busybox", "installed"])
def exchange(request, tmp_path):
    """The example with other paths and a shorter limit, and the programs that it calls."""
    tools = tmp_path / "bin"
    tools.mkdir()
    if request.param == "busybox":
        for name in PROGRAMS:
            (tools / name).symlink_to(paths.BUILD / "vm/x86_64/busybox")
    (tools / "attestd").write_text('#!/bin/sh\necho "{}"\n')
    (tools / "cryptsetup").write_text(f"#!/bin/sh\ncat >{tmp_path}/opened\n")
    for name in ("attestd", "cryptsetup"):
        (tools / name).chmod(0o755)
    text = EXAMPLE.read_text()
    for old, new in (("/usr/sbin/attestd", tools / "attestd"),
                     ("/proc/cmdline", tmp_path / "cmdline"),
                     (f"timeout {LIMIT_S} ", f"timeout {SHORT_S} ")):
        assert old in text
        text = text.replace(old, str(new))
    (tmp_path / "exchange").write_text(text)

    def run(port):
        (tmp_path / "cmdline").write_text(
            f"quiet attestd.url=http://127.0.0.1:{port}/ attestd.disk=/dev/none\n")
        begin = time.monotonic()
        done = subprocess.run(
            ["sh", tmp_path / "exchange"], stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=40, env={"ATTESTD_SOCKET": "socket",
                                          "PATH": f"{tools}:/usr/bin:/bin"})
        assert done.returncode != 0 and not pathlib.Path(tmp_path / "opened").exists()
        return time.monotonic() - begin

    return run


class Server:
    """Takes connections, and lets `serve` have each."""

    def __init__(self, serve):
        self.serve, self.taken, self.over = serve, 0, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while True:
            client, _ = self.socket.accept()
            with client:
                if self.over.is_set():
                    return
                self.taken += 1
                try:
                    self.serve(client, self.over)
                except OSError:
                    pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join()
        self.socket.close()


def trickle(client, over):
    """A header without an end, and never silent for long."""
    client.sendall(b"HTTP/1.0 200 OK\r\n")
    while not over.wait(0.2):
        client.sendall(b"X: y\r\n")


def hang_up(client, _):
    client.recv(1)


def test_slow(exchange):
    with Server(trickle) as server:
        assert exchange(server.port) < LIMIT_S - SHORT_S


def test_one_attempt(exchange):
    with Server(hang_up) as server:
        exchange(server.port)
        assert server.taken == 1
