"""The whole protocol on a real kernel, with each kind of TPM."""
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography import x509

from attestd import Driver, activation, known, once
from harness.credential import by_tools, make, name_of, rsa_from_tpm, spki

MACHINES = [f"{machine}-{kind}" for machine in ("x86_64-tis", "x86_64-crb", "aarch64-tis")
            for kind in ("plain", "persistent", "factory")]
DEVICES = ["/dev/tpmrm", "/dev/tpm"]
SECRET = bytes(range(1, 33))


@pytest.fixture
def number(machine):
    """The TPM's number, which changes if an earlier test has bound the driver anew."""
    return Driver(machine).number()


@pytest.fixture
def device(number, request):
    return f"{request.param}{number}"


def check_identity(data, machine, states):
    """Checks the identity against what the TPM has, read by other programs."""
    ek = rsa_from_tpm(data["ek_tpm"])
    pem = serialization.load_pem_public_key(states.ek_pem(machine.kind))
    assert data["ek_pub"] == spki(ek) == spki(pem)
    assert data["aik_name"] == name_of(data["aik_tpm"])
    assert ("ek_cert" in data) == (machine.kind == "factory")
    if "ek_cert" in data:
        certificate = x509.load_der_x509_certificate(data["ek_cert"])
        assert spki(certificate.public_key()) == data["ek_pub"]


def credentials(data, work):
    """Credentials as a verifier makes them, outside the guest, in two ways."""
    return [by_tools(data["ek_tpm"], data["aik_name"], SECRET, work),
            make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], SECRET[::-1])]


@pytest.mark.parametrize("device", DEVICES, indirect=True)
def test_serve(machine, states, serve, device, tmp_path):
    service = serve(f"--tpm {device}")
    data = known(service.ok("getAttestationData"))
    check_identity(data, machine, states)
    assert known(service.ok("getEK")) == {
        {"ek_pub": "ek_public"}.get(k, k): v for k, v in data.items() if k.startswith("ek")}
    for credential in credentials(data, tmp_path):
        assert known(service.ok(activation(credential))) == {"decrypted_secret": credential.secret}
    assert f"TPM found: {device}" in service.log()


@pytest.mark.parametrize("device", DEVICES, indirect=True)
def test_once(machine, states, device, tmp_path):
    args = f"--tpm {device}"
    status, (reply, ek) = once(machine, [{"command": "getAttestationData"}, {"command": "getEK"}],
                               args)
    assert status == 0 and ek["status"] == "ok"
    data = known(reply)
    check_identity(data, machine, states)
    made = credentials(data, tmp_path)
    status, replies = once(machine, map(activation, made), args)
    assert status == 0
    assert [known(reply) for reply in replies] == [{"decrypted_secret": c.secret} for c in made]
    # A credential for another key: the reply and the exit status say so.
    made[0].hmac = bytes(32)
    status, replies = once(machine, map(activation, made), args)
    assert status == 1
    assert [reply.get("error") for reply in replies] == ["credential_rejected", None]


def test_default_device(machine, serve, number):
    """/dev/tpmrmN is the default; /dev/tpmN where there is no resource manager."""
    managed, plain = (f"{device}{number}" for device in DEVICES)
    service = serve()
    service.ok("getEK")
    assert f"TPM found: {managed}" in service.log()
    machine.sh(f"mv {managed} /dev/hidden")
    try:
        service = serve()
        service.ok("getEK")
        assert f"TPM found: {plain}" in service.log()
    finally:
        machine.sh(f"mv /dev/hidden {managed}")


@pytest.mark.parametrize("device", DEVICES[:1], indirect=True)
def test_root_where_the_group_may(machine, serve, device):
    """Root without capabilities, where a user and a group own the device."""
    machine.sh(f"chown 1:59 {device}; chmod 660 {device}")
    try:
        for args in ("", f"--tpm {device}"):
            service = serve(args)
            service.ok("getEK")
            assert f"TPM found: {device}" in service.log()
            status, _ = once(machine, [{"command": "getEK"}], args)
            assert status == 0
    finally:
        machine.sh(f"chown 0:0 {device}; chmod 600 {device}")
