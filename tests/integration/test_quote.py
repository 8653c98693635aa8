"""quote: what this machine has booted, signed. Checked by the specification and by tpm2-tools."""
import time

import pytest

from harness import attest
from harness.attest import Refused
from harness.checkquote import checkquote
from harness.paths import BINARIES
from harness.quotes import AIKS, NONCE, certify_request, decode_quote, known, public_of, quote, quote_request
from harness.raw import SIZES, extend, read_pcrs
from harness.service import b64

pytestmark = pytest.mark.portable

# The PCRs that locality 0 may extend.
OPEN = [*range(17), 23]


@pytest.fixture(scope="module")
def booted(shared):
    """A service on a TPM in which no two PCRs have the same value, as after a boot."""
    for pcr in OPEN:
        extend(shared, pcr, byte=pcr + 1)
    return shared


@pytest.fixture(scope="module")
def publics(shared):
    """The TPM2B_PUBLIC of each AIK."""
    return {aik: known(shared, aik)["aik_tpm"] for aik in AIKS}


def verify(public, found, nonce=NONCE):
    return attest.verify_quote(attest.parse_public(public), found["quoted"], found["signature"], nonce,
                               found["pcr_bank"], found["pcr_values"])


def by_tools(public, found, nonce=NONCE):
    return checkquote(public, found["quoted"], found["signature"], nonce, found["pcr_bank"], found["pcr_values"])


@pytest.mark.core
@pytest.mark.parametrize("bank", SIZES)
@pytest.mark.parametrize("aik", AIKS)
def test_every_bank(booted, publics, service, aik, bank):
    """A quote of every bank is accepted; with another nonce, value, signature or key it is refused."""
    found = quote(service, "14,0-7", pcr_bank=bank, aik=aik)
    assert found["pcr_bank"] == bank and list(found["pcr_values"]) == [0, 1, 2, 3, 4, 5, 6, 7, 14]
    true = read_pcrs(service, bank)
    assert found["pcr_values"] == {i: true[i] for i in found["pcr_values"]}
    public = publics[aik]
    verify(public, found)
    assert by_tools(public, found) is None

    assert by_tools(public, found, NONCE[:-1] + b"\0")
    changed = {**found["pcr_values"], 7: bytes(SIZES[bank])}
    assert by_tools(public, {**found, "pcr_values": changed})
    damaged = bytearray(found["signature"])
    damaged[-1] ^= 1
    assert by_tools(public, {**found, "signature": bytes(damaged)})
    for other in ({**found, "pcr_values": changed}, {**found, "signature": bytes(damaged)}):
        with pytest.raises(Refused):
            verify(public, other)
    with pytest.raises(Refused):
        verify(publics["rsa" if aik == "ecc" else "ecc"], found)


LISTS = {"0": [0], "23": [23], "0-23": range(24), "7-7": [7], "14,0-7": [*range(8), 14], "23,0": [0, 23],
         "8-15,0-6": [*range(7), *range(8, 16)], "22,21,20,3-4": [3, 4, 20, 21, 22],
         ",".join(str(i) for i in range(23, -1, -1)): range(24), "0-0,1-1,2": [0, 1, 2]}


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("pcrs", LISTS)
def test_lists(booted, publics, service, aik, pcrs):
    """The values are in ascending order, whatever the order of the list is; up to all PCRs."""
    for bank in ("sha256", "sha512"):
        found = quote(service, pcrs, aik=aik, pcr_bank=bank)
        assert list(found["pcr_values"]) == list(LISTS[pcrs])
        verify(publics[aik], found)
        assert by_tools(publics[aik], found) is None


def test_defaults(booted, publics, service):
    """The defaults are ecc and sha256."""
    assert quote(service, "0")["pcr_bank"] == "sha256"
    verify(publics["ecc"], quote(service, "0"))


@pytest.mark.core
@pytest.mark.parametrize("aik", AIKS)
def test_nonces(publics, service, aik):
    """Nonces of 1 to 64 bytes are signed exactly as they are."""
    for size in (1, 2, 20, 32, 33, 63, 64):
        nonce = bytes(range(256 - size, 256))
        verify(publics[aik], quote(service, "0", nonce, aik=aik), nonce)


def test_each_quote_is_new(publics, service):
    """Each quote is a new one, never from memory: the clock in it goes on."""
    clocks = []
    for _ in range(3):
        clocks.append(verify(publics["ecc"], quote(service)).clock)
        time.sleep(0.01)  # it counts milliseconds
    assert clocks == sorted(clocks) and len(set(clocks)) == 3


def test_extended_pcr_shows(publics, service):
    before = quote(service, "0-23")
    extend(service, 16, byte=0x77)
    after = quote(service, "0-23")
    differ = [i for i in range(24) if before["pcr_values"][i] != after["pcr_values"][i]]
    assert differ == [16] and after["pcr_values"][16] == read_pcrs(service, "sha256")[16]
    verify(publics["ecc"], after)
    assert by_tools(publics["ecc"], {**after, "pcr_values": before["pcr_values"]})


# ---- wrong requests ---------------------------------------------------------


def refused(service, error, field, request):
    """Checks that the request is refused, without a TPM command."""
    service.control.reset()
    reply = service.ask(request)
    assert (reply.get("error"), reply.get("field")) == (error, field), (request, reply)
    assert service.control.count() == 0


BAD_PCRS = ["", "24", "0-24", "24-25", "0-", "-0", "-", "7-0", "1,1", "0-7,3", "3,0-7", "0-3,3-4", "0-23,0", " 1",
            "1 ", "1, 2", "0 - 7", "0x1", "1,", ",1", "1,,2", ",", "0--7", "0-3-7", "+1", "1.0", "a", "all", "*", "01",
            "00", "0-07", "256", "4294967296", "18446744073709551616", "0;1", "0\n", "\t0", "\u0661", "\uff11",
            "0" * 16, "0," * 4000 + "1", "1-" * 100]


@pytest.mark.parametrize("pcrs", BAD_PCRS, ids=lambda text: ascii(text[:12]))
def test_bad_pcrs(service, pcrs):
    refused(service, "bad_value", "pcrs", quote_request(pcrs))


@pytest.mark.parametrize("member", ["aik", "pcr_bank"])
@pytest.mark.parametrize("value", ["", "ECC", "RSA", "SHA256", "sha256 ", " rsa", "ecc\n", "rsa2048", "sha3_256",
                                   "sha-256", "sm3_256", "sha", "sha2567", "ek", "0", "0x000b", "null", "e", "ec\u0441"])
def test_bad_names(service, member, value):
    refused(service, "bad_value", member, quote_request(**{member: value}))
    if member == "aik":
        refused(service, "bad_value", member, certify_request(**{member: value}))
        refused(service, "bad_value", member, {"command": "getAttestationData", member: value})


@pytest.mark.parametrize("size", [0, 65, 66, 67, 128, 1000])
def test_bad_nonce_sizes(service, size):
    refused(service, "bad_nonce_size", "nonce", quote_request(nonce=bytes(size)))
    refused(service, "bad_nonce_size", "nonce", certify_request(bytes(size)))


@pytest.mark.parametrize("member", ["nonce", "pcrs"])
def test_missing(service, member):
    """A member that is null counts as missing, as in all requests."""
    request = quote_request()
    refused(service, "missing_fields", member, {k: v for k, v in request.items() if k != member})
    refused(service, "missing_fields", member, {**request, member: None})
    if member == "nonce":
        refused(service, "missing_fields", member, {"command": "certify"})


def test_wrong_kinds(service):
    request = quote_request()
    for member in ("nonce", "pcrs", "pcr_bank", "aik"):
        for value in (7, True, 0.5):
            refused(service, "wrong_type", member, {**request, member: value})
    refused(service, "nested_value", None, {**request, "pcrs": [0, 1]})
    for text in ("AA=A", "A", "*", "AAAA="):
        refused(service, "bad_base64", "nonce", {**request, "nonce": text})


def test_members_of_other_requests_are_ignored(service, publics):
    """Members of other requests are ignored, even if they are wrong."""
    verify(publics["ecc"], quote(service, hmac="*", enc=7, credential_blob="A", encrypted_secret="", handle="0"))


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("kind", ["plain", "persistent", "factory"])
def test_budget(start, kind, binary):
    """Load, quote, read, flush; one more read for each further eight PCRs. On Windows, keys stay loaded."""
    service = start(kind, binary=binary).settled()
    holds = binary.startswith("windows")
    for aik in AIKS:
        public = public_of(service, aik)
        quote(service, "0", aik=aik)
        for pcrs, reads in (("0", 1), ("0-7", 1), ("0-8", 2), ("0-15", 2), ("0-23", 3)):
            service.control.left()
            service.control.reset()
            found = quote(service, pcrs, aik=aik)
            assert service.control.left() == []
            expected = ["Quote", *["PCR_Read"] * reads]
            assert service.control.commands() == (expected if holds else ["ContextLoad", *expected, "FlushContext"])
            attest.verify_quote(public, found["quoted"], found["signature"], NONCE, "sha256", found["pcr_values"])


def test_white_space_in_the_nonce(service, publics):
    """The nonce may have white space in it, like all base64."""
    request = quote_request("0")
    request["nonce"] = "\n".join([b64(NONCE)[:20], b64(NONCE)[20:]])
    verify(publics["ecc"], decode_quote(service.ok(request)))
