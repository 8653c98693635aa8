"""A verifier: gives a machine the key of its disk, if it knows its TPM.

A web server on the loopback, as port/linux/early/exchange.example wants it. It
is sent a reply of getAttestationData, and answers with activateCredential.
"""
import http.server
import json
import struct
import tempfile
import threading

from attestd import activation, known
from harness.credential import by_tools, name_of

# The AIK must be one that signs only what its TPM has made, and that exists
# in that TPM alone: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth,
# restricted, sign.
AIK_ATTRIBUTES = 0x50072
FROM_GUEST = "10.0.2.2"  # the host, in QEMU's user network


class Refused(Exception):
    """Nothing for this machine."""


class Verifier:
    def __init__(self):
        self.keys = {}  # by the EK: TPM2B_PUBLIC
        self.replay = None  # a credential to send whatever is asked
        self.sent, self.refused = [], []
        verifier = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    answer = verifier.replay or verifier.answer(json.loads(body))
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
        self.url = f"http://{FROM_GUEST}:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, reply):
        if reply.get("status") != "ok":
            raise Refused("no attestation data")
        data = known(reply)
        key = self.keys.get(data["ek_tpm"])
        if key is None:
            raise Refused("an unknown EK")
        attributes, = struct.unpack_from(">I", data["aik_tpm"], 6)
        if attributes != AIK_ATTRIBUTES or name_of(data["aik_tpm"]) != data["aik_name"]:
            raise Refused("not an AIK")
        # Only the TPM with this EK can read the key, and only for this AIK.
        with tempfile.TemporaryDirectory() as folder:
            credential = by_tools(data["ek_tpm"], data["aik_name"], key, folder)
        return json.dumps(activation(credential)).encode()
