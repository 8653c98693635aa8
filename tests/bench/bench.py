"""Sizes, memory, times and TPM commands of attestd, in one table.

Everything is measured anew, in one run. Each line has its bound, where there
is one, and whether it holds. With --parts: only whose the files' bytes are.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import parts

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "vm")]
from attestd import Service as InGuest  # noqa: E402
from guests import Guests  # noqa: E402
from harness import paths  # noqa: E402
from harness.credential import make, rsa_from_tpm  # noqa: E402
from harness.service import Service, b64, can_connect, connect, read_all, unb64, wait_for  # noqa: E402
from harness.tpm import States  # noqa: E402
from harness.wine import Wine, WindowsService  # noqa: E402

HOST = paths.BUILD / "host"
GET_EK = '{"command":"getEK"}'
TURNS, ROUNDS = 150, 3  # attestd and the floor take turns


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, bound=None, at_least=False, digits=0):
        shown = f"{value:,.{digits}f} {unit}".strip()
        if bound is None:
            self.rows.append((what, shown, "", ""))
            return
        holds = value >= bound if at_least else value <= bound
        sign = "≥" if at_least else "≤"
        limit = f"{sign} {bound:,.{digits if bound % 1 else 0}f} {unit}".strip()
        self.rows.append((what, shown, limit, "yes" if holds else "NO"))

    def print(self):
        rows = [("", "measured", "bound", "holds"), *self.rows]
        wide = [max(len(row[i]) for row in rows) for i in range(4)]
        for what, value, bound, holds in rows:
            print(f"{what:<{wide[0]}}  {value:>{wide[1]}}  {bound:>{wide[2]}}  {holds}".rstrip())


def tool(name, *args):
    done = subprocess.run([HOST / name, *map(str, args)], check=True, timeout=300,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


QUOTE = {"command": "quote", "nonce": b64(bytes(32)), "pcrs": "0-7"}
CERTIFY = {"command": "certify", "nonce": b64(bytes(32))}


def all_commands(known):
    """For the ECC AIK and what that has said; and for the RSA AIK."""
    yield from ({"command": name} for name in ("getEK", "getEKChain", "getHealth"))
    yield activation(known)
    for aik in ("ecc", "rsa"):
        yield {"command": "getAttestationData", "aik": aik}
        yield {**QUOTE, "pcrs": "0-23", "aik": aik}
        yield {**CERTIFY, "aik": aik}


def activation(known):
    c = make(rsa_from_tpm(unb64(known["ek_tpm"])), unb64(known["aik_name"]), bytes(32))
    return {"command": "activateCredential", "hmac": b64(c.hmac), "enc": b64(c.enc),
            "encrypted_secret": b64(c.encrypted_secret)}


def sizes(table):
    for file in sorted([*paths.BUILD.glob("*-*/attestd"), *paths.BUILD.glob("*-*/attestd.exe")]):
        target = file.parent.name
        bounded = target.startswith(("x86_64", "aarch64")) and not target.endswith("-gcc")
        table.add(f"file size, {target}", file.stat().st_size, "bytes", 147456 if bounded else None)


def print_parts():
    """The bytes of each file that the Makefile has made a twin of, by part."""
    twins = [next(paths.BUILD.glob(f"parts/{t}/attestd*")) for t in os.environ["PARTED"].split()]
    found = {t.parent.name: parts.parts(paths.BUILD / t.parent.name / t.name, t) for t in twins}
    print("\n" + " ".join(f"{name:>20}" for name in found) + "  bytes of the file, by part")
    for part in sorted({p for each in found.values() for p in each},
                       key=lambda p: (not p.startswith("own"), -sum(f.get(p, 0) for f in found.values()))):
        print(" ".join(f"{each.get(part, 0):20,}" for each in found.values()) + f"  {part}")
    print(" ".join(f"{sum(each.values()):20,}" for each in found.values()) + "  all of it")


def peak_kb(service):
    with open(f"/proc/{service.control.pid()}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmHWM")).split()[1])


def memory(table, states):
    service = Service(states.new("factory")).ready()
    wait_for(lambda: "CreatePrimary" in service.control.commands(), 10, "TPM command")
    wait_for(lambda: service.control.handles() == [], 10, "peace")
    table.add("peak memory, idle", peak_kb(service), "kB")
    for request in all_commands(service.ok({"command": "getAttestationData"})):
        service.ok(request)
    table.add("peak memory, all commands, both AIKs", peak_kb(service), "kB", 288)
    service.let_in_all()
    clients = [service.connect_as(uid) for uid in (0, 1000) for _ in range(16)]
    for s in clients:
        s.sendall(b'{"command":"getAttestationData"}\n')
    for s in clients:
        read_all(s)
        s.close()
    table.add("peak memory, 32 clients", peak_kb(service), "kB", 1000)
    clients = [service.connect_as(uid) for uid in (0, 1000) for _ in range(16)]
    for s in clients:
        s.sendall(b'{"command":"getAttestationData"'.ljust(16000))
    service.control.count()
    for s in clients:
        s.sendall(b"}\n")
        read_all(s)
        s.close()
    table.add("peak memory, 32 clients with 16 kB each", peak_kb(service), "kB", 1000)
    service.stop()


def memory_large_pages(table, states, work):
    guest = Guests(states, work).boot("aarch64-16k-port-factory")
    try:
        service = InGuest(guest)
        for request in all_commands(service.ok("getAttestationData")):
            service.ok(request)
        table.add("  on pages of 16 KiB, all commands, both AIKs", service.peak_kb(), "kB", 512)
        service.stop()
        guest.stop()
    finally:
        guest.close()


def startup(table, work):
    socket = work / "startup"
    command = [paths.ATTESTD, "serve", "--socket", socket, "--tpm", work / "no-device"]
    table.add("exec to listening (median)", tool("startup", 200, socket, *command)["median_us"] / 1e3,
              "ms", 5, digits=2)
    base = tool("startup", 200, "-", paths.ATTESTD, "--version")["median_us"] / 1e3
    table.add("  of which any process: exec to exit of --version", base, "ms", digits=2)


def throughput(table, states):
    service = Service(states.new("factory"), args=["--log-level", "warning"]).settled()
    for connections in (1, 8):
        found = tool("load", service.socket, GET_EK, 3, connections)
        assert not found["errors"], found
        table.add(f"getEK, {connections} at a time", found["rps"], "/s",
                  20000 if connections == 8 else None, at_least=True)
    service.stop()


def commands(table, states):
    for kind, bound in (("plain", 7), ("persistent", 5)):
        service = Service(states.new(kind)).settled()
        known = service.ok({"command": "getAttestationData"})
        service.ok(activation(known))
        where = "EK persistent" if kind == "persistent" else "EK not persistent"
        requests = [(name, {"command": name}, 0)
                    for name in ("getEK", "getEKChain", "getAttestationData", "getHealth")] + [
                        ("quote of eight PCRs", QUOTE, 4), ("quote of all PCRs", {**QUOTE, "pcrs": "0-23"}, 6),
                        ("certify", CERTIFY, 3), ("activateCredential", activation(known), bound)]
        service.ok({"command": "getEKChain"})
        for name, request, limit in requests if kind == "plain" else requests[-1:]:
            service.control.left()  # the clean-up behind the last reply
            service.control.reset()
            service.ok(request)
            service.control.left()
            label = f"TPM commands, {name}" + (f", {where}" if name == "activateCredential" else "")
            table.add(label, service.control.count(), "", limit)
        service.stop()


class Sampler:
    """A tool that measures as many rounds as each line asks for."""

    def __init__(self, name, *args):
        self.process = subprocess.Popen([HOST / name, *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def take(self, rounds):
        self.process.stdin.write(f"{rounds}\n")
        self.process.stdin.flush()
        samples = json.loads(self.process.stdout.readline())["samples_us"]
        assert len(samples) == rounds
        return samples

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


# What takes turns with its floor: the TPM's kind, the floor's options, the request by what is known, and how
# many times as long it may take. A software TPM quotes in half a millisecond, and a client's connection shows.
TURNING = {
    "activateCredential, EK not persistent": ("plain", [], activation, 1.05),
    "activateCredential, EK persistent": ("persistent", ["--persistent"], activation, 1.05),
    "quote of eight PCRs": ("plain", ["--quote"], lambda known: QUOTE, None),
}


def take_turns(what, work):
    """Inside the launcher: attestd and the floor on the same TPM, in turn."""
    socket, request = work / "turns", work / "request"
    _, options, made, _ = TURNING[what]
    floor = Sampler("tpm-floor", *options)
    floor.take(20)  # warms up, and has loaded what it needs
    service = subprocess.Popen([paths.ATTESTD, "serve", "--socket", socket, "--log-level", "error"],
                               stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: can_connect(socket), 10, "socket")
        with connect(socket) as s:
            s.sendall(b'{"command":"getAttestationData"}\n')
            known = json.loads(read_all(s))
        request.write_text(json.dumps(made(known)) + "\n")
        ours = Sampler("load", "--latency", "-", socket, request)
        ours.take(20)
        samples = ([], [])
        for _ in range(TURNS):
            samples[0].extend(ours.take(ROUNDS))
            samples[1].extend(floor.take(ROUNDS))
        ours.close()
        floor.close()
    finally:
        service.terminate()
        service.wait(10)
    print(json.dumps([statistics.median(taken) for taken in samples]))


def latency(table, states, work):
    for what, (kind, _, _, bound) in TURNING.items():
        done = subprocess.run([paths.SWTPM_RUN, "--state", states.new(kind), "--", sys.executable,
                               __file__, "--take-turns", what, work],
                              check=True, timeout=300, stdout=subprocess.PIPE)
        ours, floor = json.loads(done.stdout)
        table.add(f"{what} (median)", ours / 1e3, "ms", digits=3)
        table.add("  the floor: the same commands alone", floor / 1e3, "ms", digits=3)
        table.add("  ratio", ours / floor, "×", bound, digits=3)


def boot(table):
    """In virtual machines, on real kernels: tests/vm/boot-time."""
    done = subprocess.run([paths.ROOT / "tests/vm/boot-time", "x86_64", "aarch64"], check=True,
                          timeout=600, stdout=subprocess.PIPE)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        where = f"{found['cpu']} with {found['tpm']}"
        table.add(f"power-on to getAttestationData's reply, {where}", found["reply_ms"], "ms")
        table.add("  of which attestd, from exec", found["attestd_ms"], "ms")


def timed(service, request):
    start = time.perf_counter()
    service.ok(request)
    return time.perf_counter() - start


def windows(table, states):
    """Under wine, whose own cost this is for the most part: beside Linux, in turn."""
    linux = Service(states.new("plain")).settled()
    paths.select("windows")
    wine = Wine()
    exe = WindowsService(states.new("plain")).settled()
    try:
        for name, rounds in (("getEK", 100), ("activateCredential", 50)):
            samples = ([], [])
            requests = [{"command": name} if name == "getEK" else
                        activation(service.ok({"command": "getAttestationData"}))
                        for service in (exe, linux)]
            for _ in range(rounds):
                for taken, service, request in zip(samples, (exe, linux), requests):
                    taken.append(timed(service, request))
            ours, beside = map(statistics.median, samples)
            table.add(f"{name} under wine, through a relay (median)", ours * 1e3, "ms", digits=3)
            table.add("  ratio to Linux's", ours / beside, "×", digits=1)
        exe.stop()
        linux.stop()
    finally:
        exe.close()
        linux.close()
        wine.close()
        paths.select("linux")


def main():
    if sys.argv[1:] == ["--parts"]:
        print_parts()
        return
    if sys.argv[1:2] == ["--take-turns"]:
        take_turns(sys.argv[2], pathlib.Path(sys.argv[3]))
        return
    work = pathlib.Path(tempfile.mkdtemp(prefix="attestd-bench-"))
    table = Table()
    try:
        states = States(work / "tpms")
        sizes(table)
        memory(table, states)
        memory_large_pages(table, states, work)
        startup(table, work)
        throughput(table, states)
        latency(table, states, work)
        commands(table, states)
        windows(table, states)
        boot(table)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"attestd on {os.uname().machine}, {os.cpu_count()} CPUs")
    table.print()
    print_parts()


if __name__ == "__main__":
    main()
