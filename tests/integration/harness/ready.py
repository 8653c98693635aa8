"""The session that is ready for the next activation: what is sent for it, and what became of each,
as the launcher's trace tells."""
import pathlib
import struct
from dataclasses import dataclass

import pytest

from .control import CC
from .faults import activation, opens

# What it takes to make one, and an activation in it and without it, where endorsementAuth is empty.
MAKING = {"plain": ["ContextLoad", "StartAuthSession", "PolicySecret", "FlushContext"],
          "persistent": ["StartAuthSession", "PolicySecret"]}
USE = {"plain": ["ContextLoad", "ContextLoad", "ActivateCredential", "FlushContext", "FlushContext"],
       "persistent": ["ContextLoad", "ActivateCredential", "FlushContext"]}
WITHOUT = {"plain": ["ContextLoad", "ContextLoad", "StartAuthSession", "PolicySecret", "ActivateCredential",
                     "FlushContext", "FlushContext"],
           "persistent": ["ContextLoad", "StartAuthSession", "PolicySecret", "ActivateCredential", "FlushContext"]}
NOT_YET = {0x908, 0x90A, 0x920, 0x922}  # YIELDED, TESTING, NV_RATE, RETRY: it will be sent again


@dataclass
class Session:
    handle: int
    nonces: list  # the caller's, the TPM's
    uses: int = 0  # ActivateCredential in it


class Sessions:
    """Those with a policy, in the order in which they were started."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "trace"

    @property
    def options(self):
        return ["--trace", str(self.path)]

    def all(self):
        """No session is used twice, nor one that there is not."""
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
    """The second of its authorisations; the first is the AIK's password."""
    at = 10 + 2 * 4 + 4
    for _ in range(2):
        handle, nonce = struct.unpack_from(">IH", command, at)
        at += 4 + 2 + nonce + 1
        at += 2 + int.from_bytes(command[at:at + 2], "big")
    return handle


def usually(*cases, but=()):
    """Those cases; daily work goes without the others."""
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
        """Of a service that has just been started, or whose last was used."""
        self.service.made_ready()
        self.is_ready()
        self.control.reset()
        return self

    def is_ready(self):
        """One session, and nothing else."""
        assert len(self.control.policies()) == 1
        assert self.control.handles() == self.control.policies()

    def is_empty(self):
        assert self.control.left() == []
        assert self.control.handles() == []

    def activates(self):
        assert opens(self.service.ask(self.request))

    def made(self):
        return self.control.commands().count("StartAuthSession")
