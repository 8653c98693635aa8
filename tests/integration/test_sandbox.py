"""The sandbox: what is forbidden inside, what still works, and who lacks it."""
import ctypes
import os
import platform
import re
import signal
import subprocess
import sys

import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import ATTESTD, BUILD
from harness.service import Service, answers, b64, wait_for

PROBE = str(BUILD / "injected/sandbox/x86_64-linux-musl/attestd")
LACKS = str(BUILD / "host/lacks")
SECCOMP, LANDLOCK, SETUID = 317, 444, 105  # on x86_64
NOBODY = 65534
DENIED, REFUSED = "permission denied", "operation not permitted"

pytestmark = [pytest.mark.shipping,  # elsewhere its calls are only said to succeed
              pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")


def landlock_abi():
    return ctypes.CDLL(None).syscall(LANDLOCK, None, 0, 1)


class Attestd:
    """attestd without a TPM, as a child of ours."""

    def __init__(self, folder, *args, binary=ATTESTD, lacks=(), **options):
        self.socket = folder / "socket"
        command = [LACKS, ",".join(map(str, lacks))] if lacks else []
        self.process = subprocess.Popen(
            [*command, binary, "serve", "--socket", self.socket, *args], cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=60)

    def wait_for(self, text):
        """Until it says so or ends."""
        for line in self.process.stderr:
            self.said += line
            if text in line:
                return True
        return False

    def ready(self):
        wait_for(lambda: answers(self.socket) or self.process.poll() is not None, 60, "reply")
        assert self.process.poll() is None, self.process.communicate()[1]
        return self

    def status(self):
        return fields(self.process.pid)

    def end(self):
        """Its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        self.said += self.process.communicate(timeout=60)[1]
        return self.process.returncode


def give(folder):
    """pytest's folders are root's alone."""
    os.chown(folder, NOBODY, NOBODY)
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 1:
            os.chmod(parent, 0o711)


def fields(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def probe(folder, name, path="", args=(), lacks=()):
    """Tries `name` from the inside: the reason why it failed, "" if it did not,
    or the signal that ended the process."""
    env = dict(os.environ, ATTESTD_PROBE_SANDBOX=name, ATTESTD_PROBE_PATH=str(path))
    with Attestd(folder, *args, binary=PROBE, lacks=lacks, env=env) as attestd:
        found = attestd.wait_for(f" probe {name}")
        status = attestd.end()
    if not found:
        assert status < 0, attestd.said
        return signal.Signals(-status)
    assert status == 0
    return re.search(rf" probe {name}(?:: (.*))?$", attestd.said, re.M)[1] or ""


# ---- what is forbidden ------------------------------------------------------

@pytest.mark.parametrize("name", [
    "execve", "fork", "clone", "socket", "socketpair", "connect", "bind", "sendto", "sendmsg",
    "ptrace", "process_vm_readv", "kill", "setuid", "mount", "unshare", "chroot", "bpf",
    "io_uring", "memfd", "mmap", "mmap_exec", "mprotect_exec", "unprotect_paths", "openat",
    "openat2", "mkdir", "chmod", "rename", "x32", "int80", "unknown"])
def test_ends_the_process(tmp_path, name):
    assert probe(tmp_path, name, "/etc/passwd") == signal.SIGSYS


@pytest.mark.parametrize("name,path", [
    ("open", "/etc/passwd"), ("open", "/proc/self/mem"), ("open", "/dev/mem"),
    ("open", "/dev/null"), ("open", "/dev/tpmrm0"), ("stat", "/etc/passwd"),
    ("stat_through", "/etc/passwd"), ("list", "/"),
    ("write", "FILE"), ("truncate", "FILE"), ("create", "NEW"), ("unlink", "FILE"),
    ("nofile", ""), ("fcntl", ""), ("getpid", "")])
def test_is_refused(tmp_path, name, path):
    """Whatever the name: the path is not one of attestd's own."""
    file, new = tmp_path / "file", tmp_path / "new"
    file.write_text("kept")
    path = {"FILE": file, "NEW": new}.get(path, path)
    assert probe(tmp_path, name, path) == REFUSED
    assert file.read_text() == "kept" and not new.exists()


@pytest.mark.parametrize("name", ["paths", "relro"])
def test_is_read_only(tmp_path, name):
    """The paths that may be opened, and the tables of pointers."""
    assert probe(tmp_path, name) == signal.SIGSEGV


def test_is_allowed(tmp_path):
    """The probe's own proof: it can do what attestd can; no TPM looks like no TPM."""
    assert probe(tmp_path, "getrandom") == ""
    assert probe(tmp_path, "tpm3") == probe(tmp_path, "stat_tpm3") == "no such file or directory"
    for name in ("socket", "mmap_exec"):
        assert probe(tmp_path, name, args=["--sandbox", "off"]) == ""
    assert probe(tmp_path, "open", "/etc/passwd", args=["--sandbox", "off"]) == ""


# ---- each of the two alone --------------------------------------------------

@pytest.mark.skipif(landlock_abi() < 1, reason="this kernel has no Landlock")
class TestLandlock:
    """Where there is no seccomp."""

    @staticmethod
    def probe(folder, name, path="", args=()):
        return probe(folder, name, path, args, lacks=[SECCOMP])

    @pytest.mark.parametrize("name", ["open", "write", "truncate", "unlink", "rename", "openat2"])
    def test_another_file(self, tmp_path, name):
        folder, file = tmp_path / "folder", tmp_path / "file"
        folder.mkdir()
        file.write_text("kept")
        assert self.probe(folder, name, file) == DENIED
        assert file.read_text() == "kept"

    @pytest.mark.parametrize("name", ["create", "mkdir"])
    def test_beside_the_socket(self, tmp_path, name):
        assert self.probe(tmp_path, name, tmp_path / "new") == DENIED
        assert not (tmp_path / "new").exists()

    def test_folders(self, tmp_path):
        assert self.probe(tmp_path, "list", "/") == DENIED
        assert self.probe(tmp_path, "list", "/dev") == DENIED

    def test_devices(self, tmp_path):
        """A TPM may come under another name: all that permissions allow."""
        assert self.probe(tmp_path, "open", "/dev/null") == ""
        assert self.probe(tmp_path, "create", "/dev/attestd-probe") == DENIED

    @pytest.mark.skipif(landlock_abi() < 6, reason="Landlock before scopes")
    def test_signals(self, tmp_path):
        assert self.probe(tmp_path, "kill") == REFUSED

    def test_once_removes_nothing(self, tmp_path):
        """It has no socket; somebody's may be at the default path."""
        (tmp_path / "file").write_text("kept")
        env = dict(os.environ, ATTESTD_PROBE_SANDBOX="unlink",
                   ATTESTD_PROBE_PATH=str(tmp_path / "file"))
        done = subprocess.run([LACKS, str(SECCOMP), PROBE, "once"], env=env, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert f"probe unlink: {DENIED}" in done.stderr
        assert (tmp_path / "file").exists()


def test_seccomp_without_landlock(tmp_path):
    assert probe(tmp_path, "open", "/etc/passwd", lacks=[LANDLOCK]) == REFUSED
    assert probe(tmp_path, "execve", lacks=[LANDLOCK]) == signal.SIGSYS


# ---- kernels that lack something --------------------------------------------

PARTS = [([SECCOMP], "seccomp"), ([LANDLOCK], "Landlock"), ([125], "capabilities"),
         ([302], "limits"), ([157], "undumpable no_new_privs"),
         ([SECCOMP, LANDLOCK], "Landlock seccomp")]


@pytest.mark.parametrize("lacks,named", PARTS, ids=[named for _, named in PARTS])
def test_lacking(tmp_path, lacks, named):
    """One warning names it all, and attestd goes on; or it does not start."""
    message = f"this system lacks protections: {named}\n"
    with Attestd(tmp_path, lacks=lacks) as attestd:
        attestd.ready()
        assert attestd.end() == 0
        assert attestd.said.count(" warning this system") == 1
        assert attestd.said.count(f" warning {message}") == 1
        assert not attestd.socket.exists()
    with Attestd(tmp_path, "--sandbox", "require", lacks=lacks) as attestd:
        assert attestd.process.wait(60) == 1
        attestd.end()
        assert f" error {message}" in attestd.said
        assert not attestd.socket.exists()
    once = subprocess.run([LACKS, ",".join(map(str, lacks)), ATTESTD, "once", "--sandbox",
                           "require"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    assert once.returncode == 1 and message in once.stderr


def test_off(tmp_path):
    with Attestd(tmp_path, "--sandbox", "off") as attestd:
        attestd.ready()
        assert attestd.status()["Seccomp"] == "0"
        assert attestd.end() == 0
        assert " warning the sandbox is off\n" in attestd.said


def test_required(start):
    """This kernel has it all; with a TPM, from start to end."""
    service = start("plain", args=["--sandbox", "require"]).settled()
    assert "sandbox" not in service.log() and "lacks" not in service.log()


# ---- what the process is then -----------------------------------------------

def test_state(start):
    service = start("plain").settled()
    pid = service.control.pid()
    status = fields(pid)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        assert re.search(r"^Max open files +64 +64 ", f.read(), re.M)


@as_root
@pytest.mark.parametrize("group,mode,joins", [(1234, 0o660, True), (1234, 0o640, False),
                                              (0, 0o660, False)])
def test_root_joins_the_group_of_the_tpm(tmp_path, group, mode, joins):
    """Without capabilities it would not get past the permissions that Debian gives a TPM."""
    device = tmp_path / "device"
    device.touch()
    device.chmod(mode)
    os.chown(device, NOBODY, group)
    with Attestd(tmp_path, "--tpm", str(device)) as attestd:
        groups = attestd.ready().status()["Groups"].split()
    assert groups == ([str(group)] if joins else [str(g) for g in os.getgroups()])


@as_root
def test_memory(start):
    """Nothing is writable and executable; what was relocated is not writable."""
    service = start("plain").settled()
    with open(f"/proc/{service.control.pid()}/maps", encoding="ascii") as f:
        access = [line.split()[1] for line in f if line.split()[-1] == ATTESTD]
        f.seek(0)
        assert not [line for line in f if "wx" in line]
    assert access == ["r-xp", "r--p", "rw-p"]


def test_low_limits(tmp_path):
    """A limit that is lower stays."""
    limit = ["prlimit", "--nofile=40:40"]
    with subprocess.Popen([*limit, ATTESTD, "serve", "--socket", tmp_path / "s"],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: answers(tmp_path / "s"), 60, "reply")
        with open(f"/proc/{process.pid}/limits", encoding="ascii") as f:
            assert re.search(r"^Max open files +40 +40 ", f.read(), re.M)
        process.terminate()
        assert "lacks" not in process.communicate(timeout=60)[1]


# Tried by another process of the same user: which of these it can.
ATTACK = """
import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
for name in ("mem", "environ", "maps"):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            name == "mem" or f.read(1)
        print(name)
    except PermissionError:
        pass
if libc.ptrace(16, pid, None, None) == 0:  # PTRACE_ATTACH
    print("ptrace")
    os.waitpid(pid, 0x40000000)  # __WALL
    libc.ptrace(17, pid, None, None)
"""


@as_root
@pytest.mark.parametrize("sandbox", ["on", "off"])
def test_same_user(tmp_path, sandbox):
    """Who runs as the same user can neither trace it nor have it dump core."""
    give(tmp_path)
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with Attestd(tmp_path, "--sandbox", sandbox, **user) as attestd:
        attestd.ready()
        done = subprocess.run([sys.executable, "-c", ATTACK, str(attestd.process.pid)], **user,
                              check=True, capture_output=True, text=True, timeout=60, cwd="/")
        if sandbox == "off":  # so that this is a test
            assert {"environ", "maps"} <= set(done.stdout.split())
        else:
            assert done.stdout == ""
            attestd.process.send_signal(signal.SIGSEGV)
            _, status = os.waitpid(attestd.process.pid, 0)
            assert os.WTERMSIG(status) == signal.SIGSEGV and not os.WCOREDUMP(status)
            attestd.process.returncode = -signal.SIGSEGV


# ---- another user -----------------------------------------------------------

@as_root
def test_user(start):
    """For good, with no other group, and with the TPM."""
    service = start("plain", args=["--user", f"{NOBODY}:7"])
    os.chown(service.dir, NOBODY, -1)
    service.settled()
    status = fields(service.control.pid())
    assert status["Uid"].split() == 4 * [str(NOBODY)]
    assert status["Gid"].split() == 4 * ["7"]
    assert status["Groups"].strip() == ""
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0


@as_root
def test_user_stays(tmp_path):
    """Not even the kernel lets it back, if there is no filter."""
    give(tmp_path)
    args = ["--user", f"{NOBODY}:{NOBODY}"]
    assert probe(tmp_path, "setuid", args=args, lacks=[SECCOMP]) == REFUSED
    assert probe(tmp_path, "setuid", args=[*args, "--sandbox", "off"]) == REFUSED


@as_root
@pytest.mark.parametrize("lacks", [[SETUID], [106], [116]], ids=["setuid", "setgid", "setgroups"])
def test_user_is_a_must(tmp_path, lacks):
    """Nobody goes on as root who was told not to."""
    with Attestd(tmp_path, "--user", "1:1", lacks=lacks) as attestd:
        assert attestd.process.wait(60) == 1
        attestd.end()
        assert " error cannot become --user: errno 38\n" in attestd.said
        assert not attestd.socket.exists()


@as_root
def test_user_without_the_right_to(tmp_path):
    give(tmp_path)
    with Attestd(tmp_path, "--user", "1:1", user=NOBODY, group=NOBODY) as attestd:
        assert attestd.process.wait(60) == 1
        attestd.end()
        assert f" error cannot become --user: {REFUSED}\n" in attestd.said


@as_root
def test_user_and_the_default_folder():
    """It is made for the user, who removes the socket at the end."""
    script = f"""
mount -t tmpfs none /run
{ATTESTD} serve --user {NOBODY}:7 & pid=$!
for i in $(seq 200); do [ -S /run/attestd/attestd.sock ] && break; sleep 0.05; done
stat -c '%u %g %a' /run/attestd
{ATTESTD} call '{{}}' >/dev/null
kill $pid; wait $pid; echo $?
ls -A /run/attestd
"""
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False, timeout=30,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == f"{NOBODY} 7 755\n0\n", done.stderr


# ---- what still works -------------------------------------------------------

def test_stopped_and_continued(start):
    """SIGSTOP in poll: the kernel goes on with restart_syscall."""
    service = start("plain").settled()
    pid = service.control.pid()
    for _ in range(3):
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: fields(pid)["State"].startswith("T"), 20, "stop")
        os.kill(pid, signal.SIGCONT)
        service.ok({"command": "getEK"})


@as_root
def test_all_clients(start):
    """32 at once, and the TPM opened anew meanwhile, within the limit of files."""
    service = start("plain").settled().let_in_all()
    known = service.attestation()
    made = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], b"secret")
    clients = [service.connect_as((i + 1) % 2) for i in range(31)]
    opens = service.control.opens()
    service.control.ask("vanish")
    service.ok({"command": "activateCredential", "credential_blob": b64(made.file)})
    assert service.control.opens() > opens
    for client in clients:
        client.close()


def test_socket_is_removed(states, tmp_path, monkeypatch):
    """Also a relative one, in the folder where it was started."""
    monkeypatch.chdir(tmp_path)
    service = Service(states.new("plain"), args=["--socket", "here"])
    try:
        wait_for((tmp_path / "here").exists, 20, "socket")
        service.terminate()
        assert service.wait_exit() == 0
        assert not (tmp_path / "here").exists()
    finally:
        service.close()
