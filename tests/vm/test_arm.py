"""The program for 32-bit ARM, on a 64-bit kernel. Only its sandbox allows old and new forms of a system call."""
from attestd import activation, known, once
from harness.credential import make, rsa_from_tpm

MACHINES = ["aarch64-tis-plain"]
ARM = "attestd-arm"
SECRET = bytes(range(32))


def credential(reply):
    data = known(reply)
    return activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], SECRET))


def test_once(machine):
    status, (reply,) = once(machine, [{"command": "getAttestationData"}], program=ARM)
    assert status == 0
    status, (reply,) = once(machine, [credential(reply)], program=ARM)
    assert status == 0 and known(reply) == {"decrypted_secret": SECRET}


def test_serve(serve, driver):
    """From start to end, while the TPM goes and comes back."""
    service = serve(program=ARM)
    request = credential(service.ok("getAttestationData"))
    driver.remove()
    assert service.error(request) == "tpm_unavailable"
    driver.insert()
    assert known(service.recovers(request)) == {"decrypted_secret": SECRET}
    service.stop()
