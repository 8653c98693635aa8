"""Where the programs under test are, unless the environment says otherwise."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))


def _path(variable, default):
    return os.environ.get(variable, str(BUILD / default))


ATTESTD = _path("ATTESTD", "x86_64-linux-musl/attestd")
ATTESTD_AARCH64 = _path("ATTESTD_AARCH64", "aarch64-linux-musl/attestd")
ATTESTD_WINDOWS = _path("ATTESTD_WINDOWS", "x86_64-windows/attestd.exe")
ATTESTD_WINDOWS_GCC = _path("ATTESTD_WINDOWS_GCC", "x86_64-windows-gcc/attestd.exe")
ATTESTD_WINDOWS_ARM64 = _path("ATTESTD_WINDOWS_ARM64", "aarch64-windows/attestd.exe")
# Built for this machine with sanitizers or for coverage: tests/host.mk.
ATTESTD_SANITIZED = str(BUILD / "host/attestd")
ATTESTD_COVERAGE = str(BUILD / "coverage/attestd")
SWTPM_RUN = _path("SWTPM_RUN", "host/swtpm-run")
# The twin of this machine's binary with tests/injected/faults.c inside.
ATTESTD_PROBED = str(BUILD / "injected/faults" / pathlib.Path(ATTESTD).parent.name / "attestd")
# Not /usr/bin/wine, a script that asks for 32-bit wine.
WINE = _path("WINE", "/usr/lib/wine/wine64")
WINE_ARM64 = _path("WINE_ARM64", "arm64-wine/bin/wine64")

# The command that starts each binary, by pytest's --target. All tests run the first of a
# target. A test with a parameter `binary` runs each of them.
TARGETS = {
    "linux": {
        "native": [ATTESTD],
        "aarch64": ["qemu-aarch64-static", ATTESTD_AARCH64],
    },
    "sanitized": {"sanitized": [ATTESTD_SANITIZED]},
    "coverage": {"coverage": [ATTESTD_COVERAGE]},
    "windows": {"windows": [WINE, ATTESTD_WINDOWS]},
    "windows-gcc": {"windows-gcc": [WINE, ATTESTD_WINDOWS_GCC]},
    "windows-arm64": {"windows-arm64": [WINE_ARM64, ATTESTD_WINDOWS_ARM64]},
}
BINARIES = dict(TARGETS["linux"])


def select(target):
    """Makes BINARIES those of that target."""
    BINARIES.clear()
    BINARIES.update(TARGETS[target])


def first_binary():
    return next(iter(BINARIES))


def wine():
    return BINARIES[first_binary()][0]


def windows_tool(name):
    """The path of a tool for Windows, which is beside the exe and for the same architecture."""
    beside = pathlib.Path(BINARIES[first_binary()][-1]).parent / "tools"
    return pathlib.Path(os.environ.get("WINDOWS_TOOLS", beside)) / name
