"""The session that is ready for the next activation: when there is one, and that only the time shows it."""
import concurrent.futures
import time

import pytest

from harness.asked import CERTIFY, HEALTH, QUOTE, rsa
from harness.control import READY_PAUSE_S, READY_S, Announced
from harness.credential import make, rsa_from_tpm
from harness.faults import ATTESTATION, GET_CHAIN, GET_EK, activation, opens
from harness.raw import ask, authorised
from harness.ready import MAKING, USE, WITHOUT, Watched, usually
from harness.service import b64, conclusive, connect, wait_for

PLATFORM, EK_HANDLE = 0x4000000C, 0x81010001
OWNER, CLEAR, CHANGE_EPS, EVICT = 0x40000001, 0x126, 0x124, 0x120


# ---- when it is made, used and ended ----------------------------------------------


@pytest.mark.parametrize("trigger", [ATTESTATION, QUOTE], ids=["attestation", "quote"])
def test_made_after_the_reply(watched, trigger):
    """It is made after the reply, not before. Then an activation needs only its own commands."""
    service, control = watched.service, watched.control

    def replied_first():
        watched.unready()
        begin = time.monotonic()
        service.ok(trigger)
        late = "StartAuthSession" in control.commands()
        return None if late and time.monotonic() - begin >= READY_PAUSE_S else not late

    assert conclusive(replied_first)
    control.settle()
    assert [name for name in control.commands() if name in ("StartAuthSession", "PolicySecret")] == [
        "StartAuthSession", "PolicySecret"]
    assert control.left() == []
    watched.is_ready()
    if trigger == ATTESTATION:
        assert control.commands() == MAKING[watched.kind]
    control.reset()
    watched.activates()
    watched.is_empty()
    assert control.commands() == USE[watched.kind]
    control.reset()
    watched.activates()
    watched.is_empty()
    assert control.commands() == WITHOUT[watched.kind]
    assert watched.sessions.used()[-2:] == [1, 1]


def test_other_requests_make_none(start, kind):
    """Other requests, and requests that fail, do not lead to a session."""
    service = start(kind).ready()
    wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
    assert service.control.left() == []
    service.control.reset()
    for request in (GET_EK, HEALTH, GET_CHAIN, CERTIFY, rsa(CERTIFY), {**QUOTE, "pcrs": "x"}, {**ATTESTATION, "aik": 1},
                    {"command": "quote"}, {"command": "activateCredential"}, "{}"):
        service.ask(request)
        Announced.another()  # it may announce an activation
        assert service.control.left() == []
        assert service.control.handles() == [], request
    assert "StartAuthSession" not in service.control.commands()


def test_failed_quote_makes_none(watched):
    watched.unready()
    for command in ("Quote", "PCR_Read"):
        watched.control.fault("rc", 0x1C4, command=command)
        assert watched.service.ask(QUOTE)["status"] == "error"
        watched.control.ask("clear")
        Announced.another()
        watched.is_empty()
    assert watched.made() == 0


def test_many_requests_make_one_session(watched):
    """Asking again and again leads to one session, and no further commands."""
    watched.unready()
    for i in range(10):
        watched.service.ok(ATTESTATION if i % 2 else QUOTE)
        time.sleep(0.1)
    assert watched.made() == 1
    watched.is_ready()


@pytest.mark.slow
@pytest.mark.limit(300)
def test_unused_session_expires(watched):
    """When its time is over, it is flushed, whatever clients ask for meanwhile; nothing is left."""
    watched.unready()
    watched.service.ok(ATTESTATION)
    watched.control.settle()
    since = time.monotonic()
    watched.control.reset()
    while time.monotonic() - since < READY_S - 4:
        watched.service.ok(ATTESTATION)
        time.sleep(1)
    watched.is_ready()
    assert watched.control.commands() == []
    wait_for(lambda: watched.control.handles() == [], 10, "flush")
    assert READY_S - 3 < time.monotonic() - since < READY_S + 5
    assert watched.control.commands() == ["FlushContext"]
    time.sleep(1)
    watched.is_empty()
    watched.activates()
    assert watched.sessions.used()[-2:] == [0, 1]


def test_used_once(watched):
    """Of two activations at once the first uses the session; both succeed."""
    for _ in range(5):
        watched.unready().made_ready()
        before = len(watched.sessions.all())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert all(map(opens, pool.map(watched.service.ask, [watched.request] * 2)))
        watched.is_empty()
        assert watched.made() == 1
        assert watched.sessions.used()[before - 1:] == [1, 1]


def test_credential_of_the_other_aik(watched):
    """The session is salted with the EK, so an activation for either AIK can use it."""
    known = watched.service.attestation("rsa")
    watched.unready().made_ready()
    assert opens(watched.service.ask(activation(known, "rsa")))
    assert "StartAuthSession" not in watched.control.commands()
    watched.is_empty()


def test_a_wrong_credential(watched):
    """A wrong credential is refused at the first attempt, and has used up the session."""
    known = watched.service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], b"secret")
    wrong = {"command": "activateCredential", "hmac": b64(bytes(32)), "enc": b64(c.enc),
             "encrypted_secret": b64(c.encrypted_secret)}
    watched.unready().made_ready()
    for commands in (USE, WITHOUT):
        watched.control.reset()
        assert watched.service.ask(wrong)["error"] == "credential_rejected"
        watched.is_empty()
        # The session has to be flushed, too.
        assert watched.control.commands() == [*commands[watched.kind], "FlushContext"]
    watched.activates()


# ---- an activation before the session is ready -----------------------------------------


def test_activation_too_soon(watched):
    """If the activation comes within the pause, it makes its own session; none is made after it."""
    def came_too_soon():
        watched.unready()
        begin = time.monotonic()
        watched.service.ok(ATTESTATION)
        watched.activates()
        late = time.monotonic() - begin >= READY_PAUSE_S
        watched.is_empty()
        alone = watched.control.commands() == WITHOUT[watched.kind]
        return None if late and not alone else alone

    assert conclusive(came_too_soon)


@pytest.mark.parametrize("request_", usually("activation", but=["quote", "known"]))
def test_while_it_is_made(watched, request_):
    """At each command of its making: an activation waits for the session and uses it; other requests are served."""
    for at in range(len(MAKING[watched.kind])):
        watched.unready()
        name = MAKING[watched.kind][at]
        watched.control.delay(5000 if request_ == "known" else 400, name, 1)
        watched.service.ok(ATTESTATION)
        wait_for(lambda: watched.control.works_on(name), 10, name)
        if request_ == "activation":
            watched.activates()
            watched.is_empty()
            assert watched.made() == 1
        elif request_ == "quote":
            watched.service.ok(QUOTE)
            assert watched.control.left() == []
            watched.is_ready()
        else:
            for known in (GET_EK, ATTESTATION, HEALTH):
                watched.service.ok(known)
            assert watched.control.works_on(name)
        watched.control.ask("clear")
    assert watched.sessions.all()


def test_client_leaves_while_it_is_used(watched):
    """If the client goes while the session is used, the job goes on; the next activation succeeds."""
    for name in dict.fromkeys(USE[watched.kind]):
        watched.unready().made_ready()
        watched.control.delay(20000, name, 1)
        watched.service.works_on(watched.request, name).close()
        watched.service.go_round()
        watched.control.ask("clear")
        watched.activates()
        watched.is_empty()
        assert watched.sessions.all()[-1].uses == 1


# ---- a TPM that is lost, reset or replaced meanwhile ------------------------------------


def other_program_sends(watched, code, *handles, parts=()):
    """Sends a command of another program, not through attestd."""
    with connect(watched.service.raw) as s:
        ask(s, authorised(code, handles, *parts))


MEANWHILE = {
    "vanish": lambda w: w.control.ask("vanish"),
    "restart": lambda w: w.control.ask("restart"),
    "clear": lambda w: other_program_sends(w, CLEAR, PLATFORM),
    "twice": lambda w: [w.control.ask("restart") for _ in range(2)],
}


@pytest.mark.parametrize("what", usually("vanish", "restart", but=["clear", "twice"]))
@pytest.mark.parametrize("then", usually("activation", but=["quote"]))
def test_tpm_lost_or_reset_while_it_is_ready(watched, what, then):
    """Something happens while the session waits: the next activation succeeds, and nothing old is used or left."""
    watched.unready().made_ready()
    MEANWHILE[what](watched)
    if then == "quote":
        watched.service.ok(QUOTE)
        watched.control.settle()
        watched.activates()
        watched.service.unready(watched.request)
        watched.is_empty()
        return
    watched.activates()
    watched.is_empty()
    watched.made_ready()
    watched.activates()
    assert "StartAuthSession" not in watched.control.commands()
    watched.is_empty()


def test_ek_evicted_while_it_is_ready(start, tmp_path):
    watched = Watched(start, "persistent", tmp_path).unready().made_ready()
    other_program_sends(watched, EVICT, OWNER, EK_HANDLE, parts=[EK_HANDLE.to_bytes(4, "big")])
    watched.activates()
    watched.is_empty()
    watched.made_ready()
    watched.activates()
    watched.is_empty()
    assert watched.control.commands() == USE["plain"]


def test_other_seed_while_it_is_ready(start, tmp_path):
    """The TPM gets another seed, and so another EK than that of the session's salt."""
    watched = Watched(start, "plain", tmp_path).unready().made_ready()
    other_program_sends(watched, CHANGE_EPS, PLATFORM)
    watched.service.ask(watched.request)  # for the former keys
    watched.service.ok(QUOTE)
    known = watched.service.attestation()
    assert opens(watched.service.ask(activation(known)))
    watched.service.unready(activation(known))
    assert watched.control.handles() == []


def test_tpm_absent_while_it_is_ready(watched):
    watched.unready().made_ready()
    watched.control.ask("absent")
    assert watched.service.ask(watched.request)["error"] == "tpm_unavailable"
    watched.control.ask("present")
    wait_for(lambda: opens(watched.service.ask(watched.request)), 30, "recovery")
    watched.is_empty()
    watched.sessions.all()


@pytest.mark.parametrize("moment", usually("close-after", but=["close", "size 9", "tag12", "noise"]))
def test_the_link_breaks_while_it_is_made(watched, moment):
    """The session is made on the next link, or not at all; the activation succeeds."""
    kind, *value = moment.split()
    for name in dict.fromkeys(MAKING[watched.kind]):
        watched.unready()
        watched.control.fault(kind, *value, command=name, count=1)
        watched.service.ok(ATTESTATION)
        watched.control.settle()
        watched.activates()
        assert watched.control.left() == []
        watched.service.unready(watched.request)
        assert watched.control.handles() == []
        watched.sessions.all()
        watched.made_ready()
