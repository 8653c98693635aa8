"""Who may connect, and who may quote: --allow, --allow-quote, --owner, how many connections an account may have."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from harness.faults import activation
from harness.paths import BINARIES, first_binary
from harness.service import account, answers, ask, conclusive, connect, parse_reply, read_all, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be others")

GET_EK = {"command": "getEK"}
MANY = list(range(5000, 5300))  # supplementary groups


def outcome(service, uid, gid=None, groups=()):
    """The error that this account gets, or None."""
    with account(uid, gid, groups):
        return service.ask(GET_EK).get("error")


@pytest.mark.parametrize("allow, who, let_in", [
    ("1000", (1000,), True), ("1000", (1001,), False), ("1000", (0,), False),
    ("7,1000,@9", (1000, 7), True), ("@1000", (1000, 5), False), ("@1000", (5, 1000), True),
    ("5", (6, 5, [5]), False), ("@20", (1000, 1000, [10, 20, 30]), True),
    ("@21", (1000, 1000, [10, 20, 30]), False), ("@5299", (1000, 1000, MANY), True),
    ("@5300", (1000, 1000, MANY), False), ("4294967294", (4294967294,), True),
])
def test_allow(start, allow, who, let_in):
    """By its uid, its gid, or one of its other groups."""
    service = start("plain", args=["--allow", allow]).ready().let_in_all()
    assert outcome(service, *who) == (None if let_in else "access_denied")


SIGNING = [{"command": "quote", "nonce": "AAAA", "pcrs": "0-7"}, {"command": "certify", "nonce": "AAAA"}]
SIGNING += [{**request, "aik": "rsa"} for request in SIGNING]


def may_sign(service, uid, gid=None, groups=()):
    """Whether this account may have the AIK sign; all else it may in any case, and the TPM does not
    hear of what it may not."""
    service.ok(SIGNING[2])  # so that the RSA AIK exists
    assert service.control.left() == []
    with account(uid, gid, groups):
        service.control.reset()
        errors = {service.ask(request).get("error") for request in SIGNING}
        assert errors in ({None}, {"access_denied"})
        assert errors == {None} or service.control.count() == 0
        for command in ("getEK", "getAttestationData", "getEKChain", "getHealth"):
            service.ok({"command": command})
        assert service.ask({"command": "activateCredential"})["error"] == "missing_fields"
        service.ok(activation(service.attestation()))
    return errors == {None}


@pytest.mark.parametrize("allow, who, let_in", [
    ("0,1000", (1000,), True), ("0,1000", (1001,), False), ("0,@1000", (1000, 5), False),
    ("0,@1000", (5, 1000), True), ("0,@20", (1000, 1000, [10, 20, 30]), True),
    ("0,@21", (1000, 1000, [10, 20, 30]), False), ("0,@5299", (1000, 1000, MANY), True),
    ("0,7,@9", (1000,), False), (None, (1000,), True),
])
def test_allow_quote(start, allow, who, let_in):
    """As --allow, for those who may connect."""
    args = ["--allow-quote", allow] if allow else []
    service = start("persistent", args=["--sandbox", "require", *args]).settled().let_in_all()
    assert may_sign(service, *who) is let_in
    if not let_in:
        assert f"quote access_denied tpm_commands=0 pid={os.getpid()} uid={who[0]} " in service.log()


def test_allow_quote_narrows(start):
    """Who may not connect may not quote. Who may connect may not quote, unless --allow-quote names him, too."""
    service = start("persistent", args=["--allow", "0,1000", "--allow-quote", "0,1001"]).settled().let_in_all()
    assert not may_sign(service, 1000) and may_sign(service, 0)
    assert outcome(service, 1001) == "access_denied"


@pytest.mark.parametrize("request_, error", [
    ({"command": "quote"}, "access_denied"), ({"command": "quote", "nonce": "*", "pcrs": 7}, "access_denied"),
    ({"command": "quote", "aik": {}}, "nested_value"),
])
def test_allow_quote_before_its_members(start, request_, error):
    """access_denied comes before any other error of a request, unless the line is no request."""
    service = start("plain", args=["--allow-quote", "1234"]).settled()
    assert service.ask(request_)["error"] == error


def test_once_may_quote():
    """`attestd once` may quote: its standard input belongs to whoever runs it."""
    for option in ("--allow", "--allow-quote"):
        done = subprocess.run([*BINARIES[first_binary()], "once", option, "1"], check=False, timeout=30,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 64


def test_denied_at_once_and_logged_once(start):
    """A client is refused at once, though it sends nothing; the log says once who it was."""
    service = start("plain", args=["--allow", "0"]).ready().let_in_all()
    with service.connect_as(1234) as s:
        reply = parse_reply(read_all(s))
    assert reply == {"status": "error", "error": "access_denied",
                     "message": "this client is not allowed"}
    lines = [line for line in service.log().splitlines() if "access_denied" in line]
    assert len(lines) == 1 and lines[0].endswith(f"pid={os.getpid()} uid=1234 gid=1234")
    assert outcome(service, 0) is None


def test_denied_clients_hold_nothing(start):
    """Hundreds of refused clients that stay connected keep nobody out."""
    service = start("plain", args=["--allow", "0"]).ready().let_in_all()
    held = [service.connect_as(1234) for _ in range(300)]
    service.ok(GET_EK)
    for s in held:
        assert parse_reply(read_all(s))["error"] == "access_denied"
        s.close()


def test_call_prints_why(start):
    service = start("plain", args=["--allow", "4711"]).ready()
    done = subprocess.run([*BINARIES[first_binary()], "call", *service.where, "getEK"], timeout=30,
                          check=False, capture_output=True, text=True)
    assert done.returncode == 1 and '"access_denied"' in done.stdout


def test_allow_on_a_passed_socket(start, tmp_path):
    """attestd does not check the folder of a passed socket, but --allow applies."""
    tmp_path.chmod(0o777)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(32)
        pass_it = ("import os,sys;os.dup2(int(sys.argv[1]),3);os.set_inheritable(3,True);"
                   "os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS='1');"
                   "os.execvp(sys.argv[2],sys.argv[2:])")
        os.set_inheritable(listening.fileno(), True)
        command = [sys.executable, "-c", pass_it, str(listening.fileno()),
                   *BINARIES[first_binary()], "serve", "--allow", "4711"]
        with subprocess.Popen(command, close_fds=False, stderr=subprocess.DEVNULL) as process:
            try:
                assert ask(path, GET_EK, 20)["error"] == "access_denied"
            finally:
                process.terminate()
                assert process.wait(20) == 0


def test_half_of_the_slots(start):
    """While one account holds all connections that it may have, all others are served."""
    service = start("plain").settled().let_in_all()
    held = [service.connect_as(1000) for _ in range(100)]
    for s in held[16:]:
        assert parse_reply(read_all(s))["error"] == "too_many_connections"
    assert outcome(service, 1000) == "too_many_connections"
    for uid in (0, 1001, 1002):
        assert outcome(service, uid) is None
    assert f"too_many_connections tpm_commands=0 pid={os.getpid()} uid=1000 " in service.log()
    for s in held:
        s.close()
    with account(1000):
        service.served_again()


def test_lingering_holds_no_more(start):
    """Refused clients that go on sending are kept for a second, and count as connections."""
    service = start("plain").settled().let_in_all()

    def linger_and_come():
        begin = time.monotonic()
        held = [service.connect_as(1000) for _ in range(16)]
        for s in held:
            s.sendall(b"x" * 16387)
            assert s.recv(1) == b"{"  # they linger now
        found = [outcome(service, uid) for uid in (1000, 1001)]
        in_time = time.monotonic() - begin < 0.9
        for s in held:
            s.close()
        with account(1000):
            service.served_again()
        return found if in_time or found[0] else None

    assert conclusive(linger_and_come) == ["too_many_connections", None]


def test_once_has_no_such_limits():
    """`attestd once` has no such limits."""
    done = subprocess.run([*BINARIES[first_binary()], "once"], input=b'{"command":"x"}\n' * 50,
                          check=False, timeout=30, capture_output=True)
    assert done.stdout.count(b"unknown_command") == 50


def test_owner(start):
    service = start("plain", args=["--owner", "4711", "--group", "4712", "--mode", "0600"]).ready()
    status = os.stat(service.socket)
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (4711, 4712, 0o600)
    service.dir.chmod(0o711)
    assert outcome(service, 4711) is None
    with pytest.raises(PermissionError), account(4713):
        connect(service.socket)


@pytest.mark.parametrize("mode, owner, way, why", [
    (0o777, 0, "folder", "other users may write to"), (0o770, 0, "folder", "other users may write to"),
    (0o755, 4711, "folder", "another user owns"), (0o777, 0, "link", "other users may write to"),
    (0o777, 0, "link/", "other users may write to"), (0o777, 0, "link/inner", "other users may write to"),
    (0o777, 0, "to-inner", "other users may write to"), (0o777, 0, "to-inner/", "other users may write to"),
    (0o755, 4711, "to-inner/", "another user owns"),
])
def test_unsafe_folder(tmp_path, mode, owner, way, why):
    """The error names the folder and what is wrong with it, even if a link leads there."""
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    folder.chmod(mode)
    os.chown(folder, owner, 0)
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "to-inner").symlink_to(folder / "inner")
    done = refused(f"{tmp_path}/{way}/s")
    assert why in done.stderr and f" {folder}\n" in done.stderr
    assert not list(tmp_path.rglob("s"))


def refused(path, *args):
    done = subprocess.run([*BINARIES[first_binary()], "serve", "--socket", path, *args],
                          check=False, timeout=30, capture_output=True, text=True)
    assert done.returncode == 1
    return done


def test_anothers_link(tmp_path):
    """Another user's link is refused: he could change it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    os.chown(tmp_path / "link", 4711, 0, follow_symlinks=False)
    assert f"another user owns {tmp_path}/link\n" in refused(tmp_path / "link" / "s").stderr


def test_the_folders_above(tmp_path, monkeypatch):
    """All folders above are checked, also for a relative path."""
    (tmp_path / "all" / "own").mkdir(parents=True)
    (tmp_path / "all").chmod(0o777)
    monkeypatch.chdir(tmp_path / "all" / "own")
    for path in ("s", "./s", "../own/s"):
        assert f"other users may write to {tmp_path}/all\n" in refused(path).stderr


def test_through_a_link(start, tmp_path):
    """A link such as /var/run to /run. In the sandbox, the socket can be removed where it really is."""
    (tmp_path / "run").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run").symlink_to("../run")
    path = tmp_path / "var" / "run" / "s"
    service = start("plain", args=["--socket", str(path), "--sandbox", "require"])
    service.wait(lambda: answers(path), "reply")
    assert (tmp_path / "run" / "s").is_socket()
    service.terminate()
    assert service.wait_exit() == 0
    assert os.listdir(tmp_path / "run") == []


USER = 4711


@pytest.mark.parametrize("args, owner, group", [
    ((), USER, 4712), (("--group", "4713"), USER, 4713), (("--owner", "4714"), 4714, 4712),
    (("--owner", "0", "--group", "0"), 0, 0)])
def test_in_the_users_folder(start, args, owner, group):
    """The socket is owned by that user unless the options say otherwise, and is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, USER, 0)
        path = pathlib.Path(folder) / "s"
        service = start("plain", args=["--socket", str(path), "--user", f"{USER}:4712",
                                       "--mode", "0620", *args])
        service.wait(lambda: answers(path), "reply")
        found = path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (owner, group, 0o620)
        service.terminate()
        assert service.wait_exit() == 0
        assert not path.exists()


def test_two_starts_at_once(tmp_path):
    """Two start at once, over a socket that a third has left: one serves, and the other says why it does not."""
    path = tmp_path / "s"
    command = [*BINARIES[first_binary()], "serve", "--socket", path, "--tpm", "/dev/none"]
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        pair = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        try:
            wait_for(lambda: any(p.poll() is not None for p in pair), 30, "end of the second")
            first, second = sorted(pair, key=lambda p: p.poll() is not None)
            assert second.returncode == 1 and "another program answers" in second.stderr.read()
            assert first.poll() is None and answers(path)
        finally:
            for process in pair:
                process.terminate()
                process.communicate(timeout=30)
        assert not path.exists()
