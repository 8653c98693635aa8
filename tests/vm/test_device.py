"""The TPM's device on a real kernel: it comes late, goes, comes back, has another name, or is dead."""
import time

from attestd import BUSY, SOON_S, activation, known, spends
from harness.credential import make, rsa_from_tpm

MACHINES = [f"{machine}-plain" for machine in ("x86_64-tis", "x86_64-crb", "aarch64-tis")]
GRACE_S = 5  # so long after the start, requests wait for the TPM


def credential(service):
    data = known(service.ok("getAttestationData"))
    return activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], b"secret"))


def activates(service, request):
    return known(service.recovers(request)) == {"decrypted_secret": b"secret"}


def test_late(machine, driver, serve):
    """The TPM comes while the first request waits for it."""
    driver.unbind()
    service = serve("--wait 60")
    machine.sh(f"( {service.call({'command': 'getEK'})}) >first &\n"
               f"sleep 1; [ ! -s first ]; {driver.binding()}")
    machine.sh('while [ ! -s first ]; do sleep 0.1; done; grep ^.."status.":."ok" first')
    assert activates(service, credential(service))


def test_field_25_very_late(machine, driver, serve):
    """The TPM, and even its driver's module, comes after the grace time: until then requests fail at once."""
    driver.remove()
    begin = time.monotonic()
    service = serve()
    assert service.error("getEK") == "tpm_unavailable"
    assert time.monotonic() - begin >= GRACE_S
    begin = time.monotonic()
    assert service.error("getAttestationData") == "tpm_unavailable"
    assert time.monotonic() - begin < 4
    assert spends(service, 3) < BUSY
    driver.insert()
    service.recovers("getEK")
    assert activates(service, credential(service))


def test_bound_anew(driver, serve):
    """The driver is unbound and bound again while a service runs, more than once.

    The service still has the old device open, so that its number is not free: the TPM comes
    back with another number.
    """
    service = serve()
    request = credential(service)
    numbers = [driver.number()]
    for _ in range(3):
        assert activates(service, request)
        driver.unbind()
        numbers.append(driver.bind())
    assert activates(service, request)
    assert all(old != new for old, new in zip(numbers, numbers[1:])), numbers


def test_unbound_for_a_while(machine, driver, serve):
    service = serve()
    request = credential(service)
    driver.unbind()
    assert service.error(request) == "tpm_unavailable"
    assert service.error(request) == "tpm_unavailable"
    assert spends(service, 3) < BUSY
    driver.bind()
    assert activates(service, request)


def test_held_by_another(machine, driver, serve):
    """Only one program at a time can open the plain device."""
    device = f"/dev/tpm{driver.number()}"
    machine.sh(f"sleep 100 3<>{device} & echo $! >/run/holder")
    try:
        service = serve(f"--tpm {device}")
        assert service.error("getEK") == "tpm_busy"
    finally:
        machine.sh("kill $(cat /run/holder)")
    service.recovers("getEK")


def test_end_without_tpm(driver, serve):
    """SIGTERM while there is no TPM."""
    driver.unbind()
    service = serve()
    begin = time.monotonic()
    service.stop()
    assert time.monotonic() - begin < SOON_S
