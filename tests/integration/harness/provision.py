"""A machine with one TPM, on which an administrator calls `attestd provision` again and again."""
import os
import pathlib
import shlex
import shutil
import struct
import subprocess
import tempfile
import typing

from . import paths
from .control import CC, Control, transmit
from .service import can_connect, wait_for
from .tpm import EK_HANDLE

DONE, FAILED, REFUSED, UNSURE, USAGE, KILLED = 0, 1, 2, 3, 64, 137
HANDLE = int(EK_HANDLE, 0)

# Runs each line of its input as a command in the machine's folder, and prints its exit status.
RUNNER = 'cd "$TMPDIR"; while read -r line; do sh -c "$line" >out 2>err; echo $?; done'


class Ran(typing.NamedTuple):
    status: int
    out: str
    err: str


class Machine:
    """`device` goes to the launcher. bare: attestd uses /dev/tpm0, other programs the resource manager.
    One command runs at a time."""

    def __init__(self, state, device="tpmrm0", bare=False, launcher=(), binary=None):
        self.command = shlex.join([*paths.BINARIES[binary or paths.first_binary()], "provision",
                                   *(["--tpm", "/dev/tpm0"] if bare else [])])
        device = "both" if bare else device
        self.tcti = "device:/dev/tpm0" if device == "tpm0" else "device:/dev/tpmrm0"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="attestd-"))
        self.raw = self.dir / "raw"
        self.control = None
        self.process = subprocess.Popen(
            [paths.SWTPM_RUN, "--state", str(state), "--control", str(self.dir / "control"), "--listen",
             str(self.raw), "--device", device, *launcher, "--", "sh", "-c", RUNNER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, TMPDIR=str(self.dir), TPM2TOOLS_TCTI=self.tcti, TSS2_LOG="all+NONE"))
        try:
            wait_for(lambda: can_connect(self.dir / "control"), 30, "launcher")
            self.control = Control(self.dir / "control")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, line):
        """Runs a shell command line that finds the TPM's device."""
        self.process.stdin.write(line.replace("\n", ";") + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        return Ran(status, (self.dir / "out").read_text(), (self.dir / "err").read_text())

    def tools(self, script):
        """Runs a script of tpm2-tools; returns its output."""
        ran = self.run(f"set -e; {script}")
        assert ran.status == 0, ran
        return ran.out

    def provision(self, *args):
        return self.run(f"{self.command} {shlex.join(map(str, args))}")

    def auth(self, name, content):
        """Makes a file that only its owner may read."""
        file = self.dir / name
        file.write_text(content)
        file.chmod(0o600)
        return file

    def persistent(self):
        """The persistent handles, as tpm2-tools list them."""
        return [line.split()[-1] for line in self.tools("tpm2_getcap handles-persistent").splitlines()]

    def ek_pem(self):
        """The key at the EK's handle, as tpm2-tools read it."""
        self.tools(f"tpm2_readpublic -Q -c {EK_HANDLE} -f pem -o there.pem")
        return (self.dir / "there.pem").read_bytes()

    # ---- the same without a process for each look ------------------------

    def transmit(self, name, body, tag=0x8001):
        return transmit(self.raw, struct.pack(">HII", tag, 10 + len(body), CC[name]) + body)

    def public(self):
        """The TPM2B_PUBLIC at the EK's handle, or None if nothing is there."""
        response = self.transmit("ReadPublic", struct.pack(">I", HANDLE))
        code, = struct.unpack_from(">I", response, 6)
        assert code in (0, 0x18B), hex(code)
        return response[10:12 + struct.unpack_from(">H", response, 10)[0]] if code == 0 else None

    def evict(self, owner=""):
        """Evicts what is at the EK's handle, with the owner's authorisation."""
        auth = struct.pack(">IHBH", 0x40000009, 0, 0, len(owner)) + owner.encode()
        response = self.transmit("EvictControl", struct.pack(">III", 0x40000001, HANDLE, len(auth)) + auth
                                 + struct.pack(">I", HANDLE), 0x8002)
        assert response[6:10] == bytes(4), response.hex()

    def close(self):
        if self.control:
            self.control.close()
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
        self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def says(ran, status, text):
    """It ended with this status, and said this: what was done to standard output, or why not to the log."""
    assert ran.status == status and text in (ran.out if status == DONE else ran.err), ran
    assert (ran.out == "") == (status != DONE)
    assert " error " not in ran.err or status != DONE
