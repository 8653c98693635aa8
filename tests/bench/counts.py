"""Our own work in a request, in instructions: they are the same whatever else the machine does.

The binary that ships runs under valgrind's callgrind, which counts. What more requests of a kind
add to a run, divided by their number, is one request; start and stop fall out, and so does the
session that is made once behind the first. The TPM's work is another process's. What differs from
run to run is not counted: the log is silent, whose lines have a client's numbers, and RSA with the
EK's modulus takes BearSSL the same steps whatever the numbers are. What is left is below 2 %: now
and then a client is let in before its line is there.

COUNTS has, by target, what they were when somebody last decided so. 5 % more is to be decided again.
"""
import json
import pathlib
import re

from ask import ATTESTATION, GET_EK, QUOTE, activation
from harness import paths
from harness.service import Service, wait_for

COUNTS = pathlib.Path(__file__).with_name("counts.json")
MORE = 1.05
FEW, MANY = 20, 60
COUNTER = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
# In the sandbox valgrind would end.
OPTIONS = ["--log-level", "error", "--sandbox", "off"]
REQUESTS = {
    "getEK, from memory": lambda known: GET_EK,
    "getAttestationData, from memory": lambda known: ATTESTATION,
    "quote of eight PCRs": lambda known: QUOTE,
    "activateCredential alone": activation,
}


def instructions(state, make, times):
    """Of a whole run with so many of these requests."""
    service = Service(state, args=OPTIONS, wrap=COUNTER).ready()
    request = make(service.ok(ATTESTATION))
    wait_for(lambda: "PolicySecret" in service.control.commands(), 30, "session")
    for _ in range(times):
        service.ok(request)
    service.terminate()
    service.wait_exit()
    counted, = re.findall(r"Collected : (\d+)", service.log())
    service.stop()
    return int(counted)


def counts(table, states):
    target = pathlib.Path(paths.ATTESTD).parent.name
    decided = json.loads(COUNTS.read_text()).get(target)
    assert decided is None or decided.keys() == REQUESTS.keys(), decided
    state = states.new("factory")
    for what, make in REQUESTS.items():
        few, many = (instructions(state, make, times) for times in (FEW, MANY))
        bound = decided[what] * MORE if decided else None
        table.add(f"instructions, {what}", (many - few) / (MANY - FEW), "", bound)
