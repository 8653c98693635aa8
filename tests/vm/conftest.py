"""Fixtures: guests with their TPMs, and a time limit for every test.

A module that wants the fixture `machine` has a list MACHINES of names, as guests.py
knows them. A guest is booted once and used by all tests that name it.
"""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from attestd import Driver, Service  # noqa: E402
from guests import Guests  # noqa: E402
from harness import limit  # noqa: E402
from harness.tpm import States  # noqa: E402

time_limit = limit.each_test(150)


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): a time limit of its own")


def pytest_generate_tests(metafunc):
    if "machine" in metafunc.fixturenames:
        # With pytest-xdist, one worker has all tests of a guest.
        names = [pytest.param(name, marks=pytest.mark.xdist_group(name))
                 for name in metafunc.module.MACHINES]
        metafunc.parametrize("machine", names, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Sorts the tests so that those of a guest follow each other, whatever their modules."""
    def guest(item):
        return item.callspec.params.get("machine", "~") if hasattr(item, "callspec") else "~"

    items.sort(key=guest)


@pytest.fixture(scope="session")
def work():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-guests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def states(work):
    """Manufactured TPMs."""
    return States(work)


@pytest.fixture(scope="session")
def boot(states, work):
    """Boots a guest by its name."""
    return Guests(states, work).boot


@pytest.fixture(scope="session")
def machine(boot, request):
    guest = boot(request.param)
    try:
        yield guest
        guest.stop()
    finally:
        guest.close()


@pytest.fixture
def serve(machine):
    """Starts services in the guest; each must end well."""
    running = []

    def begin(args="", **options):
        running.append(Service(machine, args, **options))
        return running[-1]

    yield begin
    for service in running:
        service.stop()


@pytest.fixture
def driver(machine):
    """The TPM's driver; it is bound again afterwards."""
    found = Driver(machine)
    yield found
    found.bind()
