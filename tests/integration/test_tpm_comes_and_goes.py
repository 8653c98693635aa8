"""The TPM comes late, is slow, goes, comes back, is reset, or sends malformed responses."""
import time

import pytest

from harness.faults import activation, opens
from harness.paths import BINARIES
from harness.service import (Service, connect, line_of, parse_reply, read_all,
                             wait_for)

pytestmark = pytest.mark.portable

GET_EK = {"command": "getEK"}

# attestd's command line is "$@"; what follows keeps the launcher running.
SCRIPTS = {
    "once": """cd $TMPDIR
        echo '{"command":"getEK"}' | "$@"; echo $? >status; >over; sleep 30""",
    "serve": """cd $TMPDIR
        "$@" & until [ -n "$($1 call --socket s '{}')" ]; do sleep 0.05; done
        $1 call --socket s getEK >/dev/null; kill $!; wait $!
        echo $? >status; >over; sleep 30""",
}


def activates(service):
    return opens(service.ok(activation(service.attestation())))


def recovers(service, request, seconds=30):
    """Checks that a request succeeds within so many seconds, whatever the replies are before."""
    return wait_for(lambda: service.ask(request)["status"] == "ok", seconds, "recovery")


@pytest.mark.parametrize("binary", BINARIES)
def test_late(start, binary):
    """The device appears after the first request."""
    service = start("plain", launcher=["--absent"], args=["--wait", "60"], binary=binary).ready()
    with connect(service.address) as s:
        s.sendall(line_of(GET_EK))
        time.sleep(0.3)
        service.control.ask("present")
        assert parse_reply(read_all(s))["status"] == "ok"
    assert activates(service)


@pytest.mark.slow
def test_absent(start):
    """Without a TPM: a bounded wait, then a clear error at once; with it, service."""
    begin = time.monotonic()
    service = start("plain", launcher=["--absent"]).ready()
    assert service.ask(GET_EK)["error"] == "tpm_unavailable"
    assert 4.9 <= time.monotonic() - begin <= 20
    begin = time.monotonic()
    assert service.ask(GET_EK)["error"] == "tpm_unavailable"
    assert time.monotonic() - begin < 4
    assert service.ask({"command": "nope"})["error"] == "unknown_command"
    service.control.ask("present")
    assert recovers(service, GET_EK)
    assert activates(service)


@pytest.mark.linux
@pytest.mark.parametrize("errno,error", [("EACCES", "tpm_access_denied"), ("EBUSY", "tpm_busy"),
                                         ("EIO", "tpm_unavailable"), ("ENOMEM", "tpm_unavailable")])
@pytest.mark.slow
def test_field_22_cannot_be_opened(start, errno, error):
    service = start("plain", launcher=["--absent"]).ready()
    service.control.ask(f"absent {errno}")
    wait_for(lambda: service.ask(GET_EK)["error"] == error, 30, error)
    service.control.ask("present")
    assert recovers(service, GET_EK)


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.core
def test_vanishes_between_requests(start, binary):
    """The next request notices it, opens the TPM again, and succeeds."""
    service = start("plain", binary=binary).settled()
    known = service.identity()
    service.control.ask("vanish")
    service.ok(activation(known))
    assert service.identity() == known
    assert service.control.left() == []


@pytest.mark.parametrize("command", ["ContextLoad", "StartAuthSession", "PolicySecret",
                                     "ActivateCredential", "FlushContext"])
def test_vanishes_during_a_command(start, command):
    """The job is tried once more on a new link."""
    service = start("plain").settled()
    request = activation(service.attestation())
    service.ok(request)
    service.control.fault("close", command=command, count=1)
    service.ok(request)
    assert service.control.left() == []


def test_gone_and_back(start):
    service = start("plain").settled()
    known = service.identity()
    service.control.ask("absent")
    reply = service.ask(activation(known))
    assert (reply["status"], reply["error"]) == ("error", "tpm_unavailable")
    service.control.ask("present")
    assert recovers(service, activation(known))
    assert service.identity() == known


@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_reset(start, kind):
    """Saved contexts are invalid after a TPM reset: the keys are created again."""
    service = start(kind).settled()
    known = service.identity()
    service.ok(activation(known))
    service.control.ask("restart")
    service.ok(activation(known))
    service.control.reset()
    service.ok(activation(known))
    assert "CreatePrimary" not in service.control.commands()
    assert service.identity() == known
    assert service.control.left() == []


def test_killed_and_restarted(start):
    service = start("plain").settled()
    known = service.identity()
    service.control.ask("kill")
    reply = service.ask(activation(known))
    assert reply["status"] == "error" and reply["error"].startswith("tpm_")
    service.control.ask("restart")
    assert recovers(service, activation(known))
    assert service.identity() == known


@pytest.mark.parametrize("fault", [("tag12",), ("short",), ("size", 12), ("size", 4000), ("cut", 4),
                                   ("long", 4), ("truncate", 8)], ids=lambda f: " ".join(map(str, f)))
def test_malformed_answer(start, fault):
    """One malformed response: attestd tries again on a new link, or there is an error; then all is well."""
    service = start("plain").settled()
    request = activation(service.attestation())
    service.ok(request)
    service.control.fault(*fault, command="ActivateCredential", count=1)
    reply = service.ask(request)
    if reply["status"] == "error":
        assert reply["error"] in ("tpm_bad_response", "tpm_unavailable")
    service.control.ask("clear")
    assert recovers(service, request)
    assert service.control.left() == []


@pytest.mark.parametrize("rc", [0x922, 0x908, 0x90A, 0x920], ids=["RETRY", "YIELDED", "TESTING",
                                                                  "NV_RATE"])
def test_not_now_is_repeated(start, rc):
    service = start("plain").settled()
    request = activation(service.attestation())
    service.control.fault("rc", rc, count=3)
    service.ok(request)
    assert service.control.left() == []


@pytest.mark.parametrize("rc,error", [(0x902, "tpm_no_memory"), (0x903, "tpm_no_memory"),
                                      (0x921, "tpm_lockout"), (0x100, "tpm_not_started")])
def test_named_codes(start, rc, error):
    service = start("plain").settled()
    request = activation(service.attestation())
    service.ok(request)  # it uses the session that was ready
    service.control.fault("rc", rc, command="StartAuthSession")
    reply = service.ask(request)
    assert (reply["error"], int(reply["tpm_rc"], 16)) == (error, rc)
    assert reply["message"].startswith("ActivateCredential failed: ")
    service.control.ask("clear")
    service.ok(request)
    assert service.control.left() == []


def test_stop_during_a_slow_command(start):
    """After SIGTERM the request in hand finishes, and no new one is accepted."""
    service = start("plain").settled()
    service.control.delay(1500, "ActivateCredential", 1)
    with service.works_on(activation(service.attestation())) as s:
        begin = time.monotonic()
        service.terminate()
        assert parse_reply(read_all(s))["status"] == "ok"
        assert service.wait_exit() in service.ENDS
        assert time.monotonic() - begin < 12
    assert service.is_gone()


def test_stop_during_a_mute_command(start):
    """A TPM that never answers does not prevent the end."""
    service = start("plain").settled()
    service.control.fault("hang", command="ActivateCredential")
    with service.works_on(activation(service.attestation())):
        begin = time.monotonic()
        service.terminate()
        assert service.wait_exit(30) in service.ENDS
        assert time.monotonic() - begin < 20


def test_gone_after_a_clean_up_that_failed(start):
    """If a flush fails, the link is closed; if it cannot be opened again, the client is told."""
    service = start("plain").settled()
    request = activation(service.attestation())
    service.control.ask("restart")  # so that the EK is created again, in a job of several operations
    service.control.fault("rc", 0x101, command="FlushContext", count=1)
    service.control.ask("refuse")
    begin = time.monotonic()
    assert service.ask(request)["error"] == "tpm_unavailable"
    assert time.monotonic() - begin < 20
    service.control.ask("present")
    assert recovers(service, request)
    assert service.control.left() == []


@pytest.mark.linux
@pytest.mark.parametrize("mode", ["once", "serve"])
def test_the_end_waits_for_the_clean_up(states, mode):
    """The end waits for the clean-up, here of an AIK that is being created, on the device without resource manager."""
    service = Service(states.new(), mode=mode, launcher=["--device", "tpm0", "--absent"],
                      wrap=["bash", "-c", SCRIPTS[mode], "bash"])
    try:
        service.control.delay(300, "ContextSave")
        service.control.ask("present tpm0")
        wait_for((service.dir / "over").exists, 30, "end")
        assert (service.dir / "status").read_text() == "0\n"
        assert service.control.commands()[-1] == "FlushContext"
        assert service.control.handles() == []
    finally:
        service.close()


@pytest.mark.slow
def test_mute(start):
    """No response within the command's time: an error, and a new link."""
    service = start("plain").settled()
    request = activation(service.attestation())
    service.control.fault("hang", command="ActivateCredential", count=1)
    begin = time.monotonic()
    assert service.ask(request, timeout=100)["error"] == "tpm_timeout"
    assert 25 <= time.monotonic() - begin <= 55
    assert recovers(service, request)
    assert service.control.left() == []
