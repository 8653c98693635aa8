"""What the kernel says about a process."""
import contextlib
import os
import time

from . import paths
from .service import wait_for


def status(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def descriptors_at_rest(pid):
    """The smallest number of descriptors for a while: attestd closes a client's only when it sees that it has gone."""
    return min(descriptors(pid) for _ in range(50) if not time.sleep(0.01))


def has_closed(pid, n):
    """Waits until the process has n descriptors or fewer."""
    wait_for(lambda: descriptors(pid) <= n, 30, "closed descriptors")


def resident_kb(pid):
    """From smaps where that is allowed: VmRSS may be wrong by some pages for each processor."""
    for file, name in (("smaps_rollup", "Rss:"), ("status", "VmRSS:")):
        with contextlib.suppress(FileNotFoundError, PermissionError), \
                open(f"/proc/{pid}/{file}", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith(name)).split()[1])
    raise ProcessLookupError(pid)


def slack_kb():
    """
    By how much memory may grow, because of pages that are first used late. Builds with sanitizers get more:
    a sanitizer keeps freed memory, and their C library is another one.
    """
    return 64 if "native" in paths.BINARIES else 65536


def cpu_seconds(pid):
    """Processor time so far, its own and the kernel's for it."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        user, system = f.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
