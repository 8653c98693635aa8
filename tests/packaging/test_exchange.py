"""The example of an exchange, with a verifier that recognises machines, and with wrong ones of all kinds."""
import hashlib
import http.client
import json
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass

import pytest

from attestd import activation
from harness import attest, paths, raw
from harness.credential import make, rsa_from_tpm
from harness.service import Service, b64, connect, unb64
from harness.tpm import States
from verifier import ZERO, Machine, Verifier, extended

EXAMPLE = paths.ROOT / "port/linux/packaging/early/exchange.example"
LIMIT_S = 30  # in the example: how long it waits for the verifier in all
SHORT_S = 2  # where a test waits for its end
PROGRAMS = ("base64", "timeout", "wget")
KEY = bytes(range(32))
KERNEL, COMMAND_LINE = b"the kernel", b"its command line"
EXPECTED = {11: extended(ZERO, KERNEL), 12: extended(ZERO, COMMAND_LINE)}


@pytest.fixture(params=["busybox", "installed"])
def tools(request, tmp_path):
    """A folder with the programs that it calls. What cryptsetup is given is in the file `opened`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    if request.param == "busybox":
        for name in PROGRAMS:
            (folder / name).symlink_to(paths.BUILD / "vm/x86_64/busybox")
    opened = tmp_path / "opened"
    (folder / "cryptsetup").write_text(f'#!/bin/sh\ncat >{opened}\necho "$@" >{opened}.arguments\n')
    (folder / "cryptsetup").chmod(0o755)
    return folder


@dataclass
class Exchange:
    """The example, with other paths and a time limit."""
    folder: object
    tools: object
    attestd: object = paths.ATTESTD
    limit_s: int = LIMIT_S

    def run(self, url, address="socket"):
        """Runs it; returns its output, and the key with which it opened the disk, or None."""
        text = EXAMPLE.read_text()
        for old, new in (("/usr/sbin/attestd", self.attestd), ("/proc/cmdline", self.folder / "cmdline"),
                         (f"timeout {LIMIT_S} ", f"timeout {self.limit_s} ")):
            assert old in text
            text = text.replace(old, str(new))
        (self.folder / "exchange").write_text(text)
        (self.folder / "cmdline").write_text(f"quiet attestd.url={url} attestd.disk=/dev/none *\n")
        opened = self.folder / "opened"
        opened.unlink(missing_ok=True)
        done = subprocess.run(
            ["sh", self.folder / "exchange"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=40, env={"ATTESTD_SOCKET": str(address),
                                          "PATH": f"{self.tools}:/usr/bin:/bin"})
        assert (done.returncode == 0) == opened.exists(), done.stderr
        if not opened.exists():
            return done.stderr, None
        assert (self.folder / "opened.arguments").read_text() == \
            "open --type luks --key-file - /dev/none root\n"
        return done.stderr, opened.read_bytes()


@dataclass
class Site:
    """A machine that has booted the right system, and the verifier that knows it."""
    service: Service
    verifier: Verifier
    exchange: Exchange

    def run(self):
        return self.exchange.run(self.verifier.url, self.service.address)

    def refused(self):
        """Checks that there is no key; returns the reason that the verifier has noted."""
        said, key = self.run()
        assert key is None and "the verifier does not accept" in said
        reason, = self.verifier.refused
        return reason

    def post(self, reply):
        """Sends the verifier a reply; returns its answer, or None."""
        server = self.verifier.server.server_address
        connection = http.client.HTTPConnection(*server, timeout=10)
        connection.request("POST", "/", json.dumps(reply))
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return json.loads(data) if response.status == 200 else None


def measure(service, pcr, data):
    """Extends a PCR, as tests/vm/measure does."""
    digest = struct.pack(">IH", 1, attest.SHA256) + hashlib.sha256(data).digest()
    with connect(service.raw) as s:
        raw.ask(s, raw.authorised(0x182, [pcr], digest))


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return States(tmp_path_factory.mktemp("states"))


@pytest.fixture
def boot(states):
    """Starts a machine with its own TPM, and measures what it boots."""
    running = []

    def begin(kind="plain", kernel=KERNEL):
        running.append(Service(states.new(kind)).settled())
        measure(running[-1], 11, kernel)
        measure(running[-1], 12, COMMAND_LINE)
        return running[-1]

    yield begin
    for service in running:
        service.stop()


@pytest.fixture
def verifier():
    with Verifier("127.0.0.1") as verifier:
        yield verifier


@pytest.fixture
def site(boot, verifier, tools, tmp_path):
    service = boot()
    verifier.machines[unb64(service.ok({"command": "getEK"})["ek_tpm"])] = Machine(KEY, EXPECTED)
    return Site(service, verifier, Exchange(tmp_path, tools))


def test_opens(site):
    """It opens the disk twice, with the same AIK and another nonce."""
    for _ in range(2):
        assert site.run() == ("", KEY)
    requests = [json.loads(line) for line in site.verifier.sent]
    assert [request["command"] for request in requests] == ["quote", "activateCredential"] * 2
    assert requests[0]["nonce"] != requests[2]["nonce"]
    assert site.verifier.seen[0] == site.verifier.seen[2] and not site.verifier.refused


def test_another_machine(site, boot):
    site.service = boot("persistent")
    assert site.refused() == "Refused('an unknown EK')"


def test_another_kernel(site, boot):
    """The same TPM, but another system was booted."""
    site.service = boot(kernel=b"another kernel")
    assert site.refused() == "Refused('other PCRs')"
    assert json.loads(site.verifier.sent.pop())["command"] == "quote" and not site.verifier.sent


def test_measured_once_more(site):
    assert site.run()[1] == KEY
    measure(site.service, 12, b"")
    assert site.refused() == "Refused('other PCRs')"


def test_values_that_were_not_quoted(site, boot):
    """A machine that has booted another system sends the right PCR values, which the quote does not have."""
    other = boot(kernel=b"another kernel")
    request = site.post(other.ok({"command": "getAttestationData"}))
    quote = other.ok(request)
    quote["pcr_values"] = {str(pcr): b64(value) for pcr, value in EXPECTED.items()}
    assert site.post(quote) is None
    assert site.verifier.refused == ["Refused('other values than were quoted')"]


def test_quote_of_before(site, boot):
    """A quote that was right when it was made is accepted neither for its own nonce again nor for a new one."""
    site.run()
    old = site.verifier.seen[1]
    other = boot(kernel=b"another kernel")
    site.post(other.ok({"command": "getAttestationData"}))
    assert site.post(old) is None
    assert site.verifier.refused == ["Refused('an unknown nonce')"]


def test_quote_of_another_machine(site, boot):
    """The quote of another machine, which has booted the right system."""
    good = boot("persistent")
    request = site.post(site.service.ok({"command": "getAttestationData"}))
    assert site.post(good.ok(request)) is None
    assert site.verifier.refused == ['Refused("the signature is not the key\'s")']


def test_fewer_pcrs(site):
    """The right nonce, but fewer PCRs than the verifier asked for."""
    request = site.post(site.service.ok({"command": "getAttestationData"}))
    assert site.post(site.service.ok(request | {"pcrs": "11"})) is None
    assert site.verifier.refused == ["Refused('other PCRs')"]


def test_key_that_anybody_can_use(site):
    """A key that is not restricted: it would sign anything."""
    reply = site.service.ok({"command": "getAttestationData"})
    public = bytearray(unb64(reply["aik_tpm"]))
    public[7] ^= 1  # the attribute `restricted`
    reply["aik_tpm"] = b64(public)
    assert site.post(reply) is None
    assert site.verifier.refused == ["Refused('not an AIK')"]


def test_credential_for_another(site, boot):
    """A credential for another TPM cannot be opened."""
    other = unb64(boot("persistent").ok({"command": "getEK"})["ek_tpm"])
    name = unb64(site.service.ok({"command": "getAttestationData"})["aik_name"])
    meant = json.dumps(activation(make(rsa_from_tpm(other), name, KEY))).encode()
    site.verifier.replay = [b'{"command":"quote","nonce":"AA==","pcrs":"11"}', meant]
    said, key = site.run()
    assert key is None and "the key was not opened" in said and "credential_rejected" in said


@pytest.mark.parametrize("request_", [b"", b"getEK", b'{"command":"getEK"}', b"{", b"--help"])
def test_verifier_that_makes_no_sense(site, request_):
    """A verifier that sends nonsense learns who the machine is, and no more."""
    site.verifier.replay = [request_] * 2
    assert site.run()[1] is None


class Server:
    """Accepts connections, and calls `serve` for each."""

    def __init__(self, serve):
        self.serve, self.taken, self.over = serve, 0, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
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
        socket.create_connection(self.socket.getsockname()).close()
        self.thread.join()
        self.socket.close()


@pytest.fixture
def exchange(tools, tmp_path):
    """Runs the exchange with an attestd that answers everything."""
    (tools / "attestd").write_text('#!/bin/sh\necho "{}"\n')
    (tools / "attestd").chmod(0o755)
    return Exchange(tmp_path, tools, tools / "attestd")


def trickle(client, over):
    """Sends a header that never ends, a little at a time."""
    client.sendall(b"HTTP/1.0 200 OK\r\n")
    while not over.wait(0.2):
        client.sendall(b"X: y\r\n")


def hang_up(client, _):
    client.recv(1)


def test_slow(exchange):
    exchange.limit_s = SHORT_S
    with Server(trickle) as server:
        begin = time.monotonic()
        assert exchange.run(server.url)[1] is None
        assert time.monotonic() - begin < LIMIT_S - SHORT_S


def test_one_attempt(exchange):
    with Server(hang_up) as server:
        assert exchange.run(server.url)[1] is None
        assert server.taken == 1
