"""Times on this machine, compared with the least that must be done, which is measured in turn.

Times depend on what else the machine does. So only ratios of what was measured at the same time have
bounds; milliseconds and rates have none.
"""
import json
import pathlib
import statistics
import subprocess
import sys

from ask import GET_EK, QUOTE, activation
from harness import paths
from harness.service import Service, can_connect, connect, exchange, line_of, read_all, wait_for

HOST = paths.BUILD / "host"
TURNS, ROUNDS = 150, 3  # attestd and the floor are measured in turn
SLICES, SLICE_S = 60, 0.05  # and so are attestd and the smallest server
BEST = SLICES // 6
STARTS = 10


def tool(name, *args):
    done = subprocess.run([HOST / name, *map(str, args)], check=True, timeout=300,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def startup(table, work):
    socket = work / "startup"
    command = [paths.ATTESTD, "serve", "--socket", socket, "--tpm", work / "no-device"]
    samples = ([], [])
    for _ in range(STARTS):
        samples[0].append(tool("startup", 20, socket, *command)["median_us"])
        samples[1].append(tool("startup", 20, "-", paths.ATTESTD, "--version")["median_us"])
    ours, base = map(min, samples)
    table.add("exec to listening", ours / 1e3, "ms", digits=2)
    table.add("  any process: exec to exit (attestd --version)", base / 1e3, "ms", digits=2)
    table.add("  ratio", ours / base, "×", 5, digits=1)


def rate(samples):
    """The mean of the best slices, in which the machine did little else."""
    return statistics.mean(sorted(samples)[-BEST:])


def throughput(table, states):
    """Compared with tests/tools/smallest.c, whose reply is as long, by the same load generator."""
    service = Service(states.new("factory"), args=["--log-level", "warning"]).settled()
    smallest = service.dir / "smallest"
    length = len(exchange(service.socket, line_of(GET_EK)))
    other = subprocess.Popen([HOST / "smallest", smallest, str(length)])
    try:
        wait_for(lambda: can_connect(smallest), 10, "socket")
        for connections in (1, 8):
            samples = ([], [])
            for _ in range(SLICES):
                for taken, socket in zip(samples, (service.socket, smallest)):
                    found = tool("load", socket, json.dumps(GET_EK), SLICE_S, connections)
                    assert not found["errors"], found
                    taken.append(found["rps"])
            ours, floor = map(rate, samples)
            table.add(f"getEK from memory, {connections} at a time", ours, "/s")
            table.add("  the smallest server with a reply as long", floor, "/s")
            table.add("  ratio", ours / floor, "×", 0.75, at_least=True, digits=2)
    finally:
        other.terminate()
        other.wait(10)
    service.stop()


class Sampler:
    """A tool that measures as many rounds as each line of its input says."""

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


# What is measured in turn with its floor: the TPM's kind, the options of tpm-floor, and what makes the request. A
# software TPM is some fifty times as fast as a chip. So attestd's own work and the client's connection are visible
# here, though nobody waits for them on a chip. Bounds are in chips.py, and for attestd's own work in counts.py.
TURNING = {
    "activateCredential alone, EK not persistent": ("plain", [], activation),
    "activateCredential alone, EK persistent": ("persistent", ["--persistent"], activation),
    "quote of eight PCRs": ("plain", ["--quote"], lambda known: QUOTE),
}


def take_turns(what, work):
    """Runs inside the launcher: measures attestd and the floor on the same TPM, in turn."""
    socket, request = work / "turns", work / "request"
    _, options, made = TURNING[what]
    floor = Sampler("tpm-floor", *options)
    floor.take(20)  # afterwards it has loaded what it needs
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
    for what, (kind, _, _) in TURNING.items():
        done = subprocess.run([paths.SWTPM_RUN, "--state", states.new(kind), "--", sys.executable,
                               __file__, "--take-turns", what, work],
                              check=True, timeout=300, stdout=subprocess.PIPE)
        ours, floor = json.loads(done.stdout)
        table.add(f"{what}, on a software TPM (median)", ours / 1e3, "ms", digits=3)
        table.add("  the floor: the same TPM commands, sent raw", floor / 1e3, "ms", digits=3)
        table.add("  ratio", ours / floor, "×", digits=3)


if __name__ == "__main__" and sys.argv[1] == "--take-turns":
    take_turns(sys.argv[2], pathlib.Path(sys.argv[3]))
