"""getHealth: the state of attestd and its TPM, at once and without a TPM command."""
import json
import re
import subprocess
import threading
import time

import pytest

from harness import raw
from harness.attest import parse_attest
from harness.paths import BINARIES
from harness.quotes import AIKS, certify, known, quote, quote_request
from harness.service import connect, line_of, parse_reply, read_all, wait_for
from test_call import call

pytestmark = pytest.mark.portable

GET = {"command": "getHealth"}
MEMBERS = ["version", "device", "manufacturer", "firmware", "ek", "ek_cert_source", "aik", "uptime_s", "requests",
           "tpm_commands"]
NUMBERS = {"uptime_s", "requests", "tpm_commands"}
AT_ONCE = 2  # seconds, on a busy machine


def health(service):
    """The reply; checks that it has all members."""
    begin = time.monotonic()
    reply = service.ask(GET)
    assert time.monotonic() - begin < AT_ONCE
    mine = ["status", *(["message", "error"] if reply["status"] == "error" else [])]
    assert [name for name in reply if name != "tpm_rc"] == [*mine, *MEMBERS], reply
    for name in MEMBERS:
        assert isinstance(reply[name], int) if name in NUMBERS else isinstance(reply[name], (str, type(None)))
    return reply


def version_of(binary):
    done = subprocess.run([*BINARIES[binary], "--version"], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.split()[-1]


@pytest.mark.core
@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("kind,ek,source", [("plain", "created", None), ("persistent", "persistent", None),
                                            ("factory", "persistent", "nv")])
def test_members(start, kind, ek, source, binary):
    service = start(kind, binary=binary).settled()
    found = health(service)
    assert found["status"] == "ok"
    assert (found["ek"], found["ek_cert_source"]) == (ek, source)
    assert found["version"] == version_of(binary)
    assert found["manufacturer"] == "IBM"
    assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", found["firmware"])
    assert found["device"] == ("TBS" if binary.startswith("windows") else "/dev/tpmrm0")


def test_costs_nothing(start):
    service = start("plain").settled()
    quote(service)
    service.control.left()
    service.control.reset()
    for _ in range(10):
        health(service)
    assert service.control.log() == []


def test_firmware_is_the_quotes(start):
    """The firmware version is the one in quotes, where an AIK in the endorsement hierarchy gets it unobfuscated."""
    service = start("persistent").settled()
    signed = parse_attest(quote(service, "0")["quoted"]).firmware
    assert health(service)["firmware"] == ".".join(str(signed >> shift & 0xFFFF) for shift in (48, 32, 16, 0))


def test_aiks(start):
    """It lists the known AIKs: the RSA AIK is known after it was asked for."""
    service = start("persistent").settled()
    assert health(service)["aik"] == "ecc"
    known(service, "rsa")
    assert health(service)["aik"] == "ecc,rsa"


def test_numbers(start):
    """It counts requests and TPM commands since the start. This request counts, and so do refused ones."""
    service = start("persistent").settled()
    for aik in AIKS:
        quote(service, "0", aik=aik)
    service.control.left()
    first = health(service)
    assert health(service)["requests"] == first["requests"] + 1
    before = len(service.control.log())
    assert service.ask({"command": "nope"})["status"] == "error"
    quote(service, "0-23")
    certify(service)
    assert health(service)["requests"] == first["requests"] + 5
    assert service.control.left() == []
    after = health(service)
    assert after["tpm_commands"] - first["tpm_commands"] == len(service.control.log()) - before > 0
    wait_for(lambda: health(service)["uptime_s"] > first["uptime_s"], 10, "uptime")


def test_no_tpm(start):
    """Without a TPM, then with one, and without it again."""
    service = start("plain", launcher=["--absent"]).ready()
    wait_for(lambda: health(service).get("error") == "tpm_unavailable", 20, "tpm_unavailable")
    found = health(service)
    assert {found[name] for name in MEMBERS if name not in NUMBERS | {"version"}} == {None}
    service.finds_tpm()
    wait_for(lambda: health(service)["status"] == "ok", 20, "ok")
    service.control.ask("absent")
    assert service.ask(quote_request())["error"] == "tpm_unavailable"
    found = health(service)
    assert found["error"] == "tpm_unavailable" and found["device"] is None
    service.finds_tpm()
    wait_for(lambda: health(service)["status"] == "ok", 20, "ok")


@pytest.mark.linux
@pytest.mark.parametrize("errno,error", [("EACCES", "tpm_access_denied"), ("EBUSY", "tpm_busy")])
def test_a_device_that_does_not_open(start, errno, error):
    service = start("plain", launcher=["--absent"], args=["--wait", "0"]).ready()
    service.control.ask(f"refuse {errno}")
    wait_for(lambda: health(service).get("error") == error, 20, error)


CODES = {"hierarchy_disabled": 0x185, "tpm_failure": 0x101, "tpm_not_started": 0x100, "tpm_auth_required": 0x9A2,
         "tpm_upgrade": 0x12D, "tpm_no_memory": 0x902, "tpm_error": 0x1C4}


@pytest.mark.parametrize("error", CODES)
def test_the_error_that_an_attestation_gets(start, error):
    """It reports the error, with the TPM's code, before any client has met it, and only as long as the error lasts."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("rc", CODES[error], command="CreatePrimary")
    service.finds_tpm()

    def met():
        found = health(service)
        return found.get("error") == error and found

    found = wait_for(met, 20, error)
    asked = service.ask({"command": "getAttestationData"})
    assert (found["error"], found["tpm_rc"]) == (error, f"0x{CODES[error]:x}")
    assert (asked["error"], asked["tpm_rc"], asked["message"]) == (error, found["tpm_rc"], found["message"])
    service.control.ask("clear")
    service.ok({"command": "getAttestationData"})
    assert health(service)["status"] == "ok"


@pytest.mark.linux
def test_hierarchy_disabled(start):
    """Another program really disables the hierarchy while attestd runs."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.delay(1000, "NV_ReadPublic", 1)  # before the EK is created: the next command is the other program's
    service.control.ask("present")
    with connect(service.raw) as s:  # TPM2_HierarchyControl of the endorsement hierarchy: NO
        raw.ask(s, raw.authorised(0x121, [0x4000000C], bytes.fromhex("4000000b00")))
    wait_for(lambda: service.control.opens() > 1, 30, "open TPM")
    found = wait_for(lambda: health(service).get("error") and health(service), 20, "error")
    assert found["error"] == service.ask({"command": "getEK"})["error"] == "hierarchy_disabled"
    assert found["device"] == "/dev/tpmrm0" and found["ek"] is None


# On Windows the reply comes after the command that is under way: see test_windows_quote.
@pytest.mark.linux
@pytest.mark.parametrize("fault", ["delay 3000", "hang"])
def test_at_once_while_the_tpm_works(start, fault):
    """While a TPM command hangs, any number of clients get replies."""
    service = start("plain").settled()
    name, *value = fault.split()
    if name == "delay":
        service.control.delay(*value, "Quote", 1)
    else:
        service.control.fault(name, command="Quote", count=1)
    service.control.reset()
    with connect(service.address) as waiting:
        waiting.sendall(line_of(quote_request()))
        wait_for(lambda: "ContextLoad" in service.control.commands(), 30, "load")
        for _ in range(10):
            begin = time.monotonic()
            assert service.ask(GET)["status"] == "ok"  # what is known
            assert time.monotonic() - begin < AT_ONCE
        if name == "delay":
            assert parse_reply(read_all(waiting))["status"] == "ok"
    if name == "hang":
        service.control.ask("vanish")


@pytest.mark.linux
def test_at_once_while_keys_are_made(start):
    """At the start, while other requests wait: nothing is known yet, and nothing is wrong."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.delay(2000, "CreatePrimary", 1)
    service.finds_tpm()
    replies = []
    other = threading.Thread(target=lambda: replies.append(service.ask({"command": "getEK"})))
    other.start()
    begin = time.monotonic()
    found = [service.ask(GET) for _ in range(5)]
    assert time.monotonic() - begin < AT_ONCE
    assert all(list(reply)[-len(MEMBERS):] == MEMBERS for reply in found)
    assert all(reply["ek"] is None and reply["aik"] is None for reply in found)
    other.join()
    assert replies[0]["status"] == "ok"


def test_as_any_other_request(start):
    """It ignores members of other requests."""
    service = start("persistent").settled()
    assert service.ok({**GET, "nonce": 7, "pcrs": "*", "aik": "none", "hmac": "=", "pcr_bank": None})


@pytest.mark.core
def test_exit_status(start):
    """The exit status makes `attestd call getHealth` a health check."""
    service = start("plain", launcher=["--absent"]).ready()
    wait_for(lambda: service.ask(GET)["status"] == "error", 20, "error")
    status, out, _ = call(service.where, "getHealth")
    assert status == 1 and json.loads(out)["error"] == "tpm_unavailable"
    service.finds_tpm()
    wait_for(lambda: service.ask(GET)["status"] == "ok", 20, "ok")
    status, out, err = call(service.where, "getHealth")
    assert (status, err) == (0, "") and json.loads(out)["status"] == "ok"


def test_exit_status_where_nobody_is(launch, tmp_path):
    status, out, _ = call(launch.where_nobody_is(tmp_path), "getHealth")
    assert status not in (0, 64) and out == ""
