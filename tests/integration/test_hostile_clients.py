"""Hostile clients: afterwards attestd serves as before, and uses no more memory."""
import contextlib
import json
import os
import resource
import selectors
import socket
import subprocess
import time

import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import BUILD
from harness.process import cpu_seconds, descriptors_at_rest, has_closed, resident_kb, slack_kb
from harness.reading import meaning, read_json
from harness.service import (Service, account, b64, connect, exchange, parse_reply, read_all,
                             unb64, wait_for)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be others")

GET_EK = b'{"command":"getEK"}'
SECRET = bytes(range(100, 132))
HOSTILE, OTHER = 1000, 1001


def activation(known, secret=SECRET):
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], secret)
    return json.dumps({"command": "activateCredential", "hmac": b64(c.hmac), "enc": b64(c.enc),
                       "encrypted_secret": b64(c.encrypted_secret)}).encode()


def fill(service):
    """Makes attestd use all the memory that it has for clients."""
    service.touch_buffers((HOSTILE, OTHER))
    with account(HOSTILE):
        service.served_again()


@pytest.fixture(scope="module")
def attacked(states):
    with Service(states.new("plain")) as service:
        service.settled().let_in_all()
        known = service.attestation()
        service.request = activation(known)
        while b"/" not in service.request:  # which JSON may escape
            service.request = activation(known)
        for _ in range(2):  # with a session that is ready, and without
            service.ok(service.request)
        service.made_ready()
        fill(service)
        pid = service.control.pid()
        service.before = resident_kb(pid)
        service.descriptors = descriptors_at_rest(pid)
        yield service


@pytest.fixture
def service(attacked):
    """A service; a test must leave it as it was."""
    pid = attacked.control.pid()
    attacked.served_again()
    has_closed(pid, attacked.descriptors)
    yield attacked
    attacked.control.ask("clear")
    attacked.served_again()
    assert unb64(attacked.ok(attacked.request, 20)["decrypted_secret"]) == SECRET
    assert attacked.control.left() == []
    has_closed(pid, attacked.descriptors)
    assert resident_kb(pid) <= attacked.before + slack_kb()


def requests(service):
    return {"getEK": GET_EK, "getAttestationData": b'{"command":"getAttestationData"}',
            "activateCredential": service.request}


COMMANDS = ["getEK", "getAttestationData", "activateCredential"]


@pytest.mark.parametrize("command", COMMANDS)
def test_truncated_at_each_byte(service, command):
    """The truncated line ends with a line end, a half-closed or a closed connection."""
    line = requests(service)[command]
    service.control.reset()
    for n in range(len(line)):
        end = exchange(service.address, line[:n] + b"\n")
        assert parse_reply(end)["status"] == "error", line[:n]
        half = exchange(service.address, line[:n], half_close=True)
        assert half == (end if n > 0 else b"")
        with connect(service.address) as s:
            s.sendall(line[:n])
    assert service.control.count() == 0


BAD_BYTES = [0, 1, 9, 10, 13, 0x1f, *b'"\\{}[],: ', 0x7f, 0x80, 0xc0, 0xed, 0xf5, 0xff]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_byte_replaced(service, command):
    """What another JSON reader does not take for a request, attestd does not, either; no TPM command is sent."""
    line = requests(service)[command]
    service.control.reset()
    for at in range(len(line)):
        for byte in BAD_BYTES:
            bad = line[:at] + bytes([byte]) + line[at + 1:]
            if meaning(bad) == meaning(line):
                continue
            reply = parse_reply(exchange(service.address, bad + b"\n"))
            found = read_json(bad.split(b"\n")[0])
            ok = found.get("command") in COMMANDS[:2]
            assert (reply["status"] == "ok") == ok, (bad, reply)
            assert ok or "tpm_rc" not in reply
    assert service.control.count() == 0


def test_each_part_of_a_credential_damaged(service):
    """One bit is changed: attestd or the TPM refuses the credential; it is never opened."""
    names = set()
    start = service.request.index(b'"hmac"')
    for at in range(start + 9, len(service.request) - 2, 23):
        byte = service.request[at]
        if chr(byte).isalnum():
            other = b"B" if byte != ord("B") else b"C"
            bad = service.request[:at] + other + service.request[at + 1:]
            reply = service.ask(bad)
            assert reply["status"] == "error"
            names.add(reply["error"])
    assert "credential_rejected" in names
    assert names <= {"credential_rejected", "missing_fields", "tpm_error", "bad_base64",
                     "unknown_command"}


def test_every_beginning_of_utf_8(service):
    """attestd accepts the same UTF-8 as Python's decoder."""
    follow = [b"", *(bytes([c]) for c in (0x41, 0x80, 0x9f, 0xa0, 0xbf))]
    tails = {a + b for a in follow for b in follow} | {b"\x80\x80\x80", b"\xbf\xbf\xbf"}
    for lead in range(0x80, 0x100):
        for tail in tails:
            line = b'{"command":"getEK","x":"' + bytes([lead]) + tail + b'"}'
            reply = parse_reply(exchange(service.address, line + b"\n"))
            assert reply.get("error") == (None if read_json(line) else "bad_utf8"), line


@pytest.mark.parametrize("filling", [b" ", b"x", b"\0", b"\xff", b"[", b'"', b"\\", b"{"])
def test_giant_lines(service, filling):
    """Lines around the limit and far beyond it, with and without a line end."""
    for size in (16384, 16385, 16386, 16387, 65536, 1 << 20):
        for end in (b"\n", b"\r\n"):
            reply = parse_reply(exchange(service.address, filling * size + end))
            assert (reply["error"] == "request_too_long") == (size > 16384)
    assert parse_reply(exchange(service.address, filling * 16387))["error"] == "request_too_long"


@pytest.mark.parametrize("rest", [
    b"\n", b"\0" * 1000, b"x" * 100000, GET_EK + b"\n", (GET_EK + b"\n") * 1000, b"\xff\xfe\n" * 9,
    b"{" * 20000, b"\r\n\r\n",
])
def test_pipelined_garbage(service, rest):
    """The first line gets one reply; what follows is ignored."""
    for first, status in ((GET_EK, "ok"), (b"{}", "error"), (b"", "error"), (b"\0", "error")):
        assert parse_reply(exchange(service.address, first + b"\n" + rest))["status"] == status


def test_field_29_json(service):
    """What jsmn accepts though it is not JSON, or is several values; and an escaped slash in base64."""
    for line in (b'{"a"}', b'{"a":::"b"}', b'{"command":::"getEK"}', b'{"command"}',
                 b'{"command":"getEK"::}', b'{"command":"getEK" "a" "b"}'):
        assert parse_reply(exchange(service.address, line + b"\n"))["error"] == "bad_json"
    for line in (b"{}{}", GET_EK + GET_EK, GET_EK + b"x", GET_EK + b" null"):
        assert parse_reply(exchange(service.address, line + b"\n"))["error"] == "trailing_text"
    twice = b'{"command":"getEK","command":"getEK"}\n'
    assert parse_reply(exchange(service.address, twice))["error"] == "duplicate_key"
    service.control.reset()
    escaped = service.request.replace(b"/", b"\\/")
    assert escaped != service.request
    assert unb64(service.ok(escaped)["decrypted_secret"]) == SECRET


# ---- when a client goes ------------------------------------------------------

STAGES = {
    "connected": (b"", 0), "within the line": (b'{"comm', 0), "asked": (GET_EK + b"\n", 0),
    "asked for more": (GET_EK + b"\n" + b"x" * 50000, 0), "replied": (GET_EK + b"\n", 1),
    "within the reply": (GET_EK + b"\n", 100), "no line end": (GET_EK, 0),
    "too long": (b"x" * 20000, 1),
}


@pytest.mark.parametrize("how", ["half", "whole", "both"])
@pytest.mark.parametrize("stage", STAGES)
def test_closed_at_each_stage(service, stage, how):
    """If a client closes with unread data, the other side sees a reset."""
    sent, read = STAGES[stage]
    for _ in range(20):
        with connect(service.address) as s, contextlib.suppress(BrokenPipeError, OSError):
            s.sendall(sent)
            if read:
                assert len(s.recv(read)) == read
            if how != "whole":
                s.shutdown(socket.SHUT_WR if how == "half" else socket.SHUT_RDWR)
            if how == "half":
                assert (read_all(s) != b"") == (sent != b"")


@pytest.mark.parametrize("how", ["half", "whole"])
@pytest.mark.parametrize("command", ["StartAuthSession", "PolicySecret", "ActivateCredential"])
def test_gone_while_the_tpm_works(service, command, how):
    """The job of a client that has gone ends; the next job is not disturbed."""
    service.control.reset()
    service.control.delay(200, command, 1)
    with connect(service.address) as s:
        s.sendall(service.request + b"\n")
        wait_for(lambda: service.control.count() > 0, 30, "TPM command")
        if how == "half":
            s.shutdown(socket.SHUT_WR)
            assert unb64(parse_reply(read_all(s))["decrypted_secret"]) == SECRET
    assert unb64(service.ok(service.request)["decrypted_secret"]) == SECRET


# ---- many ----------------------------------------------------------------------

def seconds(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def test_10000_connections_in_bursts(service):
    """10,000 connections of one account; another account is served between the bursts."""
    slowest = 0
    for burst in range(20):
        clients = [service.connect_as(HOSTILE) for _ in range(500)]
        for s in clients[::2]:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.send((GET_EK + b"\n", b"\0garbage", GET_EK)[burst % 3])
        slowest = max(slowest, seconds(lambda: service.ok(GET_EK, 10)))
        for s in clients:
            s.close()
    assert slowest < 5


def test_1000_idle_connections(service):
    """All but 16 are refused at once; another account is served at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with account(HOSTILE):
            idle = [connect(service.address, 10) for _ in range(1000)]
        assert seconds(lambda: service.ok(GET_EK, 10)) < 5
        refused = 0
        with selectors.DefaultSelector() as ready:
            for s in idle:
                ready.register(s, selectors.EVENT_READ)
            end = time.monotonic() + 9
            while refused < 984 and time.monotonic() < end:
                for key, _ in ready.select(1):
                    assert parse_reply(read_all(key.fileobj))["error"] == "too_many_connections"
                    ready.unregister(key.fileobj)
                    refused += 1
        assert refused == 984
        for _ in range(50):
            assert seconds(lambda: service.ok(GET_EK, 10)) < 5
        assert unb64(service.ok(service.request)["decrypted_secret"]) == SECRET
        for s in idle:
            s.close()
        with account(HOSTILE):
            service.served_again()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_flood_of_requests(service):
    """One account sends requests as fast as it can; another account gets all its replies meanwhile."""
    with subprocess.Popen([BUILD / "host" / "load", "--uid", str(HOSTILE), service.socket,
                           GET_EK.decode(), "3", "64"], stdout=subprocess.PIPE) as load:
        asked = 0
        while load.poll() is None:
            service.ok(GET_EK, 10)
            asked += 1
        flood = json.loads(load.stdout.read())
    assert asked > 5
    assert flood["requests"] > 100 and flood["errors"] > 100  # some of the flood are refused


def test_fairness_before_the_tpm(service):
    """Each client waits only for those before it: the log shows the order of the replies."""
    service.control.delay(300, "ActivateCredential", 1)
    with selectors.DefaultSelector() as ready:
        def flood():
            with account(HOSTILE):
                s = connect(service.address)
            s.sendall(service.request + b"\n")
            ready.register(s, selectors.EVENT_READ)

        def all_are_read():
            """A client whose line has not arrived yet is read in the next round of the loop."""
            for _ in range(2):
                service.ok(GET_EK)

        mark = service.log().count("\n")
        for _ in range(16):
            flood()
        all_are_read()
        others = [service.connect_as(OTHER) for _ in range(2)]
        for s in others:
            s.sendall(service.request + b"\n")
        all_are_read()
        # Each client that has its reply connects again.
        while f"uid={OTHER} " not in "".join(service.log().splitlines()[mark:]):
            for key, _ in ready.select(5):
                assert parse_reply(read_all(key.fileobj))["status"] in ("ok", "error")
                ready.unregister(key.fileobj)
                key.fileobj.close()
                flood()
        for s in others:
            assert unb64(parse_reply(read_all(s))["decrypted_secret"]) == SECRET
            s.close()
        for key in list(ready.get_map().values()):
            key.fileobj.close()
    order = [line for line in service.log().splitlines()[mark:] if "activateCredential" in line]
    places = [i for i, line in enumerate(order) if f"uid={OTHER} " in line]
    assert places == [16, 17], order
    with account(HOSTILE):
        service.served_again()


@pytest.mark.slow
def test_slow_writers_and_slow_readers(service):
    """A byte a second, or none at all, until the time is over. Other clients do not notice."""
    begin = time.monotonic()
    writers = [service.connect_as(HOSTILE, 30) for _ in range(16)]
    readers = [service.connect_as(OTHER, 30) for _ in range(8)]
    for s in readers:
        s.sendall(b'{"command":"getAttestationData"}\n')
    line, sent = GET_EK.ljust(100), 0
    while sent < len(line) and time.monotonic() - begin < 40:
        try:
            for s in writers:
                s.send(line[sent:sent + 1])
        except (BrokenPipeError, ConnectionResetError):
            break
        sent += 1
        due = begin + sent
        while time.monotonic() < due:
            assert seconds(lambda: service.ok(GET_EK, 10)) < 5
            time.sleep(0.1)
    assert 9.9 <= time.monotonic() - begin <= 25
    for s in writers:
        with contextlib.suppress(ConnectionResetError):
            assert read_all(s) == b""
        s.close()
    for s in readers:
        assert parse_reply(read_all(s))["status"] == "ok"
        s.close()


@pytest.mark.parametrize("spare", [1])
def test_no_descriptors_left(states, service, spare):
    """Without free descriptors, attestd stops accepting, without a busy loop, and goes on when there are some."""
    # Counted, because numbers may be free in between: a client had one when the TPM was opened.
    own = sum(int(fd) < 16 for fd in os.listdir(f"/proc/{service.control.pid()}/fd"))
    with Service(states.new("plain"), wrap=["prlimit", f"--nofile={own + spare}"]) as service:
        service.settled().let_in_all()
        pid = service.control.pid()

        def has(n):
            """Whether it has so many descriptors below the limit; inherited ones may be above it."""
            return sum(int(fd) < own + spare for fd in os.listdir(f"/proc/{pid}/fd")) == n

        wait_for(lambda: has(own), 30, "closed descriptors")
        held = [service.connect_as(HOSTILE) for _ in range(10)]
        waiting = [connect(service.address) for _ in range(10)]
        for s in waiting:
            s.sendall(GET_EK + b"\n")
        wait_for(lambda: has(own + spare), 30, "exhaustion")
        before = cpu_seconds(pid)
        time.sleep(1)
        assert cpu_seconds(pid) - before <= 0.1
        for s in held:
            s.close()
        for s in waiting:
            assert parse_reply(read_all(s))["status"] == "ok"
            s.close()
        wait_for(lambda: has(own), 30, "closed descriptors")
