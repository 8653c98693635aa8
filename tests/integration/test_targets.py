"""An attestation by the binary of every target that was built."""
import json
import subprocess

import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import BUILD, SWTPM_RUN
from harness.service import b64, unb64

pytestmark = pytest.mark.shipping

# The processor in a target's name, and the name of the qemu that runs it.
QEMU = {"aarch64": "aarch64", "arm": "arm", "riscv64": "riscv64", "x86_64": "x86_64"}
TARGETS = sorted(file.parent.name for file in BUILD.glob("*-*/attestd"))


def once(target, state, *requests):
    command = [f"qemu-{QEMU[target.split('-')[0]]}-static", BUILD / target / "attestd", "once"]
    text = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([SWTPM_RUN, "--state", state, "--", *command], input=text.encode(),
                          stdout=subprocess.PIPE, timeout=50, check=False)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("target", TARGETS)
def test_attestation(states, target):
    state = states.new("factory")
    known, = once(target, state, {"command": "getAttestationData"})
    c = make(rsa_from_tpm(unb64(known["ek_tpm"])), unb64(known["aik_name"]), b"secret")
    ek, opened = once(target, state, {"command": "getEK"},
                      {"command": "activateCredential", "credential_blob": b64(c.file)})
    assert unb64(ek["ek_cert"]) == unb64(known["ek_cert"])
    assert unb64(opened["decrypted_secret"]) == b"secret"
