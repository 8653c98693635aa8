"""Requests for what an AIK signs, and their replies decoded."""
import pathlib

from .attest import parse_public
from .control import NAMES
from .raw import SIZES
from .service import b64, unb64, wait_for

AIKS = ("ecc", "rsa")
NONCE = bytes(range(100, 132))
MEMBERS = ["status", "quoted", "signature", "pcr_bank", "pcr_values"]


def known(service, aik="ecc"):
    """The binary members of a getAttestationData."""
    reply = service.ok({"command": "getAttestationData", "aik": aik})
    return {key: unb64(value) for key, value in reply.items() if key.startswith(("ek_", "aik_")) and value
            and key not in ("ek_cert_source", "ek_cert_url")}


def public_of(service, aik="ecc"):
    return parse_public(known(service, aik)["aik_tpm"])


def quote_request(pcrs="0-7", nonce=NONCE, **more):
    return {"command": "quote", "nonce": b64(nonce), "pcrs": pcrs, **more}


def decode_quote(reply):
    """Its values by the number of the PCR; checks that they are in ascending order and of its bank."""
    assert list(reply) == MEMBERS, reply
    values = {int(i): unb64(value) for i, value in reply["pcr_values"].items()}
    assert list(reply["pcr_values"]) == [str(i) for i in sorted(values)]
    assert {len(value) for value in values.values()} == {SIZES[reply["pcr_bank"]]}
    return {"quoted": unb64(reply["quoted"]), "signature": unb64(reply["signature"]),
            "pcr_bank": reply["pcr_bank"], "pcr_values": values}


def quote(service, *args, **more):
    return decode_quote(service.ok(quote_request(*args, **more)))


def certify_request(nonce=NONCE, **more):
    return {"command": "certify", "nonce": b64(nonce), **more}


def certify(service, *args, **more):
    reply = service.ok(certify_request(*args, **more))
    assert list(reply) == ["status", "certify_info", "signature"], reply
    return {key: unb64(reply[key]) for key in ("certify_info", "signature")}


class Trace:
    """Follows what is sent to the TPM, by the launcher's --trace, which the service was given."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "trace"

    @property
    def options(self):
        return ["--trace", str(self.path)]

    def sent(self):
        """[(command's name, its bytes), ...], also of commands that are not answered yet."""
        lines = self.path.read_text().split("\n")[:-1] if self.path.exists() else []
        commands = (bytes.fromhex(line[2:]) for line in lines if line.startswith(">"))
        return [(NAMES.get(int.from_bytes(c[6:10], "big")), c) for c in commands]

    def named(self, name):
        return [c for n, c in self.sent() if n == name]

    def await_sent(self, name, count):
        """Waits until so many of them have been sent."""
        wait_for(lambda: len(self.named(name)) >= count, 30, f"{count} {name}")
