"""A TPM 1.2: the kernel knows the version, and the client is told."""
import pytest

from attestd import Service
from machine import Machine, image


@pytest.mark.parametrize("device", ["/dev/tpm0", None], ids=["named", "found"])
def test_field_26_tpm_1_2(old_guest, device):
    service = Service(old_guest, f"--tpm {device}" if device else "")
    try:
        for _ in range(2):
            reply = service.ask("getEK")
            assert reply["error"] == "tpm_version" and "1.2" in reply["message"]
    finally:
        service.stop()


@pytest.fixture(scope="module")
def old_guest(work):
    state = work / "tpm12"
    state.mkdir()
    with Machine("x86_64", image("x86_64", work / "old"), state, tpm_version=1) as guest:
        guest.booted().sh("modprobe tpm_tis; [ $(cat /sys/class/tpm/tpm0/tpm_version_major) = 1 ]")
        yield guest
        guest.stop()
