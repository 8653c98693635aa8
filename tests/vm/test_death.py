"""The TPM dies for good while a service runs. The driver stays, but no longer works."""
import time

import pytest

from attestd import BUSY, Service, activation, known, once, spends
from harness.credential import make, rsa_from_tpm

GET_EK = {"command": "getEK"}
MACHINES = ["x86_64-tis-factory", "x86_64-crb-factory", "aarch64-tis-factory"]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(name))
                        for name in MACHINES])
def mortal(boot, request):
    """A guest for this test alone, whose TPM may be killed."""
    machine = boot(request.param)
    try:
        yield machine
        machine.stop()
    finally:
        machine.close()


def is_told(service, request):
    """Checks that the client is soon told what is wrong."""
    begin = time.monotonic()
    assert service.error(request) in ("tpm_unavailable", "tpm_bad_response", "tpm_timeout")
    assert time.monotonic() - begin < 20


def ends_soon(service):
    begin = time.monotonic()
    service.stop()
    assert time.monotonic() - begin < 12


def test_swtpm_killed(mortal):
    service = Service(mortal)
    data = known(service.ok("getAttestationData"))
    request = activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], b"secret"))
    assert known(service.ok(request)) == {"decrypted_secret": b"secret"}

    mortal.swtpm.kill()
    for _ in range(2):
        is_told(service, request)
    assert spends(service, 4) < BUSY
    ends_soon(service)


def test_started_with_a_dead_tpm(mortal):
    mortal.swtpm.kill()
    service = Service(mortal)
    is_told(service, GET_EK)
    assert spends(service, 4) < BUSY
    is_told(service, GET_EK)
    status, replies = once(mortal, [GET_EK])
    assert status == 1 and replies[0]["status"] == "error"
    ends_soon(service)
