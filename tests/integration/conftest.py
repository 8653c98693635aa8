"""Fixtures: TPM states, services, and a time limit for every test."""
import pathlib
import shutil
import signal
import tempfile

import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import BINARIES
from harness.service import Service
from harness.tpm import States

LIMIT_S = 60
SECRET = bytes(range(7, 39))


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "limit(seconds): a time limit of its own")


@pytest.fixture(autouse=True)
def time_limit(request):
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_S

    def expired(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def states():
    """Manufactured TPMs; made once for each worker."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="attestd-tpms-"))
    yield States(root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def start(states):
    """Starts services: start(kind or state folder, ...); each must end well."""
    running = []

    def begin(state="plain", **options):
        if isinstance(state, str):
            state = states.new(state)
        service = Service(state, **options)
        running.append(service)
        return service

    yield begin
    for service in running:
        if service.process.poll() is None:
            service.stop()
        else:
            service.close()


@pytest.fixture(scope="module", params=sorted(BINARIES, reverse=True))
def shared(states, request):
    """One service for a module's tests, of each binary in turn."""
    service = Service(states.new("plain"), binary=request.param)
    try:
        yield service.settled()
        service.stop()
    finally:
        service.close()


@pytest.fixture
def service(shared):
    """The shared one; what a test did must not show afterwards."""
    yield shared
    shared.control.ask("clear")
    assert shared.ask({"command": "getEK"}, 10)["status"] == "ok"
    assert shared.control.left() == []


@pytest.fixture
def credential(shared):
    """A credential for the shared service."""
    known = shared.attestation()
    return make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)
