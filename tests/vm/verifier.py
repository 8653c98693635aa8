"""A verifier. It gives a machine the key of its disk if it knows the TPM and what was booted.

A web server on the loopback interface, for port/linux/packaging/early/exchange.example. It receives a reply
of attestd and answers with the next request: a quote, then the activation of a credential.
"""
import hashlib
import http.server
import json
import os
import struct
import tempfile
import threading
from dataclasses import dataclass

from attestd import activation, known
from harness import attest
from harness.attest import Refused, need
from harness.credential import by_tools
from harness.service import b64

BANK = "sha256"
ZERO = bytes(32)  # the value of a PCR without any measurement
# The AIK must be a key that signs only what its TPM says, and that cannot leave
# the TPM: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth,
# restricted, sign.
AIK_ATTRIBUTES = 0x50072
FROM_GUEST = "10.0.2.2"  # the host, in QEMU's user network

# TPM2B_PUBLIC of an EK of template L-1 (EK Credential Profile, B.3.3), up to its modulus.
L_1 = bytes.fromhex("013a0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
                    "00060080004300100800000000000100")


def ek_of(key):
    """The TPM2B_PUBLIC of an RSA key, if it is an EK."""
    return L_1 + key.public_numbers().n.to_bytes(256, "big")


def extended(value, *measured):
    """The value of a PCR after these further measurements."""
    for data in measured:
        value = hashlib.sha256(value + hashlib.sha256(data).digest()).digest()
    return value


@dataclass
class Machine:
    """What the verifier knows of a machine whose EK it has learnt."""
    key: bytes  # of its disk
    pcrs: dict  # the expected {PCR: value}


class Verifier:
    def __init__(self, host=FROM_GUEST):
        self.machines = {}  # by TPM2B_PUBLIC of the EK
        self.asked = {}  # by the nonce of a quote: the machine and its AIK. Each nonce is accepted once.
        self.replay = []  # answers to give first, whatever the request is
        self.seen, self.sent, self.refused = [], [], []
        verifier = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    answer = verifier.replay.pop(0) if verifier.replay else verifier.take(json.loads(body))
                except (Refused, ValueError, KeyError, TypeError, struct.error) as error:
                    verifier.refused.append(repr(error))
                    self.send_error(403)
                    return
                verifier.sent.append(answer)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://{host}:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        """Forgets what has happened, but not the machines."""
        for what in (self.asked, self.seen, self.sent, self.refused):
            what.clear()

    def take(self, reply):
        self.seen.append(reply)
        need(reply.get("status") == "ok", "an error")
        answer = self.take_quote(reply) if "quoted" in reply else self.take_identity(reply)
        return json.dumps(answer).encode()

    def take_identity(self, reply):
        """Takes the machine's identity. Until the credential is opened, anybody might claim it."""
        data = known(reply)
        machine = self.machines.get(data["ek_tpm"])
        need(machine, "an unknown EK")
        aik = attest.parse_public(data["aik_tpm"])
        need(aik.attributes == AIK_ATTRIBUTES and aik.name == data["aik_name"], "not an AIK")
        nonce = os.urandom(32)
        self.asked[nonce] = data["ek_tpm"], aik
        return {"command": "quote", "nonce": b64(nonce), "pcr_bank": BANK,
                "pcrs": ",".join(str(pcr) for pcr in sorted(machine.pcrs))}

    def take_quote(self, reply):
        """Takes and checks a quote of what the machine has booted."""
        data = known(reply)
        nonce = attest.parse_attest(data["quoted"]).extra
        ek, aik = self.asked.pop(nonce, (None, None))
        need(ek, "an unknown nonce")
        machine = self.machines[ek]
        values = {int(pcr): value for pcr, value in data["pcr_values"].items()}
        attest.verify_quote(aik, data["quoted"], data["signature"], nonce, BANK, values)
        need(values == machine.pcrs, "other PCRs")
        return activation(self.credential(ek, aik))

    def credential(self, ek, aik):
        """The key, encrypted so that only the TPM with this EK can read it, and only together with this AIK."""
        with tempfile.TemporaryDirectory() as folder:
            return by_tools(ek, aik.name, self.machines[ek].key, folder)
