"""What real TPMs have done to other programs (the field notes), if no other file has the test."""
import os
import signal
import time

import pytest

from harness import tpm
from harness.asked import CERTIFY
from harness.faults import ATTESTATION, GET_EK, SECRET, activation, opens
from harness.credential import make, rsa_from_tpm
from harness.service import (b64, conclusive, connect, line_of, opened_too_late, parse_reply,
                             read_all)
from test_tpm_comes_and_goes import recovers

SIGNALS = (signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD, signal.SIGSTOP, signal.SIGCONT)

LOCKOUT = """
    tpm2_dictionarylockout -Q -s -n 2 -t 10000 -l 10000
    tpm2_createprimary -Q -C o -G ecc -p right -c key.ctx
    for try in 1 2; do tpm2_create -Q -C key.ctx -P wrong -u u -r r 2>/dev/null || :; done
    tpm2_getcap properties-variable | grep -q 'inLockout: *1'"""


def test_field_13_lockout(start, states, tmp_path):
    """The AIK's authorisation is refused, and tried once for each request. What needs no authorisation works."""
    state = states.new("plain")
    tpm.run(state, LOCKOUT, tmp_path)
    service = start(state).settled()
    request = activation(service.attestation())
    for _ in range(2):
        service.control.left()
        service.control.reset()
        assert service.ask(request)["error"] == "tpm_lockout"
        assert service.control.commands().count("ActivateCredential") == 1
        assert service.control.left() == []
    assert service.ok(GET_EK) and service.ok({"command": "getHealth"})
    # For an AIK that is created then, everything but its signature is known.
    for aik in ("ecc", "rsa"):
        reply = service.ok({**ATTESTATION, "aik": aik})
        assert {member for member, value in reply.items() if value is None} == {"ek_cert", "aik_attest",
                                                                                "aik_signature"}
        assert service.ask({**CERTIFY, "aik": aik})["error"] == "tpm_lockout"
    assert service.control.left() == []


def test_field_15_flipped_bit_fails_once(start):
    """attestd does not give the TPM up for it: the link stays, and the next credential opens."""
    service = start("plain").settled()
    known = service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)
    opened = service.control.opens()
    for bit in range(0, 2048, 61):
        secret = bytearray(c.encrypted_secret)
        secret[bit // 8] ^= 1 << bit % 8
        reply = service.ask({"command": "activateCredential", "hmac": b64(c.hmac), "enc": b64(c.enc),
                             "encrypted_secret": b64(bytes(secret))})
        assert reply["error"] == "credential_rejected", (bit, reply)
    service.control.left()
    # swtpm does not answer these with TPM_RC_FAILURE; other TPMs do.
    service.control.fault("rc", 0x101, command="ActivateCredential", count=1)
    reply = service.ask(activation(known))
    assert (reply["error"], reply["tpm_rc"]) == ("credential_rejected", "0x101")
    assert opens(service.ask(activation(known)))
    assert service.control.opens() == opened
    assert service.control.left() == []


@pytest.mark.parametrize("command", ["GetRandom", "ActivateCredential"])
def test_field_19_signals_while_the_tpm_is_awaited(start, command):
    """Signals while attestd waits for the TPM, at its opening and later, are no errors."""
    service = start("plain").settled()
    request = activation(service.attestation())
    pid = service.control.pid()

    def signals():
        service.control.left()
        service.control.delay(400, command, 1)
        if command == "GetRandom":
            service.control.ask("vanish")
        since = time.monotonic()
        with connect(service.address) as s:
            s.sendall(line_of(request))
            while time.monotonic() < since + 0.4:
                for sig in SIGNALS:
                    os.kill(pid, sig)
                time.sleep(0.01)
            reply = parse_reply(read_all(s))
        if command == "GetRandom" and opened_too_late(reply, since):
            service.control.ask("clear")
            recovers(service, request)
            return None
        return reply

    assert opens(conclusive(signals))
    assert service.control.left() == []


def test_field_21_a_tpm_that_was_not_started(start):
    """A TPM that was not started answers everything with an error, which has its own name, until it is started."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("rc", 0x100)
    service.finds_tpm()
    reply = service.ask(ATTESTATION)
    assert (reply["error"], reply["tpm_rc"]) == ("tpm_not_started", "0x100")
    service.control.ask("clear")
    recovers(service, ATTESTATION)
    assert opens(service.ask(activation(service.attestation())))


@pytest.mark.parametrize("when", ["start", "request"])
def test_field_23_a_tpm_that_is_gone_behind_its_driver(start, when):
    """QEMU then answers with the tag of a TPM 1.2. It is no TPM 1.2, and may come back."""
    service = start("plain", launcher=["--absent"] if when == "start" else []).ready()
    if when == "start":
        service.control.fault("tag12")
        service.control.ask("present")
        assert service.ask(GET_EK)["error"] in ("tpm_unavailable", "tpm_bad_response")
    else:
        request = activation(service.attestation())
        service.control.left()
        service.control.fault("tag12")
        assert service.ask(request)["error"] in ("tpm_unavailable", "tpm_bad_response")
    assert "tpm_version" not in service.log()
    service.control.ask("clear")
    recovers(service, GET_EK)
    assert opens(service.ask(activation(service.attestation())))
