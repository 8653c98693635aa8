"""How long a client waits if the TPM is a chip: the launcher delays each command as long as the chip takes.

The floor of a request is what the chip takes for those TPM commands that no program can avoid
that answers the request, keeps nothing in the TPM between requests, and writes nothing to it.
FLOORS has them, counted by hand. Their times are in the launcher's table, which comes from a
published benchmark (tests/tools/lib/chip.c). The shortest of several measurements counts; if
it is above its bound, there are more, because other work of this machine only adds time.
"""
import collections
import json
import subprocess
import sys
import time

from ask import ATTESTATION, QUOTE, activation, timed
from harness import paths
from harness.service import Service, connect, line_of, read_all

LEAST, MOST = 3, 12

# By request and kind of EK: what the chip has to do, in order. "other" is a command without a
# private key.
FLOORS = {
    # The EK is created, or its public area is read; one look for its certificate. The AIK is created,
    # and signs the certification of its creation.
    ("first", "plain"): "rsa_key other ecc_key ecc_sign",
    ("first", "persistent"): "other other ecc_key ecc_sign",
    # The AIK is loaded and signs; the PCRs of the reply are read.
    ("quote", "persistent"): "other ecc_sign other",
    # The AIK is loaded, and the EK if it is not persistent; the credential is decrypted.
    ("ready", "plain"): "other other rsa_decrypt",
    ("ready", "persistent"): "other rsa_decrypt",
    # The same, after a session was made: its salt is decrypted, and one command authorises it.
    ("alone", "plain"): "other other rsa_decrypt other rsa_decrypt",
    ("alone", "persistent"): "other rsa_decrypt other rsa_decrypt",
}
# The bounds: how many times the floor. What a start takes above the floor: attestd asks who made the
# TPM, and whether NV has a template or a nonce for the EK; the TPM has one command sent again; and
# the AIK's context is saved.
BOUNDS = {"plain": {"first": 1.05, "ready": 1.15, "alone": 1.15},
          "persistent": {"first": 1.45, "quote": 1.15, "ready": 1.15, "alone": 1.15}}
TITLES = {"first": "exec to first getAttestationData", "quote": "quote of eight PCRs",
          "ready": "activateCredential after getAttestationData", "alone": "activateCredential alone"}


def title(row, kind):
    """The row's title, which README.md beside this file has, too."""
    where = "EK persistent" if kind == "persistent" else "EK not persistent"
    return TITLES[row] + ("" if row == "quote" else f", {where}")


def floor_of(row, kind, figures):
    return sum(figures[work] for work in FLOORS[row, kind].split())


def first_inside(socket):
    """Runs inside the launcher. Prints the time from exec to the reply, in ms."""
    begin = time.perf_counter()
    service = subprocess.Popen([paths.ATTESTD, "serve", "--socket", socket, "--log-level", "error"])
    try:
        while True:
            try:
                s = connect(socket)
                break
            except OSError:
                assert time.perf_counter() < begin + 10, "it does not listen"
                time.sleep(0.0005)
        with s:
            s.sendall(line_of(ATTESTATION))
            reply = json.loads(read_all(s))
        taken = (time.perf_counter() - begin) * 1e3
        assert reply["status"] == "ok", reply
    finally:
        service.terminate()
        service.wait(20)
    print(taken)


def first(chip, state, work):
    done = subprocess.run([paths.SWTPM_RUN, "--state", state, "--chip", chip, "--", sys.executable,
                           __file__, "--first", work / "first"], check=True, timeout=100,
                          stdout=subprocess.PIPE)
    return float(done.stdout)


def rest(service, figures, commands):
    """Waits until so many commands after a reply are done, with swapping, if there is any."""
    time.sleep((4 * commands * figures["other"] + 20) / 1e3)


def session_made(service, figures):
    """Waits until a session is ready after a getAttestationData, but no longer than it takes to make one."""
    deadline = time.monotonic() + (figures["rsa_decrypt"] + 16 * figures["other"] + 200) / 1e3
    while time.monotonic() < deadline and "PolicySecret" not in service.control.commands():
        time.sleep(0.01)
    rest(service, figures, 2)  # the EK is flushed


def requests(chip, kind, states, figures, limits, most):
    """{row: [ms, ...]} of a service that knows its keys. There are more rounds until each row is within its
    limit. With "NAME swaps" as chip, a kernel swaps."""
    service = Service(states.new(kind)).settled()
    request = activation(service.ok(ATTESTATION))
    service.ok(request)  # after its start the TPM wants one command sent again
    rest(service, figures, 4)
    taken = collections.defaultdict(list)
    service.control.ask(f"chip {chip}")
    while len(taken["ready"]) < min(LEAST, most) or not all_within(taken, limits, most):
        service.control.reset()
        service.ok(ATTESTATION)
        session_made(service, figures)
        for row in ("ready", "alone"):
            taken[row].append(1e3 * timed(service, request))
            rest(service, figures, 3)
        service.control.reset()
        taken["quote"].append(1e3 * timed(service, QUOTE))
        session_made(service, figures)
    service.stop()
    return taken


def all_within(taken, limits, most):
    """Whether all rows are within their limits, or there have been enough rounds."""
    return all(len(taken[row]) >= most or (taken[row] and min(taken[row]) <= limit)
               for row, limit in limits.items() if row in taken)


def figures_of(states):
    """The launcher's table: {chip: {work: ms}}."""
    service = Service(states.new("plain"))
    try:
        return json.loads(service.control.ask("chips"))
    finally:
        service.close()


def firsts(chip, kind, states, work, limit):
    """The times from exec to the first reply: [ms, ...]."""
    taken = []
    # Fewer where the EK has to be created, which takes seconds.
    least, most = (1, 3) if kind == "plain" else (LEAST, MOST)
    while len(taken) < least or (min(taken) > limit and len(taken) < most):
        taken.append(first(chip, states.new(kind), work))
    return taken


def chips(table, states, work):
    for chip, figures in figures_of(states).items():
        for kind, bounds in BOUNDS.items():
            floors = {row: floor_of(row, kind, figures) for row in bounds}
            limits = {row: bounds[row] * floors[row] for row in bounds}
            taken = requests(chip, kind, states, figures, limits, MOST)
            taken["first"] = firsts(chip, kind, states, work, limits["first"])
            # Behind /dev/tpmrm0, Linux has the TPM load and save around each command what is loaded. attestd
            # cannot change that, and the floors leave it out. It is shown without a bound.
            swapped = requests(f"{chip} swaps", kind, states, figures, {}, 1)
            for row, bound in bounds.items():
                table.beside(f"{chip}: {title(row, kind)}", min(taken[row]), floors[row], bound)
                if row in ("ready", "alone"):
                    table.beside("  with the kernel's swapping", min(swapped[row]), floors[row])


if __name__ == "__main__" and sys.argv[1] == "--first":
    first_inside(sys.argv[2])
