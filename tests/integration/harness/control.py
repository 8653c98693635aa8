"""The launcher's control socket, and raw TPM commands."""
import json
import socket
import struct
import time

from . import paths

CC = {
    "CreatePrimary": 0x131, "ActivateCredential": 0x147, "Certify": 0x148,
    "CertifyCreation": 0x14A, "NV_Read": 0x14E, "PolicySecret": 0x151, "Quote": 0x158,
    "ContextLoad": 0x161, "ContextSave": 0x162, "FlushContext": 0x165, "NV_ReadPublic": 0x169,
    "ReadPublic": 0x173, "StartAuthSession": 0x176, "GetCapability": 0x17A,
    "GetRandom": 0x17B, "PCR_Read": 0x17E, "PCR_Extend": 0x182, "PolicyGetDigest": 0x189,
}
KEYS = 3  # the EK and both AIKs
NAMES = {code: name for name, code in CC.items()}
RC_RETRY = 0x922


def _connect(path, timeout):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(str(path))
    return s


class Control:
    def __init__(self, path):
        self.socket = _connect(path, 30)
        self.file = self.socket.makefile("rw")

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
        """Commands since the last reset. Another look for a certificate, which a reply without one
        leads to once a minute, is nobody's request: it begins with this command, and ends where
        there is no such index."""
        return sum(name != "NV_ReadPublic" for _, name, _, _ in self.log())

    def opens(self):
        return json.loads(self.ask("count"))["opens"]

    def log(self):
        """[(session, command's name, response code or None, ms), ...]"""
        return [(s, NAMES.get(cc, hex(cc)), rc, ms) for s, cc, rc, ms in json.loads(self.ask("log"))]

    def commands(self):
        """The commands' names since the last reset, without those to be repeated."""
        return [name for _, name, rc, _ in self.log() if rc != RC_RETRY]

    def reset(self):
        self.ask("reset")

    def handles(self):
        """What is loaded, as a flat list."""
        return sum(json.loads(self.ask("handles")).values(), [])

    def left(self):
        """What is still loaded when the clean-up behind a reply has had its time, but for what stays."""
        deadline = time.monotonic() + 30
        while (handles := self.unexpected()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return handles

    def unexpected(self):
        """What is loaded, but for the keys that stay on Windows: no more of them than there are."""
        handles = self.handles()
        objects = [h for h in handles if h.startswith("0x80")]
        if paths.first_binary().startswith("windows") and len(objects) <= KEYS:
            return [h for h in handles if h not in objects]
        return handles

    def pid(self):
        return int(self.ask("pid"))

    def delay(self, ms, command="*", count="*"):
        self.ask(f"delay {ms} {CC.get(command, command)} {count}")

    def fault(self, kind, *values, command="*", count="*", skip=0):
        words = [str(v) for v in values] + [str(CC.get(command, command)), str(count), str(skip)]
        self.ask(f"fault {kind} {' '.join(words)}")


def transmit(path, command, timeout=30):
    """One TPM command through the launcher's --listen socket."""
    with _connect(path, timeout) as s:
        return transmit_on(s, command)


def transmit_on(s, command):
    """The same on a connection that is there."""
    s.sendall(command)
    reply = b""
    while len(reply) < 10 or len(reply) < struct.unpack(">I", reply[2:6])[0]:
        more = s.recv(4096)
        if not more:
            break
        reply += more
    return reply
