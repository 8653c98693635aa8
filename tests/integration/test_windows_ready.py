"""The ready session for the next activation, behind TPM Base Services: keys stay loaded,
endorsementAuth is set, and sessions belong to the context.
"""
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
# The policy session, and a session that proves endorsementAuth and ends with that command.
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
def test_made_after_the_reply_and_used_once(start, tmp_path, kind):
    watched = Watched(start, tmp_path, kind).made_ready()
    assert watched.control.commands() == MAKING
    for commands in (["ActivateCredential"], WITHOUT):
        watched.control.reset()
        watched.activates()
        assert watched.control.commands() == commands
    assert watched.sessions.used()[-2:] == [1, 1]


def test_many_requests_make_one_session(watched):
    for _ in range(10):
        watched.service.ok(ATTESTATION)
        time.sleep(0.1)
    assert watched.control.commands() == MAKING
    assert len(watched.control.policies()) == 1


@pytest.mark.slow
def test_unused_session_expires(watched):
    watched.made_ready()
    watched.control.reset()
    end = time.monotonic() + READY_S + 10
    while watched.control.policies() and time.monotonic() < end:
        time.sleep(0.1)
    assert watched.control.policies() == []
    assert [name for name in watched.control.commands() if name != "NV_ReadPublic"] == ["FlushContext"]
    watched.activates()


def test_two_activations_at_once(watched):
    watched.made_ready()
    another = watched.service.relay()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda address: ask(address, watched.request), [watched.service.address, another]))
    assert [reply["status"] for reply in replies] == ["ok", "ok"]
    assert watched.sessions.used()[-2:] == [1, 1]


@pytest.mark.parametrize("code", [*GONE.values(), CANCELED, INVALID_CONTEXT])
def test_a_session_that_is_gone(watched, code):
    """The activation fails with the ready session, and starts one of its own."""
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
def test_tpm_reset_while_it_is_ready(watched, what):
    watched.made_ready()
    watched.control.ask(what)
    watched.activates()
    watched.sessions.all()


def test_endorsement_auth_changed_while_it_is_ready(start, tmp_path):
    """The ready session proved the old value and is still valid. For later sessions attestd asks
    TBS again.
    """
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


def test_stopped_while_it_is_ready(watched):
    """attestd flushes the session itself, although TBS would flush it together with the context."""
    watched.made_ready()
    watched.control.reset()
    watched.service.terminate()
    watched.service.wait_exit()
    trace = watched.sessions.path.read_text().split()
    assert any(line[12:20] == "00000165" for line in trace[-4:])
