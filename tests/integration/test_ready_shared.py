"""The session that is ready, if the TPM has few sessions, and if endorsementAuth is set."""
import contextlib
import time

import pytest

from harness import tpm
from harness.asked import HEALTH, QUOTE, rsa
from harness.control import transmit_on
from harness.faults import ATTESTATION, activation, opens
from harness.predecessor import predecessor
from harness.raw import ask
from harness.ready import MAKING, USE, WITHOUT, Watched
from harness.service import connect, unb64, wait_for
from test_killed import HMAC, POLICY, POLICY_PCR

ENDORSEMENT = 0x4000000B


def bare(start, kind, *commands, **options):
    """attestd on the plain device, on which another program has left what it still needs."""
    return start(kind, launcher=["--device", "tpm0"], wrap=predecessor(*commands), **options).ready()


TWO = [HMAC, HMAC]


def others(service):
    """What is loaded after attestd has flushed what must be its own."""
    wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
    service.control.rest()
    return service.control.handles()


def test_beside_others_on_a_plain_device(start, kind):
    """Another program has two of the three slots: the third is enough, with and without a ready session."""
    service = bare(start, kind, *TWO)
    before = others(service)
    assert len(before) == 2
    request = activation(service.attestation())
    for _ in range(3):
        service.settled()
        # The session, after the EK that its making needed was flushed.
        wait_for(lambda: len(service.control.handles()) == 3, 30, "a session")
        service.control.reset()
        for commands in (USE, WITHOUT):
            assert opens(service.ask(request))
            wait_for(lambda: service.control.handles() == before, 30, "clean-up")
        assert service.control.commands() == USE[kind] + WITHOUT[kind]


def test_no_free_slot(start):
    """Another program has all three slots: requests that need none are served; the session is tried once."""
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
    """A TPM with endorsementAuth set."""
    state = states.new(kind)
    tpm.run(state, f"tpm2_changeauth -Q -c e '{AUTH}'", tmp_path)
    (tmp_path / "auth").write_text(AUTH)
    (tmp_path / "auth").chmod(0o600)
    return state


@contextlib.contextmanager
def used_up(service):
    """Another program takes all free slots, and holds them for a while."""
    with connect(service.raw) as s:
        while True:
            code = transmit_on(s, bytes.fromhex(HMAC))[6:10]
            if code in (b"\0\0\x09\x03", b"\0\0\x09\x05"):  # SESSION_MEMORY, SESSION_HANDLES
                break
            assert code in (bytes(4), b"\0\0\x09\x22"), code.hex()
        yield


def test_used_up_by_another_program(watched):
    """An activation with a ready session needs no further slot."""
    watched.unready().made_ready()
    with used_up(watched.service):
        watched.control.reset()
        watched.activates()
        assert "StartAuthSession" not in watched.control.commands()
    watched.is_empty()


def test_gives_its_slot_to_a_request(start, owned, tmp_path):
    """Creating an AIK needs a session if endorsementAuth is set. The last slot is the ready session's, which gives
    way."""
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
    """The authorisation is proven ahead; the activation needs no more commands than without one."""
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
    """A wrong one is tried once ahead, however often an activation is announced."""
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
    # The value is right again. Only after a successful activation is a session made again.
    change_auth(watched.service, "another one", AUTH)
    watched.control.reset()
    watched.service.ok(ATTESTATION)
    watched.control.settle()
    assert watched.made() == 0
    watched.activates()
    watched.is_empty()
    assert refused(watched) == 0


def test_changed_while_it_is_ready(start, owned, tmp_path):
    """The value was right when it was proven, and is wrong from the next session on."""
    watched = with_auth(start, owned, tmp_path).made_ready()
    change_auth(watched.service, AUTH, "another one")
    watched.activates()
    watched.is_empty()
    assert watched.service.ask(watched.request)["error"] == "tpm_auth_required"
    assert refused(watched) == 1
    watched.is_empty()
