"""The tests' own verifier accepts what tpm2-tools have a TPM sign, and refuses forgeries of it."""
import hashlib
import struct
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from harness import attest, tpm
from harness.attest import Refused
from harness.checkquote import checkquote
from harness.credential import tpm2b

NONCE = bytes(range(16))
PCRS = {0: bytes(32), 1: bytes(32), 23: hashlib.sha256(bytes(64)).digest()}
KINDS = {"ecc": "ecc256:ecdsa-sha256:null", "rsa": "rsa2048:rsassa-sha256:null"}
SCRIPT = """
    tpm2_pcrextend 23:sha256=%s
    tpm2_createprimary -Q -C e -g sha256 -G {algorithm} -a '%s' -c key.ctx --creation-data made -d hash -t ticket
    tpm2_readpublic -Q -c key.ctx -o public
    tpm2_certifycreation -Q -C key.ctx -c key.ctx -g sha256 -o made.sig --attestation made.attest -d hash -t ticket
    tpm2_quote -Q -c key.ctx -l sha256:0,1,23 -q %s -m quoted -s quoted.sig -g sha256
    tpm2_certify -Q -c key.ctx -C key.ctx -g sha256 -o info -s info.sig
""" % (bytes(32).hex(), tpm.AIK_ATTRIBUTES, NONCE.hex())


@pytest.fixture(scope="module", params=KINDS)
def made(states, tmp_path_factory, request):
    """A key, and what tpm2-tools have it sign."""
    work = tmp_path_factory.mktemp("made")
    tpm.run(states.new("plain"), SCRIPT.format(algorithm=KINDS[request.param]), work)
    files = {file.name: file.read_bytes() for file in work.iterdir()}
    files["made"] = files["made"][2:]  # a TPM2B
    return files


def test_what_tools_make(made):
    public = attest.parse_public(made["public"])
    assert attest.verify_quote(public, made["quoted"], made["quoted.sig"], NONCE, "sha256", PCRS).safe
    attest.verify_creation(public, made["made"], made["made.attest"], made["made.sig"])
    attest.verify_certify(public, made["info"], made["info.sig"], attest.parse_attest(made["info"]).extra)
    assert checkquote(made["public"], made["quoted"], made["quoted.sig"], NONCE, "sha256", PCRS) is None


@pytest.mark.parametrize("changed", ["public", "quoted", "quoted.sig"])
def test_any_bit_counts(made, changed):
    """Any changed bit is refused. In the key's area, too, because the signer's Name covers all of it."""
    for at in range(len(made[changed])):
        other = bytearray(made[changed])
        other[at] ^= 1 << at % 8
        files = {**made, changed: bytes(other)}
        with pytest.raises(Refused):
            attest.verify_quote(attest.parse_public(files["public"]), files["quoted"], files["quoted.sig"],
                                NONCE, "sha256", PCRS)


@pytest.mark.parametrize("changed", ["made", "made.attest", "made.sig"])
def test_any_bit_counts_in_a_creation(made, changed):
    for at in range(len(made[changed])):
        other = bytearray(made[changed])
        other[at] ^= 1 << at % 8
        files = {**made, changed: bytes(other)}
        with pytest.raises(Refused):
            attest.verify_creation(attest.parse_public(files["public"]), files["made"], files["made.attest"],
                                   files["made.sig"])


def test_nothing_more_and_nothing_less(made):
    parsers = {"public": attest.parse_public, "quoted": attest.parse_attest, "info": attest.parse_attest,
               "made.attest": attest.parse_attest, "made": attest.parse_creation,
               "quoted.sig": attest.parse_signature}
    for name, parse in parsers.items():
        parse(made[name])
        for other in (made[name] + b"\0", *(made[name][:n] for n in range(len(made[name])))):
            with pytest.raises(Refused):
                parse(other)


def test_other_pcrs_or_another_nonce(made):
    public = attest.parse_public(made["public"])
    others = [{**PCRS, 23: bytes(32)}, {0: PCRS[0], 1: PCRS[1]}, {**PCRS, 2: bytes(32)},
              {0: PCRS[0], 2: PCRS[1], 23: PCRS[23]}, {**PCRS, 23: PCRS[23] + b"\0"}]
    for values in others:
        with pytest.raises(Refused):
            attest.verify_quote(public, made["quoted"], made["quoted.sig"], NONCE, "sha256", values)
    for nonce, bank in ((NONCE[1:], "sha256"), (b"", "sha256"), (NONCE, "sha384"), (NONCE, "sha1")):
        with pytest.raises(Refused):
            attest.verify_quote(public, made["quoted"], made["quoted.sig"], nonce, bank, PCRS)


# ---- what a TPM would never sign ------------------------------------------


class Software:
    """A key outside any TPM, which can sign anything in the form of a TPM."""

    def __init__(self, kind):
        self.kind = kind
        template = bytes.fromhex({"ecc": "0023000b00050072000000100018000b00030010",
                                  "rsa": "0001000b00050072000000100014000b080000000000"}[kind])
        if kind == "ecc":
            self.key = ec.generate_private_key(ec.SECP256R1())
            numbers = self.key.public_key().public_numbers()
            unique = b"".join(b"\0\x20" + n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
        else:
            self.key = rsa.generate_private_key(65537, 2048)
            unique = b"\x01\0" + self.key.public_key().public_numbers().n.to_bytes(256, "big")
        self.public = attest.parse_area(template + unique)

    def sign(self, message):
        if self.kind == "rsa":
            return bytes.fromhex("0014000b0100") + self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        pair = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256())))
        return bytes.fromhex("0018000b") + b"".join(b"\0\x20" + n.to_bytes(32, "big") for n in pair)

    def attest(self, kind, body, nonce=NONCE, magic=attest.GENERATED, signer=None):
        signer = self.public.qualified_name() if signer is None else signer
        data = struct.pack(">IHH", magic, kind, len(signer)) + signer + struct.pack(">H", len(nonce)) + nonce + \
            struct.pack(">QIIBQ", 1, 2, 3, 1, 4) + body
        return data, self.sign(data)


def sized(*parts):
    return b"".join(map(tpm2b, parts))


def selection(bank=0xB, bits=b"\x03\0\x80"):
    return struct.pack(">IHB", 1, bank, len(bits)) + bits


@pytest.fixture(scope="module", params=KINDS)
def software(request):
    return Software(request.param)


def quote_body(values=PCRS, chosen=selection()):
    return chosen + sized(hashlib.sha256(b"".join(values[i] for i in sorted(values))).digest())


def quote(software, body, **options):
    return attest.verify_quote(software.public, *software.attest(options.pop("kind", attest.QUOTE), body, **options),
                               NONCE, "sha256", PCRS)


HANDLE = struct.pack(">I", attest.ENDORSEMENT)
CREATED = struct.pack(">I", 0) + sized(hashlib.sha256().digest()) + b"\x01\0\x10" + sized(HANDLE, HANDLE, b"")


def creation(software, data=CREATED, name=None, hashed=None, nonce=b"", **options):
    body = sized(name or software.public.name, hashlib.sha256(hashed or data).digest())
    return attest.verify_creation(software.public, data, *software.attest(
        attest.CREATION, body, nonce=nonce, **options))


def certify(software, name=None, place=None, **options):
    body = sized(name or software.public.name, place or software.public.qualified_name())
    return attest.verify_certify(software.public, *software.attest(attest.CERTIFY, body, **options), NONCE)


def test_a_forgery_that_is_right(software):
    """The unchanged forgery is accepted: so what is refused below is refused for the change."""
    quote(software, quote_body())
    creation(software)
    certify(software)


FORGED_QUOTES = {
    "magic": {"magic": 0x54434700}, "another nonce": {"nonce": NONCE[:15]},
    "another kind": {"kind": attest.CERTIFY}, "unknown kind": {"kind": 0x8014},
    "another signer": {"signer": b"\0\x0b" + bytes(32)}, "the Name for the qualified one": {"signer": None},
    "other values": {"body": quote_body({0: bytes(32)})}, "no bank": {"body": quote_body(chosen=bytes(4))},
    "another bank": {"body": quote_body(chosen=selection(bank=4))},
    "more PCRs": {"body": quote_body(chosen=selection(bits=b"\x07\0\x80"))},
    "a PCR beyond": {"body": quote_body(chosen=selection(bits=b"\x03\0\x80\1"))},
    "the bank twice": {"body": quote_body(chosen=b"\0\0\0\2" + selection()[4:] * 2)},
}


@pytest.mark.parametrize("case", FORGED_QUOTES)
def test_forged_quote(software, case):
    options = dict(FORGED_QUOTES[case])
    if "signer" in options and options["signer"] is None:
        options["signer"] = software.public.name
    with pytest.raises(Refused):
        quote(software, options.pop("body", quote_body()), **options)


FORGED_CREATIONS = {
    "of another key": {"name": b"\0\x0b" + bytes(32)}, "other data": {"hashed": b"other"},
    "a nonce": {"nonce": b"x"}, "under another hierarchy": {"data": CREATED.replace(HANDLE, HANDLE[:3] + b"\1")},
    "under a key": {"data": CREATED.replace(b"\0\x10\0\4", b"\0\x0b\0\4")},
    "with PCRs": {"data": selection() + CREATED[4:]},
    "with outside information": {"data": CREATED[:-2] + sized(b"x")},
    "with a PCR digest": {"data": CREATED.replace(hashlib.sha256().digest(), bytes(32))},
}


@pytest.mark.parametrize("case", FORGED_CREATIONS)
def test_forged_creation(software, case):
    with pytest.raises(Refused):
        creation(software, **FORGED_CREATIONS[case])


@pytest.mark.parametrize("options", [{"name": b"\0\x0b" + bytes(32)}, {"place": b"\0\x0b" + bytes(32)},
                                     {"nonce": b""}], ids=["another key", "another place", "no nonce"])
def test_forged_certify(software, options):
    with pytest.raises(Refused):
        certify(software, **options)


@pytest.mark.parametrize("bit", [0x2, 0x10, 0x20, 0x10000, 0x40000, 0x20000])
def test_a_key_that_is_none_for_attestation(software, bit):
    """A signature of such a key is refused because of the attributes in its area."""
    area = bytearray(software.public.area)
    area[4:8] = (software.public.attributes ^ bit).to_bytes(4, "big")
    other = Software.__new__(Software)
    other.kind, other.key, other.public = software.kind, software.key, attest.parse_area(area)
    with pytest.raises(Refused, match="restricted signing key"):
        quote(other, quote_body())


def test_another_scheme_than_the_keys(software):
    other = replace(software.public, scheme=(software.public.scheme[0], attest.BANKS["sha1"]))
    with pytest.raises(Refused, match="own scheme"):
        attest.verify_signature(other, b"message", software.sign(b"message"))
