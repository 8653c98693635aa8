"""What the kernel says of a process."""
import contextlib
import os
import time

from . import paths
from .service import wait_for


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def descriptors_at_rest(pid):
    """The fewest for a while: a client's is closed when attestd sees it go."""
    return min(descriptors(pid) for _ in range(50) if not time.sleep(0.01))


def has_closed(pid, n):
    """Comes down to n descriptors."""
    wait_for(lambda: descriptors(pid) <= n, 30, "closed descriptors")


def resident_kb(pid):
    """Counted anew where that is allowed: VmRSS may lag behind by some pages for each processor."""
    for file, name in (("smaps_rollup", "Rss:"), ("status", "VmRSS:")):
        with contextlib.suppress(FileNotFoundError, PermissionError), \
                open(f"/proc/{pid}/{file}", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith(name)).split()[1])
    raise ProcessLookupError(pid)


def slack_kb():
    """
    What memory may grow by: pages touched late. It is what ships that counts:
    a sanitizer keeps what was freed, another C library has its own ways.
    """
    return 64 if "native" in paths.BINARIES else 65536


def cpu_seconds(pid):
    """Of its own and of the kernel's for it, so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        user, system = f.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
