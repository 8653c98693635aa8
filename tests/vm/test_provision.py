"""attestd provision on real kernels, without systemd: what one boot makes persistent, the next one finds."""
import pytest

from attestd import Service, activation, known
from harness.credential import make, rsa_from_tpm
from harness.provision import DONE, FAILED

MACHINES = ["x86_64-tis-plain", "x86_64-crb-plain", "aarch64-tis-plain"]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in MACHINES])
def power_on(boot, states, request):
    """Boots the same machine with the same TPM. Each time it is switched off in good order."""
    state = states.new(request.param.rsplit("-", 1)[1])
    running = []

    def begin():
        running.append(boot(request.param, state))
        return running[-1]

    yield begin
    for machine in running:
        machine.close()


def provision(machine, *args):
    return machine.run(f"attestd provision --sandbox require --log-level error {' '.join(args)}")


def identity(service):
    """What never changes for a TPM."""
    data = known(service.recovers("getAttestationData"))
    return {name: data[name] for name in data if name not in ("aik_attest", "aik_signature")}


def is_kept(service):
    return service.ok("getHealth")["ek"] == "persistent"


def activates(service, data):
    request = activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], b"secret"))
    return known(service.ok(request)) == {"decrypted_secret": b"secret"}


@pytest.mark.limit(300)
def test_the_next_boot_finds_it(power_on):
    """There and back, beside an attestd that runs; the plain device can be opened by one program only."""
    machine = power_on()
    service = Service(machine)
    before = identity(service)
    assert activates(service, before) and not is_kept(service)
    assert provision(machine) == (DONE, "The EK is persistent now, at 0x81010001.\n")
    assert activates(service, before)
    service.stop()
    bare = Service(machine, "--tpm /dev/tpm0")
    assert identity(bare) == before and is_kept(bare)
    status, said = provision(machine, "--tpm /dev/tpm0", "--wait 0")
    assert status == FAILED and "another program holds the TPM" in said
    bare.stop()
    assert provision(machine, "--tpm /dev/tpm0") == (DONE, "The EK is already at 0x81010001.\n")
    machine.stop()

    machine = power_on()
    service = Service(machine)
    assert identity(service) == before
    assert is_kept(service) and activates(service, before)
    assert provision(machine, "--undo") == (DONE, "The EK is no longer at 0x81010001.\n")
    for _ in range(2):
        assert activates(service, before)
    service.stop()
    machine.stop()

    machine = power_on()
    service = Service(machine)
    assert identity(service) == before
    assert not is_kept(service) and activates(service, before)
    service.stop()
    machine.stop()


@pytest.mark.limit(400)
@pytest.mark.parametrize("device", ["tpmrm0", "tpm0"])
def test_killed(power_on, device):
    """Killed at ten moments: the next one finds the EK or nothing, and works with both."""
    machine = power_on()
    at = f"attestd provision --tpm /dev/{device} --log-level error"
    for tenths in range(10):
        machine.run(f"{at} & sleep 0.{tenths}; kill -9 $!; wait $!")
        status, said = machine.run(at)
        assert status == DONE, said
        assert machine.run(f"{at} --undo")[0] == DONE
    machine.stop()
