"""Requests that the older services accepted: what attestd refuses, and what it still accepts.

The Python service's source is public: it drops bytes that are not UTF-8, calls json.loads and
b64decode, requires all four members of a credential, and never reads credential_blob. `older` does
the same. The C# service's source is not public; what src/MIGRATION.md says of it follows .NET's
documentation: StreamReader skips a byte order mark, and Convert.FromBase64String accepts space, tab,
CR and LF, requires padding, and ignores bits that belong to no byte.
"""
import base64
import json
import re

import pytest

from harness import documents
from harness.credential import make, rsa_from_tpm
from harness.service import b64

pytestmark = pytest.mark.portable

GET_EK = '{"command":"getEK"}'


def decoded(text):
    """b64decode drops characters that are not base64. Before Python 3.13 it also stopped at the padding."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return base64.b64decode(re.match("[^=]*=*", text)[0])


def older(line):
    """The command and the decoded members on which the Python service acts; None if it is an error."""
    try:
        request = json.loads(line.decode("utf-8", errors="ignore").strip("\r"))
        command = request.get("command")
        if command in ("getEK", "getAttestationData"):
            return command, ()
        if command != "activateCredential" or not all(
                k in request for k in ("credential_blob", "encrypted_secret", "hmac", "enc")):
            return None
        return command, tuple(decoded(request[k]) for k in ("encrypted_secret", "hmac", "enc"))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


@pytest.fixture(scope="module")
def members(shared):
    known = shared.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], bytes(range(32)))
    return {"credential_blob": b64(c.blob), "encrypted_secret": b64(c.encrypted_secret),
            "hmac": b64(c.hmac), "enc": b64(c.enc)}


def activation(members, **changes):
    return json.dumps({"command": "activateCredential", **members, **changes})


def get_ek(*more):
    return lambda _: '{"command":"getEK"' + "".join("," + m for m in more) + "}"


def changed(name, change):
    return lambda m: activation(m, **{name: change(m[name])})


# Requests that the older service accepted, by the error that attestd has for them.
STRICTER = {
    "duplicate_key": [get_ek('"command":"getEK"'), get_ek('"a":1', '"\\u0061":2')],
    "nested_value": [get_ek('"a":{}'), get_ek('"a":[1,[2]]')],
    "too_many_members": [get_ek(*[f'"m{i}":0' for i in range(40)])],
    "request_too_long": [lambda _: GET_EK + " " * 20000],
    "bad_utf8": [lambda _: b'{"command":"get\xffEK"}', lambda _: GET_EK.encode() + b"\xc0"],
    "nul_byte": [get_ek('"a":"\\u0000"')],
    "bad_json": [get_ek('"a":NaN'), get_ek('"a":-Infinity'), get_ek('"a":"\\ud800"')],
    "bad_base64": [changed("hmac", lambda t: t[:8] + "*" + t[8:]),
                   changed("enc", lambda t: t + "===="),
                   changed("encrypted_secret", lambda t: t + "QUJD"),
                   changed("hmac", lambda t: t[:-2] + chr(ord(t[-2]) + 1) + "="),
                   changed("credential_blob", lambda _: "no base64!")],
    "wrong_type": [changed("credential_blob", lambda _: 7)],
    "credential_conflict": [changed("credential_blob", lambda t: b64(
        base64.b64decode(t)[:10] + b"\0" + base64.b64decode(t)[11:]))],
}
# What it took, and is taken.
SAME = {
    "CRs": lambda _: "\r\r" + GET_EK + "\r\r",
    "white space": lambda _: "\t { \"command\" : \"getEK\"\t}\r",
    "large and small numbers": get_ek('"a":1e999', f'"b":{10 ** 60}'),
    "keys without text": get_ek('"":1'),
    "all members": activation,
    "junk for a blob": changed("credential_blob", lambda _: b64(b"junk")),
    "nothing for a blob": changed("credential_blob", lambda _: None),
    "lines in base64": changed("encrypted_secret", lambda t: "\n".join(re.findall(".{1,76}", t))),
    "CRLF in base64": changed("encrypted_secret", lambda t: "\r\n".join(re.findall(".{1,64}", t))),
    "space in base64": changed("hmac", lambda t: f" {t[:9]}\t {t[9:]} "),
}


def line(case, members):
    made = case(members)
    return made if isinstance(made, bytes) else made.encode()


@pytest.mark.parametrize("error", STRICTER)
def test_stricter(service, members, error):
    for case in STRICTER[error]:
        request = line(case, members)
        assert older(request) is not None, request[:100]
        assert service.ask(request)["error"] == error, request[:100]


@pytest.mark.parametrize("case", SAME)
def test_the_same(service, members, case):
    request = line(SAME[case], members)
    assert older(request) is not None
    reply = service.ok(request)
    if older(request)[0] == "activateCredential":
        assert base64.b64decode(reply["decrypted_secret"]) == bytes(range(32))


def test_all_of_it_is_written_down():
    """src/MIGRATION.md lists the errors of STRICTER, and no other."""
    rows = documents.rows(documents.section(documents.MIGRATION, "## What is stricter"))
    assert {cells[0].strip("`") for cells in rows} == set(STRICTER)


# The members of the older services' replies, in their order.
REPLIES = {
    "getEK": ["status", "ek_public", "ek_cert"],
    "getAttestationData": ["status", "ek_pub", "ek_cert", "aik_name"],
    "activateCredential": ["status", "decrypted_secret"],
}


@pytest.mark.parametrize("command", REPLIES)
def test_replies_are_as_they_were(service, members, command):
    """New members follow the old ones, have other names, and do not change what the old ones mean."""
    request = activation(members) if command == "activateCredential" else {"command": command}
    reply = service.ok(request)
    assert list(reply)[:len(REPLIES[command])] == REPLIES[command]
    added = set(reply) - set(REPLIES[command])
    assert added <= {"ek_tpm", "aik_tpm", "ek_cert_source", "ek_cert_url", "aik_creation", "aik_attest", "aik_signature"}
    text = [value for value in reply.values() if value is not None]
    assert all(isinstance(value, str) for value in text)


@pytest.mark.linux
def test_nothing_else_is_stricter(service, members):
    """Each byte is left out, doubled or replaced: each request that only the older service accepts is in the table."""
    known = set(STRICTER) - {"request_too_long", "too_many_members"}
    refused = {}
    for request in (b'{"command":"getEK","a":"b\\n","c":[null,-1.5e3],"d":1}',
                    b'{"command":"getEK","a":true}',
                    activation({k: b64(b"0123456789")[:12] for k in members}).encode()):
        for at in range(len(request)):
            for new in (b"", request[at:at + 1] * 2, *(bytes([b]) for b in b'\0\x01\t\r "\\/0=+-A{}[]:,\xe9')):
                other = request[:at] + new + request[at + 1:]
                if b"\n" in other or older(other) is None:
                    continue
                error = service.ask(other).get("error")
                if error not in (None, "missing_fields", "bad_hmac_size"):
                    refused.setdefault(error, other)
    assert set(refused) <= known, refused
    assert {"nested_value", "bad_utf8", "bad_base64"} <= set(refused)
