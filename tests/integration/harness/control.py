"""The launcher's control socket, and raw TPM commands."""
import contextlib
import json
import re
import socket
import struct
import time

from . import paths

CC = {
    "EvictControl": 0x120, "CreatePrimary": 0x131, "ActivateCredential": 0x147, "Certify": 0x148,
    "CertifyCreation": 0x14A, "NV_Read": 0x14E, "PolicySecret": 0x151, "Quote": 0x158,
    "ContextLoad": 0x161, "ContextSave": 0x162, "FlushContext": 0x165, "NV_ReadPublic": 0x169,
    "ReadPublic": 0x173, "StartAuthSession": 0x176, "GetCapability": 0x17A,
    "GetRandom": 0x17B, "PCR_Read": 0x17E, "PCR_Extend": 0x182, "PolicyGetDigest": 0x189,
}
KEYS = 3  # the EK and both AIKs
BOUNDS = {name: int(value) for name, value in re.findall(
    r"#define (READY\w*_MS) (\d+)U", (paths.ROOT / "include/bounds.h").read_text(encoding="ascii"))}
READY_S, READY_PAUSE_S = BOUNDS["READY_MS"] / 1000, BOUNDS["READY_PAUSE_MS"] / 1000
NAMES = {code: name for name, code in CC.items()}
RC_RETRY = 0x922


class Announced:
    """Counts the replies that announce an activation: after each of them attestd may make a session."""
    count, at = 0, 0.0

    @classmethod
    def another(cls):
        cls.count += 1
        cls.at = time.monotonic()


def _connect(path, timeout):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(str(path))
    return s


class Control:
    def __init__(self, path, go_round=lambda: time.sleep(0.1)):
        """go_round: a function that returns when attestd has gone round its loop."""
        self.socket = _connect(path, 30)
        self.file = self.socket.makefile("rw")
        self.go_round = go_round
        self.settled_for = 0  # for so many of Announced's replies, attestd has finished what follows them
        self.none_since = 0  # how many replies there were when no session was ready

    def ask(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        reply = self.file.readline().strip()
        assert reply and not reply.startswith("error"), f"{line}: {reply}"
        return reply

    def close(self):
        self.file.close()
        self.socket.close()

    def count(self):
        """The number of commands since the last reset, without those that attestd may send at any time: a reply
        without a certificate leads to a new look for one once a minute, which begins with NV_ReadPublic and ends if
        there is no such index; and a session that is ready expires."""
        names = [name for _, name, _, _ in self.log() if name != "NV_ReadPublic"]
        return 0 if names == ["FlushContext"] else len(names)

    def opens(self):
        return json.loads(self.ask("count"))["opens"]

    def log(self):
        """[(session, command's name, response code or None, ms), ...]"""
        return [(s, NAMES.get(cc, hex(cc)), rc, ms) for s, cc, rc, ms in json.loads(self.ask("log"))]

    def commands(self):
        """The names of the commands since the last reset, without those that had to be sent again."""
        return [name for _, name, _, _ in self.taken()]

    def taken(self):
        """log() without the commands that the TPM had sent again."""
        return [entry for entry in self.log() if entry[2] != RC_RETRY]

    def reset(self):
        """Begins to count anew, when what follows earlier replies is finished."""
        self.settle()
        self.ask("reset")

    def handles(self):
        """All handles that are loaded, as one list."""
        return sum(json.loads(self.ask("handles")).values(), [])

    def settle(self):
        """If a reply has announced an activation, waits until the session for it is made, or will not be made."""
        announced, at = Announced.count, Announced.at
        if announced == self.settled_for or not self.has_tpm():
            return
        if len(self.policies()) != 1:  # there is at most one
            time.sleep(max(0.0, at + READY_PAUSE_S + 0.002 - time.monotonic()))
        self.rest()
        self.settled_for = announced

    def rest(self):
        """Waits until attestd has no more work for the TPM, which is idle between a response and the next command,
        too."""
        deadline, sent = time.monotonic() + 30, None
        while sent != (sent := self.sent()) and time.monotonic() < deadline:
            self.go_round()

    def has_tpm(self):
        with contextlib.suppress(AssertionError):
            return self.handles() is not None
        return False

    def sent(self):
        """Waits until the TPM is idle; returns how many commands it has had."""
        deadline = time.monotonic() + 30
        while self.ask("busy") != "idle" and time.monotonic() < deadline:
            time.sleep(0.005)
        return json.loads(self.ask("count"))["total"]

    def works_on(self, command):
        """Whether this command is under way."""
        return self.ask("busy") == f"0x{CC[command]:03x}"

    def policies(self):
        """The policy sessions: one that is ready, or that is being used."""
        return [handle for handle in self.handles() if handle.startswith("0x03")]

    def left(self):
        """What is still loaded after the clean-up behind a reply, apart from what may stay."""
        self.settle()
        deadline = time.monotonic() + 30
        while (handles := self.unexpected()) and time.monotonic() < deadline:
            time.sleep(0.01)
        if not handles and not self.policies():
            self.none_since = self.settled_for
        return handles

    def unexpected(self):
        """What is loaded that ought not to be. One session may be ready, if a reply has announced an activation
        since there was none. On Windows the keys may stay loaded, each once."""
        handles = self.handles()
        objects = [h for h in handles if h.startswith("0x80")]
        policies = [h for h in handles if h.startswith("0x03")]
        if len(policies) == 1 and self.settled_for > self.none_since:
            handles.remove(policies[0])
        if paths.first_binary().startswith("windows") and len(objects) <= KEYS:
            return [h for h in handles if h not in objects]
        return handles

    def pid(self):
        return int(self.ask("pid"))

    def delay(self, ms, command="*", count="*"):
        self.settle()
        self.ask(f"delay {ms} {CC.get(command, command)} {count}")

    def fault(self, kind, *values, command="*", count="*", skip=0):
        self.settle()
        words = [str(v) for v in values] + [str(CC.get(command, command)), str(count), str(skip)]
        self.ask(f"fault {kind} {' '.join(words)}")


def transmit(path, command, timeout=30):
    """Sends one TPM command through the launcher's --listen socket; returns the response."""
    with _connect(path, timeout) as s:
        return transmit_on(s, command)


def transmit_on(s, command):
    """The same over an open connection."""
    s.sendall(command)
    reply = b""
    while len(reply) < 10 or len(reply) < struct.unpack(">I", reply[2:6])[0]:
        more = s.recv(4096)
        if not more:
            break
        reply += more
    return reply
