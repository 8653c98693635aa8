"""A time limit for every test: each builds attestd, at low priority, while other tests wait."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import limit  # noqa: E402

time_limit = limit.each_test(900)


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): a time limit of its own")
