"""Where the programs under test are; the environment may say otherwise."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))


def _path(variable, default):
    return os.environ.get(variable, str(BUILD / default))


ATTESTD = _path("ATTESTD", "x86_64-linux-musl/attestd")
ATTESTD_AARCH64 = _path("ATTESTD_AARCH64", "aarch64-linux-musl/attestd")
SWTPM_RUN = _path("SWTPM_RUN", "host/swtpm-run")

# The command that starts each binary.
BINARIES = {
    "native": [ATTESTD],
    "aarch64": ["qemu-aarch64-static", ATTESTD_AARCH64],
}
