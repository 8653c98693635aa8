"""Errors of TPM Base Services, and the replies that they lead to."""
import os
import subprocess
import time

import pytest

from harness import paths
from harness.faults import activation
from harness.service import wait_for
from harness.wine import NO_DLLS
from test_tpm_comes_and_goes import GET_EK, recovers
from test_tpm_misbehaves import begin

pytestmark = pytest.mark.windows

NOT_FOUND = 0x8028400F  # TBS_E_TPM_NOT_FOUND
# The name in winerror.h, its code, attestd's error, and a word of the advice in the message.
ERRORS = [
    ("TBS_E_ACCESS_DENIED", 0x80284012, "tpm_access_denied", "account"),
    ("TPM_E_COMMAND_BLOCKED", 0x80280400, "tpm_command_blocked", "1809"),
    ("TBS_E_SERVICE_NOT_RUNNING", 0x80284008, "tpm_service_stopped", "start"),
    ("TBS_E_SERVICE_DISABLED", 0x80284010, "tpm_service_stopped", "enable"),
]
LATE = [
    ("TBS_E_TPM_NOT_FOUND", NOT_FOUND, "tpm_unavailable", "firmware"),
    ("TBS_E_SERVICE_START_PENDING", 0x8028400B, "tpm_unavailable", "firmware"),
    ("TBS_E_INTERNAL_ERROR", 0x80284001, "tpm_unavailable", "firmware"),
]
VARIABLES = {"opening": "ATTESTD_TEST_TBS", "a command": "ATTESTD_TEST_TBS_SUBMIT"}


def answers(service, error, advice):
    reply = service.ask(GET_EK)
    assert (reply["status"], reply["error"]) == ("error", error)
    assert advice in reply["message"]
    return True


@pytest.mark.parametrize("when", VARIABLES)
@pytest.mark.parametrize("name,code,error,advice", ERRORS, ids=[e[0] for e in ERRORS])
def test_field_27_errors(start, when, name, code, error, advice):
    service = start("plain", env={VARIABLES[when]: f"{code:08x}"}).ready()
    assert answers(service, error, advice)
    assert service.logged(error)


# Codes that TBS put into a response in place of the TPM, in a call that succeeds.
ANSWERED = [
    ("TPM_E_COMMAND_BLOCKED", 0x80280400, "tpm_command_blocked"),
    ("TBS_E_ACCESS_DENIED", 0x80284012, "tpm_access_denied"),
    ("TPM_E_EMBEDDED_COMMAND_BLOCKED", 0x80280403, "tpm_unavailable"),
]


@pytest.mark.parametrize("name,code,error", ANSWERED, ids=[e[0] for e in ANSWERED])
@pytest.mark.core
def test_field_27_codes_of_windows_in_a_response(start, name, code, error):
    """Such a code is not mistaken for a malformed response of the TPM."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("rc", code, command="CreatePrimary")
    service.finds_tpm()
    wait_for(lambda: service.ask(GET_EK)["error"] == error, 30, error)
    service.control.ask("clear")
    assert recovers(service, GET_EK)


def test_blocked_for_ordinary_users():
    """TBS also answer TPM_E_COMMAND_BLOCKED to a user who is no administrator; no policy is the
    reason then.
    """
    done = subprocess.run(
        [paths.wine(), paths.windows_tool("ordinary.exe"), paths.BINARIES[paths.first_binary()][-1],
         "once"], input='{"command":"getEK"}\n', env=dict(os.environ, ATTESTD_TEST_TBS="80280400"),
        check=False, timeout=30, capture_output=True, text=True)
    assert done.returncode == 1 and '"tpm_access_denied"' in done.stdout, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name,code,error,advice", LATE, ids=[e[0] for e in LATE])
def test_waits_for_a_late_tpm(start, name, code, error, advice):
    """The TPM may only become ready later, so attestd waits for it before it replies with the
    error.
    """
    service = start("plain", env={"ATTESTD_TEST_TBS": f"{code:08x}"}).ready()
    assert answers(service, error, advice)


def test_an_error_without_a_name(start):
    """The log has its number."""
    service = start("plain", env={"ATTESTD_TEST_TBS": "80284001"}).ready()
    assert service.logged("0x80284001")


@pytest.mark.core
def test_tpm_12(start):
    service = start("plain", env={"ATTESTD_TEST_TBS_VERSION": "1"}).ready()
    assert answers(service, "tpm_version", "TPM 2.0")


@pytest.mark.slow
@pytest.mark.core
def test_tbs_of_wine(start):
    """wine's own TBS has no functions, so there is no TPM."""
    service = start("plain", env={"WINEDLLOVERRIDES": f"tbs=b;{NO_DLLS}"}).ready()
    assert answers(service, "tpm_unavailable", "firmware")
    assert service.control.opens() == 0


@pytest.mark.slow
def test_stop_although_tbs_does_not_return(start):
    """TBS do not return from a command that was cancelled, or from the cancel itself. attestd
    stops all the same.
    """
    services = [start("plain", env={"ATTESTD_TEST_TBS_CANCEL": how}).settled() for how in "12"]
    request = activation(services[0].attestation())
    clients = []
    for service in services:
        service.control.fault("hang", command="ActivateCredential")
        before = service.control.count()
        clients.append(begin(service, request))
        wait_for(lambda s=service, n=before: s.control.count() > n, 20, "command")
    since = time.monotonic()
    for service in services:
        service.terminate()
    for service, client in zip(services, clients):
        assert service.wait_exit(30) in (1, 137)  # WindowsService.ENDS says why 137
        assert 7 <= time.monotonic() - since <= 20
        assert "does not return" in service.log()
        client.close()
