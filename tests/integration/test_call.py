"""`attestd call`, the client."""
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

from harness.control import Announced
from harness.paths import BINARIES, first_binary
from harness.service import b64


def call(where, *request, text="", binary=None):
    """Runs `attestd call`. where: options that say where the service is, or a Unix socket's path."""
    if isinstance(where, os.PathLike):
        where = ["--socket", str(where)]
    done = subprocess.run([*BINARIES[binary or first_binary()], "call", *where, *request],
                          check=False, input=text.encode(), capture_output=True, timeout=60)
    Announced.another()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.portable
@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("request_", ["getEK", '{"command":"getEK"}', None],
                         ids=["name", "JSON", "standard input"])
@pytest.mark.core
def test_ok(shared, request_, binary):
    if request_ is None:
        status, out, err = call(shared.where, text='{"command":"getEK"}\n', binary=binary)
    else:
        status, out, err = call(shared.where, request_, binary=binary)
    assert (status, err) == (0, "")
    assert json.loads(out) == shared.ok({"command": "getEK"}) and out.endswith("}\n")


@pytest.mark.portable
def test_an_error_is_the_exit_status(service):
    status, out, _ = call(service.where, "nope")
    assert status == 1 and json.loads(out)["error"] == "unknown_command"


@pytest.mark.parametrize("how,reason", [
    ("getEK >/dev/full", "no space left on device"), ("getEK >&-", "it is closed"),
    ("getEK | true", "nobody reads it"), ("</", "cannot read standard input: is a directory"),
    ("<&-", "cannot read standard input: it is closed")])
@pytest.mark.parametrize("ignored", ["", "trap '' PIPE; "], ids=["", "SIGPIPE ignored"])
def test_what_is_not_written_is_no_success(service, tmp_path, how, reason, ignored):
    """A reply that cannot be written is no success, and neither is a request that cannot be read."""
    command, _, behind = how.partition("|")
    script = (f'{ignored}{{ {"sleep 0.3; " if behind else ""}"$@" {command}; '
              f'echo $? >{tmp_path}/status; }} {"|" if behind else ""}{behind}')
    done = subprocess.run(["sh", "-c", script, "sh", *BINARIES[first_binary()], "call", *service.where],
                          check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (tmp_path / "status").read_text() == "1\n"
    assert done.stdout == "" and reason in done.stderr


@pytest.mark.portable
def test_nobody_there(launch, tmp_path):
    status, out, err = call(launch.where_nobody_is(tmp_path), "getEK")
    assert status not in (0, 64) and out == "" and "cannot connect" in err


class Answers:
    """A service that takes one request, and gives a fixed reply or closes the connection."""

    def __init__(self, path, reply):
        self.path, self.reply, self.request = path, reply, None
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.socket.settimeout(60)
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        with self.socket.accept()[0] as s:
            if self.reply is not None:
                self.request = s.makefile("rb").readline()
                s.sendall(self.reply.encode() + b"\n")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(60)
        self.socket.close()


def call_of(tmp_path, reply, *arguments):
    """Calls a service with this reply. Returns the request, and how the call ended."""
    with Answers(tmp_path / "s", reply) as service:
        done = call(service.path, *arguments)
    return service.request, done


def test_a_service_that_hangs_up(tmp_path):
    _, (status, out, err) = call_of(tmp_path, None, "getEK")
    assert status not in (0, 64) and out == "" and err


@pytest.mark.parametrize("reply", ['{"status":"error"}', '{"x":"ok"}', "ok", '{"status":"OK"}',
                                   '{"y":"\\"status\\":\\"ok\\""}', '{"x":{"status":"ok"}}',
                                   '{"status":["ok"]}', '{"status":"ok","status":"ok"}',
                                   '{"status":"ok","x":[[]]}', '{"status":"ok","x":[1,]}'])
def test_only_ok_is_success(tmp_path, reply):
    _, (status, out, _) = call_of(tmp_path, reply, "getEK")
    assert status == 1 and out == reply + "\n"


# ---- a request of words ----------------------------------------------------------

STRANGE = ['"', "\\", '\\"a\\\\"', "a b", "\n\t\x01\x1f\x7f", "=", "a=b=", "{}", "\u00e9 \u20ac \U0001f511", ""]


@pytest.mark.parametrize("value", STRANGE, ids=ascii)
def test_words_are_sent_as_they_are(tmp_path, value):
    request, (status, _, err) = call_of(tmp_path, '{"status":"ok"}', "quote", f"nonce={value}",
                                        f"x{value.replace('=', '')}=y")
    assert (status, err) == (0, "")
    assert request.endswith(b"}\n")
    assert list(json.loads(request).items()) == [("command", "quote"), ("nonce", value),
                                                 (f"x{value.replace('=', '')}", "y")]


@pytest.mark.parametrize("name", ['get"EK', "a=b", "\u00e9\n", ""], ids=ascii)
def test_one_word_is_a_name(tmp_path, name):
    request, (status, _, _) = call_of(tmp_path, '{"status":"ok"}', name)
    assert status == 0 and json.loads(request) == {"command": name}


@pytest.mark.parametrize("reply,name,printed", [
    ('{"status":"ok","a":"\\"\\u00e9\\n\\ud83d\\udd11"}', "a", '"\u00e9\n\U0001f511\n'),
    ('{"status":"ok","ek_cert":null}', "ek_cert", "\n"),
    ('{"n":-1.5,"status":"ok"}', "n", "-1.5\n"),
    ('{"status":"ok","ek_chain":["AA==","\\u0042"]}', "ek_chain", "AA==\nB\n"),
    ('{"status":"ok","ek_chain":[]}', "ek_chain", ""),
    ('{"status":"ok","v":{"0":"AA==","17":"Qg=="},"w":"x"}', "v", "0 AA==\n17 Qg==\n"),
])
def test_one_member(tmp_path, reply, name, printed):
    _, done = call_of(tmp_path, reply, "--member", name, "getEK")
    assert done == (0, printed, "")


def test_a_member_of_what_is_nested_is_none_of_the_reply(tmp_path):
    _, done = call_of(tmp_path, '{"status":"ok","v":{"0":"AA=="}}', "--member=0", "getEK")
    assert done == (1, "", "attestd: the reply has no member 0\n")


def test_an_error_without_the_member(tmp_path):
    """A script sees the error on standard error, and no output that it might take for the member."""
    reply = '{"status":"error","message":"no","error":"tpm_unavailable"}'
    _, done = call_of(tmp_path, reply, "--member", "ek_cert", "getEK")
    assert done == (1, "", reply + "\n")


def test_the_longest_replies(tmp_path):
    """The longest replies: all PCRs of the largest bank; a chain of the greatest length."""
    values = {str(i): b64(os.urandom(64)) for i in range(24)}
    for name, nested in (("pcr_values", values),
                         ("ek_chain", [b64(os.urandom(255))] * 32)):
        reply = {"status": "ok", "quoted": "A" * 344, "signature": "A" * 352,
                 "pcr_bank": "sha512", name: nested}
        lines = [" ".join(item) for item in nested.items()] if isinstance(nested, dict) else nested
        (tmp_path / name).mkdir()
        _, (status, out, err) = call_of(tmp_path / name, json.dumps(reply, separators=(",", ":")),
                                        "--member", name, "getEK")
        assert (status, err) == (0, "") and out.splitlines() == lines


@pytest.mark.portable
@pytest.mark.core
def test_words(service, credential):
    """A whole attestation without writing JSON. Base64 may have white space."""
    def member(name, *words):
        status, out, err = call(service.where, "--member", name, *words)
        assert (status, err) == (0, "")
        return out

    known = service.ok({"command": "getAttestationData"})
    assert member("aik_name", "getAttestationData") == known["aik_name"] + "\n"
    assert member("ek_cert", "getAttestationData") == (known["ek_cert"] or "") + "\n"
    blob = b64(credential.blob)
    assert member("decrypted_secret", "activateCredential", f"credential_blob={blob[:40]}\n\t {blob[40:]}",
                  f"encrypted_secret={b64(credential.encrypted_secret)}") == b64(credential.secret) + "\n"


@pytest.mark.portable
def test_words_of_a_quote(service):
    """The PCR values are printed one a line, in the order of the reply."""
    words = "quote", "nonce=bm9uY2U=", "pcrs=0-2,16"
    status, out, _ = call(service.where, *words)
    reply = json.loads(out)
    assert status == 0 and list(reply["pcr_values"]) == ["0", "1", "2", "16"]
    status, out, err = call(service.where, "--member=pcr_values", *words)
    assert (status, err) == (0, "")
    assert out.splitlines() == [f"{n} {value}" for n, value in reply["pcr_values"].items()]
    assert call(service.where, "--member=pcr_bank", *words) == (0, "sha256\n", "")
    assert call(service.where, "--member=ek_chain", "getEKChain") == (0, "", "")


@pytest.mark.portable
def test_words_that_are_refused_by_the_service(service):
    where = service.where
    status, out, err = call(where, "--member=decrypted_secret", "activateCredential", "hmac=A", "\u00e9=\U0001f511\"\\")
    assert (status, out) == (1, "")
    assert json.loads(err)["error"] == "bad_base64" and json.loads(err)["field"] == "hmac"
    assert call(where, "--member=field", "activateCredential", "hmac=A") == (1, "hmac\n", "")
    assert call(where, "--member=status", "nope") == (1, "error\n", "")
    assert call(where, "--member=nope", "getEK") == (1, "", "attestd: the reply has no member nope\n")


@pytest.mark.portable
@pytest.mark.parametrize("words,wrong", [
    (["getEK", "getEK"], "getEK"), (["getEK", ""], ""), (["getEK", "=x"], "=x"),
    (["getEK", "a=1", "b=2", "a=3"], "a=3"), (["getEK", "command=getEK"], "command=getEK"),
    (['{"command":"getEK"}', "a=1"], "a=1"), (["getEK", '{"a":1}'], '{"a":1}'),
    (["--member", "", "getEK"], "--member"), (["--member=a\\b", "getEK"], "--member=a\\b"),
    (["x", *(f"m{i}=" for i in range(32))], "m31="), (["getEK", "--member"], "--member")],
    ids=lambda value: value if isinstance(value, str) else None)
def test_wrong_words(launch, tmp_path, words, wrong):
    """Wrong words are reported before anything is sent: no service runs."""
    status, out, err = call(launch.where_nobody_is(tmp_path), *words)
    assert (status, out) == (64, "")
    assert err.splitlines()[0] == f"attestd: wrong argument: {wrong}"


@pytest.mark.portable
def test_a_long_request(service):
    status, out, _ = call(service.where, text="x" * 16384)
    assert status == 1 and json.loads(out)["error"] == "bad_json"
    status, out, err = call(service.where, text="x" * 20000)
    assert status == 1 and (out + err)
    around = len(json.dumps({"command": "getEK", "x": ""}, separators=(",", ":")))
    assert call(service.where, "--member=status", "getEK", "x=" + "y" * (16384 - around)) == (0, "ok\n", "")
    for more in (1, 2, 5000):
        status, out, err = call(service.where, "getEK", "x=" + "y" * (16384 - around + more))
        assert (status, out) == (1, "") and "request_too_long" in err


def test_old_socket_path(start):
    """The socket path of the services that attestd replaces."""
    path = pathlib.Path(f"/tmp/TpmWrapperPipe.{os.getpid()}.sock")
    service = start("plain", args=["--socket", str(path)])
    from harness.service import can_connect
    service.wait(lambda: can_connect(path), "socket")
    assert call(path, "getEK")[0] == 0
