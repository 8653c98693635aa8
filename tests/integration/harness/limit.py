"""A time limit for every test. A conftest.py has `time_limit = limit.each_test(60)`."""
import signal

import pytest


def each_test(seconds_each):
    """Makes an autouse fixture. The marker `limit(seconds)` gives a test a limit of its own."""
    @pytest.fixture(autouse=True)
    def time_limit(request):
        marker = request.node.get_closest_marker("limit")
        seconds = marker.args[0] if marker else seconds_each

        def expired(*_):
            raise TimeoutError(f"more than {seconds} s")

        before = signal.signal(signal.SIGALRM, expired)
        signal.alarm(seconds)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

    return time_limit
