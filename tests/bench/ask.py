"""The requests that are measured."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness.credential import make, rsa_from_tpm  # noqa: E402
from harness.service import b64, unb64, wait_for  # noqa: E402

GET_EK = {"command": "getEK"}
ATTESTATION = {"command": "getAttestationData"}
QUOTE = {"command": "quote", "nonce": b64(bytes(32)), "pcrs": "0-7"}
CERTIFY = {"command": "certify", "nonce": b64(bytes(32))}


def activation(known):
    """An activateCredential for what getAttestationData has said."""
    c = make(rsa_from_tpm(unb64(known["ek_tpm"])), unb64(known["aik_name"]), bytes(32))
    return {"command": "activateCredential", "hmac": b64(c.hmac), "enc": b64(c.enc),
            "encrypted_secret": b64(c.encrypted_secret)}


def all_commands(known):
    """All commands, with both AIKs. known: the reply to getAttestationData, of the ECC AIK."""
    yield from ({"command": name} for name in ("getEK", "getEKChain", "getHealth"))
    yield activation(known)
    for aik in ("ecc", "rsa"):
        yield {**ATTESTATION, "aik": aik}
        yield {**QUOTE, "pcrs": "0-23", "aik": aik}
        yield {**CERTIFY, "aik": aik}


def timed(service, request):
    """How long the reply takes, which must be a success; in seconds."""
    start = time.perf_counter()
    service.ok(request)
    return time.perf_counter() - start


def session_ready(service):
    """Waits until a session is ready after a getAttestationData. The record of commands MUST begin before that."""
    wait_for(lambda: "PolicySecret" in service.control.commands(), 10, "session that is ready")
    quiet(service)


def quiet(service, seconds=0.04):
    """Waits until the TPM has had no command for so long. Returns how many it has had."""
    count, since = service.control.count(), time.monotonic()
    while time.monotonic() < since + seconds:
        time.sleep(0.005)
        now = service.control.count()
        if now != count:
            count, since = now, time.monotonic()
    return count
