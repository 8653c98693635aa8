"""getEKChain: the certificates above the EK's. Some makers store them only in the TPM.

Intel's lie one after the other in the indices from 0x01C00100 on, and continue from one index into the next.
"""
import pytest

from harness.certificates import certificate
from harness.paths import BINARIES
from harness.quotes import certify_request
from harness.raw import NO_DA, OWNERREAD, OWNERWRITE, set_owner_auth, write_nv
from harness.service import unb64

pytestmark = pytest.mark.portable

FIRST, LAST = 0x01C00100, 0x01C001FF
GET = {"command": "getEKChain"}
MOST = 8192  # bytes in all
MOST_CERTIFICATES = 32
SIZES = (1004, 683, 731, 870, 655)  # as uneven as real ones


@pytest.fixture(scope="module")
def certs():
    return [certificate(size, name=f"authority {i}") for i, size in enumerate(SIZES)]


def cut(data, size, first=FIRST):
    """Cuts a chain into {index: content}; the last index has the rest."""
    return {first + at // size: data[at:at + size] for at in range(0, len(data), size)}


@pytest.fixture
def chain(start):
    """A service on a TPM with these NV indices; None: an index that is not written."""
    def begin(indices, attributes=None, **options):
        service = start("persistent", **options).settled()
        write_nv(service, indices, attributes)
        return service
    return begin


def answer(service):
    """The certificates of the reply; checks that the second request causes no TPM command."""
    reply = service.ok(GET)
    assert list(reply) == ["status", "ek_chain"]
    assert service.control.left() == []
    service.control.reset()
    assert service.ok(GET) == reply and service.control.count() == 0
    return [unb64(text) for text in reply["ek_chain"]]


def warned(service):
    """Whether the log has this warning about the chain."""
    lines = service.logged("getEKChain ok").splitlines()
    return [line for line in lines if " warning " in line]


@pytest.mark.core
@pytest.mark.parametrize("size", [512, 1024, 2048])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_run_on(chain, certs, count, size):
    """Certificates continue in the next index, wherever they are cut."""
    service = chain(cut(b"".join(certs[:count]), size))
    assert answer(service) == certs[:count]
    assert not warned(service)


@pytest.mark.parametrize("binary", BINARIES)
def test_each_binary(chain, certs, binary):
    assert answer(chain(cut(b"".join(certs), 1024), binary=binary)) == certs


@pytest.mark.parametrize("behind", range(1, 6))
def test_cut_in_a_header(chain, certs, behind):
    """An index ends within the header of the second certificate."""
    data = b"".join(certs[:3])
    at = len(certs[0]) + behind
    assert answer(chain({FIRST: data[:at], FIRST + 1: data[at:]})) == certs[:3]


def test_no_chain(chain):
    service = chain({})
    assert answer(service) == [] and not warned(service)


PADDINGS = {"FF": (b"\xff" * 13, b"\xff" * 300), "00": (bytes(7), bytes(300)),
            "both": (b"\xff\0\0\xff" * 9, b"\0\xff" * 90), "long": (b"\xff" * 700, bytes(700))}


@pytest.mark.parametrize("size", [512, 2048])
@pytest.mark.parametrize("case", PADDINGS)
def test_padding(chain, certs, case, size):
    """Padding before, between and after the certificates is skipped."""
    between, behind = PADDINGS[case]
    service = chain(cut(between + between.join(certs[:4]) + behind, size))
    assert answer(service) == certs[:4] and not warned(service)


@pytest.mark.parametrize("data", [bytes(600), b"\xff" * 600, None], ids=["00", "FF", "unwritten"])
def test_nothing_in_it(chain, data):
    service = chain({FIRST: data, FIRST + 1: data})
    assert answer(service) == [] and not warned(service)


def test_gaps(chain, certs):
    """The indices may have gaps; indices outside of the range do not belong to the chain."""
    other = certificate(name="a platform's, say")
    half = len(certs[1]) // 2
    service = chain({FIRST - 1: other, FIRST: certs[0], FIRST + 2: certs[1][:half], FIRST + 7: certs[1][half:],
                     FIRST + 8: None, LAST: certs[2], LAST + 1: other})
    assert answer(service) == certs[:3] and not warned(service)


def test_the_order_is_the_indices(chain, certs):
    """The order is that of the indices, not that in which they were defined."""
    assert answer(chain({FIRST + 2: certs[2], FIRST: certs[0], FIRST + 1: certs[1]})) == certs[:3]


def test_many_indices(chain, certs):
    data = b"".join(certs[:4])
    assert answer(chain(cut(data, 96))) == certs[:4]


# ---- broken ones ----------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 2, 100, 650])
def test_truncated(chain, certs, lost):
    """Complete certificates are returned, and a warning says that the last is truncated."""
    service = chain(cut(b"".join(certs)[:-lost], 1024))
    assert answer(service) == certs[:4] and warned(service)


def broken(cert, at, byte):
    return cert[:at] + bytes([byte]) + cert[at + 1:]


@pytest.mark.parametrize("size", [512, 2048])
@pytest.mark.parametrize("at,byte", [(0, 0x31), (1, 0x84), (2, 0x7F), (2, 0x00), (3, 0x10), (4, 0x02)],
                         ids=["tag", "length of lengths", "longer", "shorter", "another length", "inner tag"])
def test_corrupted(chain, certs, at, byte, size):
    """The certificates before and after the corrupted one are returned, and nothing else."""
    data = certs[0] + broken(certs[1], at, byte) + b"".join(certs[2:])
    service = chain(cut(data, size))
    assert answer(service) == [certs[0], *certs[2:]] and warned(service)


def test_damaged_inside(chain, certs):
    """attestd does not judge what is inside a certificate: it returns the bytes as they are."""
    damaged = broken(certs[1], len(certs[1]) - 5, certs[1][-5] ^ 1)
    service = chain(cut(certs[0] + damaged, 512))
    assert answer(service) == [certs[0], damaged] and not warned(service)


def test_something_else(chain, certs):
    """Text, and a SEQUENCE that is no certificate."""
    other = b"\x30\x06\x02\x01\x01\x02\x01\x02"
    service = chain(cut(b"a chain: " + certs[0] + other + certs[1] + b"end", 700))
    assert answer(service) == certs[:2] and warned(service)


@pytest.mark.parametrize("position", range(3))
def test_an_index_that_may_not_be_read(chain, certs, position):
    """Its certificates are left out, and a warning says so. No part of a certificate is returned."""
    size, at, before, behind = 1400, 0, [], []
    for cert in certs:
        before += [cert] if at + len(cert) <= position * size else []
        behind += [cert] if at >= (position + 1) * size else []
        at += len(cert)
    service = chain(cut(b"".join(certs), size), {FIRST + position: OWNERWRITE | OWNERREAD | NO_DA})
    set_owner_auth(service, b"secret")
    assert answer(service) == before + behind and warned(service)


def test_one_that_may_not_be_read_between_whole_ones(chain, certs):
    """An index that may not be read, between two complete certificates: only the TPM's error shows that it exists."""
    service = chain({FIRST: certs[0], FIRST + 1: certs[1], FIRST + 2: certs[2]},
                    {FIRST + 1: OWNERWRITE | OWNERREAD | NO_DA})
    set_owner_auth(service, b"secret")
    assert answer(service) == [certs[0], certs[2]] and warned(service)


# ---- as much as there may be ----------------------------------------------


def large(sizes):
    return [certificate(size, name=f"large {i}") for i, size in enumerate(sizes)]


def test_as_much_as_may_be(chain):
    """A chain of exactly 8 KiB."""
    certs = large([1640, 1640, 1640, 1640, MOST - 4 * 1640])
    service = chain(cut(b"".join(certs), 2048))
    assert answer(service) == certs and not warned(service)


@pytest.mark.parametrize("size", [512, 2048])
def test_more_than_may_be(chain, size):
    """The complete certificates in the first 8 KiB are returned, and a warning says that there are more."""
    certs = large([1640, 1640, 1640, 1640, MOST - 4 * 1640 + 1, 600])
    service = chain(cut(b"".join(certs), size))
    assert answer(service) == certs[:4] and warned(service)


def test_one_more_than_may_be(chain):
    """The first 8 KiB end with a complete certificate; only another index shows that there are more."""
    certs = large([1640, 1640, 1640, 1640, MOST - 4 * 1640, 600])
    service = chain({FIRST + i: cert for i, cert in enumerate(certs)})
    assert answer(service) == certs[:5] and warned(service)


def test_padding_beyond(chain, certs):
    """Beyond 8 KiB there is only padding, so nothing is missing."""
    service = chain(cut(b"".join(certs).ljust(MOST + 1000, b"\xff"), 2048))
    assert answer(service) == certs


def test_many(chain):
    """Many certificates of the smallest possible size; a reply has room for them."""
    tiny = [b"\x30\x08\x30\x00\x30\x00\x03\x02\x00" + bytes([i]) for i in range(40)]
    service = chain(cut(b"".join(tiny), 256))
    assert answer(service) == tiny[:MOST_CERTIFICATES] and warned(service)


def test_found_again_after_the_tpm_was_gone(chain, certs):
    service = chain(cut(b"".join(certs), 1024))
    assert answer(service) == certs
    service.control.ask("absent")
    assert service.ask(certify_request())["error"] == "tpm_unavailable"
    service.finds_tpm()
    assert answer(service.settled()) == certs
