"""attestd once: requests on standard input, replies on standard output."""
import json
import subprocess

import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import BINARIES, SWTPM_RUN
from harness.service import b64, unb64

pytestmark = pytest.mark.parametrize("binary", ["native", "aarch64"])


def once(state, text, binary="native", args=(), launcher=()):
    done = subprocess.run([SWTPM_RUN, "--state", state, *launcher, "--", *BINARIES[binary], "once",
                           *args], input=text.encode(), capture_output=True, timeout=30, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_one_request(states, binary):
    status, replies = once(states.new(), '{"command":"getEK"}\n', binary)
    assert status == 0 and [r["status"] for r in replies] == ["ok"]


def test_an_attestation(states, binary):
    state = states.new()
    _, (known,) = once(state, '{"command":"getAttestationData"}\n', binary)
    c = make(rsa_from_tpm(unb64(known["ek_tpm"])), unb64(known["aik_name"]), b"secret")
    request = json.dumps({"command": "activateCredential", "credential_blob": b64(c.file)})
    status, replies = once(state, f'{{"command":"getEK"}}\n{request}\r\n{{"command":"getEK"}}', binary)
    assert status == 0 and len(replies) == 3
    assert unb64(replies[1]["decrypted_secret"]) == b"secret"


def test_an_error_is_the_exit_status(states, binary):
    status, replies = once(states.new(), '{"command":"nope"}\n{"command":"getEK"}\n', binary)
    assert status == 1
    assert [r["status"] for r in replies] == ["error", "ok"]


def test_nothing(states, binary):
    assert once(states.new(), "", binary) == (0, [])


@pytest.mark.slow
def test_no_tpm(states, binary):
    """Bounded: an initramfs must go on."""
    status, replies = once(states.new(), '{"command":"getEK"}\n', binary, launcher=["--absent"])
    assert status == 1 and replies[0]["error"] == "tpm_unavailable"


def test_a_line_that_is_too_long(states, binary):
    """It is refused, and the next one is answered."""
    text = '{"command":"' + 17000 * "x" + '"}\n{"command":"getEK"}\n'
    status, replies = once(states.new(), text, binary)
    assert status == 1
    assert [r.get("error", "ok") for r in replies] == ["request_too_long", "ok"]
