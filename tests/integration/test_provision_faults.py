"""A fault at every TPM command of `attestd provision`, and a kill at every moment: nothing stays loaded, the
TPM is as before or as asked for, and the exit status says which."""
import pytest

from harness.faults import CODES, MANGLED, NOT_NOW, ONE_OF_A_KIND, inject, numbered, true_responses, wrong_lengths
from harness.provision import DONE, FAILED, KILLED, REFUSED, UNSURE, Machine

pytestmark = pytest.mark.slow
OWNER = "owner"
# One code of each kind; test_faults_at_start tries all of them at the commands of a start.
FEW_CODES = [CODES[name][0] for name in ("FAILURE", "BAD_AUTH", "HANDLE", "SESSION_MEMORY", "CANCELED", "VALUE")]
ALL_CODES = [rc for rc, _ in CODES.values()]
FEW_MANGLED = ["cut 1", "close-after", "garbage"]


class Flow:
    """One TPM, which is restored before each case."""

    def __init__(self, states, undo, owner, folder):
        trace = folder / "trace"
        self.machine = Machine(states.new("quick-persistent" if undo else "quick-ek"), launcher=["--trace", str(trace)])
        self.args = ["--undo"] if undo else []
        self.undo = undo
        self.owner = owner
        if owner:
            self.machine.tools(f"tpm2_changeauth -Q -c o {OWNER}")
            self.args += ["--owner-auth", self.machine.auth("owner", OWNER)]
        self.before = self.machine.public()
        self.machine.control.reset()
        trace.write_text("")
        assert self.machine.provision(*self.args).status == DONE
        log = self.machine.control.taken()
        self.responses = true_responses(trace)[:len(log)]
        self.cases = numbered(name for _, name, _, _ in log)
        self.after = self.machine.public()
        self.evicts = self.cases.index(("EvictControl", 0))
        self.looks = [name for name, _ in self.cases[:self.evicts]].count("ReadPublic")
        # The commands of provision itself: from its first look at the handle on.
        own = self.cases.index(("StartAuthSession", 0)) if owner else self.evicts - 1
        self.shared, self.own = self.cases[:own], self.cases[own:]
        assert self.own[not owner][0] in ("StartAuthSession", "EvictControl")
        assert self.before != self.after and None in (self.before, self.after)
        self.back()

    def back(self):
        """Makes the TPM as it was before."""
        if self.machine.public() == self.before:
            return
        if self.undo:
            assert self.machine.provision(*self.args[1:]).status == DONE
        else:
            self.machine.evict(OWNER if self.owner else "")
        assert self.machine.public() == self.before

    def suffers(self, fault, at, index, count=1):
        """Tries one case: the exit status is true, and the next call succeeds."""
        m = self.machine
        inject(m, fault, at, index, count)
        ran = m.provision(*self.args)
        m.control.ask("clear")
        case = (fault, at, index, ran)
        assert m.control.left() == [], case
        is_now = m.public()
        late = count == "*" or self.cases.index((at, index)) >= self.evicts
        # A response without a session may be damaged, and look like that of another key.
        damaged = fault.startswith(("flip", "garbage", "put"))
        assert ran.status in [DONE, FAILED, KILLED] + [UNSURE] * late + [REFUSED] * damaged, case
        assert is_now in (self.before, self.after), case
        if ran.status != KILLED:
            assert (ran.out == "") == (ran.status != DONE), case
        # When it asks what is there, nothing protects the response.
        lie = (fault, at) == (f"rc {CODES['HANDLE'][0]}", "ReadPublic") and ran.status == DONE
        if ran.status not in (UNSURE, KILLED) and not lie:
            assert is_now == (self.after if ran.status == DONE else self.before), case
        if ran.status != DONE or lie:
            assert m.provision(*self.args).status == DONE, case
            assert m.public() == self.after, case
        self.back()
        return ran

    def close(self):
        self.machine.close()


@pytest.fixture(scope="module", params=["do", "undo", "do-owner", "undo-owner"])
def flow(states, request, tmp_path_factory):
    found = Flow(states, "undo" in request.param, "owner" in request.param, tmp_path_factory.mktemp("trace"))
    yield found
    found.close()


def test_the_flow_is_whole(flow):
    """The cases cover exactly the commands that attestd sends."""
    names = [name for name, _ in flow.cases]
    wanted = {"NV_ReadPublic", "ReadPublic", "CreatePrimary", "EvictControl", "FlushContext"}
    assert wanted <= set(names) and names.count("EvictControl") == 1
    assert ("StartAuthSession" in names) == flow.owner


def mine(flow):
    """The commands to try: with an authorisation, only those that differ because of it."""
    return flow.own if flow.owner else flow.cases


@pytest.mark.parametrize("name", NOT_NOW)
def test_not_now(flow, name):
    for at, index in mine(flow):
        assert flow.suffers(f"rc {NOT_NOW[name]}", at, index, count=2).status == DONE


@pytest.mark.limit(600)
@pytest.mark.parametrize("count", [1, "*"], ids=["once", "for ever"])
def test_code(flow, count):
    for at, index in mine(flow):
        own = (at, index) in flow.own
        for rc in ALL_CODES if own and count == 1 and not flow.owner else FEW_CODES if own or count == 1 else []:
            flow.suffers(f"rc {rc}", at, index, count)


@pytest.mark.limit(600)
def test_mangled(flow):
    for at, index in mine(flow):
        own = (at, index) in flow.own
        for fault in MANGLED if own and not flow.owner else ONE_OF_A_KIND if own else FEW_MANGLED:
            if at != "GetRandom":  # for GetRandom tpm2-tss waits a second each time
                flow.suffers(fault, at, index)


def test_length(flow):
    own = len(flow.own)
    for at, index, fault in wrong_lengths(flow.own, flow.responses[-own:]):
        flow.suffers(fault, at, index)


@pytest.mark.parametrize("fault", ["kill", "kill-after"])
def test_killed(flow, fault):
    for at, index in flow.cases:
        assert flow.suffers(fault, at, index).status == KILLED


@pytest.mark.parametrize("fault", ["close-after", "cut 1", "kill-after"])
def test_the_link_breaks_for_good(flow, fault):
    """The link breaks after the command: provision cannot know the outcome, and says so, or is killed."""
    m = flow.machine
    inject(m, fault, "EvictControl", 0, 1)
    m.control.fault("close", command="ReadPublic", count="*", skip=flow.looks)
    ran = m.provision(*flow.args)
    m.control.ask("clear")
    if fault == "kill-after":
        assert ran.status == KILLED
    else:
        assert ran.status == UNSURE and "the TPM may have done it" in ran.err, ran
    assert m.provision(*flow.args).status == DONE and m.public() == flow.after
    flow.back()


@pytest.mark.parametrize("fault", ["kill", "kill-after"])
def test_killed_on_a_plain_device(states, fault):
    """Only the next attestd can flush what the killed one has left."""
    with Machine(states.new("quick-ek"), bare=True) as m:
        for args in ([], ["--undo"]):
            before = m.public()
            m.control.reset()
            assert m.provision(*args).status == DONE
            names, after = m.control.commands(), m.public()
            for at, index in [(name, names[:i].count(name)) for i, name in enumerate(names)]:
                m.provision(*(["--undo"] if args == [] else []))
                assert m.public() == before and m.control.left() == []
                inject(m, fault, at, index, 1)
                assert m.provision(*args).status == KILLED, (at, index)
                m.control.ask("clear")
                assert m.public() in (before, after)
                assert m.provision(*args).status == DONE
                assert m.public() == after and m.control.left() == []
