"""A TPM that is reset, refuses a command or garbles a response at the worst moment."""
import time

import pytest

from harness.faults import activation
from harness.service import (conclusive, connect, line_of, opened_too_late, parse_reply, read_all,
                             wait_for)
from test_tpm_comes_and_goes import GET_EK, recovers

pytestmark = pytest.mark.portable


def begin(service, request):
    s = connect(service.address)
    s.sendall(line_of(request))
    return s


def settled(start, kind="plain"):
    service = start(kind).settled()
    request = activation(service.attestation())
    service.ok(request)
    assert service.control.left() == []
    return service, request


@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_reset_under_the_credential(start, kind):
    """A garbled response and a reset: a good credential is not called a bad one."""
    service, request = settled(start, kind)

    def reset():
        opens, since = service.control.opens(), time.monotonic()
        service.control.fault("size", 12, command="ActivateCredential", count=1)
        service.control.delay(600, "GetRandom", 1)  # the first command of the new link
        with begin(service, request) as s:
            wait_for(lambda: service.control.opens() > opens, 30, "new link")
            time.sleep(0.1)
            service.control.ask("restart")
            reply = parse_reply(read_all(s))
        if opened_too_late(reply, since):
            service.control.ask("clear")
            recovers(service, request)
            assert service.control.left() == []
            return None
        return reply

    assert conclusive(reset)["status"] == "ok"


def test_flush_always_refused(start):
    """attestd opens the link again, but with pauses."""
    service, request = settled(start)
    service.control.fault("rc", 0x101, command="FlushContext")
    service.ask(request)
    time.sleep(1)
    since = time.monotonic()
    service.control.reset()
    time.sleep(2)
    assert service.control.count() < 50 * (time.monotonic() - since)
    assert service.ask(GET_EK)
    service.control.ask("clear")
    assert recovers(service, request)


def test_flush_refused_once(start):
    """One refused flush: waiting clients do not notice."""
    service, request = settled(start)
    service.control.delay(300, "ActivateCredential", 1)
    service.control.fault("rc", 0x101, command="FlushContext", count=1)
    clients = [begin(service, request) for _ in range(4)]
    for s in clients:
        with s:
            assert parse_reply(read_all(s))["status"] == "ok"
    assert service.control.left() == []


def test_each_new_link_breaks(start):
    """Each new link breaks at its second operation or later: the pauses grow nevertheless."""
    service = start("persistent", launcher=["--absent"]).ready()
    service.control.fault("size", 12, command="CreatePrimary")
    service.control.ask("present")
    wait_for(lambda: service.control.opens() >= 6, 20, "attempts")
    since, before = time.monotonic(), service.control.opens()
    time.sleep(3)
    assert service.control.opens() - before <= 2 * (time.monotonic() - since) + 2
    service.control.ask("clear")
    assert recovers(service, GET_EK)


@pytest.mark.slow
@pytest.mark.linux  # on Windows, attestd has to wait for TBS
def test_mute_from_the_start(start):
    """Requests do not wait longer than the grace time."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("hang")
    service.control.ask("present")
    since = time.monotonic()
    assert service.ask(GET_EK)["error"] == "tpm_unavailable"
    assert time.monotonic() - since < 20
    service.control.ask("clear")
    assert recovers(service, GET_EK, 60)


@pytest.mark.parametrize("rc,name", [(0x2C4, "tpm_error"), (0x98E, "cert_access"), (0x149, "cert_access"),
                                     (0x148, "cert_access"), (0x921, "tpm_lockout")])
def test_certificate_refused(start, rc, name):
    """Whatever the TPM's error for the index is: there is no certificate, and everything else works. The log says
    which error it was."""
    service = start("factory", launcher=["--absent"]).ready()
    service.control.fault("rc", rc, command="NV_Read")
    service.finds_tpm()
    assert service.ok(GET_EK)["ek_cert"] is None
    service.ok(activation(service.attestation()))
    said = service.logged("no EK certificate")
    assert name in said and f"tpm_rc={rc:#x}" in said
