"""soak.py SECONDS: attestd among good and bad clients of two accounts.

Good clients check each reply, and each credential is a new one that
must open to its secret. At the end attestd must be as it was: it uses no more
memory, descriptors or TPM objects, and it is idle. Prints the counts; the exit
status is 1 if anything was wrong.
"""
import contextlib
import json
import os
import pathlib
import random
import shutil
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import paths  # noqa: E402
from harness.credential import make, rsa_from_tpm  # noqa: E402
from harness.process import cpu_seconds, descriptors_at_rest, has_closed, resident_kb  # noqa: E402
from harness.service import (Service, account, ask, b64, connect, exchange,  # noqa: E402
                             parse_reply, read_all, unb64)
from harness.tpm import States  # noqa: E402

GOOD, BAD = 1001, 1000  # uids
GOOD_WORKERS, BAD_WORKERS = 3, 2
PATIENCE = 60
GROWTH_KB = 64
WITH_TPM = 0.1  # share of the valid requests that need the TPM; the others are answered from memory


class Facts:
    """The service's address, its constant replies and the TPM's keys."""

    def __init__(self, service):
        self.address = service.address
        self.replies = {c: service.ok({"command": c}) for c in ("getEK", "getAttestationData")}
        known = {k: unb64(v) for k, v in self.replies["getAttestationData"].items()
                 if k != "status" and v}
        self.ek, self.name = rsa_from_tpm(known["ek_tpm"]), known["aik_name"]

    def credential(self):
        """A request with a new credential, in a random one of its forms; and the secret."""
        secret = random.randbytes(random.choice((1, 16, 20, 32)))
        c = make(self.ek, self.name, secret, random.randbytes(32))
        form = random.choice((
            {"hmac": c.hmac, "enc": c.enc, "encrypted_secret": c.encrypted_secret},
            {"credential_blob": c.blob, "encrypted_secret": c.encrypted_secret},
            {"credential_blob": c.contents, "encrypted_secret": c.encrypted_secret},
            {"credential_blob": c.file}))
        fields = {k: b64(v) for k, v in form.items()}
        return {"command": "activateCredential", **fields}, secret


# ---- good clients ------------------------------------------------------------

def good(facts, end):
    """Sends one request after the other and checks the replies; returns the counts."""
    counts = Counter()
    while time.monotonic() < end:
        command = random.choice(list(facts.replies))
        request, want = {"command": command}, facts.replies[command]
        if random.random() < WITH_TPM:
            request, secret = facts.credential()
            command, want = request["command"], {"status": "ok", "decrypted_secret": b64(secret)}
        counts[command] += 1
        try:
            reply = ask(facts.address, request, PATIENCE)
            if reply != want:
                counts["wrong"] += 1
                print("wrong:", command, reply, flush=True)
        except (OSError, AssertionError, ValueError) as error:
            counts["lost"] += 1
            print("lost:", command, repr(error), flush=True)
    return counts


# ---- bad clients ----------------------------------------------------------------

def line_of(facts):
    request = random.choice([{"command": "getEK"}, {"command": "getAttestationData"},
                             facts.credential()[0]])
    return json.dumps(request).encode()


def damaged(facts):
    line = bytearray(line_of(facts))
    for _ in range(random.randint(1, 3)):
        line[random.randrange(len(line))] = random.choice(b'\0\x01"\\{}[],:\x80\xc0\xffAz0/')
    return exchange(facts.address, bytes(line) + b"\n", PATIENCE)


def truncated(facts):
    line = line_of(facts)
    part = line[:random.randrange(len(line))]
    return exchange(facts.address, part, PATIENCE, half_close=True) or None


def garbage(facts):
    return exchange(facts.address, random.randbytes(random.randrange(2000)) + b"\n", PATIENCE)


def giant(facts):
    filling = random.choice((b" ", b"x", b"\0", b"{"))
    return exchange(facts.address, filling * random.choice((16384, 16387, 200000)) + b"\n",
                    PATIENCE)


def pipelined(facts):
    return exchange(facts.address, line_of(facts) + b"\n" + random.randbytes(5000), PATIENCE)


def gone(facts):
    """Closes without reading the reply, perhaps while the TPM works on the request."""
    with connect(facts.address, PATIENCE) as s, contextlib.suppress(BrokenPipeError):
        s.sendall(line_of(facts) + b"\n" * random.randrange(3))
        time.sleep(random.choice((0, 0.01)))


def half_closed(facts):
    with connect(facts.address, PATIENCE) as s, contextlib.suppress(BrokenPipeError):
        s.shutdown(random.choice((socket.SHUT_WR, socket.SHUT_RDWR)))


def crowd(facts, n=100):
    """Opens more connections than one account may have; some send part of a request."""
    clients = [connect(facts.address, PATIENCE) for _ in range(n)]
    for s in clients[::3]:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(line_of(facts)[:random.randrange(40)])
    time.sleep(random.choice((0, 0.05)))
    for s in clients:
        s.close()


def idle(facts):
    """Holds as many connections as one account may have, and sends a byte now and then."""
    clients = [connect(facts.address, PATIENCE) for _ in range(16)]
    until = time.monotonic() + random.choice((0.5, 0.5, 2, 11))
    while time.monotonic() < until:
        for s in clients:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.send(b" ")
        time.sleep(0.25)
    for s in clients:
        s.close()


def queue(facts):
    """Sends as many activations as one account may, all waiting for the TPM at once."""
    clients = [connect(facts.address, PATIENCE) for _ in range(16)]
    for s in clients:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(json.dumps(facts.credential()[0]).encode() + b"\n")
    for s in clients:
        with contextlib.suppress(ConnectionResetError):
            if random.random() < 0.7:
                parse_reply(read_all(s))
        s.close()


KINDS = {damaged: 300, truncated: 200, garbage: 100, giant: 30, pipelined: 60, gone: 100,
         half_closed: 60, crowd: 20, queue: 6, idle: 1}


def bad(facts, end):
    """Does random bad acts; each must get a well-formed reply, or none."""
    counts = Counter()
    while time.monotonic() < end:
        kind, = random.choices(list(KINDS), KINDS.values())
        counts["bad"] += 1
        try:
            reply = kind(facts)
            if reply:
                parse_reply(reply)
        except ConnectionResetError:
            pass  # attestd closed the connection before it had read everything
        except (OSError, AssertionError, ValueError) as error:
            counts["wrong"] += 1
            print("wrong:", kind.__name__, repr(error), flush=True)
    return counts


# ---- the soak ---------------------------------------------------------------

class Worker:
    """A process of account `uid`; it sends its counts through a pipe."""

    def __init__(self, uid, work, *args):
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                try:
                    os.close(read)
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                    random.seed(os.getpid())
                    os.write(write, json.dumps(work(*args)).encode())
                except BaseException:
                    traceback.print_exc()
            os._exit(0)
        os.close(write)
        self.counts = os.fdopen(read)

    def join(self):
        with self.counts:
            text = self.counts.read()
        os.waitpid(self.pid, 0)
        return Counter(json.loads(text) if text else {"ended early": 1})


def fill(service):
    """Uses all memory that clients and TPM operations need, so that later growth is a leak."""
    service.touch_buffers((BAD, GOOD))
    facts = Facts(service)
    for _ in range(20):
        request, secret = facts.credential()
        assert unb64(service.ok(request)["decrypted_secret"]) == secret
    assert service.control.left() == []
    return facts


def measure(service):
    """Memory and descriptors of attestd when it is at rest."""
    pid = service.control.pid()
    return resident_kb(pid), descriptors_at_rest(pid)


def soak(service, seconds):
    facts = fill(service)
    before, end = measure(service), time.monotonic() + seconds
    workers = [Worker(GOOD, good, facts, end) for _ in range(GOOD_WORKERS)]
    workers += [Worker(BAD, bad, facts, end) for _ in range(BAD_WORKERS)]
    while (left := end - time.monotonic()) > 0 and service.process.poll() is None:
        time.sleep(min(left, 10))
        service.control.reset()  # or swtpm-run's record of commands would grow
    counts = sum((w.join() for w in workers), Counter())
    with account(BAD):
        service.served_again()
    request, secret = facts.credential()
    opened = unb64(service.ok(request)["decrypted_secret"]) == secret
    loaded = len(service.control.left())
    has_closed(service.control.pid(), before[1])
    after, spent = measure(service), cpu_seconds(service.control.pid())
    time.sleep(5)
    spent = cpu_seconds(service.control.pid()) - spent
    service.stop()
    valid = {c: counts[c] for c in ("getEK", "getAttestationData", "activateCredential")}
    print(f"soak: {seconds} s: {sum(valid.values())} valid requests "
          f"({', '.join(f'{n} {c}' for c, n in valid.items())}), {counts['lost']} lost, "
          f"{counts['wrong']} wrong; {counts['bad']} acts of bad clients; resident memory "
          f"{before[0]} to {after[0]} kB, descriptors {before[1]} to {after[1]}, {loaded} left in "
          f"the TPM, CPU when idle {spent / 5:.1%}")
    failures = counts["lost"] + counts["wrong"] + counts["ended early"] + loaded
    grown = after[0] - before[0] > GROWTH_KB or after[1] > before[1]
    return not failures and not grown and opened and all(valid.values()) and counts["bad"] \
        and spent <= 0.1


def main(seconds):
    if os.geteuid() != 0:  # only root can run clients as several accounts
        os.execvp("sudo", ["sudo", "-n", f"BUILD={paths.BUILD}", "env",
                           "PYTHONDONTWRITEBYTECODE=1", sys.executable, __file__, str(seconds)])
    work = tempfile.mkdtemp(prefix="attestd-soak-")
    service = None
    try:
        service = Service(States(pathlib.Path(work)).new("factory"), args=[
            "--mode", "0666", "--log-level", "warning", "--allow", f"0,{BAD},@{GOOD}"]).ready()
        service.let_in_all()
        return 0 if soak(service, seconds) else 1
    finally:
        if service:
            service.close()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
