"""Faults of a TPM, with a real kernel in between: tpm_vtpm_proxy."""
import time

import pytest

from attestd import BUSY, SOON_S, Service, activation, known, spends, start_proxy
from harness.control import CC
from harness.credential import make, rsa_from_tpm

MACHINES = ["x86_64-tis-plain", "aarch64-tis-plain"]
# The kernel itself sends a command so often before it passes TPM_RC_RETRY on.
KERNEL_TRIES = 8


class Proxy:
    """A TPM that makes faults, and passes all other commands on to the guest's own TPM."""

    def __init__(self, machine, number):
        self.machine, self.relay = machine, f"/dev/tpm{number}"
        self.number = None
        machine.sh("rm -rf proxy")
        self.start()

    @property
    def device(self):
        return f"/dev/tpmrm{self.number}"

    def start(self):
        self.number = start_proxy(self.machine, self.relay)

    def fault(self, kind, value=0, command="ActivateCredential", count=1):
        self.machine.sh(f">proxy/log; echo {kind} {value} {CC[command]} {count} >proxy/faults")

    def met(self):
        """The shell command that waits until the latest fault has hit a command."""
        return "until grep -q fault proxy/log; do sleep 0.05; done"

    def is_alive(self):
        return self.machine.run("kill -0 $(cat proxy/pid)")[0] == 0

    def stop(self):
        self.machine.run("kill $(cat proxy/pid)")


@pytest.fixture
def proxy(machine, driver):
    found = Proxy(machine, driver.number())
    yield found
    found.stop()


@pytest.fixture
def service(proxy, serve):
    return serve(f"--tpm {proxy.device}")


@pytest.fixture
def request_(service):
    data = known(service.ok("getAttestationData"))
    request = activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], b"secret"))
    assert opens(service.ok(request))
    return request


def opens(reply):
    return known(reply) == {"decrypted_secret": b"secret"}


@pytest.mark.parametrize("command", ["StartAuthSession", "ActivateCredential"])
def test_retry(proxy, service, request_, command):
    """The TPM answers "try again" more often than the kernel tries."""
    proxy.fault("rc", 0x922, command, KERNEL_TRIES + 1)
    begin = time.monotonic()
    assert opens(service.ok(request_))
    assert time.monotonic() - begin > 2


def test_field_34_context_gap(proxy, service, request_):
    """The kernel cannot save attestd's session because another one was left idle. The error says so, not that
    there is no TPM. When the other session is gone, all is well again."""
    proxy.fault("session", 0x901, "ContextSave", 1000)
    assert service.error(request_) == "tpm_context_gap"
    proxy.fault("session", 0x901, "ContextSave", 0)
    assert opens(service.recovers(request_))


def test_delay(machine, proxy, service, request_):
    """During a slow command, what is known is answered at once."""
    proxy.fault("delay", 8000)
    machine.sh(f"(\n{service.call(request_)}) >slow &\n{proxy.met()}")
    begin = time.monotonic()
    service.ok("getEK")
    service.ok("getAttestationData")
    assert time.monotonic() - begin < 5
    machine.sh("[ ! -s slow ]; until [ -s slow ]; do sleep 0.1; done; grep decrypted_secret slow")


def test_stop_during_a_delay(machine, proxy, service, request_):
    """SIGTERM lets the request in hand finish."""
    proxy.fault("delay", 2500)
    machine.sh(f"(\n{service.call(request_)}) >slow &\n{proxy.met()}")
    service.stop()
    machine.sh("until [ -s slow ]; do sleep 0.1; done; grep decrypted_secret slow")


@pytest.mark.parametrize("size", [4, 12, 40])
def test_short_reply(proxy, service, request_, size):
    """One short response: attestd tries again. Always short: an error, and afterwards all is well."""
    proxy.fault("short", size)
    assert opens(service.ok(request_))
    proxy.fault("short", size, count=1000)
    # The kernel reports it as EFAULT, like a context gap.
    assert service.error(request_) in ("tpm_unavailable", "tpm_bad_response", "tpm_context_gap")
    proxy.fault("short", size, count=0)
    assert opens(service.recovers(request_))


@pytest.mark.parametrize("command", ["StartAuthSession", "ActivateCredential"])
def test_server_dies(proxy, service, request_, command):
    """During a command. The device goes, too, and comes back later."""
    proxy.fault("die", command=command)
    begin = time.monotonic()
    assert service.error(request_) == "tpm_unavailable"
    assert time.monotonic() - begin < 15
    assert not proxy.is_alive()
    assert service.error("getEK") == "tpm_unavailable"
    assert spends(service, 3) < BUSY
    device = proxy.device
    proxy.start()
    assert proxy.device == device
    assert opens(service.recovers(request_))


def test_end_after_server_died(proxy, service, request_):
    proxy.fault("die")
    assert service.error(request_) == "tpm_unavailable"
    begin = time.monotonic()
    service.stop()
    assert time.monotonic() - begin < SOON_S


def test_killed_on_the_plain_device(machine, proxy, serve):
    """SIGKILL while the EK is loaded, more often than the TPM has slots: the next attestd flushes them."""
    device = f"--tpm /dev/tpm{proxy.number}"
    for _ in range(4):
        proxy.fault("delay", 3000, "ContextSave")
        victim = Service(machine, device)
        machine.sh(f"{proxy.met()}; kill -9 {victim.pid}\n"
                   "[ -z \"$(grep late proxy/log)\" ]\n"  # the TPM still works on that command
                   f"until [ -e {victim.dir}/status ]; do sleep 0.05; done")
    service = serve(device)
    data = known(service.ok("getAttestationData"))
    request = activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], b"secret"))
    assert opens(service.ok(request))
