"""The log: what it has to say, and what it must never say."""
import re

import pytest

from harness.credential import make, rsa_from_tpm
from harness.faults import activation
from harness.service import b64, wait_for

pytestmark = pytest.mark.portable

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (error|warning|info|debug) [ -~]+")


def exercised(start, level):
    service = start("plain", args=["--log-level", level]).settled()
    known = service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], b"the secret of this test")
    request = {"command": "activateCredential", "hmac": b64(c.hmac), "enc": b64(c.enc),
               "encrypted_secret": b64(c.encrypted_secret)}
    service.ok(request)
    service.ask({**request, "hmac": b64(bytes(32))})
    service.ask({**request, "hmac": "@"})
    service.ask({"command": "nope"})
    return service, known, c


def test_lines(start):
    service, _, _ = exercised(start, "info")
    lines = service.logged("unknown_command").splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    text = "\n".join(lines)
    for word in ("getAttestationData ok", "activateCredential ok",
                 "activateCredential credential_rejected", "activateCredential bad_base64"):
        assert word in text
    requests = [line for line in lines if "activateCredential" in line]
    assert all(service.client in line for line in requests)


def test_no_secret_is_in_it(start):
    service, known, c = exercised(start, "debug")
    text = service.logged("unknown_command")
    for data in (*known.values(), c.hmac, c.enc, c.encrypted_secret, c.secret):
        for shown in (b64(data), b64(data)[:16], data.hex(), data[:8].hex()):
            assert shown.lower() not in text.lower()
    assert c.secret.decode() not in text


def test_quiet(start):
    service, _, _ = exercised(start, "error")
    assert service.log() == ""


def test_unknown_commands_are_not_repeated(start):
    service = start("plain").settled()
    service.ask({"command": "a forged line"})
    assert "forged" not in service.logged("unknown_command")


def test_one_line_for_a_trouble_that_lasts(start):
    """While attestd tries again and again, the log says once what is wrong, and once that it is over."""
    service = start("plain", args=["--log-level", "info"]).settled()
    request = activation(service.attestation())
    service.control.fault("close")
    service.ask(request)
    tries = service.control.opens()
    wait_for(lambda: service.control.opens() >= tries + 3, 20, "further attempts")
    service.control.ask("clear")
    wait_for(lambda: "TPM works again" in service.log(), 20, "end of it in the log")
    assert service.log().count("TPM: tpm_unavailable") == 1, service.log()
    assert service.log().count("TPM found") == 1
