"""Virtual machines with a software TPM, and a shell inside them."""
import base64
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

from harness import paths
from initramfs import Archive, Modules

HERE = pathlib.Path(__file__).resolve().parent
GUESTS = paths.BUILD / "vm"
ATTESTD = {cpu: os.environ.get(f"ATTESTD_{cpu.upper()}",
                               paths.BUILD / f"{cpu}-linux-musl/attestd")
           for cpu in ("x86_64", "aarch64")}
ATTESTD["aarch64-16k"] = ATTESTD["aarch64"]
BOOT_S = 90  # for a host that is busy
SCRIPT_S = 60
END_S = 20

# The modules that the tests' own guests may load; each kernel has some of them built in.
MODULES = ("tpm_tis", "tpm_crb", "tpm_vtpm_proxy", "virtio_blk")

QEMU = {
    # Without cmpxchg16b: after it QEMU 7.2 has wrong flags, and an interrupt there makes the
# kernel oops.
    "x86_64": ["qemu-system-x86_64", "-cpu", "max,-cx16"],
    # Not a newer CPU: its additions take time in emulation.
    "aarch64": ["qemu-system-aarch64", "-M", "virt,gic-version=2", "-cpu", "cortex-a57"],
    # The CPU of a Raspberry Pi 5. The one above has no pages of 16 KiB; "max" has them, but signs
# its pointers, which takes more than twice as long to emulate.
    "aarch64-16k": ["qemu-system-aarch64", "-M", "virt,gic-version=2", "-cpu", "cortex-a76"],
}
CONSOLE = {"x86_64": "ttyS0", "aarch64": "ttyAMA0", "aarch64-16k": "ttyAMA0"}
TPM = {
    ("x86_64", "tis"): "tpm-tis",
    ("x86_64", "crb"): "tpm-crb",
    ("aarch64", "tis"): "tpm-tis-device",
}
# How QEMU's TPM is connected to swtpm; and how a guest is by itself, through a serial port.
CONTROL = ["--ctrl"]
COMMANDS = ["--flags", "not-need-init,startup-clear", "--server"]
# A child ends when its parent does, in whatever way that ends.
BOUND = ["setpriv", "--pdeathsig", "KILL", "--"]
WRONG = re.compile(r"Kernel panic|Oops|BUG:|Call [Tt]race|soft lockup")


def guest(cpu):
    return GUESTS / cpu


def image(cpu, path, modules=MODULES, init=HERE / "init", programs=()):
    """Writes an initramfs with busybox, attestd and the agent (init). programs: (name, file)."""
    archive = Archive()
    archive.program("init", init)
    archive.program("bin/busybox", guest(cpu) / "busybox")
    archive.program("bin/attestd", ATTESTD[cpu])
    for name, source in programs:
        archive.program(f"bin/{name}", source)
    for folder in ("proc", "sys", "dev", "run", "tmp"):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    Modules(guest(cpu)).add(archive, modules)
    path = pathlib.Path(path)
    path.write_bytes(archive.bytes())
    return path


class Swtpm:
    """A software TPM for one run of QEMU."""

    def __init__(self, state, folder, version, through):
        self.control = folder / "tpm"
        self.log = folder / "tpm.log"
        self.process = subprocess.Popen(
            [*BOUND, "swtpm", "socket", *(["--tpm2"] if version == 2 else []),
             "--tpmstate", f"dir={state}", *through, f"type=unixio,path={self.control}",
             "--terminate", "--log", f"file={self.log}"],
            stdin=subprocess.DEVNULL)
        end = time.monotonic() + END_S
        try:
            while not self.control.exists():
                assert self.process.poll() is None and time.monotonic() < end, \
                    "swtpm does not start"
                time.sleep(0.005)
        except BaseException:
            self.kill()
            raise

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(END_S)


class Failed(AssertionError):
    """The guest, QEMU or a script in the guest failed."""


class Machine:
    """One run of QEMU. `tpm` is tis, crb or None; `state` is the TPM's folder.
    Or it is "port": a serial port named tpm, for a kernel that has no driver for QEMU's TPMs.

    `kernel` and `initrd` are files. `append` is added to the kernel's command
    line, `options` to QEMU's. If `agent` is false, the agent is not
    inside: scripts cannot be run, and only `console()` shows what happens.
    """

    def __init__(self, cpu, initrd, state=None, tpm="tis", kernel=None, append="", options=(),
                 agent=True, memory=256, tpm_version=2):
        self.cpu = cpu
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="attestd-vm-"))
        self.swtpm = self.process = self.port = None
        self.number, self.received = 0, b""
        command = [*BOUND, *QEMU[cpu], "-accel", "tcg", "-m", str(memory), "-smp", "1", "-nodefaults",
                   "-no-user-config", "-no-reboot", "-display", "none", "-kernel",
                   str(kernel or guest(cpu) / "vmlinuz"), "-initrd", str(initrd), "-append",
                   # A guest that only waits for the host must not count as locked up.
                   f"console={CONSOLE[cpu]} panic=-1 loglevel=4 nowatchdog {append}",
                   "-serial", f"file:{self.dir / 'console'}", *options]
        try:
            if tpm:
                self.swtpm = Swtpm(state, self.dir, tpm_version,
                                   COMMANDS if tpm == "port" else CONTROL)
            if tpm and tpm != "port":
                command += ["-chardev", f"socket,id=tpm,path={self.swtpm.control}",
                            "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                            "-device", f"{TPM[cpu, tpm]},tpmdev=tpm0"]
            with socket.socket(socket.AF_UNIX) as listener:
                if agent:
                    listener.bind(str(self.dir / "agent"))
                    listener.listen(1)
                    listener.settimeout(END_S)
                    command += ["-device", "virtio-serial-pci", "-chardev",
                                f"socket,id=agent,path={self.dir / 'agent'}", "-device",
                                "virtserialport,chardev=agent,name=agent"]
                if tpm == "port":
                    command += ["-chardev", f"socket,id=tpm,path={self.swtpm.control}", "-device",
                                "virtserialport,chardev=tpm,name=tpm"]
                self.power_on = time.monotonic()
                with open(self.dir / "qemu.log", "wb") as log:
                    self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                                    stderr=subprocess.STDOUT)
                if agent:
                    self.port = listener.accept()[0]
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def console(self):
        file = self.dir / "console"  # QEMU makes it, but not at once
        return file.read_text(errors="replace").replace("\r", "") if file.exists() else ""

    def failed(self, what):
        status = self.process.poll()
        end = "" if status is None else f"; QEMU has ended with {status}"
        return Failed(f"{what}{end}\n{(self.dir / 'qemu.log').read_text(errors='replace')}"
                      f"--- the console\n{self.console()[-8000:]}")

    def line(self, timeout):
        """The next line from the guest."""
        end = time.monotonic() + timeout
        while b"\n" not in self.received:
            try:
                self.port.settimeout(max(end - time.monotonic(), 0.001))
                more = self.port.recv(65536)
            except OSError as error:
                raise self.failed(f"no answer from the guest: {error}") from error
            if not more:
                raise self.failed("the guest has gone")
            self.received += more
        line, self.received = self.received.split(b"\n", 1)
        return line.decode()

    def start(self, script):
        """Starts a script; finish() returns its outcome."""
        self.number += 1
        script = base64.b64encode(script.encode()).decode()
        self.port.settimeout(SCRIPT_S)
        try:
            self.port.sendall(f"{self.number} {script}\n".encode())
        except OSError as error:
            raise self.failed(f"the guest takes nothing: {error}") from error

    def finish(self, timeout=SCRIPT_S):
        """The exit status of the script that was started, and what it wrote."""
        number, status, *output = self.line(timeout).split()
        assert int(number) == self.number
        return int(status), base64.b64decode("".join(output)).decode("utf-8", "replace")

    def run(self, script, timeout=SCRIPT_S):
        """Runs a shell script in the guest; returns its exit status and output."""
        self.start(script)
        return self.finish(timeout)

    def sh(self, script, timeout=SCRIPT_S):
        """The same for a script that must succeed, with `set -e`; returns its output."""
        status, output = self.run(f"set -e\n{script}", timeout)
        if status != 0:
            raise self.failed(f"{script}\n--- exit status {status}\n{output}")
        return output

    def put(self, path, data):
        """Makes a file in the guest."""
        self.sh(f"base64 -d >{path} <<'END'\n{base64.b64encode(data).decode()}\nEND")

    def get(self, path):
        return base64.b64decode(self.sh(f"base64 {path}"))

    def booted(self):
        """Waits for the agent."""
        self.run("", BOOT_S)
        return self

    def wait_console(self, pattern, timeout=BOOT_S):
        """Waits until the console shows a match, and returns it."""
        end = time.monotonic() + timeout
        while True:
            ended = self.process.poll() is not None
            found = re.search(pattern, self.console())
            if found:
                return found
            if ended or time.monotonic() > end:
                raise self.failed(f"no {pattern!r} on the console")
            time.sleep(0.02)

    def wait_end(self, timeout=END_S):
        """Waits until the guest has switched itself off; fails if it did not end well."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise self.failed("QEMU does not end") from error
        if status != 0 or WRONG.search(self.console()):
            raise self.failed("not a good end")

    def stop(self):
        """Switches a guest with the agent off; fails if anything was wrong with it."""
        try:
            self.port.close()  # which ends the agent
            self.wait_end()
        finally:
            self.close()

    def close(self):
        """Ends it in any case."""
        if self.port:
            self.port.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(END_S)
        if self.swtpm:
            self.swtpm.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
