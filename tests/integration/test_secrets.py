"""Nothing of a decrypted secret stays in attestd's memory."""
import hashlib
import json
import os
import re
import struct

import pytest

from harness.asked import QUOTE
from harness.control import READY_S
from harness.credential import make, rsa_from_tpm
from harness.ready import Sessions
from harness.service import Service, b64, unb64, wait_for

SECRET = hashlib.sha256(b"nowhere else").digest()

pytestmark = [pytest.mark.shipping,
              pytest.mark.skipif(os.geteuid() != 0, reason="reads another process's memory")]


def memory(pid):
    """All memory that is or was writable: heap, stack, data."""
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
    assert known["aik_name"] in seen  # which shows that this is the right memory
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


def test_client_gone(start):
    """The client has gone before its secret is there."""
    service = start("plain").settled()
    known = service.attestation()
    service.ok(credential(known))
    service.control.left()
    service.control.delay(20000, "ActivateCredential", 1)
    service.works_on(credential(known)).close()
    service.go_round()
    service.control.ask("clear")
    service.control.rest()
    assert service.control.commands().count("ActivateCredential") == 2
    assert service.control.left() == []
    for _ in range(2):  # so that the event loop runs once
        service.ok({"command": "getEK"})
    assert_forgotten(service.control.pid(), known)


def test_once(states):
    """`attestd once`, while it waits for the next line."""
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


# ---- the session that is ready --------------------------------------------------------

# In tpm2-tss's IESYS_SESSION: the distance from a session's key, which follows its size, to the caller's nonce.
KEY_TO_NONCE = 2 + 64 + 3 + 1


def session_key(seen, session):
    """The key of the session that waits. With it, who has tapped the bus could decrypt the secret."""
    nonce = session.nonces[0]
    found = [match.start() - KEY_TO_NONCE
             for match in re.finditer(re.escape(struct.pack("=H", len(nonce)) + nonce), seen)]
    keys = [seen[at + 2:at + 34] for at in found if struct.unpack_from("=H", seen, at) == (32,)]
    assert len(keys) == 1 and len(set(keys[0])) > 8, found
    return keys[0]


ENDS = {
    "used": lambda service, known: service.ok(credential(known)),
    "refused": lambda service, known: service.ask(credential({**known, "aik_name": b"\0\x0b" + bytes(32)})),
    "given up": lambda service, known: service.ask(QUOTE),
    "lost": lambda service, known: (service.control.ask("vanish"), service.ok(credential(known))),
    "expired": lambda service, known: wait_for(lambda: service.control.handles() == [], READY_S + 5, "flush"),
}


@pytest.mark.parametrize("end", [pytest.param(end, marks=pytest.mark.slow if end == "expired" else [])
                                 for end in ENDS])
def test_key_of_a_ready_session(start, tmp_path, end):
    """After the session its key is nowhere in memory, however it ended. While it waits, the key is only where it has to
    be. (The nonces and the encrypted salt were visible on the bus.)"""
    sessions = Sessions(tmp_path)
    service = start("plain", launcher=sessions.options).settled()
    known = service.attestation()
    service.unready(credential(known))
    service.made_ready()
    pid = service.control.pid()
    waiting = sessions.all()[-1]
    seen = memory(pid)
    key = session_key(seen, waiting)
    assert [seen.count(key[at:at + 8]) for at in range(0, 32, 8)] == [1] * 4
    if end == "given up":
        service.control.fault("rc", 0x1C4, command="Quote", count=1)
    ENDS[end](service, known)
    assert service.control.left() == []
    wait_for(lambda: service.control.handles() == [], 10, "flush")  # it may come behind the reply
    service.go_round()
    seen = memory(pid)
    assert known["aik_name"] in seen
    assert not [at for at in range(0, 32, 8) if key[at:at + 8] in seen]
