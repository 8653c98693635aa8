"""tpm2_checkquote, the verifier that tpm2-tools have."""
import pathlib
import subprocess
import tempfile


def checkquote(public, quoted, signature, nonce, bank, values):
    """What it says against a quote: None if it takes it. public: TPM2B_PUBLIC; values: {PCR: value}.

    The file of PCRs is the values alone, in ascending order, as tpm2_pcrread -o writes them; which
    they are says -l. tpm2_quote -o has a format of its own, which is that of the C compiler.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        files = {"public": public, "message": quoted, "signature": signature,
                 "pcr": b"".join(values[i] for i in sorted(values))}
        for name, data in files.items():
            (work / name).write_bytes(data)
        done = subprocess.run(
            ["tpm2_checkquote", "-Q", *(f"--{name}={name}" for name in files),
             "-l", f"{bank}:{','.join(str(i) for i in sorted(values))}",
             "-g", "sha256",  # the signature's, and by the specification pcrDigest's
             "-q", nonce.hex()], cwd=work, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr  # 1: it ran, and refuses
    return done.stderr.strip() or "refused" if done.returncode else None
