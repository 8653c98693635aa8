"""endorsementAuth is set: attestd reads it from a file and proves it by an HMAC session; it is never on the bus."""
import pytest

from harness import tpm
from harness.asked import ASKED, forget, known_of
from harness.faults import GET_EK, activation, flow_of, inject, opens

AUTH = "the endorsement authorisation"
pytestmark = pytest.mark.linux


@pytest.fixture
def state(states, request, tmp_path):
    made = states.new(getattr(request, "param", "plain"))
    tpm.run(made, f"tpm2_changeauth -Q -c e '{AUTH}'", tmp_path)
    return made


def given(folder, content, mode=0o600):
    file = folder / "auth"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return ["--endorsement-auth", str(file)]


@pytest.mark.parametrize("state,budget", [("plain", 8), ("persistent", 6)], indirect=["state"])
@pytest.mark.parametrize("line_end", ["", "\n"])
def test_field_41_attests(start, state, tmp_path, budget, line_end):
    trace = tmp_path / "trace"
    service = start(state, args=given(tmp_path, AUTH + line_end), launcher=["--trace", str(trace)]).settled()
    request = activation(service.attestation())
    for _ in range(3):
        service.control.left()
        service.control.reset()
        assert opens(service.ask(request))
        assert service.control.left() == []
        assert len(service.control.commands()) <= budget  # one command more than without endorsementAuth
    assert AUTH.encode().hex() not in trace.read_text()
    assert "warning" not in service.log()


def test_what_is_attested_is_the_same(start, states, state, tmp_path):
    with_auth = start(state, args=given(tmp_path, AUTH)).settled().identity()
    plain = states.new("plain")
    assert {"ek_pub", "aik_name"} <= set(with_auth)
    assert with_auth == start(plain).settled().identity()


@pytest.mark.parametrize("wrong", ["another one", None], ids=["wrong", "none given"])
def test_field_11_the_wrong_one_is_tried_once_a_job(start, state, tmp_path, wrong):
    service = start(state, args=given(tmp_path, wrong) if wrong else ()).ready()
    for _ in range(3):
        reply = service.ask(GET_EK)
        assert reply["error"] == "tpm_auth_required"
    refused = [rc for _, _, rc, _ in service.control.log() if rc is not None and rc & 0x8BF in (0x8A2, 0x88E)]
    assert 1 <= len(refused) <= 4  # once at the start, and once for each request
    assert service.control.left() == []


def test_a_warning_for_a_file_that_others_may_read(start, state, tmp_path):
    service = start(state, args=given(tmp_path, AUTH, 0o644)).settled()
    assert " warning " in service.log()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["plain", "persistent"], indirect=True)
def test_each_command_fails_once(start, state, tmp_path):
    """There is one more session to flush: nothing of it is left."""
    service = start(state, args=given(tmp_path, AUTH)).settled()
    request = activation(service.attestation())
    for rc in (0x922, 0x101, 0x903, 0x9A2, 0x1C4, 0x918):
        for at, index in flow_of(service, request):
            inject(service, f"rc {rc}", at, index, 1)
            reply = service.ask(request)
            assert reply["status"] == "ok" or reply["error"] in (
                "tpm_no_memory", "tpm_error", "credential_rejected", "tpm_auth_required",
                "tpm_unavailable"), (at, hex(rc), reply)
            service.control.ask("clear")
            assert opens(service.ask(request)), (at, hex(rc))
            assert service.control.left() == []


@pytest.mark.slow
@pytest.mark.parametrize("state", ["quick"], indirect=True)
def test_each_command_of_the_second_aik_fails_once(start, state, tmp_path):
    """The session that proves the authorisation ends with the creation of the key."""
    service = start(state, args=given(tmp_path, AUTH)).settled()
    asked = ASKED["first-rsa"]
    known = known_of(service, asked)
    request = asked.request(known)
    commands = flow_of(service, request, good=lambda reply: asked.is_right(known, reply),
                       prepare=lambda: forget(service, asked))
    assert [name for name, _ in commands] == ["StartAuthSession", "CreatePrimary", "CertifyCreation",
                                              "ContextSave", "FlushContext"]
    for rc in (0x922, 0x101, 0x903, 0x9A2, 0x1C4, 0x918):
        for at, index in commands:
            forget(service, asked)
            inject(service, f"rc {rc}", at, index, 1)
            reply = service.ask(request)
            assert reply["status"] == "ok" or reply["error"] in (
                "tpm_no_memory", "tpm_error", "tpm_failure", "tpm_auth_required"), (at, hex(rc), reply)
            service.control.ask("clear")
            assert asked.is_right(known, service.ask(request)), (at, hex(rc))
            assert service.control.left() == []


def test_killed_on_a_plain_device(start, state, tmp_path):
    """An HMAC session that a killed attestd has left is flushed when the TPM is full."""
    args = given(tmp_path, AUTH)
    hmac_session = bytes.fromhex("80010000002b00000176400000074000000700") + b"\x10" + bytes(16) + bytes.fromhex(
        "0000000010000b")
    code = ("import os,sys\nfd=os.open('/dev/tpm0',os.O_RDWR)\n"
            f"[(os.write(fd,bytes.fromhex('{hmac_session.hex()}')),os.read(fd,4096)) for _ in range(3)]\n"
            "os.close(fd)\nos.execv(sys.argv[1],sys.argv[1:])")
    service = start(state, args=args, launcher=["--device", "tpm0"],
                    wrap=["/usr/bin/python3", "-c", code]).ready()
    assert opens(service.ask(activation(service.attestation())))
    left = [rc for _, name, rc, _ in service.control.log() if name == "StartAuthSession"][:3]
    assert left == [0, 0, 0]  # all slots are free
