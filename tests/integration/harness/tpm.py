"""Software TPMs: manufactures them, and runs tpm2-tools on them."""
import os
import pathlib
import shutil
import struct
import subprocess
import typing

from . import paths

EK_CERT_INDEX = "0x01C00002"
CHAIN_INDEX = "0x01C00100"
EK_HANDLE = "0x81010001"
AIK_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"


class Aik(typing.NamedTuple):
    """A template in the form of tpm2_createprimary; unique is TPMU_PUBLIC_ID as it is in memory."""
    algorithm: str
    unique: bytes


# 32 zero bytes for each coordinate, in buffers of 128; 256 for the modulus.
AIKS = {"ecc": Aik("ecc256:ecdsa-sha256:null", (struct.pack("=H", 32) + bytes(128)) * 2),
        "rsa": Aik("rsa2048:rsassa-sha256:null", struct.pack("=H", 256) + bytes(256))}


def run(state, script, cwd, timeout=180):
    """Runs a shell script with the TPM of `state` as its device."""
    env = dict(os.environ, TPM2TOOLS_TCTI="device:/dev/tpmrm0", TSS2_LOG="all+NONE")
    done = subprocess.run([paths.SWTPM_RUN, "--state", str(state), "--", "sh", "-ec", script],
                          cwd=cwd, env=env, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
    return done.stdout


def plain(state, work):
    """A TPM without certificate and persistent objects."""
    run(state, f"tpm2_createek -Q -c ek.ctx -G rsa -u {work}/ek.pem -f pem", work)


def persistent(state, work):
    """With the EK at 0x81010001."""
    run(state, f"tpm2_createek -Q -c {EK_HANDLE} -G rsa -u {work}/ek.pem -f pem", work)


def factory(state, work):
    """A TPM with persistent EKs and certificates, as a manufacturer delivers it."""
    state, work = pathlib.Path(state), pathlib.Path(work)
    state.mkdir(exist_ok=True)
    (work / "ca.conf").write_text("".join(f"{k} = {work}/{v}\n" for k, v in (
        ("statedir", ""), ("signingkey", "key.pem"), ("issuercert", "issuer.pem"),
        ("certserial", "serial"))))
    (work / "ca.options").write_text(
        "--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n")
    (work / "setup.conf").write_text(
        "create_certs_tool = /usr/bin/swtpm_localca\n"
        f"create_certs_tool_config = {work}/ca.conf\n"
        f"create_certs_tool_options = {work}/ca.options\n"
        "active_pcr_banks = sha256\n")
    runas = ["--runas", "root"] if os.geteuid() == 0 else []  # else swtpm_setup becomes another user
    done = subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", state, *runas, "--config",
                           work / "setup.conf", "--create-ek-cert", "--overwrite"],
                          check=False, timeout=300, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    run(state, f"tpm2_readpublic -Q -c {EK_HANDLE} -f pem -o ek.pem", work)


def quick(state, work):
    """A TPM that makes its RSA AIK quickly: how long it looks for primes depends on its seed."""
    run(state, f"""head -c 256 /dev/zero >unique
        for i in $(seq 25); do
            tpm2_changeeps
            since=$(date +%s%N)
            tpm2_createprimary -Q -C e -g sha256 -G rsa2048:rsassa-sha256:null -a '{AIK_ATTRIBUTES}' -u unique -c aik
            took=$(( $(date +%s%N) - since ))
            [ $i -gt 6 ] && [ $took -le $least ] && break
            [ ${{least:-$took}} -lt $took ] || least=$took
        done""", work)
    persistent(state, work)


def quick_ek(state, work):
    """The same for an EK that is not persistent."""
    run(state, """for i in $(seq 12); do
            tpm2_changeeps
            since=$(date +%s%N)
            tpm2_createek -Q -c ek.ctx -G rsa -u ek.pem -f pem
            took=$(( $(date +%s%N) - since ))
            tpm2_flushcontext -t
            [ $i -gt 4 ] && [ $took -le $least ] && break
            [ ${least:-$took} -lt $took ] || least=$took
        done""", work)


def quick_persistent(state, work):
    quick_ek(state, work)
    persistent(state, work)


def chained(state, work):
    """As factory, with the certificate of its issuer in the chain's first index."""
    factory(state, work)
    run(state, "openssl x509 -in issuer.pem -outform der -out issuer.der", work)
    write_index(state, work, (pathlib.Path(work) / "issuer.der").read_bytes(), index=CHAIN_INDEX)


KINDS = {"plain": plain, "persistent": persistent, "factory": factory, "quick": quick, "quick-ek": quick_ek,
         "quick-persistent": quick_persistent, "chained": chained}


class States:
    """Manufactures each kind of TPM once, and gives out copies."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.copies = 0

    def original(self, kind):
        work = self.root / kind
        if not work.exists():
            work.mkdir(parents=True)
            KINDS[kind](work / "state", work)
        return work

    def new(self, kind="plain"):
        """A new folder with the state of a TPM, for one test."""
        self.copies += 1
        state = self.root / f"copy{self.copies}"
        shutil.copytree(self.original(kind) / "state", state)
        return state

    def ek_pem(self, kind="plain"):
        return (self.original(kind) / "ek.pem").read_bytes()


def write_index(state, work, data, attributes="ownerwrite|ownerread|authread|no_da",
                index=EK_CERT_INDEX, owner_auth=None):
    """Defines an NV index and writes it; data None: leaves it unwritten."""
    work = pathlib.Path(work)
    size = len(data) if data is not None else 64
    script = f"tpm2_nvdefine -Q {index} -C o -s {size} -a '{attributes}'\n"
    if data is not None:
        (work / "nv").write_bytes(data)
        script += f"tpm2_nvwrite -Q {index} -C o -i nv\n"
    if owner_auth:
        script += f"tpm2_changeauth -Q -c o {owner_auth}\n"
    run(state, script, work)


def make_aik(state, work, aik="ecc", more=""):
    """Makes that AIK with tpm2-tools from the same template, in files whose names begin with `aik`, which `script`
    may use."""
    (pathlib.Path(work) / "unique").write_bytes(AIKS[aik].unique)
    run(state, f"tpm2_createprimary -Q -C e -g sha256 -G {AIKS[aik].algorithm} -a '{AIK_ATTRIBUTES}' -u unique "
               f"-c aik.ctx\ntpm2_readpublic -Q -c aik.ctx -n aik.name -o aik.pub\n{more}", work)


def aik_name(state, work, aik="ecc"):
    """The AIK's Name as tpm2-tools calculate it."""
    make_aik(state, work, aik)
    return (pathlib.Path(work) / "aik.name").read_bytes()
