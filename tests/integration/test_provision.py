"""attestd provision: the EK becomes persistent in the TPM, or is removed again; tpm2-tools look at what is there."""
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from harness import paths, tpm
from harness.credential import spki
from harness.faults import activation, opens
from harness.provision import DONE, REFUSED, Machine, says
from harness.service import Service, unb64, wait_for
from test_ek import WRONG_KEYS
from test_ek_template import CASES, L1, by_tools, provisioned


# ---- the states of a TPM ----------------------------------------------------

@pytest.mark.parametrize("binary", paths.BINARIES)
@pytest.mark.parametrize("bare", [False, pytest.param(True, marks=pytest.mark.variant)], ids=["tpmrm0", "tpm0"])
def test_there_and_back(machine, states, binary, bare):
    """It makes the EK persistent that tpm2-tools create; doing and undoing are idempotent."""
    m = machine(bare=bare, binary=binary)
    says(m.provision("--dry-run"), DONE, "would be made persistent at 0x81010001")
    assert m.persistent() == []
    says(m.provision(), DONE, "persistent now, at 0x81010001")
    assert m.persistent() == [tpm.EK_HANDLE]
    assert m.ek_pem() == states.ek_pem("plain")
    public = m.public()
    says(m.provision(), DONE, "already at 0x81010001")
    says(m.provision("--dry-run"), DONE, "already at 0x81010001")
    says(m.provision("--undo", "--dry-run"), DONE, "would be removed from 0x81010001")
    assert m.public() == public
    assert m.control.left() == []
    says(m.provision("--undo"), DONE, "no longer")
    assert m.persistent() == []
    says(m.provision("--undo"), DONE, "Nothing is at 0x81010001")
    says(m.provision("--undo", "--dry-run"), DONE, "Nothing is at 0x81010001")
    says(m.provision(), DONE, "persistent now")
    assert m.public() == public
    assert m.control.left() == []


@pytest.mark.parametrize("how", [f"tpm2_createek -Q -c {tpm.EK_HANDLE} -G rsa",
                                 f"tpm2_createek -Q -c ek.ctx -G rsa && tpm2_evictcontrol -Q -C o -c ek.ctx "
                                 f"{tpm.EK_HANDLE}"])
def test_what_tools_have_made_is_there_already(machine, how):
    m = machine()
    m.tools(how)
    public = m.public()
    says(m.provision(), DONE, "already")
    assert m.public() == public
    says(m.provision("--undo"), DONE, "no longer")
    assert m.persistent() == []


@pytest.mark.variant
def test_tools_undo_it(machine):
    m = machine()
    says(m.provision(), DONE, "now")
    m.tools(f"tpm2_evictcontrol -Q -C o -c {tpm.EK_HANDLE}")
    says(m.provision("--undo"), DONE, "Nothing")


@pytest.mark.variant
def test_a_makers(machine, states):
    """Nobody can say who made the EK persistent. The TPM can create it again, so removing it loses nothing. The
    maker's other persistent keys stay."""
    m = machine("factory")
    before, public = m.persistent(), m.public()
    says(m.provision(), DONE, "already")
    says(m.provision("--undo"), DONE, "no longer")
    assert m.persistent() == [handle for handle in before if handle != tpm.EK_HANDLE] != []
    says(m.provision(), DONE, "now")
    assert (m.persistent(), m.public()) == (before, public)


OTHERS = {
    **WRONG_KEYS,
    "storage key": "tpm2_createprimary -Q -C o -c ek.ctx",
    "hmac key": "tpm2_createprimary -Q -C o -c p.ctx; tpm2_create -Q -C p.ctx -G hmac -u u -r r; "
                "tpm2_load -Q -C p.ctx -u u -r r -c ek.ctx",
    "sealed data": "tpm2_createprimary -Q -C o -c p.ctx; echo secret | tpm2_create -Q -C p.ctx -i - -u u -r r; "
                   "tpm2_load -Q -C p.ctx -u u -r r -c ek.ctx",
}


@pytest.mark.parametrize("key", [key if key == "signing key" else pytest.param(key, marks=pytest.mark.variant)
                                 for key in OTHERS])
def test_another_object(machine, key):
    """Another object at the handle stays, whatever the options; the message says how to look at it."""
    m = machine()
    m.tools(f"{OTHERS[key]}; tpm2_evictcontrol -Q -C o -c ek.ctx {tpm.EK_HANDLE}")
    public = m.public()
    for args in [], ["--dry-run"], ["--undo"], ["--undo", "--dry-run"]:
        ran = m.provision(*args)
        says(ran, REFUSED, "another object than the EK is at 0x81010001")
        assert "tpm2_readpublic -c 0x81010001" in ran.err and "tpm2_evictcontrol" in ran.err
        assert m.public() == public
    assert m.control.left() == []
    assert "EvictControl" not in m.control.commands()[-40:]


def test_a_key_of_the_eks_kind_is_not_evicted(machine):
    """A key with the EK's template but another unique: only creating the EK shows that it is another key."""
    m = machine()
    (m.dir / "policy").write_bytes(L1[10:42])
    m.tools(by_tools(b"another", False, m.dir) + f"tpm2_evictcontrol -Q -C o -c ek.ctx {tpm.EK_HANDLE}")
    public = m.public()
    for args in ["--undo"], ["--undo", "--dry-run"]:
        says(m.provision(*args), REFUSED, "another object than the EK")
        assert m.public() == public


@pytest.mark.variant
def test_a_key_of_the_eks_kind_in_the_owners_hierarchy(machine):
    m = machine()
    (m.dir / "policy").write_bytes(L1[10:42])
    m.tools(by_tools(b"", False, m.dir).replace("-C e", "-C o")
            + f"tpm2_evictcontrol -Q -C o -c ek.ctx {tpm.EK_HANDLE}")
    says(m.provision("--undo"), REFUSED, "another object than the EK")
    assert m.persistent() == [tpm.EK_HANDLE]


@pytest.mark.parametrize("case", [case if case == "a nonce" else pytest.param(case, marks=pytest.mark.variant)
                                  for case in CASES])
def test_the_template_and_the_nonce_in_nv_decide(machine, states, tmp_path, case):
    template, nonce, signing = CASES[case]
    made = by_tools(template[-256:] if nonce is None else nonce, signing, tmp_path)
    m = machine(provisioned(states, tmp_path, template, nonce, made))
    says(m.provision(), DONE, "now")
    assert m.ek_pem() == (tmp_path / "ek.pem").read_bytes()
    says(m.provision("--undo"), DONE, "no longer")


@pytest.mark.variant
def test_the_templates_key_is_not_the_ek_where_nv_says_another(machine, states, tmp_path):
    m = machine(provisioned(states, tmp_path, None, b"a nonce", f"tpm2_createek -Q -c {tpm.EK_HANDLE} -G rsa"))
    says(m.provision("--undo"), REFUSED, "another object than the EK")
    assert m.persistent() == [tpm.EK_HANDLE]


# ---- beside an attestd that runs --------------------------------------------

@pytest.fixture
def beside(states, request):
    """attestd, with a shell beside it that runs `provision` on the same TPM."""
    kind = request.param
    service = Service(states.new(kind), wrap=["sh", "-c", '"$@" & attestd=$!; trap "kill $attestd" TERM\n'
                                              'cd "$TMPDIR"; while kill -0 $attestd 2>/dev/null; do\n'
                                              'if [ -e ask ]; then sh ask >out 2>err; echo $? >new; rm ask; '
                                              'mv new status; fi; sleep 0.02; done; wait $attestd', "sh"])
    with service:
        yield service.settled()


def provision_beside(service, *args):
    binary = paths.BINARIES[paths.first_binary()][-1]
    (service.dir / "status").unlink(missing_ok=True)
    (service.dir / "asking").write_text(f"{binary} provision {' '.join(args)}\n")
    (service.dir / "asking").rename(service.dir / "ask")
    wait_for(lambda: (service.dir / "status").exists(), 60, "provision")
    assert (service.dir / "status").read_text() == "0\n", (service.dir / "err").read_text()


@pytest.mark.parametrize("beside,first,then", [("plain", [], ["--undo"]), ("persistent", ["--undo"], [])],
                         indirect=["beside"], ids=["do", "undo"])
def test_attestd_goes_on(beside, first, then):
    """While the EK comes and goes, every request is served, with the same keys."""
    known = beside.identity()
    request = activation(known)
    for args in first, then, first, then:
        assert opens(beside.ask(request))  # afterwards a session is ready
        provision_beside(beside, *args)
        for _ in range(3):
            assert opens(beside.ask(request)), args
            assert beside.identity() == known
            quote = beside.ask({"command": "quote", "nonce": "AAAA", "pcrs": "0-7"})
            assert quote["status"] == "ok", quote
    assert beside.ask({"command": "getHealth"})["status"] == "ok"
    assert beside.ok({"command": "getAttestationData", "aik": "rsa"})


@pytest.mark.parametrize("kind,args,ek", [("plain", [], "persistent"), ("persistent", ["--undo"], "created")])
def test_the_next_attestd_knows(machine, states, start, kind, args, ek):
    state = states.new(kind)
    with Machine(state) as m:
        says(m.provision(*args), DONE, "")
    service = start(state).settled()
    assert service.ok({"command": "getHealth"})["ek"] == ek
    assert service.control.commands().count("CreatePrimary") == (1 if ek == "persistent" else 2)
    assert unb64(service.ok({"command": "getEK"})["ek_public"]) == spki(load_pem_public_key(states.ek_pem(kind)))
    assert opens(service.ask(activation(service.attestation())))
