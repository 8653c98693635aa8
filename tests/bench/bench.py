"""Sizes, memory, times, instructions and TPM commands of attestd, in one table.

Everything is measured anew, in one run. A line shows its bound, if it has one, and whether the
bound holds. With --parts, prints only which part of the program each byte of the files belongs to.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import parts
from ask import ATTESTATION, CERTIFY, QUOTE, activation, all_commands, quiet, session_ready, timed
from chips import chips
from counts import counts
from speed import latency, startup, throughput
from table import Table

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "vm"))
from attestd import Service as InGuest  # noqa: E402
from guests import Guests  # noqa: E402
from harness import paths, process  # noqa: E402
from harness.service import Service, read_all, wait_for  # noqa: E402
from harness.tpm import States  # noqa: E402
from harness.wine import Wine, WindowsService  # noqa: E402


def sizes(table):
    for file in sorted([*paths.BUILD.glob("*-*/attestd"), *paths.BUILD.glob("*-*/attestd.exe")]):
        target = file.parent.name
        bounded = target.startswith(("x86_64", "aarch64")) and not target.endswith("-gcc")
        bound = 139264 if file.suffix else 135168
        table.add(f"file size, {target}", file.stat().st_size, "bytes", bound if bounded else None)


def print_parts():
    """The bytes of each file of which there is a twin with debug information, by part."""
    twins = [next(paths.BUILD.glob(f"parts/{t}/attestd*")) for t in os.environ["PARTED"].split()]
    found = {t.parent.name: parts.parts(paths.BUILD / t.parent.name / t.name, t) for t in twins}
    print("\n" + " ".join(f"{name:>20}" for name in found) + "  bytes of the file that belong to this part")
    for part in sorted({p for each in found.values() for p in each},
                       key=lambda p: (not p.startswith("own"), -sum(f.get(p, 0) for f in found.values()))):
        print(" ".join(f"{each.get(part, 0):20,}" for each in found.values()) + f"  {part}")
    print(" ".join(f"{sum(each.values()):20,}" for each in found.values()) + "  the whole file")


def peak_kb(service):
    return int(process.status(service.control.pid())["VmHWM"].split()[0])


def memory(table, states):
    service = Service(states.new("factory")).ready()
    wait_for(lambda: "CreatePrimary" in service.control.commands(), 10, "TPM command")
    wait_for(lambda: service.control.handles() == [], 10, "TPM with nothing loaded")
    table.add("peak memory, idle", peak_kb(service), "kB")
    for request in all_commands(service.ok(ATTESTATION)):
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
        table.add("  the same, on a kernel with pages of 16 KiB", service.peak_kb(), "kB", 512)
        service.stop()
        guest.stop()
    finally:
        guest.close()


def sent(service, request):
    """How many TPM commands a request takes, those after its reply included."""
    service.control.reset()
    service.ok(request)
    return quiet(service)


def commands(table, states):
    """The session that is ready is made once, after the first request; for half a minute, no other is made."""
    for kind, ready, alone in (("plain", 5, 7), ("persistent", 3, 5)):
        service = Service(states.new(kind)).settled()
        session_ready(service)
        service.ok({"command": "getEKChain"})
        quiet(service)
        requests = [(name, {"command": name}, 0)
                    for name in ("getEK", "getEKChain", "getAttestationData", "getHealth")] + [
                        ("quote of eight PCRs", QUOTE, 4), ("quote of all PCRs", {**QUOTE, "pcrs": "0-23"}, 6),
                        ("certify", CERTIFY, 3)]
        for name, request, limit in requests if kind == "plain" else []:
            table.add(f"TPM commands, {name}", sent(service, request), "", limit)
        request = activation(service.ok(ATTESTATION))
        where = "EK persistent" if kind == "persistent" else "EK not persistent"
        sent(service, request)  # after its start the TPM wants one command sent again
        service.ok(ATTESTATION)
        session_ready(service)
        for when, limit in ("after getAttestationData", ready), ("alone", alone):
            table.add(f"TPM commands, activateCredential {when}, {where}", sent(service, request), "", limit)
        service.stop()


def boot(table):
    """In virtual machines, with real kernels: see tests/vm/boot-time."""
    done = subprocess.run([paths.ROOT / "tests/vm/boot-time", "x86_64", "aarch64"], check=True,
                          timeout=600, stdout=subprocess.PIPE)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        where = f"{found['cpu']} with {found['tpm']}"
        table.add(f"power-on to getAttestationData's reply, {where}", found["reply_ms"], "ms")
        table.add("  of which attestd, from exec to the reply", found["attestd_ms"], "ms")


def windows(table, states):
    """Under wine, which takes most of this time. The same is measured on Linux, in turn."""
    linux = Service(states.new("plain")).settled()
    paths.select("windows")
    wine = Wine()
    exe = WindowsService(states.new("plain")).settled()
    try:
        for name, rounds in (("getEK", 100), ("activateCredential", 50)):
            samples = ([], [])
            requests = [{"command": name} if name == "getEK" else
                        activation(service.ok(ATTESTATION))
                        for service in (exe, linux)]
            for _ in range(rounds):
                for taken, service, request in zip(samples, (exe, linux), requests):
                    taken.append(timed(service, request))
            ours, beside = map(statistics.median, samples)
            table.add(f"{name} under wine, through a relay (median)", ours * 1e3, "ms", digits=3)
            table.add("  compared with Linux", ours / beside, "×", digits=1)
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
        chips(table, states, work)
        counts(table, states)
        windows(table, states)
        boot(table)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"attestd on {os.uname().machine}, {os.cpu_count()} CPUs")
    table.print()
    print_parts()


if __name__ == "__main__":
    main()
