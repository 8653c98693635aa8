"""`attestd once`: requests on standard input, replies on standard output."""
import json
import subprocess
import time

import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import BINARIES, SWTPM_RUN
from harness.service import b64, unb64

pytestmark = [pytest.mark.portable, pytest.mark.parametrize("binary", BINARIES)]


@pytest.fixture
def once(states, launch, binary):
    def run(text, state=None, launcher=()):
        done = subprocess.run(
            [SWTPM_RUN, "--state", state or states.new(), *launch.LAUNCHER, *launcher, "--",
             *BINARIES[binary], "once"],
            input=text.encode(), capture_output=True, timeout=100, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    return run


def test_one_request(once):
    status, replies = once('{"command":"getEK"}\n')
    assert status == 0 and [r["status"] for r in replies] == ["ok"]


@pytest.mark.core
def test_an_attestation(once, states):
    state = states.new()
    _, (known,) = once('{"command":"getAttestationData"}\n', state)
    c = make(rsa_from_tpm(unb64(known["ek_tpm"])), unb64(known["aik_name"]), b"secret")
    request = json.dumps({"command": "activateCredential", "credential_blob": b64(c.file)})
    text = f'{{"command":"getEK"}}\n{request}\r\n{{"command":"getEK"}}'
    status, replies = once(text, state)
    assert status == 0 and len(replies) == 3
    assert unb64(replies[1]["decrypted_secret"]) == b"secret"


@pytest.mark.core
def test_an_error_is_the_exit_status(once):
    status, replies = once('{"command":"nope"}\n{"command":"getEK"}\n')
    assert status == 1
    assert [r["status"] for r in replies] == ["error", "ok"]


@pytest.mark.linux
@pytest.mark.parametrize("how,reason", [
    (">/dev/full", "cannot write to standard output: no space left on device"),
    (">&-", "cannot write to standard output: it is closed"),
    ("| true", None), ("</", "cannot read standard input: is a directory"),
    ("<&-", "cannot read standard input: it is closed")])
def test_what_is_not_written_is_no_success(states, binary, tmp_path, how, reason):
    """A reply that cannot be written is no success, nor is an input that cannot be read."""
    request = tmp_path / "request"
    request.write_text('{"command":"getEK"}\n')

    def run(how, before="", behind=""):
        script = f'({before} cat {request}) | {{ "$@" {how}; echo $? >{tmp_path}/status; }} {behind}'
        done = subprocess.run([SWTPM_RUN, "--state", states.new(), "--", "sh", "-c", script, "sh",
                               *BINARIES[binary], "once"], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=100, check=True, text=True)
        return int((tmp_path / "status").read_text()), done

    status, done = run("")
    assert status == 0 and json.loads(done.stdout)["status"] == "ok"
    if how == "| true":  # the reader has ended before the request comes
        status, done = run("", "sleep 0.5;", how)
        reason = "cannot write to standard output: nobody reads it"
    else:
        status, done = run(how)
    assert status == 1 and done.stdout == ""
    assert reason in done.stderr


def test_nothing(once):
    assert once("") == (0, [])


@pytest.mark.slow
def test_no_tpm(once):
    """The wait is bounded, because an initramfs must go on."""
    status, replies = once('{"command":"getEK"}\n', launcher=["--absent"])
    assert status == 1 and replies[0]["error"] == "tpm_unavailable"


def test_wait(states, launch, binary):
    """How long attestd waits for a TPM that does not come."""
    state = states.new()
    for seconds in 0, 2:
        begin = time.monotonic()
        done = subprocess.run(
            [SWTPM_RUN, "--state", state, *launch.LAUNCHER, "--absent", "--",
             *BINARIES[binary], "once", "--wait", str(seconds)],
            input=b'{"command":"getEK"}\n', capture_output=True, timeout=100, check=False)
        assert done.returncode == 1 and b"tpm_unavailable" in done.stdout
        if seconds:
            assert time.monotonic() - begin >= seconds
        else:
            quick = time.monotonic() - begin
    assert quick < time.monotonic() - begin


def test_a_line_that_is_too_long(once):
    """It is refused, and the next one is answered."""
    text = '{"command":"' + 17000 * "x" + '"}\n{"command":"getEK"}\n'
    status, replies = once(text)
    assert status == 1
    assert [r.get("error", "ok") for r in replies] == ["request_too_long", "ok"]
