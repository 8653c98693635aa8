"""The session that is ready, when attestd is stopped or killed: nothing of it is left."""
import os
import signal
import time

import pytest

from harness.asked import HEALTH
from harness.faults import ATTESTATION, Supervised, activation, opens
from harness.ready import MAKING, usually
from harness.service import Service, wait_for
from test_killed import at_rest

SCRIPT = """cd $TMPDIR
    "$@" & echo $! >pid.new; mv pid.new pid; wait $!; echo $? >status; >over; sleep 30"""
ONCE = """cd $TMPDIR
    { echo '{"command":"getAttestationData"}'; sleep PAUSE; } | "$@" >out; echo $? >status; >over; sleep 30"""


class Stopped(Service):
    """attestd on a device without resource manager. Its launcher goes on, and says what is left."""

    def __init__(self, state, script=SCRIPT, **options):
        super().__init__(state, launcher=["--device", "tpm0"], wrap=["bash", "-c", script, "bash"], **options)

    def ends(self):
        """Checks that it ends in time, with status 0, and leaves nothing."""
        wait_for((self.dir / "over").exists, 30, "end")
        assert (self.dir / "status").read_text() == "0\n", self.log()
        assert self.control.handles() == []

    def end(self):
        os.kill(int((self.dir / "pid").read_text()), signal.SIGTERM)
        begin = time.monotonic()
        self.ends()
        return time.monotonic() - begin


def moments(kind):
    """The moments: before the session is made, at each command of its making, and while it waits."""
    return ["pause", *MAKING[kind], "ready"]


@pytest.mark.parametrize("moment", usually("pause", "PolicySecret", "ready",
                                           but=["ContextLoad", "StartAuthSession", "FlushContext"]))
def test_stopped(states, moment):
    """A stop before the session is made, at each command of its making, and while it waits."""
    service = Stopped(states.new("plain"))
    try:
        service.ready()
        wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
        if moment not in ("pause", "ready"):
            service.control.left()
            service.control.delay(1500, moment, 1)
        service.ok(ATTESTATION)
        if moment == "ready":
            service.made_ready()
        elif moment != "pause":
            wait_for(lambda: service.control.works_on(moment), 10, moment)
        assert service.end() < 6
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
    """Killed at each command of the making: the next attestd works at once, and flushes what must be its own."""
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
        service.control.settle()
        service.control.rest()
        # A session that was just started may be another program's; it stays until its slot is needed.
        assert len(service.control.handles()) <= (1 if device == "tpmrm0" else 3)


@pytest.mark.parametrize("device", usually("tpm0", but=["tpmrm0"]))
def test_killed_while_it_is_ready(states, device, kind):
    """The next attestd flushes it before anything else, again and again."""
    with Supervised(states.new(kind), device=device) as service:
        request = activation(service.settled().identity())
        for _ in range(5):  # more often than there are slots
            service.made_ready()
            pid = service.pid
            os.kill(pid, signal.SIGKILL)
            service.await_next(pid)
            wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")
            wait_for(lambda: service.control.handles() == [], 10, "clean-up")
        assert opens(service.ask(request))
