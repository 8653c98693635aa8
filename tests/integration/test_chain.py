"""getEKChain: the certificates above the EK's, as some makers leave them in the TPM and nowhere else.

Intel's lie one behind the other in the indices from 0x01C00100 on, and run on from one into the next.
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
SIZES = (1004, 683, 731, 870, 655)  # uneven, as they are


@pytest.fixture(scope="module")
def certs():
    return [certificate(size, name=f"authority {i}") for i, size in enumerate(SIZES)]


def cut(data, size, first=FIRST):
    """{index: what is in it}: the last one is as long as its rest."""
    return {first + at // size: data[at:at + size] for at in range(0, len(data), size)}


@pytest.fixture
def chain(start):
    """A service on a TPM with these in NV; None: an index that is not written."""
    def begin(indices, attributes=None, **options):
        service = start("persistent", **options).settled()
        write_nv(service, indices, attributes)
        return service
    return begin


def answer(service):
    """The certificates; what costs nothing the second time."""
    reply = service.ok(GET)
    assert list(reply) == ["status", "ek_chain"]
    assert service.control.left() == []
    service.control.reset()
    assert service.ok(GET) == reply and service.control.count() == 0
    return [unb64(text) for text in reply["ek_chain"]]


def warned(service):
    """Whether the log says so, of the chain."""
    lines = service.logged("getEKChain ok").splitlines()
    return [line for line in lines if " warning " in line]


@pytest.mark.core
@pytest.mark.parametrize("size", [512, 1024, 2048])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_run_on(chain, certs, count, size):
    """From one index into the next, wherever they are cut."""
    service = chain(cut(b"".join(certs[:count]), size))
    assert answer(service) == certs[:count]
    assert not warned(service)


@pytest.mark.parametrize("binary", BINARIES)
def test_each_binary(chain, certs, binary):
    assert answer(chain(cut(b"".join(certs), 1024), binary=binary)) == certs


@pytest.mark.parametrize("behind", range(1, 6))
def test_cut_in_a_header(chain, certs, behind):
    """The first bytes of the second certificate are the last of their index."""
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
    """Before, between and behind them."""
    between, behind = PADDINGS[case]
    service = chain(cut(between + between.join(certs[:4]) + behind, size))
    assert answer(service) == certs[:4] and not warned(service)


@pytest.mark.parametrize("data", [bytes(600), b"\xff" * 600, None], ids=["00", "FF", "unwritten"])
def test_nothing_in_it(chain, data):
    service = chain({FIRST: data, FIRST + 1: data})
    assert answer(service) == [] and not warned(service)


def test_gaps(chain, certs):
    """They need not be in a row; what lies on either side of their range is no chain's."""
    other = certificate(name="a platform's, say")
    half = len(certs[1]) // 2
    service = chain({FIRST - 1: other, FIRST: certs[0], FIRST + 2: certs[1][:half], FIRST + 7: certs[1][half:],
                     FIRST + 8: None, LAST: certs[2], LAST + 1: other})
    assert answer(service) == certs[:3] and not warned(service)


def test_the_order_is_the_indices(chain, certs):
    """Not that in which they were made."""
    assert answer(chain({FIRST + 2: certs[2], FIRST: certs[0], FIRST + 1: certs[1]})) == certs[:3]


def test_many_indices(chain, certs):
    data = b"".join(certs[:4])
    assert answer(chain(cut(data, 96))) == certs[:4]


# ---- broken ones ----------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 2, 100, 650])
def test_truncated(chain, certs, lost):
    """What is whole is given, and a warning says the rest."""
    service = chain(cut(b"".join(certs)[:-lost], 1024))
    assert answer(service) == certs[:4] and warned(service)


def broken(cert, at, byte):
    return cert[:at] + bytes([byte]) + cert[at + 1:]


@pytest.mark.parametrize("size", [512, 2048])
@pytest.mark.parametrize("at,byte", [(0, 0x31), (1, 0x84), (2, 0x7F), (2, 0x00), (3, 0x10), (4, 0x02)],
                         ids=["tag", "length of lengths", "longer", "shorter", "another length", "inner tag"])
def test_corrupted(chain, certs, at, byte, size):
    """Those before it and behind it are whole. Nothing else is given for a certificate."""
    data = certs[0] + broken(certs[1], at, byte) + b"".join(certs[2:])
    service = chain(cut(data, size))
    assert answer(service) == [certs[0], *certs[2:]] and warned(service)


def test_damaged_inside(chain, certs):
    """Not ours to judge: bytes out are bytes in."""
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
    """Its certificates are lost, and a warning says so; no half of one is given."""
    size, at, before, behind = 1400, 0, [], []
    for cert in certs:
        before += [cert] if at + len(cert) <= position * size else []
        behind += [cert] if at >= (position + 1) * size else []
        at += len(cert)
    service = chain(cut(b"".join(certs), size), {FIRST + position: OWNERWRITE | OWNERREAD | NO_DA})
    set_owner_auth(service, b"secret")
    assert answer(service) == before + behind and warned(service)


def test_one_that_may_not_be_read_between_whole_ones(chain, certs):
    """Nothing but the TPM's refusal shows that there is one."""
    service = chain({FIRST: certs[0], FIRST + 1: certs[1], FIRST + 2: certs[2]},
                    {FIRST + 1: OWNERWRITE | OWNERREAD | NO_DA})
    set_owner_auth(service, b"secret")
    assert answer(service) == [certs[0], certs[2]] and warned(service)


# ---- as much as there may be ----------------------------------------------


def large(sizes):
    return [certificate(size, name=f"large {i}") for i, size in enumerate(sizes)]


def test_as_much_as_may_be(chain):
    """8 KiB, to the byte."""
    certs = large([1640, 1640, 1640, 1640, MOST - 4 * 1640])
    service = chain(cut(b"".join(certs), 2048))
    assert answer(service) == certs and not warned(service)


@pytest.mark.parametrize("size", [512, 2048])
def test_more_than_may_be(chain, size):
    """The whole ones of the first 8 KiB are given, and a warning says that there is more."""
    certs = large([1640, 1640, 1640, 1640, MOST - 4 * 1640 + 1, 600])
    service = chain(cut(b"".join(certs), size))
    assert answer(service) == certs[:4] and warned(service)


def test_one_more_than_may_be(chain):
    """The first 8 KiB end with a certificate; nothing but its index shows that there is another."""
    certs = large([1640, 1640, 1640, 1640, MOST - 4 * 1640, 600])
    service = chain({FIRST + i: cert for i, cert in enumerate(certs)})
    assert answer(service) == certs[:5] and warned(service)


def test_padding_beyond(chain, certs):
    """Behind the last there is no more of them."""
    service = chain(cut(b"".join(certs).ljust(MOST + 1000, b"\xff"), 2048))
    assert answer(service) == certs


def test_many(chain):
    """Of the smallest that could be certificates; a reply holds so many."""
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
