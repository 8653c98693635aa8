"""The script for both sides in src/VERIFIERS.md attests the right machine, and no other.

An attacker owns the machine and its TPM: he decides what attestd replies, and can send the TPM any
command.
"""
import json
import os
import re
import struct
import subprocess

import pytest

from harness import documents, raw, tpm
from harness.paths import ATTESTD
from harness.service import b64, unb64

pytestmark = pytest.mark.shipping
PCRS = [0, 1, 2, 3, 4, 7, 14]
ASKED = "0-4,7,14"
LOOKS_AT = {"magic": "= ff5443478018 ]", "pcrs": "= 00000001000b039f4000 ]"}


def walkthrough():
    text = documents.VERIFIERS.read_text()
    block, = (b for b in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "tpm2_makecredential" in b)
    return block


def checkquote_is_lax():
    """tpm2_checkquote before 5.7 misses some checks (CVE-2024-29038, CVE-2024-29039)."""
    said = subprocess.run(["tpm2_checkquote", "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, re.search(r'version="(\d+)\.(\d+)', said).groups())) < (5, 7)


def measure(service, pcr):
    """Extends a PCR, like booting does."""
    raw.extend(service, pcr, banks=("sha256",))


class Attestation:
    """Both sides of the script, in a folder."""

    def __init__(self, service, folder):
        self.service, self.folder, self.text = service, folder, walkthrough()
        known = service.ok({"command": "getEK"})
        (folder / "known-ek.pub").write_bytes(unb64(known["ek_tpm"]))
        measure(service, 14)
        values = service.ok({"command": "quote", "nonce": "AA==", "pcrs": ASKED})["pcr_values"]
        (folder / "expected-pcrs").write_bytes(b"".join(unb64(values[str(pcr)]) for pcr in PCRS))

    def run(self, machine=None):
        """Runs the script; returns whether it attests the machine, and whether it made a credential.

        machine: {name of a request: the attacker's reply to it}.
        """
        call = f'{ATTESTD} call --socket {self.service.address} "$@"'
        script = "#!/bin/sh\nshift\n"
        for command, reply in (machine or {}).items():
            (self.folder / f"his-{command}").write_text(json.dumps(reply))
            script += f'[ "$1" != {command} ] || exec cat {self.folder}/his-{command}\n'
        (self.folder / "attestd").write_text(f"{script}exec {call}\n")
        (self.folder / "attestd").chmod(0o755)
        (self.folder / "credential").unlink(missing_ok=True)
        done = subprocess.run(["sh", "-c", self.text], cwd=self.folder, check=False, timeout=60,
                              env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"},
                              capture_output=True, text=True)
        print(done.stdout, done.stderr)
        assert (done.returncode == 0) == done.stdout.endswith("attested\n")
        return done.returncode == 0, (self.folder / "credential").exists()

    def without(self, what):
        """Removes this check from the script."""
        line, = (line for line in self.text.splitlines() if LOOKS_AT[what] in line)
        self.text = self.text.replace(line + "\n", "")

    def fixed_nonce(self, nonce):
        """Lets the verifier use this nonce, so that the test can make a quote for it beforehand."""
        line = 'nonce=$(head -c 32 /dev/urandom | base64 -w0)'
        assert line in self.text
        self.text = self.text.replace(line, f"nonce={b64(nonce)}")


GOOD, REFUSED = (True, True), (False, False)
NONCE = bytes(range(32))


@pytest.fixture
def attestation(start, tmp_path):
    return Attestation(start().settled(), tmp_path)


def test_good(attestation):
    assert attestation.run() == GOOD
    assert attestation.run() == GOOD


def test_another_ek(attestation):
    ek = attestation.folder / "known-ek.pub"
    ek.write_bytes(ek.read_bytes()[:-1] + b"\0")
    assert attestation.run() == REFUSED


def test_another_kernel(attestation):
    measure(attestation.service, 14)
    assert attestation.run() == REFUSED


def test_values_of_another_kernel(attestation):
    """The machine has booted another kernel, but sends the expected values."""
    attestation.fixed_nonce(NONCE)
    request = {"command": "quote", "nonce": b64(NONCE), "pcrs": ASKED}
    good = attestation.service.ok(request)
    measure(attestation.service, 14)
    bad = attestation.service.ok(request)
    assert attestation.run({"quote": good}) == GOOD  # same nonce: that is why a nonce is used once
    assert attestation.run({"quote": bad | {"pcr_values": good["pcr_values"]}}) == REFUSED


def test_old_quote(attestation):
    old = attestation.service.ok({"command": "quote", "nonce": b64(NONCE), "pcrs": ASKED})
    assert attestation.run({"quote": old}) == REFUSED


@pytest.mark.parametrize("bit", [0x10000, 0x2])  # restricted, fixedTPM
def test_attributes_of_the_aik(attestation, bit):
    data = attestation.service.ok({"command": "getAttestationData"})
    public = bytearray(unb64(data["aik_tpm"]))
    attributes, = struct.unpack_from(">I", public, 6)
    struct.pack_into(">I", public, 6, attributes ^ bit)
    assert attestation.run({"getAttestationData": data | {"aik_tpm": b64(public)}}) == REFUSED


def test_another_pcr(attestation):
    """PCR 16 can be set to the value expected of PCR 14. Old versions of tpm2_checkquote do not
    check which PCR was quoted.
    """
    attestation.fixed_nonce(NONCE)
    measure(attestation.service, 14)
    measure(attestation.service, 16)
    quote = attestation.service.ok({"command": "quote", "nonce": b64(NONCE), "pcrs": "0-4,7,16"})
    assert attestation.run({"quote": quote}) == REFUSED
    attestation.without("pcrs")
    assert attestation.run({"quote": quote}) == (GOOD if checkquote_is_lax() else REFUSED)


def test_text_of_the_attacker(attestation, states):
    """A user of the TPM can have the AIK sign any text that does not begin like the TPM's own
    structures.
    """
    attestation.fixed_nonce(NONCE)
    service, folder = attestation.service, attestation.folder
    quote = service.ok({"command": "quote", "nonce": b64(NONCE), "pcrs": ASKED})
    measure(service, 14)
    (folder / "text").write_bytes(b"\xffTCH" + unb64(quote["quoted"])[4:])
    tpm.make_aik(states.new(), folder, more="tpm2_hash -Q -C e -g sha256 -o digest -t ticket text\n"
                 "tpm2_sign -Q -c aik.ctx -g sha256 -s ecdsa -d -t ticket -o signed digest\n")
    forged = quote | {"quoted": b64((folder / "text").read_bytes()),
                      "signature": b64((folder / "signed").read_bytes())}
    assert attestation.run({"quote": forged}) == REFUSED
    attestation.without("magic")
    assert attestation.run({"quote": forged}) == (GOOD if checkquote_is_lax() else REFUSED)
