"""The session that is ready for the next activation: when there is one, and that nobody notices but by the time."""
import concurrent.futures
import contextlib
import os
import signal
import time

import pytest

from harness import tpm
from harness.asked import CERTIFY, HEALTH, QUOTE, rsa
from harness.control import READY_PAUSE_S, READY_S, Led, transmit_on
from harness.credential import make, rsa_from_tpm
from harness.faults import ATTESTATION, GET_CHAIN, GET_EK, Supervised, activation, opens
from harness.predecessor import predecessor
from harness.ready import MAKING, USE, WITHOUT, Sessions
from harness.raw import ask, authorised
from harness.service import Service, b64, conclusive, connect, unb64, wait_for
from test_killed import HMAC, POLICY, POLICY_PCR, at_rest
PLATFORM, ENDORSEMENT, EK_HANDLE = 0x4000000C, 0x4000000B, 0x81010001
OWNER, CLEAR, CHANGE_EPS, EVICT = 0x40000001, 0x126, 0x124, 0x120


def usually(*cases, but=()):
    """Those cases; daily work goes without the others."""
    return [*cases, *(pytest.param(case, marks=pytest.mark.variant) for case in but)]


@pytest.fixture(params=usually("plain", but=["persistent"]))
def kind(request):
    return request.param


class Watched:
    """A service whose sessions are followed, and an activation for it."""

    def __init__(self, start, kind, folder, **options):
        self.sessions = Sessions(folder)
        self.kind = kind
        launcher = [*self.sessions.options, *options.pop("launcher", [])]
        self.service = start(kind, launcher=launcher, **options).settled()
        self.control = self.service.control
        self.request = activation(self.service.attestation())

    def unready(self):
        self.service.unready(self.request)
        self.control.reset()
        return self

    def made_ready(self):
        """Of a service that has just been started, or whose last was used."""
        self.service.made_ready()
        self.is_ready()
        self.control.reset()
        return self

    def is_ready(self):
        """One session, and nothing else."""
        assert len(self.control.policies()) == 1
        assert self.control.handles() == self.control.policies()

    def is_empty(self):
        assert self.control.left() == []
        assert self.control.handles() == []

    def activates(self):
        assert opens(self.service.ask(self.request))

    def made(self):
        return self.control.commands().count("StartAuthSession")


@pytest.fixture
def watched(start, kind, tmp_path):
    return Watched(start, kind, tmp_path)


# ---- when it is made, used and ended ----------------------------------------------


@pytest.mark.parametrize("leads_on", [ATTESTATION, QUOTE], ids=["attestation", "quote"])
def test_made_behind_the_reply(watched, leads_on):
    """Not before it; then the activation's own commands are all that it takes."""
    service, control = watched.service, watched.control

    def replied_first():
        watched.unready()
        begin = time.monotonic()
        service.ok(leads_on)
        names = control.commands()
        return time.monotonic() - begin < READY_PAUSE_S and "StartAuthSession" not in names or None

    assert conclusive(replied_first)
    control.settle()
    assert [name for name in control.commands() if name in ("StartAuthSession", "PolicySecret")] == [
        "StartAuthSession", "PolicySecret"]
    assert control.left() == []
    watched.is_ready()
    if leads_on == ATTESTATION:
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


def test_an_idle_one_holds_nothing(start, kind):
    """Who asks for something else, or in vain, leads on to nothing."""
    service = start(kind).ready()
    wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
    assert service.control.left() == []
    service.control.reset()
    for request in (GET_EK, HEALTH, GET_CHAIN, CERTIFY, rsa(CERTIFY), {**QUOTE, "pcrs": "x"}, {**ATTESTATION, "aik": 1},
                    {"command": "quote"}, {"command": "activateCredential"}, "{}"):
        service.ask(request)
        Led.on()  # perhaps
        assert service.control.left() == []
        assert service.control.handles() == [], request
    assert "StartAuthSession" not in service.control.commands()


def test_a_refused_quote_leads_on_to_nothing(watched):
    watched.unready()
    for command in ("Quote", "PCR_Read"):
        watched.control.fault("rc", 0x1C4, command=command)
        assert watched.service.ask(QUOTE)["status"] == "error"
        watched.control.ask("clear")
        Led.on()
        watched.is_empty()
    assert watched.made() == 0


def test_asking_again_and_again(watched):
    """Costs one session, and no more commands than that."""
    watched.unready()
    for i in range(10):
        watched.service.ok(ATTESTATION if i % 2 else QUOTE)
        time.sleep(0.1)
    assert watched.made() == 1
    watched.is_ready()


@pytest.mark.slow
@pytest.mark.limit(300)
def test_nobody_comes(watched):
    """It is flushed when its time is over, whoever asks for what meanwhile: nothing is left."""
    watched.unready()
    watched.service.ok(ATTESTATION)
    watched.control.settle()
    since = time.monotonic()
    watched.control.reset()
    while time.monotonic() - since < READY_S - 2:
        watched.service.ok(ATTESTATION)
        time.sleep(1)
    watched.is_ready()
    assert watched.control.commands() == []
    wait_for(lambda: watched.control.handles() == [], 6, "flush")
    assert READY_S - 1 < time.monotonic() - since < READY_S + 3
    assert watched.control.commands() == ["FlushContext"]
    time.sleep(1)
    watched.is_empty()
    watched.activates()
    assert watched.sessions.used()[-2:] == [0, 1]


def test_used_once(watched):
    """Two at once: the first gets it, both are right."""
    for _ in range(5):
        watched.unready().made_ready()
        before = len(watched.sessions.all())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert all(map(opens, pool.map(watched.service.ask, [watched.request] * 2)))
        watched.is_empty()
        assert watched.made() == 1
        assert watched.sessions.used()[before - 1:] == [1, 1]


def test_another_aiks_credential(watched):
    """It is the EK's: either AIK's activation can have it."""
    known = watched.service.attestation("rsa")
    watched.unready().made_ready()
    assert opens(watched.service.ask(activation(known, "rsa")))
    assert "StartAuthSession" not in watched.control.commands()
    watched.is_empty()


def test_a_wrong_credential(watched):
    """Is refused as ever, at the first attempt; it has used the session up."""
    known = watched.service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], b"secret")
    wrong = {"command": "activateCredential", "hmac": b64(bytes(32)), "enc": b64(c.enc),
             "encrypted_secret": b64(c.encrypted_secret)}
    watched.unready().made_ready()
    for commands in (USE, WITHOUT):
        watched.control.reset()
        assert watched.service.ask(wrong)["error"] == "credential_rejected"
        watched.is_empty()
        # The session has to be flushed as well.
        assert watched.control.commands() == [*commands[watched.kind], "FlushContext"]
    watched.activates()


# ---- it comes while it is made, or too soon -----------------------------------------


def test_too_soon_for_it(watched):
    """The activation comes within the pause: it has a session of its own, and no other is made behind it."""
    def came_too_soon():
        watched.unready()
        begin = time.monotonic()
        watched.service.ok(ATTESTATION)
        watched.activates()
        return time.monotonic() - begin < READY_PAUSE_S or None

    assert conclusive(came_too_soon)
    watched.is_empty()
    assert watched.control.commands() == WITHOUT[watched.kind]


@pytest.mark.parametrize("request_", usually("activation", but=["quote", "known"]))
def test_while_it_is_made(watched, request_):
    """At each of its commands: an activation waits for it and uses it; others are served beside it."""
    for at in range(len(MAKING[watched.kind])):
        watched.unready()
        name = MAKING[watched.kind][at]
        watched.control.delay(150, name, 1)
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


def test_who_goes_while_it_is_used(watched):
    """The job goes on for nobody; the next activation is right."""
    for name in dict.fromkeys(USE[watched.kind]):
        watched.unready().made_ready()
        watched.control.delay(100, name, 1)
        watched.service.works_on(watched.request, name).close()
        watched.activates()
        watched.is_empty()
        assert watched.sessions.all()[-1].uses == 1


# ---- a TPM that is lost, reset, another, meanwhile --------------------------------------


def by(watched, code, *handles, parts=()):
    """Another program's command, past attestd."""
    with connect(watched.service.raw) as s:
        ask(s, authorised(code, handles, *parts))


MEANWHILE = {
    "vanish": lambda w: w.control.ask("vanish"),
    "restart": lambda w: w.control.ask("restart"),
    "clear": lambda w: by(w, CLEAR, PLATFORM),
    "twice": lambda w: [w.control.ask("restart") for _ in range(2)],
}


@pytest.mark.parametrize("what", usually("vanish", "restart", but=["clear", "twice"]))
@pytest.mark.parametrize("then", usually("activation", but=["quote"]))
def test_meanwhile(watched, what, then):
    """While it waits: what comes next is right, and nothing of what was is used or left."""
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


def test_the_ek_is_evicted_meanwhile(start, tmp_path):
    watched = Watched(start, "persistent", tmp_path).unready().made_ready()
    by(watched, EVICT, OWNER, EK_HANDLE, parts=[EK_HANDLE.to_bytes(4, "big")])
    watched.activates()
    watched.is_empty()
    watched.made_ready()
    watched.activates()
    watched.is_empty()
    assert watched.control.commands() == USE["plain"]


def test_another_seed_meanwhile(start, tmp_path):
    """The TPM is another one, to whose EK the session was not salted."""
    watched = Watched(start, "plain", tmp_path).unready().made_ready()
    by(watched, CHANGE_EPS, PLATFORM)
    watched.service.ask(watched.request)  # for the keys that were
    watched.service.ok(QUOTE)
    known = watched.service.attestation()
    assert opens(watched.service.ask(activation(known)))
    watched.service.unready(activation(known))
    assert watched.control.handles() == []


def test_absent_meanwhile(watched):
    watched.unready().made_ready()
    watched.control.ask("absent")
    assert watched.service.ask(watched.request)["error"] == "tpm_unavailable"
    watched.control.ask("present")
    wait_for(lambda: opens(watched.service.ask(watched.request)), 30, "recovery")
    watched.is_empty()
    watched.sessions.all()


@pytest.mark.parametrize("moment", usually("close-after", but=["close", "size 9", "tag12", "noise"]))
def test_the_link_breaks_while_it_is_made(watched, moment):
    """It is made on the next one, or not; the activation is right."""
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


# ---- a TPM that is short of sessions -----------------------------------------------------


def bare(start, kind, *commands, **options):
    """On the plain device, on which another program has left what it will want again."""
    return start(kind, launcher=["--device", "tpm0"], wrap=predecessor(*commands), **options).ready()


TWO = [HMAC, HMAC]


def others(service):
    """What is loaded when attestd has seen to what may be its own."""
    wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
    wait_for(lambda: not any(h.startswith("0x80") for h in service.control.handles()), 30, "clean-up")
    return service.control.handles()


def test_beside_others_on_a_plain_device(start, kind):
    """Two of the three slots are another's: the third is enough, ready or not."""
    service = bare(start, kind, *TWO)
    before = others(service)
    assert len(before) == 2
    request = activation(service.attestation())
    for _ in range(3):
        service.settled()
        # Its session, when the EK that that took is flushed.
        wait_for(lambda: len(service.control.handles()) == 3, 30, "a session")
        service.control.reset()
        for commands in (USE, WITHOUT):
            assert opens(service.ask(request))
            wait_for(lambda: service.control.handles() == before, 30, "clean-up")
        assert service.control.commands() == USE[kind] + WITHOUT[kind]


def test_no_slot_is_left_for_it(start):
    """All three are another's: what asks for none is served, and it is tried once."""
    service = bare(start, "persistent", POLICY, POLICY_PCR.format(0), POLICY, POLICY_PCR.format(1), HMAC)
    before = others(service)
    assert len(before) == 3
    service.control.reset()
    for _ in range(5):
        service.ok(ATTESTATION)
        service.ok(QUOTE)
        time.sleep(0.1)
    assert service.control.commands().count("StartAuthSession") == 1
    assert service.ask(activation(service.attestation()))["error"] == "tpm_no_memory"
    assert service.control.handles() == before


AUTH = "the endorsement authorisation"


@pytest.fixture
def owned(states, kind, tmp_path):
    """A TPM whose endorsementAuth is set."""
    state = states.new(kind)
    tpm.run(state, f"tpm2_changeauth -Q -c e '{AUTH}'", tmp_path)
    (tmp_path / "auth").write_text(AUTH)
    (tmp_path / "auth").chmod(0o600)
    return state


@contextlib.contextmanager
def used_up(service):
    """Another program takes the slots that there are, and holds them for a while."""
    with connect(service.raw) as s:
        while True:
            code = transmit_on(s, bytes.fromhex(HMAC))[6:10]
            if code in (b"\0\0\x09\x03", b"\0\0\x09\x05"):  # SESSION_MEMORY, SESSION_HANDLES
                break
            assert code in (bytes(4), b"\0\0\x09\x22"), code.hex()
        yield


def test_used_up_by_another_program(watched):
    """An activation for which a session is ready needs no more than that."""
    watched.unready().made_ready()
    with used_up(watched.service):
        watched.control.reset()
        watched.activates()
        assert "StartAuthSession" not in watched.control.commands()
    watched.is_empty()


def test_it_gives_its_slot_to_whom_somebody_waits_for(start, owned, tmp_path):
    """An AIK takes a session to be made, where endorsementAuth is set, and there is none left but that one."""
    watched = with_auth(start, owned, tmp_path).made_ready()
    with used_up(watched.service):
        watched.control.reset()
        known = watched.service.ok(rsa(ATTESTATION))
        assert {0x903, 0x905} & {rc for _, _, rc, _ in watched.control.log()}
        assert watched.control.policies() == []
    assert opens(watched.service.ask(activation({k: unb64(v) for k, v in known.items() if v and k != "status"}, "rsa")))
    watched.control.settle()
    watched.service.unready(watched.request)


# ---- endorsementAuth ------------------------------------------------------------------------


def change_auth(service, old, new):
    body = b"".join([len(new).to_bytes(2, "big"), new.encode()])
    area = b"\x40\x00\x00\x09\0\0\0" + len(old).to_bytes(2, "big") + old.encode()
    command = ENDORSEMENT.to_bytes(4, "big") + len(area).to_bytes(4, "big") + area + body
    with connect(service.raw) as s:
        ask(s, b"\x80\x02" + (10 + len(command)).to_bytes(4, "big") + (0x129).to_bytes(4, "big") + command)


def with_auth(start, owned, tmp_path):
    watched = Watched(start, owned, tmp_path, args=["--endorsement-auth", str(tmp_path / "auth")])
    return watched.unready()


def refused(watched):
    return sum(rc is not None and rc & 0x8BF in (0x8A2, 0x88E) for _, _, rc, _ in watched.control.log())


def test_with_an_authorisation(start, owned, kind, tmp_path):
    """It is shown ahead; the activation takes no more than without one."""
    watched = with_auth(start, owned, tmp_path)
    watched.service.ok(ATTESTATION)
    watched.control.settle()
    making = list(MAKING[kind])
    making.insert(making.index("PolicySecret"), "StartAuthSession")
    assert watched.control.commands() == making
    watched.is_ready()
    watched.control.reset()
    watched.activates()
    watched.is_empty()
    assert watched.control.commands() == USE[kind]
    assert AUTH.encode().hex() not in watched.sessions.path.read_text()


def test_a_wrong_authorisation(start, owned, tmp_path):
    """Ahead it is tried once, however often somebody leads on to an activation."""
    watched = with_auth(start, owned, tmp_path)
    change_auth(watched.service, AUTH, "another one")
    for _ in range(5):
        watched.service.ok(ATTESTATION)
        watched.service.ok(QUOTE)
        watched.control.settle()
    assert refused(watched) == 1
    watched.is_empty()
    assert watched.service.ask(watched.request)["error"] == "tpm_auth_required"
    assert refused(watched) == 2
    watched.is_empty()
    # The value is right again. Only an activation that succeeds has one made again.
    change_auth(watched.service, "another one", AUTH)
    watched.control.reset()
    watched.service.ok(ATTESTATION)
    watched.control.settle()
    assert watched.made() == 0
    watched.activates()
    watched.is_empty()
    assert refused(watched) == 0


def test_changed_while_it_waits(start, owned, tmp_path):
    """What was shown was right then; from the next one on the value is wrong."""
    watched = with_auth(start, owned, tmp_path).made_ready()
    change_auth(watched.service, AUTH, "another one")
    watched.activates()
    watched.is_empty()
    assert watched.service.ask(watched.request)["error"] == "tpm_auth_required"
    assert refused(watched) == 1
    watched.is_empty()


# ---- a stop, a death --------------------------------------------------------------------------

SCRIPT = """cd $TMPDIR
    "$@" & echo $! >pid.new; mv pid.new pid; wait $!; echo $? >status; >over; sleep 30"""
ONCE = """cd $TMPDIR
    { echo '{"command":"getAttestationData"}'; sleep PAUSE; } | "$@" >out; echo $? >status; >over; sleep 30"""


class Stopped(Service):
    """On a device on which nobody else cleans up. Its launcher stays, to tell what is left."""

    def __init__(self, state, script=SCRIPT, **options):
        super().__init__(state, launcher=["--device", "tpm0"], wrap=["bash", "-c", script, "bash"], **options)

    def ends(self):
        """In time, well, and with nothing left."""
        wait_for((self.dir / "over").exists, 30, "end")
        assert (self.dir / "status").read_text() == "0\n", self.log()
        assert self.control.handles() == []

    def end(self):
        os.kill(int((self.dir / "pid").read_text()), signal.SIGTERM)
        begin = time.monotonic()
        self.ends()
        return time.monotonic() - begin


def moments(kind):
    """Before it is made, at each of its commands, and when it waits."""
    return ["pause", *MAKING[kind], "ready"]


@pytest.mark.parametrize("moment", usually("pause", "PolicySecret", "ready",
                                           but=["ContextLoad", "StartAuthSession", "FlushContext"]))
def test_stopped(states, moment):
    """Before it is made, at each of its commands, and when it waits."""
    service = Stopped(states.new("plain"))
    try:
        service.ready()
        wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
        if moment not in ("pause", "ready"):
            service.control.left()
            service.control.delay(300, moment, 1)
        service.ok(ATTESTATION)
        if moment == "ready":
            service.made_ready()
        elif moment != "pause":
            wait_for(lambda: service.control.works_on(moment), 10, moment)
        assert service.end() < 4
    finally:
        service.close()


@pytest.mark.parametrize("pause", usually(0, 0.05, but=[0.04, 0.06, 0.3]))
def test_the_end_of_once(states, pause):
    service = Stopped(states.new("plain"), ONCE.replace("PAUSE", str(pause)), mode="once")
    try:
        service.ends()
        assert '"status":"ok"' in (service.dir / "out").read_text()
    finally:
        service.close()


@pytest.mark.parametrize("device", usually("tpm0", but=["tpmrm0"]))
@pytest.mark.parametrize("when", usually("kill-after", but=["kill"]))
def test_killed_while_it_is_made(states, device, when, kind):
    """At each of its commands: the next attestd works at once, and flushes what it can know to be its own."""
    with Supervised(states.new(kind), device=device) as service:
        known = service.settled().identity()
        request = activation(known)
        for index, name in enumerate(MAKING[kind]):
            service.control.settle()
            assert opens(service.ask(request))
            at_rest(service)
            service.control.fault(when, command=name, count=1)
            pid = service.pid
            service.ok(ATTESTATION)
            service.await_next(pid)
            for _ in range(2):
                assert opens(service.ask(request)), name
            assert service.identity().items() <= known.items()
        wait_for(lambda: not [h for h in service.control.handles() if h.startswith("0x80")], 30, "clean-up")
        # One that was at its beginning may be anybody's, until its slot is needed.
        assert len(service.control.handles()) <= (1 if device == "tpmrm0" else 3)


@pytest.mark.parametrize("device", usually("tpm0", but=["tpmrm0"]))
def test_killed_while_it_waits(states, device, kind):
    """The next one flushes it before anything else, again and again."""
    with Supervised(states.new(kind), device=device) as service:
        request = activation(service.settled().identity())
        for _ in range(5):  # more than there are slots
            service.made_ready()
            pid = service.pid
            os.kill(pid, signal.SIGKILL)
            service.await_next(pid)
            wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
            wait_for(lambda: service.control.handles() == [], 10, "clean-up")
        assert opens(service.ask(request))
