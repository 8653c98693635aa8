"""The process in the sandbox: its user, its rights, and everything that must still work."""
import os
import platform
import re
import signal
import subprocess
import sys

import pytest

from harness import process
from harness.credential import make, rsa_from_tpm
from harness.paths import ATTESTD
from harness.sandbox import NOBODY, REFUSED, SECCOMP, SETUID, Attestd, as_root, give, probe
from harness.service import Service, answers, b64, wait_for

pytestmark = [pytest.mark.shipping,  # other builds of attestd have no filter for system calls
              pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls have the numbers of x86_64")]


# ---- what the process may still do ------------------------------------------

def test_state(start):
    service = start("plain").settled()
    pid = service.control.pid()
    status = process.status(pid)
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
    """Without capabilities, root needs this group to open a TPM with Debian's permissions."""
    device = tmp_path / "device"
    device.touch()
    device.chmod(mode)
    os.chown(device, NOBODY, group)
    with Attestd(tmp_path, "--tpm", str(device)) as attestd:
        groups = attestd.ready().status()["Groups"].split()
    assert groups == ([str(group)] if joins else [str(g) for g in os.getgroups()])


@as_root
def test_memory(start):
    """No memory is writable and executable; relocated data is not writable."""
    service = start("plain").settled()
    with open(f"/proc/{service.control.pid()}/maps", encoding="ascii") as f:
        access = [line.split()[1] for line in f if line.split()[-1] == ATTESTD]
        f.seek(0)
        assert not [line for line in f if "wx" in line]
    assert access == ["r-xp", "r--p", "rw-p"]


def test_low_limits(tmp_path):
    """A limit that is lower already stays."""
    limit = ["prlimit", "--nofile=40:40"]
    with subprocess.Popen([*limit, ATTESTD, "serve", "--socket", tmp_path / "s"],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as limited:
        wait_for(lambda: answers(tmp_path / "s"), 60, "reply")
        with open(f"/proc/{limited.pid}/limits", encoding="ascii") as f:
            assert re.search(r"^Max open files +40 +40 ", f.read(), re.M)
        limited.terminate()
        assert "lacks" not in limited.communicate(timeout=60)[1]


# Run by another process of the same user. Prints which of these succeed.
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
    """Another process of the same user can neither trace it nor make it dump core."""
    give(tmp_path)
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with Attestd(tmp_path, "--sandbox", sandbox, **user) as attestd:
        attestd.ready()
        done = subprocess.run([sys.executable, "-c", ATTACK, str(attestd.process.pid)], **user,
                              check=True, capture_output=True, text=True, timeout=60, cwd="/")
        if sandbox == "off":  # which shows that the attack works
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
    """It becomes the user for good, without other groups, and can use the TPM."""
    service = start("plain", args=["--user", f"{NOBODY}:7"])
    os.chown(service.dir, NOBODY, -1)
    service.settled()
    status = process.status(service.control.pid())
    assert status["Uid"].split() == 4 * [str(NOBODY)]
    assert status["Gid"].split() == 4 * ["7"]
    assert status["Groups"].strip() == ""
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0


@as_root
def test_user_stays(tmp_path):
    """Even without the filter, the kernel does not let it become root again."""
    give(tmp_path)
    args = ["--user", f"{NOBODY}:{NOBODY}"]
    assert probe(tmp_path, "setuid", args=args, lacks=[SECCOMP]) == REFUSED
    assert probe(tmp_path, "setuid", args=[*args, "--sandbox", "off"]) == REFUSED


@as_root
@pytest.mark.parametrize("lacks", [[SETUID], [106], [116]], ids=["setuid", "setgid", "setgroups"])
def test_not_started_if_the_user_cannot_be_changed(tmp_path, lacks):
    """If attestd cannot become --user, it does not go on as root."""
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
    """The default folder is made for the user, who removes the socket at the end."""
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


# ---- what must still work -----------------------------------------------------

def test_stopped_and_continued(start):
    """After SIGSTOP within poll, the kernel continues with restart_syscall, which must be allowed."""
    service = start("plain").settled()
    pid = service.control.pid()
    for _ in range(3):
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: process.status(pid)["State"].startswith("T"), 20, "stop")
        os.kill(pid, signal.SIGCONT)
        service.ok({"command": "getEK"})


@as_root
def test_all_clients(start):
    """32 clients at once, and the TPM is opened again meanwhile, within the limit of descriptors."""
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
    """Also a socket with a relative path, from the folder where attestd was started."""
    monkeypatch.chdir(tmp_path)
    service = Service(states.new("plain"), args=["--socket", "here"])
    try:
        wait_for((tmp_path / "here").exists, 20, "socket")
        service.terminate()
        assert service.wait_exit() == 0
        assert not (tmp_path / "here").exists()
    finally:
        service.close()
