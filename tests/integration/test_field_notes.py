"""What TPMs, kernels and their users have taught others: each lesson has a test named after it.

A test that carries field_ and its number in its name, or in the name of one of its cases,
is about that note. Notes about what attestd does not do say why there is none.
"""
import pathlib
import re

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
NOTES = {
    1: "an index longer than its certificate, the rest FF",
    2: "the TCG's header of a stored certificate, of 5 or 7 bytes",
    3: "a certificate in an OCTET STRING, or behind a TPM2B's size",
    4: "SET elements in the wrong order: bytes out are bytes in",
    5: "the algorithm RSAES-OAEP in the SubjectPublicKeyInfo",
    6: "no certificate at all: null",
    7: "an index that is undefined, unwritten, all 00 or all FF",
    8: "owner authorisation set: the index's own comes first",
    9: "NV_BUFFER_MAX below the certificate's size: read in chunks",
    10: "another key at the EK's persistent handle",
    11: "the endorsement hierarchy disabled, or with an authorisation: never tried again",
    13: "dictionary-attack lockout",
    14: "what the TPM says to bad credentials",
    15: "TPM_RC_FAILURE for one flipped bit in encrypted_secret, from a healthy TPM",
    16: "bytes behind encrypted_secret",
    18: "the session of a failed activation is flushed",
    19: "a signal during a TPM command",
    20: "a TPM that never answers: a deadline for each command",
    21: "a TPM that the firmware has not started",
    22: "/dev/tpm0: exclusive, three slots",
    23: "the TPM gone from under its driver, and back under another number",
    25: "a device that appears late",
    26: "a TPM 1.2",
    27: "Windows' TPM services that refuse",
    28: "the secret on the TPM's bus",
    29: "what the JSON tokenizer lets through",
    30: "kernels for ARM with pages of 16 KiB",
    31: "Windows keeps ContextSave and ContextLoad to itself, and sets endorsementAuth",
    32: "TPM_PT_NV_BUFFER_MAX refused: small reads, and no end of getEK",
    33: "the EK's template and nonce in NV",
    34: "another program's session that sits idle: a context gap",
    35: "a rootless container, where access comes by an inherited group",
    36: "a container in which the host's tpm1 is called tpm0",
    37: "a certificate that is written after the start, or cannot be read for a while",
    38: "a byte order mark before a request, white space within base64",
    39: "priorities in the journal",
    40: "/dev/tpm0, whose number is that of a misc device, under systemd",
    41: "endorsementAuth from a file or a systemd credential",
    42: "a TPM on SPI that takes long to appear, in an initramfs",
    43: "an ID object and its secret in one buffer",
    44: "the address at which a maker keeps an EK's certificate",
    45: "what real verifiers demand of an AIK, its creation and its quotes",
    46: "nonces of a quote that a chip takes; eight PCRs at a time",
    47: "what a restricted AIK refuses by itself, and what it would certify",
    48: "how long hardware takes: the launcher takes as long",
}
NOT_OURS = {
    12: "an AIK at a persistent handle may have been replaced: ours is derived anew each time",
    17: "authorisation of high-range EKs: only the template L-1 is used",
    24: "the device's errno values for malformed writes: tcti-device never makes such",
}


@pytest.fixture(scope="module")
def named():
    files = [*TESTS.glob("*/test_*.py"), *TESTS.glob("*/test_*.c")]
    return {int(n) for f in files for n in re.findall(r"field_(\d\d)", f.read_text())}


@pytest.mark.parametrize("note", NOTES, ids=lambda n: f"{n:02}")
def test_has_a_test(named, note):
    assert note in named, NOTES[note]


def test_all_are_known(named):
    assert named <= set(NOTES) and not set(NOTES) & set(NOT_OURS)
    assert set(range(1, 49)) <= {*NOTES, *NOT_OURS}
