"""Clients that say nothing, or take their time, are dropped after 10 seconds."""
import os
import threading
import time

import pytest

from harness.service import connect, read_all

pytestmark = [pytest.mark.slow, pytest.mark.portable]


def seconds_until_closed(s):
    begin = time.monotonic()
    s.settimeout(30)
    try:
        assert read_all(s) == b""
    except ConnectionResetError:
        pass
    s.close()
    return time.monotonic() - begin


class Dripping(threading.Thread):
    """Sends a byte now and then, which buys no time."""

    def __init__(self, address):
        super().__init__()
        self.socket = connect(address, 0.25)
        self.seconds = None

    def drip(self):
        """Whether the service is still there."""
        self.socket.sendall(b" ")
        try:
            return self.socket.recv(1) != b""
        except TimeoutError:
            return True

    def run(self):
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < 20 and self.drip():
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.seconds = time.monotonic() - begin
        self.socket.close()


def test_dropped(service):
    dripping = Dripping(service.address)
    dripping.start()
    silent = [connect(service.address) for _ in range(14)]
    for s in silent[7:]:
        s.sendall(b'{"comm')
    service.ok({"command": "getEK"}, timeout=2)
    assert 8 <= seconds_until_closed(silent[0]) <= 12
    for s in silent[1:]:
        assert seconds_until_closed(s) < 1
    dripping.join(20)
    assert 8 <= dripping.seconds <= 13


def test_slots_are_freed(service):
    """With all slots of its account held by silent clients, the next is served after them."""
    begin = time.monotonic()
    silent = service.hold_half()
    service.served_again()
    assert 8 <= time.monotonic() - begin <= 13
    for s in silent:
        s.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.linux
def test_all_slots_are_freed(service):
    """With all slots held by silent clients of two accounts, a third waits for them."""
    service.let_in_all()
    silent = [service.connect_as(uid) for uid in (1000, 1001) for _ in range(16)]
    begin = time.monotonic()
    service.ok({"command": "getEK"}, timeout=20)
    assert 8 <= time.monotonic() - begin <= 13
    for s in silent:
        s.close()
