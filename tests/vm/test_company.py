"""Other programs use the same TPM, through the kernel's resource manager."""
import json
import struct

import pytest

from attestd import activation, here, known, line
from harness.credential import make, rsa_from_tpm

MACHINES = [f"{machine}-plain" for machine in ("x86_64-tis", "x86_64-crb", "aarch64-tis")]
ROUNDS = 6
RANDOM = bytes.fromhex("8001 0000000c 0000017b 0010")
# A P-256 storage key in the owner hierarchy.
CREATE_PRIMARY = bytes.fromhex(
    "8002 00000043 00000131 40000001 00000009 400000090000000000 0004 00000000"
    "001a 0023 000b 00030072 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000")

# Asks for random bytes as fast as it can, until the file `end` exists.
TRAFFIC = """
exec 4<>$device
until [ -e end ]; do
	cat random >&4
	dd bs=4096 count=1 <&4 >>answers 2>/dev/null
done
"""

# Makes three keys, as many as the TPM has room for. When the file `end` exists, checks that
# they are still there.
HOLDER = """
exec 4<>$device
for i in 1 2 3; do
	cat create >&4
	dd bs=4096 count=1 <&4 2>/dev/null >key$i
done
echo >created
until [ -e end ]; do sleep 0.1; done
for i in 1 2 3; do
	{
		printf '\\200\\001\\0\\0\\0\\016\\0\\0\\001\\163'  # TPM2_ReadPublic
		dd bs=1 skip=10 count=4 if=key$i 2>/dev/null
	} >read
	cat read >&4
	dd bs=4096 count=1 <&4 2>/dev/null >public$i
done
"""


def responses(data):
    """Takes the responses of a TPM apart."""
    while data:
        _, size, code = struct.unpack(">HII", data[:10])
        assert len(data) >= size
        yield code, data[10:size]
        data = data[size:]


def identity(data):
    """The identity without what the AIK signs at its creation, which each service has signed for itself."""
    return {name: value for name, value in data.items()
            if name not in ("aik_attest", "aik_signature")}


def request_for(service):
    data = known(service.ok("getAttestationData"))
    return activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], b"secret"))


@pytest.fixture
def company(machine, driver):
    """A folder in which scripts run beside the test. All must succeed."""
    machine.sh("rm -rf /run/company; mkdir /run/company")
    machine.put("/run/company/random", RANDOM)
    machine.put("/run/company/create", CREATE_PRIMARY)
    names = []

    def begin(script):
        names.append(f"script{len(names)}")
        name = f"/run/company/{names[-1]}"
        machine.put(name, f"set -e; cd /run/company; device=/dev/tpmrm{driver.number()}\n{script}"
                    .encode())
        machine.sh(f"{{ set +e; sh {name} >{name}.log 2>&1; echo $? >{name}.status; }} &")

    yield begin
    machine.sh("cd /run/company; echo >end\n" + "".join(
        f"until [ -s {name}.status ]; do sleep 0.1; done; cat {name}.log; grep ^0 {name}.status\n"
        for name in names))


def ask_all(machine, calls):
    """Sends requests at the same time; returns the replies."""
    script = "rm -rf calls; mkdir calls; cd calls\n"
    for i, call in enumerate(calls):
        script += f"(\n{call}) >{i} 2>&1 &\n"
    machine.sh(script + "wait")
    return machine.sh(f"cd calls; for i in $(seq 0 {len(calls) - 1}); do cat $i; done").splitlines()


def test_two_services(machine, serve):
    """Two services, from their start on: neither disturbs the other."""
    services = [serve(), serve()]
    requests = [request_for(service) for service in services]
    assert identity(services[0].ok("getAttestationData")) == identity(
        services[1].ok("getAttestationData"))
    calls = [service.call(request) for service, request in zip(services, requests)] * ROUNDS
    # And a third service, started anew each time.
    calls += ["attestd once --log-level error " + here(line({"command": "getAttestationData"}))] * 2
    replies = ask_all(machine, calls)
    assert len(replies) == len(calls)
    assert all(reply.startswith('{"status":"ok"') for reply in replies), replies
    replies = [json.loads(reply) for reply in replies]
    secrets = [reply for reply in replies if "decrypted_secret" in reply]
    identities = [identity(reply) for reply in replies if "aik_name" in reply]
    assert (len(secrets), len(identities)) == (2 * ROUNDS, 2)
    assert all(secret == secrets[0] for secret in secrets)
    assert identities[0] == identities[1]


def test_traffic(machine, serve, company):
    """Between commands of others, none of which fails."""
    company(TRAFFIC)
    company(HOLDER)
    machine.sh("cd /run/company; until [ -e created ] && [ -s answers ]; do sleep 0.1; done")
    service = serve()
    request = request_for(service)
    for _ in range(ROUNDS):
        assert known(service.ok(request)) == {"decrypted_secret": b"secret"}
    machine.sh("cd /run/company; echo >end\n"
               "until [ -s script0.status ] && [ -s script1.status ]; do sleep 0.1; done")
    answers = list(responses(machine.get("/run/company/answers")))
    assert len(answers) > ROUNDS
    assert all(code == 0 and len(rest) == 18 for code, rest in answers)
    for i in (1, 2, 3):
        (code, _), = responses(machine.get(f"/run/company/key{i}"))
        assert code == 0
        (code, _), = responses(machine.get(f"/run/company/public{i}"))
        assert code == 0
