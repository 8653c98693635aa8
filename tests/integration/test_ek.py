"""Which key is the EK: the persistent one, if it has the right template, or a new one."""
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from harness import tpm
from harness.credential import make, rsa_from_tpm, spki
from harness.paths import BINARIES
from harness.service import b64, unb64

pytestmark = pytest.mark.portable

WRONG_KEYS = {
    "RSA 3072": "tpm2_createek -Q -c ek.ctx -G rsa3072",
    "P-256 EK": "tpm2_createek -Q -c ek.ctx -G ecc256",
    "signing key": "tpm2_createprimary -Q -C e -G rsa2048:rsassa-sha256:null -c ek.ctx "
                   "-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'",
    "storage key": "tpm2_createprimary -Q -C e -G rsa2048:aes128cfb -c ek.ctx",
    "SHA-384 name": "tpm2_createprimary -Q -C e -g sha384 -G rsa2048:aes128cfb -c ek.ctx",
    "owner's": "tpm2_createprimary -Q -C o -G rsa2048:aes128cfb -c ek.ctx",
}


def activates(service):
    known = service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], b"a secret")
    reply = service.ok({"command": "activateCredential", "credential_blob": b64(c.file)})
    return unb64(reply["decrypted_secret"]) == b"a secret"


@pytest.mark.parametrize("binary", BINARIES)
def test_persistent(start, states, binary):
    service = start("persistent", binary=binary).settled()
    assert "CreatePrimary" in service.control.commands()  # the AIK
    assert service.control.commands().count("CreatePrimary") == 1
    assert service.attestation()["ek_pub"] == spki(load_pem_public_key(states.ek_pem("persistent")))
    assert activates(service)


def test_created(start, states):
    service = start("plain").settled()
    assert service.control.commands().count("CreatePrimary") == 2
    assert service.attestation()["ek_pub"] == spki(load_pem_public_key(states.ek_pem("plain")))


@pytest.mark.parametrize("key", WRONG_KEYS)
def test_field_10_another_key_at_the_handle(start, states, tmp_path, key):
    state = states.new("plain")
    tpm.run(state, f"{WRONG_KEYS[key]}\ntpm2_evictcontrol -Q -C o -c ek.ctx {tpm.EK_HANDLE}", tmp_path)
    service = start(state).settled()
    assert service.attestation()["ek_pub"] == spki(load_pem_public_key(states.ek_pem("plain")))
    assert activates(service)
    assert service.control.left() == []
    assert service.logged("0x81010001")


def test_a_disabled_endorsement_hierarchy_has_its_name(start):
    """The TPM answers CreatePrimary with TPM_RC_HIERARCHY."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("rc", 0x185, command="CreatePrimary")
    service.finds_tpm()
    reply = service.ask({"command": "getEK"})
    assert (reply["error"], int(reply["tpm_rc"], 16)) == ("hierarchy_disabled", 0x185)
    service.control.ask("clear")
    service.ok({"command": "getEK"})


def test_endorsement_authorisation_is_tried_once(start, states, tmp_path):
    state = states.new("plain")
    tpm.run(state, "tpm2_changeauth -Q -c e secret", tmp_path)
    service = start(state).ready()
    for _ in range(3):
        reply = service.ask({"command": "getEK"})
        assert reply["error"] == "tpm_auth_required"
        assert int(reply["tpm_rc"], 16) == 0x9A2
    refused = [rc for _, name, rc, _ in service.control.log() if rc == 0x9A2]
    assert len(refused) <= 4
