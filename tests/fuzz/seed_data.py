"""The bytes of which the fuzzer's first inputs are made, and how a TPM writes them."""
import pathlib
import re
import struct

UNIT = pathlib.Path(__file__).parent.parent / "unit"


def u16(n):
    return struct.pack(">H", n)


def u32(n):
    return struct.pack(">I", n)


def tpm2b(data):
    return u16(len(data)) + data


def c_array(header, name):
    """The bytes of an array in a header of the unit tests."""
    text = (UNIT / header).read_text()
    body = re.search(rf"\b{name}\[\d*\] = {{(.*?)}};", text, re.DOTALL)[1]
    return bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})", body))


MODULUS = c_array("rsa_key.h", "rsa_modulus")
RSA_CERT = c_array("certificates.h", "rsa_certificate")
EC_CERT = c_array("certificates.h", "ec_certificate")

# A credential for an EK with SHA-256, and the file that carries it.
HMAC = bytes(range(0x40, 0x60))
ENC = bytes(range(0xA0, 0xB2))
SECRET = bytes(i * 3 + 1 & 255 for i in range(256))
ID_OBJECT = tpm2b(HMAC) + ENC
FILE = u32(0xBADCC0DE) + u32(1) + tpm2b(ID_OBJECT) + tpm2b(SECRET)

# The TPMS_ATTEST of a quote of PCRs 0, 7 and 14 of the bank SHA-256.
QUOTED = (bytes.fromhex("ff5443478018") + tpm2b(u16(0x000B) + HMAC) + tpm2b(ENC) + bytes(25)
          + u32(1) + u16(0x000B) + b"\x03\x81\x40\x00" + tpm2b(HMAC))


def tpm2b_32(data):
    """Bytes behind a size of 32 bits."""
    return u32(len(data)) + data
