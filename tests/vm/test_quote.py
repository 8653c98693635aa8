"""A measured boot: a guest's PCRs are quoted, on real kernels, with both AIKs.

Measurements go to the TPM through the kernel, without attestd. The quote is checked here by
the specification (harness/attest.py).
"""
import os
import re
import subprocess

import pytest

from attestd import Driver, activation, known, once
from harness import attest
from harness.credential import make, rsa_from_tpm
from harness.service import b64
from machine import HERE
from verifier import BANK, extended

MACHINES = ["x86_64-tis-plain", "x86_64-crb-factory", "aarch64-tis-persistent"]
AIKS = ("ecc", "rsa")
SECRET = bytes(range(2, 34))
ALL = "0-23"
BANKS = ("sha1", "sha256", "sha384", "sha512")
SECURITY = "/sys/kernel/security"


@pytest.fixture
def measure(machine):
    machine.put("/bin/measure", (HERE / "measure").read_bytes())
    machine.sh("chmod +x /bin/measure")

    def extend(pcr, data):
        machine.sh(f"printf %s {data} | measure {pcr}")

    return extend


def quote(aik, nonce, bank=BANK):
    return {"command": "quote", "aik": aik, "nonce": b64(nonce), "pcrs": ALL, "pcr_bank": bank}


def checked(data, aik, reply, nonce, bank=BANK):
    """Checks a quote of all 24 PCRs; returns their values. data: the getAttestationData of that AIK."""
    public = attest.parse_public(data["aik_tpm"])
    assert public.type == {"ecc": attest.ECC, "rsa": attest.RSA}[aik] and public.name == data["aik_name"]
    said = known(reply)
    assert reply["pcr_bank"] == bank
    values = {int(pcr): value for pcr, value in said["pcr_values"].items()}
    assert list(values) == list(range(24))
    attest.verify_quote(public, said["quoted"], said["signature"], nonce, bank, values)
    return values


@pytest.mark.parametrize("aik", AIKS)
def test_serve(serve, measure, aik):
    service = serve()
    data = known(service.ok({"command": "getAttestationData", "aik": aik}))
    attest.verify_creation(attest.parse_public(data["aik_tpm"]), data["aik_creation"], data["aik_attest"],
                           data["aik_signature"])
    nonces = [os.urandom(32) for _ in range(3)]
    before = checked(data, aik, service.ok(quote(aik, nonces[0])), nonces[0])
    measure(16, "one")
    measure(16, "two")
    measure(14, "three")
    after = checked(data, aik, service.ok(quote(aik, nonces[1])), nonces[1])
    assert after[16] == extended(before[16], b"one", b"two")
    assert after[14] == extended(before[14], b"three")
    assert [pcr for pcr in range(24) if before[pcr] != after[pcr]] == [14, 16]

    certified = known(service.ok({"command": "certify", "aik": aik, "nonce": b64(nonces[2])}))
    attest.verify_certify(attest.parse_public(data["aik_tpm"]), certified["certify_info"],
                          certified["signature"], nonces[2])
    credential = make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], SECRET)
    assert known(service.ok(activation(credential) | {"aik": aik})) == {"decrypted_secret": SECRET}


@pytest.mark.parametrize("aik", AIKS)
def test_once(machine, aik):
    """Without a service, on the device without resource manager."""
    nonce = os.urandom(64)
    device = f"/dev/tpm{Driver(machine).number()}"
    status, (data, said) = once(machine, [{"command": "getAttestationData", "aik": aik}, quote(aik, nonce)],
                                f"--tpm {device}")
    assert status == 0
    checked(known(data), aik, said, nonce)


def replayed(log, folder):
    """The PCRs that follow from an event log, by tpm2_eventlog: {bank: {PCR: value}}."""
    (folder / "log").write_bytes(log)
    said = subprocess.run(["tpm2_eventlog", "log"], cwd=folder, check=True, timeout=60, capture_output=True,
                          text=True).stdout.split("\npcrs:\n")[1]
    banks = re.split(r"^  (\w+):$", said, flags=re.M)
    return {bank: {int(pcr): bytes.fromhex(value) for pcr, value in re.findall(r"(\d+) *: 0x(\w+)", values)}
            for bank, values in zip(banks[1::2], banks[2::2])}


def test_event_log(machine, serve, tmp_path):
    """The quotes of all banks match the firmware's event log. Only root may read the log. Without firmware
    (on aarch64 here) there is none."""
    machine.sh(f"grep ' securityfs ' /proc/mounts || mount -t securityfs security {SECURITY}")
    path = f"{SECURITY}/tpm{Driver(machine).number()}/binary_bios_measurements"
    if machine.cpu != "x86_64":
        assert machine.run(f"[ -e {path} ]")[0] != 0
        return
    assert machine.sh(f"stat -c '%a %u %g' {path}") == "440 0 0\n"
    service = serve()
    data = known(service.ok("getAttestationData"))
    log = replayed(machine.get(path), tmp_path)
    active = [bank for bank in BANKS if service.ask(quote("ecc", b"-", bank))["status"] == "ok"]
    assert set(active) == set(log) >= {BANK}
    for bank in active:
        nonce = os.urandom(32)
        values = checked(data, "ecc", service.ok(quote("ecc", nonce, bank)), nonce, bank)
        assert set(log[bank]) == set(range(8))
        assert {pcr: values[pcr] for pcr in range(8)} == log[bank]
        assert any(value.strip(b"\0") for value in log[bank].values())


def test_health(machine, serve, driver):
    """getHealth with a TPM that is there, and with one that has gone."""
    service = serve()
    service.ok("getAttestationData")
    health = service.ok("getHealth")
    number = driver.number()
    assert health["device"] == f"/dev/tpmrm{number}" and health["aik"] == "ecc"
    assert health["ek"] == ("created" if machine.kind == "plain" else "persistent")
    assert health["ek_cert_source"] == ("nv" if machine.kind == "factory" else None)
    assert health["manufacturer"] == "IBM"  # what libtpms says
    assert (health["requests"], health["tpm_commands"] > 0) == (2, True)
    driver.unbind()
    assert service.error(quote("ecc", b"-")) == "tpm_unavailable"
    gone = service.ask("getHealth")
    assert gone["status"] == "error" and gone["error"] == "tpm_unavailable"
    assert set(gone) == set(health) | {"error", "message"}
    driver.bind()
    service.recovers({"command": "getHealth"})
