"""Credentials for TPM2_ActivateCredential, made in two independent ways.

make() follows the TPM 2.0 Library specification, part 1, annex B.10.4 and
section 24; by_tools() is tpm2_makecredential.
"""
import hashlib
import hmac as hmac_module
import pathlib
import struct
import subprocess
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

FILE_MAGIC = bytes.fromhex("badcc0de00000001")


def tpm2b(data):
    return struct.pack(">H", len(data)) + data


@dataclass
class Credential:
    secret: bytes  # what an activation must return
    hmac: bytes
    enc: bytes
    encrypted_secret: bytes

    @property
    def contents(self):
        """TPMS_ID_OBJECT."""
        return tpm2b(self.hmac) + self.enc

    @property
    def blob(self):
        """TPM2B_ID_OBJECT."""
        return tpm2b(self.contents)

    @property
    def both(self):
        """TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, as go-tpm's users send them."""
        return self.blob + tpm2b(self.encrypted_secret)

    @property
    def file(self):
        """The file that tpm2_makecredential writes."""
        return FILE_MAGIC + self.both


def kdfa(key, label, context_u, context_v, bits):
    out, i = b"", 0
    while len(out) * 8 < bits:
        i += 1
        data = struct.pack(">I", i) + label + b"\0" + context_u + context_v
        out += hmac_module.new(key, data + struct.pack(">I", bits), "sha256").digest()
    return out[:bits // 8]


def make(ek, name, secret, seed=None):
    """Makes a credential for the RSA public key `ek` and the object with that Name."""
    seed = seed or hashlib.sha256(secret + name).digest()
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"IDENTITY\0")
    key = kdfa(seed, b"STORAGE", name, b"", 128)
    encryptor = Cipher(algorithms.AES(key), modes.CFB(bytes(16))).encryptor()
    enc = encryptor.update(tpm2b(secret)) + encryptor.finalize()
    integrity = kdfa(seed, b"INTEGRITY", b"", b"", 256)
    mac = hmac_module.new(integrity, enc + name, "sha256").digest()
    return Credential(secret, mac, enc, ek.encrypt(seed, oaep))


def parse_file(data, secret):
    """Takes a file of tpm2_makecredential apart."""
    assert data[:8] == FILE_MAGIC
    size, = struct.unpack(">H", data[8:10])
    contents, rest = data[10:10 + size], data[10 + size:]
    mac, = struct.unpack(">H", contents[:2])
    assert struct.unpack(">H", rest[:2])[0] == len(rest) - 2
    return Credential(secret, contents[2:2 + mac], contents[2 + mac:], rest[2:])


def by_tools(ek_tpm, name, secret, work):
    """The same by tpm2_makecredential, from the EK's TPM2B_PUBLIC."""
    work = pathlib.Path(work)
    (work / "ek.pub").write_bytes(ek_tpm)
    (work / "secret").write_bytes(secret)
    subprocess.run(["tpm2_makecredential", "-Q", "-T", "none", "-e", "ek.pub", "-s", "secret",
                    "-n", name.hex(), "-o", "credential"], cwd=work, check=True, timeout=100,
                   capture_output=True)
    return parse_file((work / "credential").read_bytes(), secret)


def rsa_from_tpm(public):
    """The RSA key of a TPM2B_PUBLIC."""
    size, kind, name_alg, _, policy = struct.unpack(">HHHIH", public[:12])
    assert size == len(public) - 2 and kind == 1 and name_alg == 0xB
    at = 12 + policy
    symmetric, bits, mode, scheme, key_bits, exponent = struct.unpack(">HHHHHI", public[at:at + 14])
    assert (symmetric, bits, mode, scheme) == (6, 128, 0x43, 0x10)
    modulus = public[at + 16:]
    assert len(modulus) * 8 == key_bits == 2048
    return rsa.RSAPublicNumbers(exponent or 65537, int.from_bytes(modulus, "big")).public_key()


def spki(key):
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def name_of(public):
    """The Name of a TPM2B_PUBLIC with nameAlg SHA-256."""
    return b"\0\x0b" + hashlib.sha256(public[2:]).digest()
