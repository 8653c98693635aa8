"""Pages of 16 KiB: Debian's kernel with such pages, and both programs for ARM.

A program whose segments only fit pages of 4 KiB gets a SIGSEGV there before its first
instruction. This kernel has no driver for QEMU's TPMs, so its TPM is tpm_vtpm_proxy's, with a
software TPM behind a serial port.
"""
import re

import pytest

from attestd import activation, known, once
from harness import attest
from harness.credential import make, rsa_from_tpm
from harness.service import b64

MACHINES = ["aarch64-16k-port-plain"]
SECRET = bytes(range(32))
PAGE_KB = 16
SEGV, SIGSYS = 128 + 11, 128 + 31  # as the shell has it
DENIED = "operation not permitted"
MEMORY_KB = 512  # twice what it may be with pages of 4 KiB

both = pytest.mark.parametrize("program", ["attestd", "attestd-arm"])

# What each attempt in the sandbox comes to: a reason, none, or the signal that ends the process.
PROBES = {
    "relro": SEGV, "paths": SEGV, "unprotect_paths": SIGSYS, "mprotect_exec": SIGSYS,
    "execve": SIGSYS, "socket": SIGSYS, "memfd": SIGSYS, "mmap": SIGSYS, "mmap_exec": SIGSYS,
    "unknown": SIGSYS,
    "open": DENIED, "write": DENIED, "unlink": DENIED, "getpid": DENIED,
    "tpm3": "no such file or directory", "getrandom": "",
}


def credential(reply):
    data = known(reply)
    return activation(make(rsa_from_tpm(data["ek_tpm"]), data["aik_name"], SECRET))


def test_field_30_pages(machine):
    """The kernel has pages of 16 KiB, indeed."""
    sizes = re.findall(r"KernelPageSize: +(\d+) kB", machine.sh("cat /proc/self/smaps"))
    assert set(sizes) == {str(PAGE_KB)}


@both
def test_version(machine, program):
    assert machine.sh(f"{program} --version").startswith("attestd ")


@both
def test_once(machine, program):
    status, (reply,) = once(machine, [{"command": "getAttestationData"}], program=program)
    assert status == 0
    aik = attest.parse_public(known(reply)["aik_tpm"])
    quote = {"command": "quote", "nonce": b64(SECRET), "pcrs": "0,16"}
    status, (secret, quoted) = once(machine, [credential(reply), quote], program=program)
    assert status == 0 and known(secret) == {"decrypted_secret": SECRET}
    said = known(quoted)
    values = {int(pcr): value for pcr, value in said["pcr_values"].items()}
    attest.verify_quote(aik, said["quoted"], said["signature"], SECRET, "sha256", values)


@both
def test_serve(machine, serve, program):
    """With --sandbox require, as in all tests here; and how much memory it takes."""
    service = serve(program=program)
    request = credential(service.ok("getAttestationData"))
    service.ok("getEK")
    assert known(service.ok(request)) == {"decrypted_secret": SECRET}
    assert "lacks protections" not in service.log()
    assert service.peak_kb() <= MEMORY_KB
    assert re.search(r"Seccomp:\s+2", machine.sh(f"cat /proc/{service.pid}/status"))
    service.stop()


@pytest.mark.parametrize("program", ["probe", "probe-arm"])
def test_sandbox(machine, program):
    """It forbids the same as with pages of 4 KiB."""
    script = "cd /run; rm -rf probed; mkdir probed; cd probed; echo kept >file\n"
    for name in PROBES:
        path = "/run/probed/file" if name in ("write", "unlink") else "/init"
        script += (f"ATTESTD_PROBE_SANDBOX={name} ATTESTD_PROBE_PATH={path} "
                   f"{program} once --sandbox require </dev/null >/dev/null 2>{name} "
                   f"|| echo $? >>{name}\n")
    machine.sh(script + "grep -x kept file")
    found = {}
    for name in PROBES:
        said = machine.sh(f"cat /run/probed/{name}")
        reason = re.search(rf" probe {name}(?:: (.*))?$", said, re.M)
        found[name] = (reason[1] or "") if reason else int(said.split()[-1])
    assert found == PROBES
