"""Nothing of an opened secret stays in attestd's memory."""
import hashlib
import json
import os

import pytest

from harness.credential import make, rsa_from_tpm
from harness.service import Service, b64, unb64, wait_for

SECRET = hashlib.sha256(b"nowhere else").digest()

pytestmark = [pytest.mark.shipping,
              pytest.mark.skipif(os.geteuid() != 0, reason="reads another process's memory")]


def memory(pid):
    """All that is written or writable: heap, stack, data."""
    pieces = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            where, access = line.split()[:2]
            if "w" in access:
                start, end = (int(x, 16) for x in where.split("-"))
                mem.seek(start)
                pieces.append(mem.read(end - start))
    return b"".join(pieces)


def credential(known, aik="ecc"):
    blob = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET).file
    return {"command": "activateCredential", "credential_blob": b64(blob), "aik": aik}


def assert_forgotten(pid, known):
    seen = memory(pid)
    assert known["aik_name"] in seen  # so this is where to look
    for at in range(0, 32, 8):
        assert SECRET[at:at + 8] not in seen, at
    for at in range(0, 40, 8):
        assert b64(SECRET)[at:at + 8].encode() not in seen, at


@pytest.mark.portable
@pytest.mark.parametrize("kind,aik", [("plain", "ecc"), pytest.param("quick", "rsa", marks=pytest.mark.variant)])
def test_serve(start, kind, aik):
    service = start(kind).settled()
    known = service.attestation(aik)
    reply = service.ok(credential(known, aik))
    assert unb64(reply["decrypted_secret"]) == SECRET
    assert service.control.left() == []
    assert_forgotten(service.control.pid(), known)


def test_nobody_waits_any_more(start):
    """The client has gone before its secret comes."""
    service = start("plain").settled()
    known = service.attestation()
    service.ok(credential(known))
    service.control.left()
    service.control.delay(300, "ActivateCredential", 1)
    service.works_on(credential(known)).close()
    wait_for(lambda: "ActivateCredential" in service.control.commands(), 20, "opened credential")
    assert service.control.left() == []
    for _ in range(2):  # once round the loop
        service.ok({"command": "getEK"})
    assert_forgotten(service.control.pid(), known)


def test_once(states):
    """While it waits for the next line."""
    service = Service(states.new(), mode="once", wrap=[
        "bash", "-c", "cd $TMPDIR; mkfifo in out; exec \"$@\" <in >out", "bash"])
    try:
        wait_for((service.dir / "out").exists, 20, "pipe")
        with open(service.dir / "in", "w", encoding="ascii") as requests, \
                open(service.dir / "out", encoding="ascii") as replies:

            def ask(request):
                requests.write(json.dumps(request) + "\n")
                requests.flush()
                return json.loads(replies.readline())

            known = ask({"command": "getAttestationData"})
            known = {"ek_tpm": unb64(known["ek_tpm"]), "aik_name": unb64(known["aik_name"])}
            assert unb64(ask(credential(known))["decrypted_secret"]) == SECRET
            assert service.control.left() == []
            assert_forgotten(service.control.pid(), known)
    finally:
        service.close()
