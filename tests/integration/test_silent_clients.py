"""Clients that send nothing, or are slow, are closed after 10 seconds."""
import contextlib
import os
import select
import threading
import time

import pytest

from harness.service import connect, read_all

pytestmark = [pytest.mark.slow, pytest.mark.portable]


EARLY, LATE = 9.9, 25  # the machine may be slow


def is_dropped(s):
    with s, contextlib.suppress(ConnectionResetError):
        return read_all(s) == b""
    return True


class Dripping(threading.Thread):
    """A client that sends a byte now and then, which gives it no more time."""

    def __init__(self, address):
        super().__init__()
        self.begin = time.monotonic()
        self.socket = connect(address, 0.25)
        self.seconds = None

    def drip(self):
        """Sends a byte; returns whether the connection is still open."""
        self.socket.sendall(b" ")
        try:
            return self.socket.recv(1) != b""
        except TimeoutError:
            return True

    def run(self):
        try:
            while time.monotonic() - self.begin < 40 and self.drip():
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.seconds = time.monotonic() - self.begin
        self.socket.close()


def test_dropped(service):
    dripping = Dripping(service.address)
    dripping.start()
    begin = time.monotonic()
    silent = [connect(service.address, 30) for _ in range(14)]
    for s in silent[7:]:
        s.sendall(b'{"comm')
    service.ok({"command": "getEK"}, timeout=8)
    select.select(silent, [], [], 30)  # until the first is closed
    assert EARLY <= time.monotonic() - begin <= LATE
    assert all(is_dropped(s) for s in silent)
    assert EARLY <= time.monotonic() - begin <= LATE
    dripping.join(60)
    assert EARLY <= dripping.seconds <= LATE


def test_slots_are_freed(service):
    """Silent clients hold all connections of an account; the next client is served after them."""
    begin = time.monotonic()
    silent = service.hold_half()
    service.served_again()
    assert EARLY <= time.monotonic() - begin <= LATE
    for s in silent:
        s.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.linux
def test_all_slots_are_freed(service):
    """Silent clients of two accounts hold all connections; a third account waits until they are closed."""
    service.let_in_all()
    begin = time.monotonic()
    silent = [service.connect_as(uid) for uid in (1000, 1001) for _ in range(16)]
    service.ok({"command": "getEK"}, timeout=40)
    assert EARLY <= time.monotonic() - begin <= LATE
    for s in silent:
        s.close()
