"""What a client waits for on chips, whose times the launcher takes for each command.

Beside each is its floor: what the chip takes for those TPM commands that nobody can do
without who answers that request, holds nothing in the TPM meanwhile and writes nothing to it.
They are counted by hand in FLOORS, and their times are the launcher's own table, which is
a published benchmark (tests/tools/lib/chip.c). Of several times the least counts, and where it
is beyond its bound, more are taken: what else this machine does only adds to them.
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

# By request and the EK's kind: the works of a chip, "other" being all that is no work with a
# private key. In the order in which they are counted:
FLOORS = {
    # The EK is made, or its public area read; one look for its certificate. The AIK is made, and
    # signs what the reply has of its creation.
    ("first", "plain"): "rsa_key other ecc_key ecc_sign",
    ("first", "persistent"): "other other ecc_key ecc_sign",
    # The AIK is loaded, signs, and the values are read that the reply has.
    ("quote", "persistent"): "other ecc_sign other",
    # The EK is loaded if it is not persistent, and the AIK; the credential is opened.
    ("ready", "plain"): "other other rsa_decrypt",
    ("ready", "persistent"): "other rsa_decrypt",
    # The same, behind a session of its own: its salt decrypted, and authorised by one command.
    ("alone", "plain"): "other other rsa_decrypt other rsa_decrypt",
    ("alone", "persistent"): "other rsa_decrypt other rsa_decrypt",
}
# How many times their floor they may take. At a start the rest is that the TPM is looked at: who
# made it, whether its maker has given its EK a template or a nonce of its own; that it wants a
# command sent again; and that the AIK is saved, to be had again.
BOUNDS = {"plain": {"first": 1.05, "ready": 1.15, "alone": 1.15},
          "persistent": {"first": 1.45, "quote": 1.15, "ready": 1.15, "alone": 1.15}}
TITLES = {"first": "exec to first getAttestationData", "quote": "quote of eight PCRs",
          "ready": "activateCredential after getAttestationData", "alone": "activateCredential alone"}


def title(row, kind):
    """As in the table beside this file."""
    where = "EK persistent" if kind == "persistent" else "EK not persistent"
    return TITLES[row] + ("" if row == "quote" else f", {where}")


def floor_of(row, kind, figures):
    return sum(figures[work] for work in FLOORS[row, kind].split())


def first_inside(socket):
    """Inside the launcher: from exec to the reply, in ms."""
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
    """Until what is done behind a reply is done, of so many commands, which a kernel may swap for."""
    time.sleep((4 * commands * figures["other"] + 20) / 1e3)


def session_made(service, figures):
    """Until a session is ready, which is so soon after getAttestationData; or nobody makes one."""
    deadline = time.monotonic() + (figures["rsa_decrypt"] + 16 * figures["other"] + 200) / 1e3
    while time.monotonic() < deadline and "PolicySecret" not in service.control.commands():
        time.sleep(0.01)
    rest(service, figures, 2)  # the EK is flushed


def requests(chip, kind, states, figures, limits, most):
    """{row: [ms, ...]} of a service that knows its keys, in rounds until each row is within its limit;
    on "NAME swaps" behind a kernel that swaps."""
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
    """All that are limited; or there have been enough rounds."""
    return all(len(taken[row]) >= most or (taken[row] and min(taken[row]) <= limit)
               for row, limit in limits.items() if row in taken)


def figures_of(states):
    """{chip: {work: ms}}: the launcher's."""
    service = Service(states.new("plain"))
    try:
        return json.loads(service.control.ask("chips"))
    finally:
        service.close()


def firsts(chip, kind, states, work, limit):
    """[ms, ...]"""
    taken = []
    # An EK that has to be made takes seconds.
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
            # On /dev/tpmrm0 Linux has the TPM load and save what is loaded, around each command. That is
            # not attestd's to change, nor is it in the floors: it is there to be known.
            swapped = requests(f"{chip} swaps", kind, states, figures, {}, 1)
            for row, bound in bounds.items():
                table.beside(f"{chip}: {title(row, kind)}", min(taken[row]), floors[row], bound)
                if row in ("ready", "alone"):
                    table.beside("  with the kernel's swapping", min(swapped[row]), floors[row])


if __name__ == "__main__" and sys.argv[1] == "--first":
    first_inside(sys.argv[2])
