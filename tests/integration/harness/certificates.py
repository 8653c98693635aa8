"""Makes certificates of any size, for a TPM's NV indices."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

AUTHORITY = ec.generate_private_key(ec.SECP256R1())
FIRST_DAY = datetime.datetime(2024, 1, 1)


def certificate(size=None, public=None, name="of a test"):
    """A certificate in DER for that key, or an authority's own. An extension fills it up to exactly so many bytes."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, public or AUTHORITY.public_key(), 4711, FIRST_DAY,
                                      FIRST_DAY.replace(year=2044))
    padding = 0
    for _ in range(1000):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(padding))
        made = builder.add_extension(extension, False).sign(AUTHORITY, hashes.SHA256()).public_bytes(Encoding.DER)
        if size is None or len(made) == size:  # the size of a signature varies
            return made
        padding = max(0, padding + size - len(made))
    raise AssertionError(f"none of {size} bytes")
