"""Fixtures: TPM states, services, and a time limit for every test."""
import pathlib
import shutil
import tempfile

import pytest

from harness.credential import make, rsa_from_tpm
from harness import limit, paths
from harness.provision import Machine
from harness.ready import Watched, usually
from harness.sanitizer import Reports
from harness.service import Service
from harness.tpm import States
from harness.wine import Wine, WindowsService

time_limit = limit.each_test(240)
SECRET = bytes(range(7, 39))
# These take longest. They begin first, so that no worker has to end with one of them alone.
LONGEST = ["test_probed", "test_provision_faults", "test_faults_at_start", "test_tpm_comes_and_goes", "test_silent_clients",
           "test_faults_in_request", "test_killed", "test_tpm_misbehaves", "test_windows_service"]


def pytest_addoption(parser):
    parser.addoption("--target", default="linux", choices=sorted(paths.TARGETS),
                     help="what the binary under test is made for")
    parser.addoption("--whole", action="store_true", help="where only the core is run, the rest, too")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "variant: of a test that make check runs, which goes without this one")
    config.addinivalue_line("markers", "limit(seconds): a time limit of its own")
    config.addinivalue_line("markers", "portable: for Windows too")
    config.addinivalue_line("markers", "linux: not for Windows, though the module is portable")
    config.addinivalue_line("markers", "windows: for Windows only")
    config.addinivalue_line("markers", "shipping: about the files that ship, not for another build of attestd")
    config.addinivalue_line("markers", "sanitized: for sanitizers only")
    config.addinivalue_line("markers", "core: what is run where running is slow, or a second opinion")
    paths.select(config.getoption("--target"))


def is_meant(item, target, whole):
    if target in ("sanitized", "coverage") and item.get_closest_marker("shipping"):
        return False
    if target != "sanitized" and item.get_closest_marker("sanitized"):
        return False
    if not target.startswith("windows"):
        return not item.get_closest_marker("windows")
    if target in ("windows-arm64", "windows-gcc") and not whole and not item.get_closest_marker("core"):
        return False
    return not item.get_closest_marker("linux") and \
        (item.get_closest_marker("portable") or item.get_closest_marker("windows"))


def pytest_collection_modifyitems(config, items):
    wanted = config.getoption("--target"), config.getoption("--whole")
    others = [item for item in items if not is_meant(item, *wanted)]
    items[:] = [item for item in items if is_meant(item, *wanted)]
    items.sort(key=lambda item: item.path.stem not in LONGEST)
    config.hook.pytest_deselected(items=others)


def pytest_generate_tests(metafunc):
    """Not as params of the fixture, which are fixed before the target is known."""
    if "shared" in metafunc.fixturenames:
        first, *others = paths.BINARIES
        metafunc.parametrize("shared", [first, *(pytest.param(name, marks=pytest.mark.variant) for name in others)],
                             indirect=True, scope="module")


@pytest.fixture(scope="session")
def states():
    """Manufactured TPMs; made once for each worker."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="attestd-tpms-"))
    yield States(root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def reports():
    """Reports of the sanitizers, if attestd was built with them."""
    found = Reports()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def no_reports(reports):
    """Fails a test if a sanitizer has reported anything. Set up first, and so checked after all that a test starts."""
    yield
    text = reports.take()
    assert not text, text


@pytest.fixture(scope="session", autouse=True)
def launch(request):
    """The class of services for the target."""
    if not request.config.getoption("--target").startswith("windows"):
        yield Service
        return
    wine = Wine()
    yield WindowsService
    wine.close()


@pytest.fixture
def start(states, launch):
    """Starts services: start(kind or state folder, ...); each must end well."""
    running = []

    def begin(state="plain", **options):
        if isinstance(state, str):
            state = states.new(state)
        service = launch(state, **options)
        running.append(service)
        return service

    yield begin
    for service in running:
        if service.process.poll() is None:
            service.stop()
        else:
            service.close()


@pytest.fixture(scope="module")
def shared(states, launch, request):
    """One service for all tests of a module, for each binary in turn."""
    with launch(states.new("plain"), binary=request.param) as service:
        yield service.settled()


@pytest.fixture
def service(shared):
    """The shared service. A test must leave it as it was."""
    yield shared
    shared.control.ask("clear")
    shared.served_again()
    assert shared.control.left() == []


@pytest.fixture
def credential(shared):
    """A credential for the shared service."""
    known = shared.attestation()
    return make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)


@pytest.fixture(params=usually("plain", but=["persistent"]))
def kind(request):
    return request.param


@pytest.fixture
def watched(start, kind, tmp_path):
    """A watched service on that kind of TPM."""
    return Watched(start, kind, tmp_path)


@pytest.fixture
def machine(states):
    """Machines on which `attestd provision` is called: machine(kind or state folder, ...)."""
    made = []

    def make(kind="plain", **options):
        made.append(Machine(kind if not isinstance(kind, str) else states.new(kind), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
