"""Reads and checks what a TPM signs, and its keys, as a verifier does.

From the TPM 2.0 Library specification; sections are of part 2 unless another is named. It is
strict: a byte too many, a reserved bit, an algorithm that is not the key's raise Refused.
"""
import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

RSA, ECC, NULL, AES, CFB = 0x0001, 0x0023, 0x0010, 0x0006, 0x0043
RSASSA, ECDSA = 0x0014, 0x0018
SHA256 = 0x000B
P256 = 0x0003
BANKS = {"sha1": 0x0004, "sha256": SHA256, "sha384": 0x000C, "sha512": 0x000D}
HASHES = {alg: name for name, alg in BANKS.items()}

ENDORSEMENT = 0x4000000B
GENERATED = 0xFF544347  # TPM_GENERATED_VALUE
CERTIFY, QUOTE, CREATION = 0x8017, 0x8018, 0x801A  # TPM_ST_ATTEST_

# TPMA_OBJECT (8.3), and all of its bits that are not reserved.
FIXED_TPM, FIXED_PARENT, SENSITIVE_DATA_ORIGIN, USER_WITH_AUTH = 0x2, 0x10, 0x20, 0x40
RESTRICTED, DECRYPT, SIGN = 0x10000, 0x20000, 0x40000
ATTRIBUTES = 0xF0CF6
# Attributes of a key that signs only what its TPM says, and that cannot leave the TPM.
ATTESTS = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | RESTRICTED | SIGN


class Refused(Exception):
    """A verifier would not accept it."""


def need(condition, what):
    if not condition:
        raise Refused(what)


def digest(alg, *parts):
    need(alg in HASHES, f"hash algorithm {alg:#x}")
    return hashlib.new(HASHES[alg], b"".join(parts)).digest()


class Reader:
    """Takes a structure apart. At the end of `with`, nothing may be left."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def take(self, n):
        need(self.at + n <= len(self.data), "truncated")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def alg(self):
        return self.number(2)

    def sized(self, most=0xFFFF):
        size = self.number(2)
        need(size <= most, "a TPM2B that is too long")
        return self.take(size)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        need(kind or self.at == len(self.data), "bytes behind the structure")


# ---- keys ---------------------------------------------------------------


@dataclass
class Public:
    """TPMT_PUBLIC (12.2.4) of an RSA or ECC key."""
    area: bytes  # the bytes of TPMT_PUBLIC
    type: int
    name_alg: int
    attributes: int
    policy: bytes
    symmetric: tuple  # (algorithm, bits, mode), or (NULL,)
    scheme: tuple  # (algorithm, hash), or (NULL,)
    bits: int  # RSA
    exponent: int
    curve: int  # ECC
    kdf: tuple
    unique: tuple  # of byte strings: the modulus, or x and y

    @property
    def name(self):
        """The Name: part 1, section 16."""
        return struct.pack(">H", self.name_alg) + digest(self.name_alg, self.area)

    def qualified_name(self, hierarchy=ENDORSEMENT):
        """The qualified name of a primary key, whose parent is the hierarchy. A hierarchy's name is its handle."""
        parent = struct.pack(">I", hierarchy)
        return struct.pack(">H", self.name_alg) + digest(self.name_alg, parent, self.name)

    @property
    def key(self):
        if self.type == RSA:
            modulus = int.from_bytes(self.unique[0], "big")
            return rsa.RSAPublicNumbers(self.exponent or 65537, modulus).public_key()
        x, y = (int.from_bytes(coordinate, "big") for coordinate in self.unique)
        try:
            return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        except ValueError as error:
            raise Refused("a point that is not on the curve") from error


def _scheme(r):
    """TPMT_RSA_SCHEME, TPMT_ECC_SCHEME or TPMT_KDF_SCHEME, if its details are a hash."""
    alg = r.alg()
    return (alg,) if alg == NULL else (alg, r.alg())


def parse_area(area):
    """A TPMT_PUBLIC."""
    with Reader(area) as r:
        kind, name_alg, attributes = r.alg(), r.alg(), r.number(4)
        need(kind in (RSA, ECC), f"a key of type {kind:#x}")
        need(name_alg in HASHES and not attributes & ~ATTRIBUTES, "a reserved attribute")
        policy = r.sized(64)
        symmetric = r.alg()
        symmetric = (symmetric,) if symmetric == NULL else (symmetric, r.number(2), r.alg())
        scheme = _scheme(r)
        bits = exponent = curve = 0
        kdf = (NULL,)
        if kind == RSA:
            bits, exponent = r.number(2), r.number(4)
            need(exponent in (0, 65537), f"exponent {exponent}")
            unique = (r.sized(512),)
            need(len(unique[0]) * 8 == bits and unique[0][0] & 0x80, "another modulus than keyBits says")
        else:
            curve, kdf = r.alg(), _scheme(r)
            need(curve == P256, f"curve {curve:#x}")
            unique = r.sized(32), r.sized(32)
            need(all(len(coordinate) == 32 for coordinate in unique), "a coordinate without its zeros")
    return Public(bytes(area), kind, name_alg, attributes, policy, symmetric, scheme, bits,
                  exponent, curve, kdf, unique)


def parse_public(data):
    """A TPM2B_PUBLIC."""
    with Reader(data) as r:
        return parse_area(r.sized())


def need_attestation_key(public):
    """Refuses a key that signs more than what its TPM says, or that can leave the TPM."""
    need(public.attributes & (ATTESTS | DECRYPT) == ATTESTS, "not a restricted signing key of the TPM's own")


# ---- signatures ---------------------------------------------------------


def parse_signature(data):
    """A TPMT_SIGNATURE (11.3.4): (algorithm, hash, byte strings)."""
    with Reader(data) as r:
        alg, hash_alg = r.alg(), r.alg()
        need(alg in (RSASSA, ECDSA), f"a signature of algorithm {alg:#x}")
        need(hash_alg in HASHES, f"a signature with hash {hash_alg:#x}")
        return alg, hash_alg, (r.sized(512),) if alg == RSASSA else (r.sized(66), r.sized(66))


def verify_signature(public, message, signature):
    alg, hash_alg, parts = parse_signature(signature)
    need((alg, hash_alg) == public.scheme, "not the key's own scheme")
    need(public.attributes & SIGN, "not a key that signs")
    function = getattr(hashes, HASHES[hash_alg].upper())()
    try:
        if alg == RSASSA:
            need(len(parts[0]) * 8 == public.bits, "a signature of another length than the key")
            public.key.verify(parts[0], message, padding.PKCS1v15(), function)
        else:
            need(all(len(part) <= 32 for part in parts), "r or s too long")
            dss = encode_dss_signature(*(int.from_bytes(part, "big") for part in parts))
            public.key.verify(dss, message, ec.ECDSA(function))
    except InvalidSignature as error:
        raise Refused("the signature is not the key's") from error


# ---- what is signed -----------------------------------------------------


def parse_selection(r):
    """TPML_PCR_SELECTION (10.9.7): {bank: [PCR, ...]}."""
    found = {}
    for _ in range(r.number(4)):
        bank, bits = r.alg(), int.from_bytes(r.take(r.number(1)), "little")
        need(bank in HASHES and HASHES[bank] not in found, "a bank that is unknown, or there twice")
        found[HASHES[bank]] = [i for i in range(bits.bit_length()) if bits >> i & 1]
    return found


@dataclass
class Attest:
    """TPMS_ATTEST (10.12.12)."""
    type: int
    signer: bytes  # qualifiedSigner
    extra: bytes
    clock: int
    resets: int
    restarts: int
    safe: bool
    firmware: int
    selection: dict = None  # of a quote
    pcr_digest: bytes = None
    name: bytes = None  # of certify and creation: the Name of the certified key
    qualified_name: bytes = None
    creation_hash: bytes = None


def parse_attest(data):
    with Reader(data) as r:
        need(r.number(4) == GENERATED, "not a TPM's")
        kind, signer, extra = r.number(2), r.sized(66), r.sized(66)
        clock, resets, restarts, safe, firmware = struct.unpack(">QIIBQ", r.take(25))
        need(safe in (0, 1), "TPMI_YES_NO")
        found = Attest(kind, signer, extra, clock, resets, restarts, bool(safe), firmware)
        if kind == QUOTE:
            found.selection, found.pcr_digest = parse_selection(r), r.sized(64)
        elif kind == CERTIFY:
            found.name, found.qualified_name = r.sized(66), r.sized(66)
        elif kind == CREATION:
            found.name, found.creation_hash = r.sized(66), r.sized(64)
        else:
            raise Refused(f"an attestation of type {kind:#x}")
        return found


@dataclass
class Creation:
    """TPMS_CREATION_DATA (15.1)."""
    selection: dict
    pcr_digest: bytes
    locality: int
    parent_name_alg: int
    parent_name: bytes
    parent_qualified_name: bytes
    outside: bytes


def parse_creation(data):
    with Reader(data) as r:
        return Creation(parse_selection(r), r.sized(64), r.number(1), r.alg(), r.sized(66), r.sized(66),
                        r.sized(66))


# ---- checks -------------------------------------------------------------


def _signed(public, attest, signature, kind, nonce):
    """Checks the signature first, so that nothing is read that the key has not signed."""
    need_attestation_key(public)
    verify_signature(public, attest, signature)
    found = parse_attest(attest)
    need(found.type == kind, f"of type {found.type:#x}, not {kind:#x}")
    need(found.signer == public.qualified_name(), "signed by a key of another place")
    need(found.extra == nonce, "another nonce")
    return found


def verify_quote(public, quoted, signature, nonce, bank, values):
    """values: {PCR: value}, exactly those that were asked for."""
    found = _signed(public, quoted, signature, QUOTE, nonce)
    need(found.selection == {bank: sorted(values)}, f"a quote of {found.selection}")
    size = hashlib.new(bank).digest_size
    need(all(len(value) == size for value in values.values()), "a value of another bank")
    # Part 3, TPM2_Quote: the digest is made with the hash of the signing scheme.
    found_digest = digest(public.scheme[1], *(values[i] for i in sorted(values)))
    need(found.pcr_digest == found_digest, "other values than were quoted")
    return found


def verify_certify(public, info, signature, nonce):
    """Checks TPM2_Certify of a primary key of the endorsement hierarchy by itself."""
    found = _signed(public, info, signature, CERTIFY, nonce)
    need(found.name == public.name, "of another key")
    need(found.qualified_name == public.qualified_name(), "of a key in another place")
    return found


def verify_creation(public, creation, attest, signature):
    """Checks that the TPM has created this primary key from its endorsement seed."""
    found = _signed(public, attest, signature, CREATION, b"")
    need(found.name == public.name, "of another key")
    need(found.creation_hash == digest(public.name_alg, creation), "other creation data")
    data = parse_creation(creation)
    handle = struct.pack(">I", ENDORSEMENT)
    need(data.parent_name_alg == NULL and data.parent_name == data.parent_qualified_name == handle,
         "made elsewhere than under the endorsement hierarchy")
    need(data.selection == {} and data.pcr_digest == digest(public.name_alg), "made with PCRs")
    need(data.outside == b"", "made with outside information")
    return found
