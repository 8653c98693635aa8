"""The build with sanitizers finds bugs in attestd: the other tests of that build rely on it."""
import subprocess

import pytest

from harness import paths

pytestmark = pytest.mark.sanitized


@pytest.mark.parametrize("bug,says", [("heap", "heap-buffer-overflow"), ("shift", "shift exponent")])
def test_is_reported(reports, monkeypatch, bug, says):
    monkeypatch.setenv("ATTESTD_BUG", bug)
    done = subprocess.run([*paths.BINARIES[paths.first_binary()], "--version"], timeout=30,
                          check=False)
    assert done.returncode != 0 and says in reports.take()
