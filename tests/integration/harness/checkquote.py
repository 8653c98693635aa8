"""tpm2_checkquote, the verifier of tpm2-tools, and the file of PCRs that it reads."""
import pathlib
import struct
import subprocess
import tempfile

from .attest import BANKS


def pcr_blob(bank, values):
    """What tpm2_quote -o writes: TSS2's structures as they are in a little-endian machine's memory. A
    TPML_PCR_SELECTION with all its 16 entries, the number of TPML_DIGESTs, and these, with all their eight
    TPM2B_DIGESTs. The values alone, as tpm2_pcrread -o writes them, are taken as well, but at most eight."""
    bits = sum(1 << i for i in values).to_bytes(3, "little")
    blob = struct.pack("<IHB3s", 1, BANKS[bank], 3, bits) + bytes(2 + 15 * 8)
    ordered = [values[i] for i in sorted(values)]
    lists = [ordered[at:at + 8] for at in range(0, len(ordered), 8)]
    blob += struct.pack("<I", len(lists))
    for some in lists:
        blob += struct.pack("<I", len(some)) + b"".join(struct.pack("<H64s", len(value), value) for value in some)
        blob += bytes((8 - len(some)) * 66)
    return blob


def checkquote(public, quoted, signature, nonce, bank, values):
    """Returns why it refuses a quote, or None if it accepts it. public: TPM2B_PUBLIC; values: {PCR: value}."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"public": public, "message": quoted, "signature": signature, "pcr": pcr_blob(bank, values)}
        for name, data in files.items():
            (pathlib.Path(folder) / name).write_bytes(data)
        done = subprocess.run(
            ["tpm2_checkquote", "-Q", *(f"--{name}={name}" for name in files), "-q", nonce.hex(),
             "-g", "sha256"],  # the signature's, and by the specification pcrDigest's
            cwd=folder, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr  # 1: it refuses the quote
    return done.stderr.strip() or "refused" if done.returncode else None
