"""attestd under the launcher, and its clients."""
import base64
import contextlib
import errno
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import paths
from .attest import parse_public, verify_creation
from .control import Announced, Control

START_S = 60
STOP_S = 40


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def connect(address, timeout=60):
    """address: a Unix socket's path, or a port of this machine."""
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), timeout)
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(address))  # without a timeout, so that it waits if the backlog is full
    s.settimeout(timeout)
    return s


@contextlib.contextmanager
def account(uid, gid=None, groups=()):
    """While it is entered, clients connect as this user."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def read_all(s):
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            return data
        data += more


def exchange(address, data, timeout=60, half_close=False):
    """Sends bytes; returns all that comes until the service closes the connection."""
    with connect(address, timeout) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except OSError as error:  # it has answered already
            if error.errno not in (errno.EPIPE, errno.ENOTCONN):
                raise
        return read_all(s)


def parse_reply(data):
    """The one reply line."""
    assert data.endswith(b"\n") and data.count(b"\n") == 1, data
    reply = json.loads(data.decode("utf-8"))
    assert reply["status"] in ("ok", "error")
    if reply["status"] == "error":
        assert reply["message"] and reply["error"]
    elif "aik_name" in reply or "quoted" in reply:
        Announced.another()
    return reply


def line_of(request):
    """request: a dict, or the line itself as text or bytes."""
    if isinstance(request, dict):
        request = json.dumps(request)
    if isinstance(request, str):
        request = request.encode()
    return request + b"\n"


def ask(address, request, timeout=60):
    return parse_reply(exchange(address, line_of(request), timeout))


def is_turned_away(s):
    """Whether it was told that there are too many clients. On Windows that line is lost if it is not read at once."""
    said = read_all(s)
    if not said:
        return paths.first_binary().startswith("windows")
    return parse_reply(said).get("error") == "too_many_connections"


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"no {what} after {seconds} s"
        time.sleep(0.005)


def conclusive(attempt, times=5):
    """Repeats an attempt as long as it returns None, which says that the machine was too slow to decide."""
    for _ in range(times):
        found = attempt()
        if found is not None:
            return found
    raise AssertionError(f"too slow, {times} times")


def opened_too_late(reply, since):
    """Whether opening the TPM has timed out: tpm2-tss gives the first command one second, and a test may delay it."""
    return reply.get("error") == "tpm_unavailable" and time.monotonic() - since > 0.9


def can_connect(path):
    try:
        connect(path).close()
        return True
    except OSError:
        return False


def answers(address):
    """Whether it answers. As long as it only listens, it may not be in its sandbox yet."""
    try:
        return exchange(address, b"\n", 30) != b""
    except OSError:
        return False


class Service:
    """One attestd with its own TPM. `launcher`: options of the launcher."""

    STOP_SIGNAL = signal.SIGTERM
    ENDS = (0,)  # the exit status after a stop
    LAUNCHER = []  # options of the launcher that it always has

    def __init__(self, state, args=(), binary=None, launcher=(), wrap=(), env=None, mode="serve"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="attestd-"))
        self.socket = self.dir / "s"
        self.raw = self.dir / "raw"
        self.stderr = open(self.dir / "log", "wb+")
        command = [*wrap, *self.command(binary or paths.first_binary(), mode)]
        if mode == "serve" and "--socket" not in args:
            command += self.listen_options()
        self.process = subprocess.Popen(
            [paths.SWTPM_RUN, "--state", str(state), "--control", str(self.dir / "control"),
             "--listen", str(self.raw), *self.LAUNCHER, *launcher, "--", *command, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.stderr,
            env=dict(os.environ, TMPDIR=str(self.dir), **(env or {})))
        self.control = None
        try:
            control = self.dir / "control"
            self.wait(lambda: can_connect(control), "launcher")
            self.control = Control(control, self.go_round)
        except BaseException:
            self.close()
            raise

    @property
    def address(self):
        """Where clients connect."""
        return self.socket

    def wait(self, condition, what):
        """Waits for something that the process ought to do; fails if the process ends before."""
        def check():
            assert self.process.poll() is None, f"ended: {self.log()}"
            return condition()
        return wait_for(check, START_S, what)

    def command(self, binary, mode):
        return [*paths.BINARIES[binary], mode]

    def listen_options(self):
        return ["--socket", str(self.socket)]

    @property
    def where(self):
        """The options with which `attestd call` finds it."""
        return ["--socket", str(self.socket)]

    @staticmethod
    def where_nobody_is(folder):
        return ["--socket", str(folder / "nobody")]

    @property
    def client(self):
        """How its log names the clients."""
        return f"pid={os.getpid()} uid={os.getuid()}"

    def ready(self):
        self.wait(lambda: can_connect(self.socket), "socket")
        return self

    def settled(self):
        """Waits until attestd knows all that it answers from memory, and has a session ready."""
        self.ready()
        wait_for(lambda: self.ask({"command": "getAttestationData"})["status"] == "ok", 30, "TPM")
        self.control.settle()
        return self

    def made_ready(self):
        """Waits until a session is ready for the next activation, and the TPM is idle."""
        self.settled()
        assert self.control.policies(), self.control.log()
        return self

    def unready(self, activation):
        """Makes no session be ready: this request, which is right, uses it up."""
        self.control.settle()
        if self.control.policies():
            self.ok(activation)
        assert self.control.left() == self.control.policies() == []

    def go_round(self):
        """Waits until it has gone round its loop, and so has seen which clients have come and gone."""
        for _ in range(2):
            try:
                with connect(self.address, 10) as s:
                    s.shutdown(socket.SHUT_WR)
                    read_all(s)
            except OSError:  # nobody listens there
                time.sleep(0.05)

    def finds_tpm(self):
        """Waits until it has opened a TPM that was absent, however long ago the start was."""
        opens = self.control.opens()
        self.control.ask("present")
        wait_for(lambda: self.control.opens() > opens, 30, "open TPM")

    def works_on(self, request, command="ActivateCredential"):
        """A client for whom the TPM works on that command, which is delayed."""
        s = connect(self.address)
        s.sendall(line_of(request))
        wait_for(lambda: self.control.works_on(command), 30, command)
        return s

    def let_in_all(self):
        """Lets other accounts connect, too."""
        self.dir.chmod(0o711)
        self.socket.chmod(0o666)
        return self

    def connect_as(self, uid, timeout=60):
        with account(uid):
            return connect(self.address, timeout)

    def ask(self, request, timeout=60):
        return ask(self.address, request, timeout)

    def ok(self, request, timeout=60):
        reply = self.ask(request, timeout)
        assert reply["status"] == "ok", reply
        return reply

    def served_again(self):
        """Waits until it knows that clients of this account have gone."""
        def is_served():
            try:
                return b'"ok"' in exchange(self.address, b'{"command":"getEK"}\n')
            except OSError:
                return False

        wait_for(is_served, 40, "slot")

    def hold_half(self, beyond=4):
        """Holds all connections that one account may have; further ones are refused."""
        return self.hold(16, beyond, self.address)

    @staticmethod
    def hold(most, beyond, address):
        """The same for an account that may have so many."""
        held, told, last = [], 0, None
        # Clients that have gone may still hold connections, so more may be refused. In the end the last one is.
        while told < beyond or len(held) < most or last in held:
            held += [connect(address, 30) for _ in range(most + max(1, beyond - told) - len(held))]
            last = held[-1]
            ready, _, _ = select.select(held, [], [], 30)
            assert ready, f"more than {most} are in"
            for s in ready:
                assert is_turned_away(s)
                held.remove(s)
                s.close()
            told += len(ready)
        return held

    def touch_buffers(self, uids):
        """Uses all the memory that attestd has for clients, by two accounts."""
        clients = [self.connect_as(uid) for uid in uids for _ in range(16)]
        for s in clients:
            s.sendall(b" " * 16386)
        for s in clients:
            read_all(s)
            s.close()

    def attestation(self, aik=None):
        """The binary members of getAttestationData."""
        reply = self.ok({"command": "getAttestationData", **({"aik": aik} if aik else {})})
        return {k: unb64(v) for k, v in reply.items() if v is not None and k != "status"}

    def identity(self, aik=None):
        """Those that never change for a TPM; checks what the AIK has signed at its creation."""
        known = self.attestation(aik)
        verify_creation(parse_public(known["aik_tpm"]), known["aik_creation"],
                        known.pop("aik_attest"), known.pop("aik_signature"))
        return known

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def logged(self, text):
        """Waits until the log has `text`, and returns it: on Windows a line may come after its reply."""
        wait_for(lambda: text in self.log(), 20, f"{text} in the log")
        return self.log()

    def terminate(self, sig=None):
        self.process.send_signal(sig or self.STOP_SIGNAL)

    def is_gone(self):
        """Whether it has removed its socket."""
        return not self.socket.exists()

    def wait_exit(self, seconds=STOP_S):
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        """If the test has succeeded so far, attestd must end well, too."""
        try:
            if failed is None:
                self.stop()
        finally:
            self.close()

    def stop(self):
        """Ends it as a supervisor does, and checks how it ends."""
        try:
            if self.process.poll() is None:
                self.terminate()
            status = self.wait_exit()
            assert status in self.ENDS, f"exit status {status}: {self.log()}"
            assert self.is_gone(), "it is still there"
        finally:
            self.close()

    def close(self):
        """Ends it in any case. If the launcher is killed, its command is killed, too."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_S)
        if self.control:
            self.control.close()
        self.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)
