"""certify: it certifies the AIK by itself, and never another object."""
import struct

import pytest

from harness import attest, tpm
from harness.attest import Refused
from harness.credential import tpm2b
from harness.paths import BINARIES
from harness.quotes import AIKS, NONCE, Trace, certify, certify_request, known, public_of, quote
from harness.raw import ask, command
from harness.service import b64, connect

pytestmark = pytest.mark.portable


def verify(public, found, nonce=NONCE):
    return attest.verify_certify(public, found["certify_info"], found["signature"], nonce)


@pytest.mark.core
@pytest.mark.parametrize("aik", AIKS)
def test_verified(service, aik):
    public, found = public_of(service, aik), certify(service, aik=aik)
    verify(public, found)
    for other in ({"nonce": NONCE[1:]}, {"public": public_of(service, "rsa" if aik == "ecc" else "ecc")}):
        with pytest.raises(Refused):
            verify(other.get("public", public), found, other.get("nonce", NONCE))


def test_the_default_is_ecc(service):
    verify(public_of(service), certify(service))


@pytest.mark.parametrize("aik", AIKS)
def test_nonces(service, aik):
    public = public_of(service, aik)
    for size in (1, 20, 32, 64):
        nonce = bytes(range(size))
        verify(public, certify(service, nonce, aik=aik), nonce)


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_budget(start, kind, binary):
    service = start(kind, binary=binary).settled()
    for aik in AIKS:
        certify(service, aik=aik)
        service.control.left()
        service.control.reset()
        certify(service, aik=aik)
        assert service.control.left() == []
        expected = ["Certify"] if binary.startswith("windows") else ["ContextLoad", "Certify", "FlushContext"]
        assert service.control.commands() == expected


# ---- no other object ------------------------------------------------------

# TPM2B_PUBLIC of a signing key whose private part everybody knows.
SOFTWARE = bytes.fromhex("0056" "0023" "000b" "00040040" "0000" "0010" "0010" "0003" "0010") + b"".join(
    struct.pack(">H", 32) + n.to_bytes(32, "big") for n in (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5))  # private key 1: the generator


def load_software_key(s):
    """Another program loads the key, as anybody can. Yields its handle; the key stays loaded meanwhile."""
    return ask(s, command(0x167, tpm2b(b""), SOFTWARE, struct.pack(">I", 0x40000007)))[:4]


OTHERS = ["handle", "object", "objectHandle", "object_handle", "key", "key_handle", "context", "name", "public",
          "certify", "certified", "subject", "target", "parent", "auth", "aik_tpm", "ek_tpm", "in_scheme"]


@pytest.mark.parametrize("aik", AIKS)
def test_field_47_no_request_names_an_object(start, tmp_path, aik):
    """Whatever members a request has, and whatever is in them: handles, contexts, Names, public areas."""
    trace = Trace(tmp_path)
    service = start("persistent", launcher=trace.options).settled()
    public = public_of(service, aik)
    with connect(service.raw) as other:
        ask_for_others(service, public, aik, load_software_key(other))
    certified = trace.named("Certify")
    assert certified and all(c[10:14] == c[14:18] for c in certified)  # objectHandle, signHandle


def ask_for_others(service, public, aik, handle):
    values = [f"0x{handle.hex()}", str(int.from_bytes(handle, "big")), b64(handle), tpm.EK_HANDLE, b64(SOFTWARE),
              "0x80000000", "0x40000001", "/tmp/key.ctx", "", int.from_bytes(handle, "big"), 0x81010001, True, None]
    for i, value in enumerate(values):
        verify(public, certify(service, aik=aik, **{name: value for name in OTHERS[i % 2::2]}))
    for value in values:
        found = quote(service, "0", aik=aik, **{name: value for name in OTHERS})
        attest.verify_quote(public, found["quoted"], found["signature"], NONCE, "sha256", found["pcr_values"])


@pytest.mark.linux
@pytest.mark.parametrize("aik", AIKS)
def test_field_47_what_the_key_itself_refuses(start, states, tmp_path, aik):
    """The same key, created by tpm2-tools from the same template, refuses to sign an external digest (0x3E0). But it
    does certify an external key that is loaded with its private part: so attestd must not let clients ask for that."""
    state = states.new("plain")
    (tmp_path / "digest").write_bytes(bytes(range(32)))
    tpm.make_aik(state, tmp_path, aik, more="""
        ! tpm2_sign -Q -c aik.ctx -g sha256 -d digest -o none 2>refused
        openssl ecparam -name prime256v1 -genkey -noout -out own.pem 2>/dev/null
        tpm2_loadexternal -Q -G ecc -r own.pem -c own.ctx -n own.name
        tpm2_certify -Q -c own.ctx -C aik.ctx -g sha256 -o info -s signature
        """)
    assert "0x3e0" in (tmp_path / "refused").read_text().lower()
    public = attest.parse_public((tmp_path / "aik.pub").read_bytes())
    info, signature = (tmp_path / "info").read_bytes(), (tmp_path / "signature").read_bytes()
    attest.verify_signature(public, info, signature)
    assert attest.parse_attest(info).name == (tmp_path / "own.name").read_bytes()
    with pytest.raises(Refused):
        attest.verify_certify(public, info, signature, attest.parse_attest(info).extra)
    service = start(state).settled()
    assert known(service, aik)["aik_name"] == public.name == (tmp_path / "aik.name").read_bytes()


@pytest.mark.parametrize("aik", AIKS)
def test_nothing_else_is_signed(start, tmp_path, aik):
    """Of all TPM commands that sign, attestd sends only these, whatever the requests are."""
    signs = {0x148, 0x14A, 0x14C, 0x14D, 0x158, 0x15D, 0x184, 0x197, 0x16C}
    trace = Trace(tmp_path)
    service = start("plain", launcher=trace.options).settled()
    known(service, aik)
    certify(service, aik=aik)
    quote(service, aik=aik)
    for name in ("sign", "Sign", "certifyKey", "gettime", "getTime", "certifyCreation", "quoteKey"):
        assert service.ask({**certify_request(aik=aik), "command": name})["error"] == "unknown_command"
    sent = {int.from_bytes(c[6:10], "big") for _, c in trace.sent()}
    assert sent & signs == {0x148, 0x14A, 0x158}
