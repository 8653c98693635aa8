"""The faults that a TPM can have, command by command, and which replies may follow."""
import mmap
import os
import pathlib
import signal
import struct

from . import paths
from .control import RC_RETRY
from .credential import make, rsa_from_tpm
from .service import Service, b64, can_connect, unb64, wait_for

GET_EK = {"command": "getEK"}
GET_CHAIN = {"command": "getEKChain"}
ATTESTATION = {"command": "getAttestationData"}
SECRET = b"a secret"

# Like a supervisor, starts attestd again whenever it ends, until it is told to stop.
SUPERVISOR = """
    trap 'over=1; kill $!' TERM
    while [ -z "$over" ]; do
        "$@" & echo $! >$TMPDIR/new; mv $TMPDIR/new $TMPDIR/pid
        wait $!; status=$?; [ -z "$over" ] || { wait $!; status=$?; }
        echo $status >>$TMPDIR/statuses
    done
    exit $status"""

# Response codes (TPM 2.0 Library part 2, 6.6.3), and the error that a client gets for each.
NOT_NOW = {"RETRY": 0x922, "YIELDED": 0x908, "TESTING": 0x90A, "NV_RATE": 0x920}
CODES = {
    "NV_UNAVAILABLE": (0x923, "tpm_error"), "LOCKOUT": (0x921, "tpm_lockout"),
    "OBJECT_MEMORY": (0x902, "tpm_no_memory"), "SESSION_MEMORY": (0x903, "tpm_no_memory"),
    "OBJECT_HANDLES": (0x906, "tpm_no_memory"), "SESSION_HANDLES": (0x905, "tpm_no_memory"),
    "MEMORY": (0x904, "tpm_no_memory"), "CONTEXT_GAP": (0x901, "tpm_context_gap"),
    "FAILURE": (0x101, "tpm_failure"), "INITIALIZE": (0x100, "tpm_not_started"),
    "DISABLED": (0x120, "tpm_error"), "COMMAND_CODE": (0x143, "tpm_error"),
    "REBOOT": (0x130, "tpm_failure"), "UPGRADE": (0x12D, "tpm_upgrade"), "HIERARCHY": (0x185, "hierarchy_disabled"),
    "HANDLE": (0x18B, "tpm_error"), "VALUE": (0x1C4, "tpm_error"), "SIZE": (0x1D5, "tpm_error"),
    "POLICY_FAIL": (0x99D, "tpm_error"), "AUTH_FAIL": (0x98E, "tpm_auth_required"),
    "BAD_AUTH": (0x9A2, "tpm_auth_required"), "AUTH_UNAVAILABLE": (0x12F, "tpm_auth_required"),
    "CANCELED": (0x909, "tpm_canceled"), "REFERENCE_H0": (0x910, "tpm_error"),
    "REFERENCE_S0": (0x918, "tpm_error"), "unknown": (0x1FF, "tpm_error"),
}
AUTH = ["AUTH_FAIL", "BAD_AUTH", "AUTH_UNAVAILABLE"]
# Whatever the request was, it succeeds when all is done once more.
ONCE_MORE = ["CANCELED", "REFERENCE_H0", "REFERENCE_S0"]
# In reply to CertifyCreation: attestd uses an AIK although the TPM does not sign that.
UNSIGNED = ["LOCKOUT", "COMMAND_CODE"]
# Faults that are no responses of a TPM, in the proxy's words. `delay` is one that nobody may notice.
MANGLED = ["tag12", "short", "cut 1", "cut 4", "cut 9", "truncate 1", "truncate 8", "truncate 4000",
           "long 1", "long 300", "size 9", "size 10", "size 4097", "size 0xffffffff", "garbage",
           "noise", "close", "close-after", "delay 50", *(f"flip {at}" for at in (0, 9, 12, 15, 20, 40))]
ONE_OF_A_KIND = {fault.split()[0]: fault for fault in reversed(MANGLED)}.values()
# The errors of a reply if the connection to the TPM failed twice, or a response was damaged.
TRANSPORT = ["tpm_bad_response", "tpm_unavailable"]
# Commands that look in NV for the EK's certificate, template and nonce.
NV = ["NV_ReadPublic", "NV_Read"]


def is_format_one(rc):
    return rc & 0x80


def at_start(name, command, index):
    """Which errors (None: success) a reply may have if, at the start, the TPM answers the index-th `command`
    and all later ones with this code."""
    rc, error = CODES[name]
    if command in ("GetRandom", "GetCapability") or (command == "ReadPublic" and name == "HANDLE"):
        return [None]
    if command == "FlushContext":
        return [None, "tpm_error", "tpm_unavailable"]
    if command == "CertifyCreation" and name in UNSIGNED:
        return [None]
    if command in NV and (name == "HANDLE" or name in AUTH):
        return [None]
    # The template and the nonce come first: without them the EK may be another one.
    is_certificate = command == "NV_Read" or index >= 2
    if command in NV and is_certificate and (is_format_one(rc) or name == "LOCKOUT"):
        return [None]
    return [error]


def in_request(name, command, once):
    """The same for activateCredential and its commands."""
    rc, error = CODES[name]
    if command == "FlushContext":
        return [None] if once else [None, "tpm_error", "tpm_unavailable"]
    if once and name in ONCE_MORE:
        return [None]
    if command == "ActivateCredential":
        parameter = rc & 0xC0 == 0xC0
        if parameter or name == "FAILURE":
            return ["credential_rejected"]
        if name == "HANDLE" and once:
            return [None]
        return ["tpm_error"] if error == "tpm_auth_required" else [error]
    return [None] if once and (error == "tpm_error" or name in ("FAILURE", "REBOOT")) else [error]


def when_mangled(fault, command):
    """The same if one response is damaged."""
    unseen = fault.startswith(("garbage", "flip")) and \
        command in ("ContextLoad", "StartAuthSession", "CreatePrimary")
    # Only the TPM can tell that a handle or a nonce is wrong: by its answer to the next command.
    return [None, *TRANSPORT, *(["tpm_error"] if unseen else [])]


# Where the lengths in a response are: h a handle, p parameterSize, 2 a TPM2B, digits so many bytes,
# t a ticket, s a signature, c a list of selected PCRs, d one of TPM2Bs, l one up to the end, and a for
# each authorisation.
SHAPES = {
    "GetRandom": "2", "ReadPublic": "222", "NV_ReadPublic": "22", "CreatePrimary": "hp222t2a",
    "ContextSave": "8442", "ContextLoad": "h", "StartAuthSession": "h2", "PolicySecret": "p2ta",
    "ActivateCredential": "p2aa", "NV_Read": "p2a", "GetCapability": "14l", "FlushContext": "", "EvictControl": "pa",
    "PolicyGetDigest": "2", "Quote": "p2sa", "Certify": "p2saa", "CertifyCreation": "p2sa", "PCR_Read": "4cd",
}


def lengths(command, response):
    """The offsets of all lengths (16 bits), that of the header first."""
    found, at = [4], 10
    if struct.unpack(">I", response[6:10])[0] != 0:
        return found

    def tpm2b():
        nonlocal at
        found.append(at)
        at += 2 + struct.unpack(">H", response[at:at + 2])[0]

    for part in SHAPES[command]:
        if part == "h":
            at += 4
        elif part == "p":
            found.append(at + 2)
            at += 4
        elif part == "2":
            tpm2b()
        elif part == "l":
            found.append(at + 2)
            at = len(response)
        elif part == "t":
            at += 6
            tpm2b()
        elif part == "s":
            at += 4
            for _ in range(2 if response[at - 4:at - 2] == b"\0\x18" else 1):  # ECDSA: r and s
                tpm2b()
        elif part in "cd":
            found.append(at + 2)
            count, at = struct.unpack_from(">I", response, at)[0], at + 4
            for _ in range(count):
                if part == "d":
                    tpm2b()
                else:
                    at += 3 + response[at + 2]
        elif part == "a":
            tpm2b()
            at += 1
            tpm2b()
        else:
            at += int(part)
    assert at == len(response), (command, at, response.hex())
    return found


class Probe:
    """The file that tests/injected/faults.c shares with the test."""
    FIELDS = ["clock_ms", "refused", "all", "count", "used", "most"]

    def __init__(self, path):
        path.write_bytes(bytes(8 * len(self.FIELDS)))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.env = {"ATTESTD_PROBE": str(path)}

    def get(self, field):
        return struct.unpack_from("=Q", self.map, 8 * self.FIELDS.index(field))[0]

    def set(self, **values):
        for field, value in values.items():
            struct.pack_into("=Q", self.map, 8 * self.FIELDS.index(field), value)


class Supervised(Service):
    """attestd on one TPM, started again whenever it ends. `pid`: the present process."""

    def __init__(self, state, device="tpmrm0", launcher=(), probe=None, before=()):
        self.probed = probe is not None
        super().__init__(state, env=probe.env if probe else None,
                         launcher=["--device", device, *launcher],
                         wrap=["sh", "-c", SUPERVISOR, "sh", *before])
        try:
            self.ready()
        except BaseException:
            self.close()
            raise

    def command(self, binary, mode):
        return [paths.ATTESTD_PROBED, mode] if self.probed else super().command(binary, mode)

    @property
    def pid(self):
        def living():
            """The process that serves now. The file may still name the one before."""
            file = self.dir / "pid"
            found = file.exists() and file.read_text().strip()
            return found and pathlib.Path(f"/proc/{found}").exists() and int(found)

        return wait_for(living, 10, "pid")

    def statuses(self):
        file = self.dir / "statuses"
        return [int(s) for s in file.read_text().split()] if file.exists() else []

    def await_next(self, before):
        """Waits until another process than `before` listens."""
        wait_for(lambda: self.pid != before and can_connect(self.socket), 60, "restart")

    def restart(self):
        """Ends it as a supervisor does; the next one is started at once."""
        before, ended = self.pid, len(self.statuses())
        os.kill(before, signal.SIGTERM)
        self.await_next(before)
        assert self.statuses()[ended:] == [0], self.log()

    def close(self):
        """Also where a failed test has left attestd without its supervisor."""
        pid = self.dir / "pid"
        last = int(pid.read_text()) if pid.exists() else None
        super().close()
        try:
            if last and str(self.socket).encode() in pathlib.Path(f"/proc/{last}/cmdline").read_bytes():
                os.kill(last, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


def activation(known, aik=None):
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)
    return {"command": "activateCredential", "credential_blob": b64(c.file), **({"aik": aik} if aik else {})}


def opens(reply):
    return reply["status"] == "ok" and unb64(reply["decrypted_secret"]) == SECRET


def flow(service):
    """[(command, which one of that name), ...] since the last reset, with the clean-up."""
    assert service.control.left() == []
    return numbered(service.control.commands())


def numbered(names):
    """[(name, which one of that name), ...]"""
    found = []
    for name in names:
        found.append((name, sum(name == other for other, _ in found)))
    return found


def flow_of(service, request, before=lambda: None, good=opens, prepare=lambda: None):
    """The same for one request, without a look for a certificate."""
    while True:
        prepare()
        service.control.left()
        service.control.reset()
        before()
        assert good(service.ask(request))
        found = flow(service)
        if request == GET_CHAIN or not any(name in NV for name, _ in found):
            return found


def true_responses(trace):
    """The TPM's own responses, from the launcher's trace, without "send it again"."""
    responses = [bytes.fromhex(line.split()[1]) for line in trace.read_text().splitlines()
                 if line[0] == "<"]
    return [response for response in responses if response[6:10] != RC_RETRY.to_bytes(4, "big")]


def wrong_lengths(flow, responses):
    """(command, which one of that name, fault): each length a little wrong, and very wrong."""
    for (at, index), response in zip(flow, responses, strict=True):
        for offset in lengths(at, response):
            true = int.from_bytes(response[offset:offset + 2], "big")
            for wrong in {0, true - 1, true + 1, 0xffff} - {true, -1}:
                yield at, index, f"put {offset << 16 | wrong}"


def inject(service, fault, at, index, count):
    """Makes a fault, given in the proxy's words, at the index-th of these commands."""
    kind, *value = fault.split()
    if at == "FlushContext" and fault == f"rc {CODES['HANDLE'][0]}":
        kind = "rc-after"  # after it, "no such handle" is true
    service.control.fault(kind, *value, command=at, count=count, skip=index)


def settles(service, request, good, seconds=30, rests=True):
    """Checks that all is well when the fault has ended, at once or when attestd next looks at the TPM. `rests`:
    and that nothing is left in the TPM."""
    service.control.ask("clear")
    wait_for(lambda: good(service.ask(request)), seconds, "recovery")
    assert not rests or service.control.left() == []
