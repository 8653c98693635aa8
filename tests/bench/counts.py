"""attestd's own work for a request, counted in instructions, which do not depend on what else the machine does.

The binary that ships runs under valgrind's callgrind, which counts them. A short and a long run
differ only in the number of requests; the difference, divided by that number, is one request. So
start and stop do not count, nor does the session that is made once after the first request. The
TPM's work does not count: it is another process. Little varies from run to run: the log, whose
lines have a client's numbers, is off, and BearSSL's RSA takes the same steps for all numbers. What
varies is below 2 %: sometimes a client is accepted before its line has arrived.

COUNTS has the accepted counts, by target. If one grows by more than 5 %, the bench fails: improve the
program, or accept the new count there.
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
# The sandbox would end valgrind.
OPTIONS = ["--log-level", "error", "--sandbox", "off"]
REQUESTS = {
    "getEK, from memory": lambda known: GET_EK,
    "getAttestationData, from memory": lambda known: ATTESTATION,
    "quote of eight PCRs": lambda known: QUOTE,
    "activateCredential alone": activation,
}


def instructions(state, make, times):
    """The instructions of a whole run with so many of these requests."""
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
