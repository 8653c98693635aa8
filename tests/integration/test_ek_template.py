"""The EK's template and nonce in NV decide which key the EK is."""
import struct

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from harness import tpm
from harness.credential import make, spki
from harness.faults import SECRET, activation, opens
from harness.ready import usually
from harness.service import b64, unb64

TEMPLATE, NONCE = "0x01C00004", "0x01C00003"
ATTRIBUTES = "ownerwrite|ownerread|authread|no_da"
# TPMT_PUBLIC of the EK's template L-1 with a unique of 256 bytes, all 00.
L1 = bytes.fromhex("0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
                   "00060080004300100800000000000100") + bytes(256)
pytestmark = pytest.mark.portable


def provisioned(states, tmp_path, template=None, nonce=None, made=""):
    """Makes a TPM with this template and nonce in NV."""
    state = states.new("plain")
    script = ""
    for index, data in ((TEMPLATE, template), (NONCE, nonce)):
        if data is not None:
            (tmp_path / index).write_bytes(data)
            script += (f"tpm2_nvdefine -Q {index} -C o -s {len(data)} -a '{ATTRIBUTES}'\n"
                       f"tpm2_nvwrite -Q {index} -C o -i {index}\n")
    tpm.run(state, script + made, tmp_path)
    return state


# As swtpm_setup --allow-signing --decryption writes it: not restricted, no symmetric algorithm.
SIGNING = L1[:4] + bytes.fromhex("000600b2") + L1[8:42] + bytes.fromhex("0010") + L1[48:]
SHARED = "fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|decrypt|"


def by_tools(unique, signing, folder):
    """A script that creates the key with this unique by tpm2_createprimary, which does not read NV."""
    (folder / "policy").write_bytes(L1[10:42])
    # TPM2B_PUBLIC_KEY_RSA as it is in tpm2-tools' memory.
    (folder / "unique").write_bytes(struct.pack("=H", 256) + unique.ljust(256, b"\0"))
    kind = ("rsa2048:null", "sign") if signing else ("rsa2048:aes128cfb", "restricted")
    return (f"tpm2_createprimary -Q -C e -g sha256 -G {kind[0]} -a '{SHARED}{kind[1]}' -L policy -u unique "
            "-c ek.ctx\ntpm2_readpublic -Q -c ek.ctx -f pem -o ek.pem\n")


def ek_of(service):
    return service.ok({"command": "getEK"})["ek_public"]


OWN_UNIQUE = L1[:-20] + b"in its own unique..."
CASES = {
    "a nonce": (L1, bytes(range(1, 255)), False), "a short nonce": (L1, b"short", False),
    "a nonce alone": (None, b"alone", False), "a template alone": (OWN_UNIQUE, None, False),
    "a nonce in a template with a unique": (OWN_UNIQUE, b"replaced", False),
    "a signing EK": (SIGNING, b"x" * 256, True), "a signing EK without a nonce": (SIGNING, None, True),
}


@pytest.mark.parametrize("persistent", usually(False, but=[True]), ids=["created", "persistent"])
@pytest.mark.parametrize("case", CASES)
def test_field_33_decides(states, start, tmp_path, case, persistent):
    template, nonce, signing = CASES[case]
    made = by_tools(template[-256:] if nonce is None else nonce, signing, tmp_path)
    if persistent:
        made += f"tpm2_evictcontrol -Q -C o -c ek.ctx {tpm.EK_HANDLE}\n"
    service = start(provisioned(states, tmp_path, template, nonce, made)).settled()
    ek, key = ek_of(service), load_pem_public_key((tmp_path / "ek.pem").read_bytes())
    assert unb64(ek) == spki(key)
    assert service.control.commands().count("CreatePrimary") == (1 if persistent else 2)
    if nonce is not None or template is not SIGNING:
        assert ek != ek_of(start("plain").settled())
    if signing:  # this is no storage key, so it cannot open credentials
        c = make(key, service.attestation()["aik_name"], SECRET)
        reply = service.ask({"command": "activateCredential", "credential_blob": b64(c.file)})
        assert reply["error"] == "tpm_error", reply
    else:
        assert opens(service.ask(activation(service.attestation())))
    assert service.control.left() == []


@pytest.mark.parametrize("template", [
    L1 + b"\0", L1[:-1], b"", b"nonsense" * 20, L1[:4] + bytes.fromhex("000300a2") + L1[8:],
    L1[:10] + bytes(32) + L1[42:]], ids=["longer", "shorter", "empty", "nonsense", "not sensitiveDataOrigin",
                                         "another policy"])
def test_what_is_no_eks_template_is_ignored(states, start, tmp_path, template):
    if not template:
        state = states.new("plain")
        tpm.run(state, f"tpm2_nvdefine -Q {TEMPLATE} -C o -s 64 -a '{ATTRIBUTES}'", tmp_path)
    else:
        state = provisioned(states, tmp_path, template)
    service = start(state).settled()
    assert ek_of(service) == ek_of(start("plain").settled())
    assert "template in NV is ignored" in service.log() or not template
    assert opens(service.ask(activation(service.attestation())))


def test_a_nonce_that_is_too_long_is_ignored(states, start, tmp_path):
    service = start(provisioned(states, tmp_path, None, bytes(300))).settled()
    assert ek_of(service) == ek_of(start("plain").settled())
    assert service.logged("nonce in NV is ignored")


def test_what_cannot_be_read_now_makes_no_other_ek(states, start, tmp_path):
    """If NV cannot be read now, as in lockout, there is no EK, rather than one that does not match the certificate."""
    state = provisioned(states, tmp_path, L1, b"nonce")
    service = start(state, launcher=["--absent"]).ready()
    service.control.fault("rc", 0x921, command="NV_Read")
    service.finds_tpm()
    assert service.ask({"command": "getEK"})["error"] == "tpm_lockout"
    service.control.ask("clear")
    service.settled()
    assert opens(service.ask(activation(service.attestation())))
