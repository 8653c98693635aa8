"""Lines that are no requests: each gets an error with a name, and causes no TPM command."""
import concurrent.futures
import json

import pytest

from harness.service import ask, exchange, parse_reply

pytestmark = pytest.mark.portable

CASES = {
    "bad_json": [
        b"", b" ", b"x", b"{", b"}", b"[]", b'"getEK"', b"null", b"1", b"{{}}",
        b'{"command"}', b'{"command":}', b'{"command":::"getEK"}', b'{"command":"getEK"',
        b'{"command":"getEK",}', b'{,"command":"getEK"}', b'{"command" "getEK"}',
        b'{"command":"getEK" "x":1}', b'{"command":"getEK","x"}', b"{'command':'getEK'}",
        b'{command:"getEK"}', b'{"command":getEK}', b'{"command":"getEK}', b'{1:"getEK"}',
        b'{"command":"getEK","x":01}', b'{"command":"getEK","x":1.}', b'{"command":"getEK","x":.5}',
        b'{"command":"getEK","x":+1}', b'{"command":"getEK","x":1e}', b'{"command":"getEK","x":-}',
        b'{"command":"getEK","x":tru}', b'{"command":"getEK","x":True}',
        b'{"command":"getEK","x":NaN}', b'{"command":"getEK","x":nullx}',
        b'{"command":"get\\xEK"}', b'{"command":"get\\u00EK"}', b'{"command":"get\tEK"}',
        b'{"command":"\\ud800"}', b'{"command":"\\udc00\\ud800"}', b'\xef\xbb\xbf',
        b'\xef\xbb\xbf\xef\xbb\xbf{"command":"getEK"}', b' \xef\xbb\xbf{"command":"getEK"}',
        b'/* */{"command":"getEK"}', b'{"command":"getEK"]',
    ],
    "trailing_text": [
        b'{"command":"getEK"}x', b'{"command":"getEK"}{}', b'{"command":"getEK"},',
        b'{"command":"getEK"}}', b'{"command":"getEK"} null',
    ],
    "nested_value": [
        b'{"command":{}}', b'{"command":["getEK"]}', b'{"command":"getEK","x":{}}',
        b'{"command":"getEK","x":[]}', b'{"command":"getEK","x":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}',
    ],
    "duplicate_key": [
        b'{"command":"getEK","command":"getEK"}', b'{"command":"getEK","x":1,"x":1}',
        b'{"command":"getEK","\\u0063ommand":"getEK"}', b'{"":1,"":2,"command":"getEK"}',
    ],
    "too_many_members": [
        json.dumps({"command": "getEK", **{f"m{i}": i for i in range(32)}}).encode(),
        json.dumps({f"m{i}": i for i in range(500)}).encode(),
    ],
    "wrong_type": [
        b'{"command":1}', b'{"command":true}', b'{"command":false}', b'{"command":-1.5e3}',
    ],
    "unknown_command": [
        b"{}", b'{"command":null}', b'{"command":""}', b'{"command":"nope"}',
        b'{"command":"getek"}', b'{"command":"getEK "}', b'{"command":"getEKx"}',
        b'{"Command":"getEK"}', b'{"command":"' + b"x" * 5000 + b'"}',
    ],
    "nul_byte": [
        b'{"command":"getEK"}\0', b'{"command":"getEK\0"}', b'\0', b'{"command":"getEK\\u0000"}',
    ],
    "bad_utf8": [
        b'{"command":"\xff"}', b'{"command":"\xc0\xaf"}', b'{"command":"\xed\xa0\x80"}',
        b'{"command":"\xf4\x90\x80\x80"}', b'{"command":"\xe2\x82"}', b"\xff\xfe",
    ],
    "request_too_long": [
        b'{"command":"getEK","x":"' + b"y" * 16384 + b'"}', b" " * 16385, b"x" * 60000,
    ],
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.core
def test_error(service, name):
    service.control.reset()
    for line in CASES[name]:
        reply = service.ask(line)
        assert (reply["status"], reply.get("error")) == ("error", name), line[:80]
        assert "tpm_rc" not in reply
    assert service.control.count() == 0


def test_unknown_command_keeps_its_text(service):
    assert service.ask({"command": "nope"}) == {
        "status": "error", "message": "Unknown command", "error": "unknown_command"}


GOOD = {
    "CRLF": b'{"command":"getEK"}\r',
    "space": b' {\t"command" : "getEK" } ',
    "unknown members": b'{"a":1,"b":null,"c":true,"d":"e","f":-0.5e+3,"command":"getEK"}',
    "escapes": b'{"\\u0063ommand":"get\\u0045K"}',
    "UTF-8": '{"command":"getEK","ключ":"\U0001f511"}'.encode(),
    "surrogates": b'{"command":"getEK","x":"\\ud83d\\udd11"}',
    "field_38 byte order mark": b'\xef\xbb\xbf{"command":"getEK"}\r',
    "32 members": json.dumps({"command": "getEK", **{f"m{i}": i for i in range(31)}}).encode(),
    "16384 bytes": b'{"command":"getEK"}'.ljust(16384),
}


@pytest.mark.parametrize("line", GOOD)
@pytest.mark.core
def test_good(service, line):
    service.ok(GOOD[line])


@pytest.mark.linux
def test_line_without_its_end(service):
    """A client that shuts down its side instead of ending the line."""
    reply = parse_reply(exchange(service.address, b'{"command":"getEK"}', half_close=True))
    assert reply["status"] == "ok"


def test_only_the_first_line_is_answered(service):
    two = b'{"command":"getEK"}\n{"command":"nope"}\n'
    assert parse_reply(exchange(service.address, two))["status"] == "ok"


def test_byte_by_byte(service):
    from harness.service import connect, read_all
    with connect(service.address) as s:
        for byte in b'{"command":"getEK"}\n':
            s.sendall(bytes([byte]))
        assert parse_reply(read_all(s))["status"] == "ok"


def test_a_refused_client_can_read_its_reply(service):
    """A client that sends much more than is read can still read its reply."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(exchange, service.address, b"x" * 100000 + b"\n") for _ in range(20)]
        assert {parse_reply(s.result())["error"] for s in sent} == {"request_too_long"}


def test_control_characters_do_not_reach_the_log(service):
    ask(service.address, b'{"command":"\\u001b[31m\\nforged"}')
    log = service.logged("unknown_command")
    assert "forged" not in log and "\x1b" not in log
