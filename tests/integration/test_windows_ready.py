"""The session that is ready for the next activation, behind TPM Base Services: keys stay loaded, endorsementAuth
is set, and sessions are the context's own."""
import concurrent.futures
import time

import pytest

from harness import ready
from harness.control import READY_S
from harness.service import ask
from harness.wine import windows_path
from test_windows_tbs import AUTH, CANCELED, GONE, INVALID_CONTEXT, change_auth

pytestmark = pytest.mark.windows

ATTESTATION = {"command": "getAttestationData"}
# Two sessions, of which one shows endorsementAuth, and ends with that.
MAKING = ["StartAuthSession", "StartAuthSession", "PolicySecret"]
WITHOUT = [*MAKING, "ActivateCredential"]


class Watched(ready.Watched):
    def __init__(self, start, tmp_path, kind="plain", **options):
        super().__init__(start, kind, tmp_path, **options)
        self.unready()

    def made_ready(self):
        self.service.made_ready()
        assert len(self.control.policies()) == 1 and self.control.left() == []
        return self

    def activates(self):
        super().activates()
        assert self.control.left() == self.control.policies() == []
        assert not [handle for handle in self.control.handles() if handle.startswith("0x02")]


@pytest.fixture
def watched(start, tmp_path):
    return Watched(start, tmp_path)


@pytest.mark.core
@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_made_behind_the_reply_and_used_once(start, tmp_path, kind):
    watched = Watched(start, tmp_path, kind).made_ready()
    assert watched.control.commands() == MAKING
    for commands in (["ActivateCredential"], WITHOUT):
        watched.control.reset()
        watched.activates()
        assert watched.control.commands() == commands
    assert watched.sessions.used()[-2:] == [1, 1]


def test_asking_again_and_again(watched):
    for _ in range(10):
        watched.service.ok(ATTESTATION)
        time.sleep(0.1)
    assert watched.control.commands() == MAKING
    assert len(watched.control.policies()) == 1


@pytest.mark.slow
def test_nobody_comes(watched):
    watched.made_ready()
    watched.control.reset()
    end = time.monotonic() + READY_S + 10
    while watched.control.policies() and time.monotonic() < end:
        time.sleep(0.1)
    assert watched.control.policies() == []
    assert watched.control.commands() == ["FlushContext"]
    watched.activates()


def test_two_at_once(watched):
    watched.made_ready()
    another = watched.service.relay()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda address: ask(address, watched.request), [watched.service.address, another]))
    assert [reply["status"] for reply in replies] == ["ok", "ok"]
    assert watched.sessions.used()[-2:] == [1, 1]


@pytest.mark.parametrize("code", [*GONE.values(), CANCELED, INVALID_CONTEXT])
def test_a_session_that_is_gone(watched, code):
    """Noticed at its use: the activation has one of its own."""
    watched.made_ready()
    watched.control.fault("rc", code, command="ActivateCredential", count=1)
    watched.activates()
    watched.sessions.all()


@pytest.mark.parametrize("command", ["StartAuthSession", "PolicySecret"])
@pytest.mark.parametrize("code", [0x903, 0x905, 0x101, CANCELED, INVALID_CONTEXT])
def test_making_it_fails(watched, command, code):
    watched.control.fault("rc", code, command=command, count=1)
    watched.service.ok(ATTESTATION)
    watched.control.settle()
    watched.activates()
    watched.sessions.all()


@pytest.mark.core
@pytest.mark.parametrize("what", ["restart", "vanish"])
def test_the_tpm_is_reset_meanwhile(watched, what):
    watched.made_ready()
    watched.control.ask(what)
    watched.activates()
    watched.sessions.all()


def test_the_authorisation_is_changed_meanwhile(start, tmp_path):
    """What was shown ahead was right; what comes next is asked for anew."""
    path = tmp_path / "auth"
    path.write_bytes(AUTH)
    watched = Watched(start, tmp_path, env={"ATTESTD_TEST_TBS_AUTH": windows_path(path)}).made_ready()
    change_auth(watched.service, AUTH, b"another one")
    path.write_bytes(b"another one")
    for _ in range(2):
        watched.activates()
    watched.made_ready()
    watched.control.reset()
    watched.activates()
    assert watched.control.commands() == ["ActivateCredential"]


def test_stopped_while_it_waits(watched):
    """Nothing is left of it: TBS would flush it with the context, but attestd has done so before."""
    watched.made_ready()
    watched.control.reset()
    watched.service.terminate()
    watched.service.wait_exit()
    trace = watched.sessions.path.read_text().split()
    assert any(line[12:20] == "00000165" for line in trace[-4:])
