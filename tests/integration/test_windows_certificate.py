"""The EK's certificate and chain in Windows' registry or a file, and how clients read long
replies.
"""
import datetime
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ObjectIdentifier

from harness import tpm
from harness.certificates import certificate as sized
from harness.raw import write_nv
from harness.service import connect, exchange, line_of, read_all, unb64
from harness.wine import run, windows_path
from test_certificate import authority, certificate, common_name, ours  # noqa: F401 (fixtures)
from test_program import attestd
from test_windows_pipe import messages

pytestmark = pytest.mark.windows

ENDORSEMENT = r"HKLM\SYSTEM\CurrentControlSet\Services\TPM\WMI\Endorsement"
STORES = ["EKCertStore", "EKCertStoreECC"]
ONE_READ = 4096  # the most that a client of the older services reads, in one call
USUAL = 1600  # the usual length of an EK's certificate


def prop(number, value, encoding=1):
    return struct.pack("<III", number, encoding, len(value)) + value


def element(cert):
    """A registry value as Windows writes it: a hash and a name, then the certificate."""
    digest = hashes.Hash(hashes.SHA1())
    digest.update(cert)
    return prop(3, digest.finalize()) + prop(11, "EK\0".encode("utf-16-le")) + prop(32, cert)


def put(name, blob, store=STORES[0], kind="REG_BINARY", value="Blob"):
    done = run("reg", "add", rf"{ENDORSEMENT}\{store}\Certificates\{name}", "/v", value, "/t", kind,
               "/d", blob if isinstance(blob, str) else blob.hex(), "/f")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(autouse=True)
def registry():
    """Deletes the certificates afterwards, since a worker's tests share one registry."""
    yield
    run("reg", "delete", ENDORSEMENT, "/f")


@pytest.fixture
def of_another(authority):
    return certificate(rsa.generate_private_key(65537, 2048).public_key(), authority)


def found(service):
    """The certificate in the replies, and where attestd found it."""
    reply = service.ok({"command": "getEK"})
    data = service.ok({"command": "getAttestationData"})
    assert data["ek_cert"] == reply["ek_cert"]
    return reply["ek_cert"] and unb64(reply["ek_cert"]), reply["ek_cert_source"]


# ---- Windows' store ----------------------------------------------------------

@pytest.mark.core
@pytest.mark.parametrize("store", STORES)
def test_certificate_in_the_store(start, ours, store):
    put("6C0CE2DD0584C47CAC18839F14055F19FA270CDD", element(ours), store)
    service = start("plain").settled()
    assert found(service) == (ours, "system")


def test_no_store(start):
    assert found(start("plain").settled()) == (None, None)


@pytest.mark.core
def test_nv_comes_before_the_store(start, states, tmp_path, ours):
    other_copy = ours[:-1] + bytes([ours[-1] ^ 1])
    put("01", element(other_copy))
    state = states.new("plain")
    tpm.write_index(state, tmp_path, ours)
    assert found(start(state).settled()) == (ours, "nv")


def test_nv_has_one_for_another_key(start, states, tmp_path, ours, of_another):
    put("01", element(ours))
    state = states.new("plain")
    tpm.write_index(state, tmp_path, of_another)
    assert found(start(state).settled()) == (ours, "system")


@pytest.mark.parametrize("names", [("00", "FF"), ("FF", "00")])
def test_one_for_another_key_beside_it(start, ours, of_another, names):
    for name, cert in zip(names, (of_another, ours)):
        put(name, element(cert))
    assert found(start("plain").settled()) == (ours, "system")


def test_one_for_another_key_in_the_first_store(start, ours, of_another):
    put("01", element(of_another))
    put("01", element(ours), STORES[1])
    assert found(start("plain").settled()) == (ours, "system")


def test_only_one_for_another_key(start, of_another):
    put("01", element(of_another))
    service = start("plain").settled()
    assert found(service) == (None, None)
    assert "cert_key" in service.logged(" warning ")


DAMAGED = {
    "empty": lambda c: b"",
    "cut": lambda c: element(c)[:-1],
    "one byte more": lambda c: element(c) + b"\0",
    "no certificate": lambda c: prop(3, bytes(20)),
    "an empty certificate": lambda c: prop(32, b""),
    "twice": lambda c: prop(32, c) * 2,
    "another encoding": lambda c: prop(32, c, 2),
    "bare DER": lambda c: c,
    "a size of all ones": lambda c: struct.pack("<III", 32, 1, 0xFFFFFFFF) + c,
    "longer than there is room": lambda c: prop(3, bytes(8192)) + prop(32, c),
    "a certificate that is none": lambda c: prop(32, bytes(range(200))),
    "a certificate too long": lambda c: prop(32, c.ljust(5000, b"\0")),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged(start, ours, damage):
    """A damaged value is skipped, and the certificate behind it is found."""
    put("00", DAMAGED[damage](ours))
    put("01", element(ours))
    assert found(start("plain").settled()) == (ours, "system")


@pytest.mark.parametrize("damage", ["cut", "no certificate"])
def test_only_damaged(start, ours, damage):
    put("00", DAMAGED[damage](ours))
    service = start("plain").settled()
    assert found(service) == (None, None)
    assert " warning " in service.logged("getEK ok")


def test_another_type_or_value(start, ours):
    """Only values named Blob of the type REG_BINARY are read."""
    put("00", element(ours).hex(), kind="REG_SZ")
    put("01", element(ours), value="Blobs")
    service = start("plain").settled()
    assert found(service) == (None, None)


def test_many_certificates(start, ours, of_another):
    """attestd looks at no more values than a store usually has, then goes on to the next store."""
    for i in range(20):
        put(f"{i:02}", element(of_another))
    put("99", element(ours), STORES[1])
    assert found(start("plain").settled()) == (ours, "system")


# ---- the chain ---------------------------------------------------------------

AUTHORITIES = "IntermediateCACertStore"


@pytest.fixture(scope="module")
def certs():
    return [sized(size, name=f"authority {i}") for i, size in enumerate((1004, 683, 731, 870, 655))]


def put_chain(certs):
    """Puts the certificates under names that are not in their order."""
    for i, cert in enumerate(certs):
        put(f"{(7 * i + 3) % 16:X}{i:039}", element(cert), AUTHORITIES)


def chain(service):
    """The chain in the reply; a second request is answered from memory."""
    reply = service.ok({"command": "getEKChain"})
    service.control.reset()
    assert service.ok({"command": "getEKChain"}) == reply and service.control.count() == 0
    return [unb64(text) for text in reply["ek_chain"]]


def in_order_of_names(certs):
    return [cert for _, cert in sorted(((7 * i + 3) % 16, cert) for i, cert in enumerate(certs))]


@pytest.mark.core
@pytest.mark.parametrize("count", [0, 1, 5])
def test_chain_in_the_store(start, certs, count):
    """A store has no order, so the chain is in the order of the names. The EK's own certificate
    is not part of it.
    """
    put("00", element(certs[0]), STORES[0])
    put_chain(certs[:count])
    service = start("plain").settled()
    assert chain(service) == in_order_of_names(certs[:count])
    assert "chain" not in service.log()


def test_chain_in_nv_comes_before_the_store(start, certs):
    put_chain(certs[:2])
    service = start("persistent").settled()
    write_nv(service, {0x01C00100: certs[3] + certs[4]})
    assert chain(service) == certs[3:]


# Zeros behind a certificate of the chain are skipped, as in the TPM's NV, so that is no damage here.
@pytest.mark.parametrize("damage", [damage for damage in DAMAGED if damage != "a certificate too long"])
def test_damaged_certificate_in_the_chain(start, certs, damage):
    """The other certificates are returned, and a warning says that the chain is incomplete."""
    put_chain(certs[:2])
    put("8" + "0" * 39, DAMAGED[damage](certs[2]), AUTHORITIES)
    service = start("plain").settled()
    assert chain(service) == in_order_of_names(certs[:2])
    assert "chain" in service.logged(" warning ")


def test_chain_too_long(start, certs):
    """A chain is cut at 8192 bytes, and a warning says so."""
    many = [sized(1100, name=f"many {i}") for i in range(9)]
    put_chain(many)
    service = start("plain").settled()
    found = chain(service)
    assert found == in_order_of_names(many)[:len(found)] and len(found) == 7
    assert "chain" in service.logged(" warning ")


def test_longest_reply(start):
    """The pipe passes it in one message, and also to clients that read late or little at a time."""
    many = [sized(1024, name=f"many {i}") for i in range(8)]
    put_chain(many)
    service = start("plain").settled()
    assert chain(service) == in_order_of_names(many)
    request = line_of({"command": "getEKChain"})
    whole = exchange(service.address, request)
    assert len(whole) > 8192 * 4 // 3
    message, = messages(exchange(service.relay("--message"), request))
    assert message == whole
    assert exchange(service.relay("--once"), request) == whole[:ONE_READ]
    late = connect(service.relay("--late", "1000"))
    late.sendall(request)
    assert read_all(late) == whole
    done = attestd("call", *service.where, "getEKChain")
    assert done.returncode == 0 and done.stdout.encode() == whole
    service.served_again()


# ---- a file ------------------------------------------------------------------

def pem(cert):
    return b"written above it\r\n" + x509.load_der_x509_certificate(cert).public_bytes(Encoding.PEM)


@pytest.mark.parametrize("form", [bytes, pem], ids=["DER", "PEM"])
def test_file(start, tmp_path, ours, form):
    """A certificate in a file comes before Windows' store."""
    put("00", element(ours[:-1] + bytes([ours[-1] ^ 1])))
    (tmp_path / "EK Schlüssel.crt").write_bytes(form(ours))
    service = start("plain", args=["--ek-cert", windows_path(tmp_path / "EK Schlüssel.crt")]).settled()
    assert found(service) == (ours, "file")


def test_file_for_another_key(start, tmp_path, ours, of_another):
    put("00", element(ours))
    (tmp_path / "crt").write_bytes(of_another)
    service = start("plain", args=["--ek-cert", windows_path(tmp_path / "crt")]).settled()
    assert found(service) == (ours, "system")


def test_only_a_file_for_another_key(start, tmp_path, of_another):
    (tmp_path / "crt").write_bytes(of_another)
    service = start("plain", args=["--ek-cert", windows_path(tmp_path / "crt")]).settled()
    assert found(service) == (None, None)
    assert "cert_key" in service.logged(" warning ")


@pytest.mark.parametrize("content", [None, b"", bytes(8193)], ids=["absent", "empty", "too long"])
def test_no_such_file(tmp_path, content):
    if content is not None:
        (tmp_path / "crt").write_bytes(content)
    done = attestd("serve", "--ek-cert", windows_path(tmp_path / "crt"))
    assert done.returncode == 64
    assert "--ek-cert" in done.stderr.split("usage:")[0] and not done.stdout
    assert r"\crt" in done.stderr  # the log line may come after the usage


# ---- one read ----------------------------------------------------------------

def usual(key, authority):
    """A certificate of exactly USUAL bytes."""
    def of(padding):
        day = datetime.datetime(2024, 1, 1)
        name = x509.Name([common_name("EK")])
        builder = x509.CertificateBuilder(name, name, key, 4711, day, day.replace(year=2044)) \
            .add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3"), bytes(padding)), False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.DER)

    # The length of an ECDSA signature varies, so several are tried.
    return next(cert for _ in range(100) if len(cert := of(USUAL - len(of(1000)) + 1000)) == USUAL)


@pytest.mark.core
@pytest.mark.parametrize("how", [[], ["--message"]], ids=["bytes", "messages"])
@pytest.mark.parametrize("command", ["getEK", "getAttestationData"])
def test_one_read_takes_a_reply(start, states, tmp_path, authority, command, how):
    cert = usual(load_pem_public_key(states.ek_pem()), authority)
    state = states.new("plain")
    tpm.write_index(state, tmp_path, cert)
    service = start(state).settled()
    request = line_of({"command": command})
    whole = exchange(service.address, request)
    assert unb64(service.ok({"command": command})["ek_cert"]) == cert
    assert len(whole) <= ONE_READ
    read = exchange(service.relay("--once", *how), request)
    assert (read if not how else b"".join(messages(read))) == whole
