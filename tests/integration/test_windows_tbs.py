"""TPM Base Services: what they forbid, how their errors are handled, and where endorsementAuth
comes from.
"""
import json
import os
import re
import struct
import subprocess

import pytest

from harness import paths
from harness.control import transmit
from harness.faults import activation
from harness.wine import ENDORSEMENT_AUTH, WindowsService, windows_path
from test_tpm_comes_and_goes import GET_EK, recovers

pytestmark = pytest.mark.windows

AUTH = ENDORSEMENT_AUTH.encode()
CANCELED = 0x8028400D  # TBS_E_COMMAND_CANCELED
INVALID_CONTEXT = 0x80284004  # TBS_E_INVALID_CONTEXT
# The codes of TBS and of the TPM for an object or a session that they do not know.
GONE = {"TPM_E_INVALID_HANDLE": 0x80280401, "TPM_E_INVALID_KEYHANDLE": 0x8028000C,
        "TPM_RC_HANDLE": 0x18B, "TPM_RC_REFERENCE_H0": 0x910}
# A password authorisation: TPM_RS_PW, no nonce, attributes, and the password's size.
PASSWORD = re.compile(r"4000000900000[01](....)")
KINDS = ["plain", "persistent", "factory"]
# The TPM commands of an activation when the keys are loaded.
IN_REQUEST = ["StartAuthSession", "PolicySecret", "ActivateCredential"]


def settled(start, kind="plain", **options):
    service = start(kind, **options).settled()
    return service, activation(service.attestation())


def change_auth(service, old, new):
    """Sends HierarchyChangeAuth(TPM_RH_ENDORSEMENT), as Windows does when it provisions a TPM
    again.
    """
    body = struct.pack(">III", 0x129, 0x4000000B, 9 + len(old)) + \
        struct.pack(">IHBH", 0x40000009, 0, 0, len(old)) + old + struct.pack(">H", len(new)) + new
    answer = transmit(service.raw, struct.pack(">HI", 0x8002, 6 + len(body)) + body)
    assert answer[6:10] == bytes(4), answer.hex()


# ---- contexts, keys ----------------------------------------------------------

@pytest.mark.core
@pytest.mark.parametrize("kind", KINDS)
def test_field_31_no_contexts(start, kind):
    """TBS do not let programs send ContextSave and ContextLoad."""
    service, request = settled(start, kind)
    for _ in range(3):
        service.ok(request)
    service.control.ask("vanish")
    service.ok(request)
    assert not {"ContextSave", "ContextLoad"} & set(service.control.commands())


def test_keys_stay_loaded(start):
    """No request creates or loads the keys again."""
    service, request = settled(start)
    service.ok(request)
    service.control.reset()
    for _ in range(5):
        service.ok(request)
    # The policy session, and one that proves endorsementAuth.
    assert service.control.commands() == 5 * ["StartAuthSession", "StartAuthSession", "PolicySecret",
                                              "ActivateCredential"]


@pytest.mark.parametrize("command", IN_REQUEST)
@pytest.mark.parametrize("code", GONE)
def test_a_handle_that_is_gone(start, code, command):
    """attestd loads or starts again what is gone, once, and the request succeeds."""
    service, request = settled(start)
    service.control.fault("rc", GONE[code], command=command, count=1)
    service.ok(request)
    service.ok(request)


@pytest.mark.core
@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_tpm_reset(start, kind):
    """The TPM is reset without TBS' knowledge, so the handles become invalid."""
    service, request = settled(start, kind)
    for _ in range(3):
        service.control.ask("restart")
        service.ok(request)


@pytest.mark.parametrize("command", IN_REQUEST)
def test_tbs_restarted(start, command):
    """TBS no longer know attestd's context."""
    service, request = settled(start)
    service.control.fault("rc", INVALID_CONTEXT, command=command, count=1)
    service.ok(request)
    assert activation(service.attestation())


# ---- sleep -------------------------------------------------------------------

@pytest.mark.core
@pytest.mark.parametrize("command", IN_REQUEST)
def test_cancelled_at_sleep(start, command):
    service, request = settled(start)
    service.control.fault("rc", CANCELED, command=command, count=1)
    service.ok(request)


@pytest.mark.parametrize("command", ["ReadPublic", "CreatePrimary", "NV_ReadPublic"])
def test_cancelled_at_the_start(start, command):
    service = start("factory", launcher=["--absent"]).ready()
    service.control.fault("rc", CANCELED, command=command, count=1)
    service.finds_tpm()
    assert recovers(service, GET_EK)


def test_always_cancelled(start):
    """attestd tries a second time, then reports that TBS cancelled the command, not a timeout."""
    service, request = settled(start)
    service.control.fault("rc", CANCELED, command="ActivateCredential")
    service.control.reset()
    assert service.ask(request)["error"] == "tpm_canceled"
    assert service.control.commands().count("ActivateCredential") == 2
    service.control.ask("clear")
    assert recovers(service, request)


# ---- endorsementAuth ---------------------------------------------------------

@pytest.mark.core
@pytest.mark.parametrize("kind", KINDS)
def test_value_is_used_but_never_sent(start, tmp_path, kind):
    trace = tmp_path / "trace"
    service, request = settled(start, kind, launcher=["--trace", str(trace)])
    for _ in range(2):
        service.ok(request)
    sent = [line.split()[1] for line in trace.read_text().splitlines() if line.startswith(">")]
    assert any(data[12:20] == "00000151" for data in sent)  # PolicySecret
    assert not any(AUTH.hex() in data for data in sent)
    passwords = [size for data in sent for size in PASSWORD.findall(data)]
    assert set(passwords) <= {"0000"}, "a password that is not empty was sent"


@pytest.mark.core
def test_no_value(start, tmp_path):
    """TBS answer TBS_E_OWNERAUTH_NOT_FOUND if the value is empty."""
    service, request = settled(start, launcher=["--endorsement-auth", ""],
                               env={"ATTESTD_TEST_TBS_AUTH": windows_path(tmp_path / "none")})
    service.ok(request)


@pytest.mark.parametrize("auth", [b"x", b"0123456789abcdef" * 2, b"zeros behind it"],
                         ids=["short", "long", "zeros"])
def test_any_length(start, tmp_path, auth):
    (tmp_path / "auth").write_bytes(auth + (b"\0\0" if b"zeros" in auth else b""))
    service, request = settled(start, launcher=["--endorsement-auth", auth.decode()],
                               env={"ATTESTD_TEST_TBS_AUTH": windows_path(tmp_path / "auth")})
    service.ok(request)


@pytest.mark.core
def test_changed_while_it_runs(start, tmp_path):
    """The TPM refuses the old value, attestd asks TBS again, and the client does not notice."""
    path = tmp_path / "auth"
    path.write_bytes(AUTH)
    service, request = settled(start, env={"ATTESTD_TEST_TBS_AUTH": windows_path(path)})
    service.ok(request)
    change_auth(service, AUTH, b"another one")
    path.write_bytes(b"another one")
    service.ok(request)
    service.control.ask("vanish")  # the keys are lost too
    service.ok(request)


def test_wrong_value(start, tmp_path):
    """attestd asks TBS once more and tries at most twice, because of dictionary-attack lockout.
    Requests succeed as soon as TBS have the right value.
    """
    path = tmp_path / "auth"
    path.write_bytes(b"wrong")
    service = start("plain", env={"ATTESTD_TEST_TBS_AUTH": windows_path(path)}).ready()
    assert service.ask(GET_EK)["error"] == "tpm_auth_required"
    service.control.reset()
    assert service.ask(GET_EK)["error"] == "tpm_auth_required"
    assert service.control.commands().count("CreatePrimary") <= 2
    path.write_bytes(AUTH)
    assert recovers(service, GET_EK)
    service.ok(activation(service.attestation()))


@pytest.mark.parametrize("code,error", [("80284012", "tpm_access_denied"),
                                        ("80284001", "tpm_auth_required")])
def test_value_refused_by_tbs(start, code, error):
    """TBS do not give the value to this administrator. The error depends on their code."""
    service = start("plain", env={"ATTESTD_TEST_TBS_AUTH_FAILS": code}).ready()
    assert service.ask(GET_EK)["error"] == error


# ---- who is not elevated -----------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_not_elevated(states, kind):
    """TBS let a user who is no administrator read, and create keys, but give him neither
    endorsementAuth nor ActivateCredential. The reply tells him which right he lacks.
    """
    requests = [GET_EK, {"command": "getAttestationData"}]
    done = subprocess.run(
        [paths.SWTPM_RUN, "--state", states.new(kind), *WindowsService.LAUNCHER, "--", paths.wine(),
         paths.windows_tool("ordinary.exe"), paths.BINARIES[paths.first_binary()][-1], "once"],
        input="".join(json.dumps(request) + "\n" for request in requests), env=os.environ,
        check=False, timeout=60, capture_output=True, text=True)
    replies = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(replies) == 2, done.stdout + done.stderr
    assert replies[1]["error"] == "tpm_access_denied"
    assert replies[0].get("error", "ok") in ("ok", "tpm_access_denied")
