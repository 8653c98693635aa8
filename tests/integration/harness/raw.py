"""TPM commands that another program sends, not attestd: NV indices, PCRs."""
import struct

from .attest import BANKS, Reader, need, parse_selection
from .control import transmit_on
from .credential import tpm2b
from .service import connect

OWNER = 0x40000001
CHUNK = 1024
SIZES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
# TPMA_NV (13.4).
OWNERWRITE, OWNERREAD, AUTHREAD, NO_DA = 0x2, 0x20000, 0x40000, 0x2000000
READABLE = OWNERWRITE | OWNERREAD | AUTHREAD | NO_DA


def command(code, *parts):
    body = b"".join(parts)
    return struct.pack(">HII", 0x8001, 10 + len(body), code) + body


def authorised(code, handles, *parts):
    """A command with an empty password for its first handle."""
    password = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
    body = b"".join(struct.pack(">I", handle) for handle in handles) + password + b"".join(parts)
    return struct.pack(">HII", 0x8002, 10 + len(body), code) + body


def ask(s, asked):
    """Sends a command; returns the response without its header. s: a connection."""
    reply = transmit_on(s, asked)
    while reply[6:10] == struct.pack(">I", 0x922):  # TPM_RC_RETRY
        reply = transmit_on(s, asked)
    assert reply[6:10] == bytes(4), reply.hex()
    return reply[10:]


# ---- PCRs -----------------------------------------------------------------


def extend_command(pcr, banks=BANKS, byte=0x5A):
    """TPM2_PCR_Extend: a digest in each bank."""
    digests = b"".join(struct.pack(">H", BANKS[bank]) + bytes([byte]) * SIZES[bank] for bank in banks)
    return authorised(0x182, [pcr], struct.pack(">I", len(banks)), digests)


def extend(service, *pcrs, **options):
    """Extends a PCR, as a boot loader does."""
    with connect(service.raw) as s:
        for pcr in pcrs:
            ask(s, extend_command(pcr, **options))


def read_pcrs(service, bank):
    """{PCR: value}, by TPM2_PCR_Read of one at a time."""
    found = {}
    with connect(service.raw) as s:
        for pcr in range(24):
            selection = struct.pack(">IHB", 1, BANKS[bank], 3) + (1 << pcr).to_bytes(3, "little")
            with Reader(ask(s, command(0x17E, selection))[4:]) as r:
                need(parse_selection(r) == {bank: [pcr]} and r.number(4) == 1, "another PCR")
                found[pcr] = r.sized(64)
    return found


# ---- NV -------------------------------------------------------------------


def write_nv(service, indices, attributes=None):
    """Defines NV indices: {index: its content, or None: not written}. attributes: where they are not READABLE."""
    with connect(service.raw) as s:
        for index, data in indices.items():
            public = struct.pack(">IHIHH", index, 0xB, (attributes or {}).get(index, READABLE), 0,
                                 64 if data is None else len(data))
            ask(s, authorised(0x12A, [OWNER], tpm2b(b""), tpm2b(public)))
            for at in range(0, len(data or b""), CHUNK):
                ask(s, authorised(0x137, [OWNER, index], tpm2b(data[at:at + CHUNK]), struct.pack(">H", at)))


def set_owner_auth(service, auth):
    """Sets the owner's authorisation, so that an empty password no longer does."""
    with connect(service.raw) as s:
        ask(s, authorised(0x129, [OWNER], tpm2b(auth)))
