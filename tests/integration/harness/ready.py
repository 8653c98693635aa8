"""The session that is ready for the next activation: the commands for it, and what became of each session,
from the launcher's trace."""
import pathlib
import struct
from dataclasses import dataclass

import pytest

from .control import CC
from .faults import activation, opens

# The commands that make a session, and those of an activation with and without it; endorsementAuth is empty.
MAKING = {"plain": ["ContextLoad", "StartAuthSession", "PolicySecret", "FlushContext"],
          "persistent": ["StartAuthSession", "PolicySecret"]}
USE = {"plain": ["ContextLoad", "ContextLoad", "ActivateCredential", "FlushContext", "FlushContext"],
       "persistent": ["ContextLoad", "ActivateCredential", "FlushContext"]}
WITHOUT = {"plain": ["ContextLoad", "ContextLoad", "StartAuthSession", "PolicySecret", "ActivateCredential",
                     "FlushContext", "FlushContext"],
           "persistent": ["ContextLoad", "StartAuthSession", "PolicySecret", "ActivateCredential", "FlushContext"]}
NOT_YET = {0x908, 0x90A, 0x920, 0x922}  # YIELDED, TESTING, NV_RATE, RETRY: the command will be sent again


@dataclass
class Session:
    handle: int
    nonces: list  # the caller's and the TPM's
    uses: int = 0  # how many ActivateCredentials used it


class Sessions:
    """The policy sessions, in the order in which they were started."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "trace"

    @property
    def options(self):
        return ["--trace", str(self.path)]

    def all(self):
        """All of them; checks that none was used twice, and only existing ones were used."""
        found, live, command = [], {}, None
        for line in self.path.read_text().splitlines():
            data = bytes.fromhex(line[2:])
            if line[0] == ">":
                command = data
                continue
            code, rc = (int.from_bytes(part[6:10], "big") for part in (command, data))
            if code == CC["StartAuthSession"] and rc == 0:
                session = started(command, data)
                live[session.handle] = session
                found += [session] if session.handle >> 24 == 3 else []
            elif code == CC["ActivateCredential"] and rc not in NOT_YET:
                session = live[used_by(command)]
                session.uses += 1
                assert session.uses == 1, hex(session.handle)
        return found

    def used(self):
        return [session.uses for session in self.all()]


def started(command, response):
    size, = struct.unpack_from(">H", command, 18)
    handle, tpm = struct.unpack_from(">IH", response, 10)
    return Session(handle, [command[20:20 + size], response[16:16 + tpm]])


def used_by(command):
    """The session of its second authorisation; the first is the AIK's password."""
    at = 10 + 2 * 4 + 4
    for _ in range(2):
        handle, nonce = struct.unpack_from(">IH", command, at)
        at += 4 + 2 + nonce + 1
        at += 2 + int.from_bytes(command[at:at + 2], "big")
    return handle


def usually(*cases, but=()):
    """Marks all other cases as variants, which `make check` leaves out."""
    return [*cases, *(pytest.param(case, marks=pytest.mark.variant) for case in but)]


class Watched:
    """A service whose sessions are followed, and an activation for it."""

    def __init__(self, start, kind, folder, **options):
        self.sessions = Sessions(folder)
        self.kind = kind
        launcher = [*self.sessions.options, *options.pop("launcher", [])]
        self.service = start(kind, launcher=launcher, **options).settled()
        self.control = self.service.control
        self.request = activation(self.service.attestation())

    def unready(self):
        self.service.unready(self.request)
        self.control.reset()
        return self

    def made_ready(self):
        """Waits until a session is ready, in a service that has none."""
        self.service.made_ready()
        self.is_ready()
        self.control.reset()
        return self

    def is_ready(self):
        """Whether one session is loaded, and nothing else."""
        assert len(self.control.policies()) == 1
        assert self.control.handles() == self.control.policies()

    def is_empty(self):
        assert self.control.left() == []
        assert self.control.handles() == []

    def activates(self):
        assert opens(self.service.ask(self.request))

    def made(self):
        return self.control.commands().count("StartAuthSession")
