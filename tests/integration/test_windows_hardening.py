"""tests/binary/check-pe accepts attestd.exe, and refuses it if one of its protections is taken
away.
"""
import os
import pathlib
import re
import struct
import subprocess

import pytest

from harness import paths

pytestmark = [pytest.mark.windows, pytest.mark.core]

FLAGS = {"DYNAMIC_BASE": 0x40, "HIGH_ENTROPY_VA": 0x20, "NX_COMPAT": 0x100}
WRITABLE = 0x80000000
LOAD_CONFIG = 10  # index in the data directories


class Pe:
    """A 64-bit PE file that can be changed in memory."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.coff = self.get("<I", 0x3C) + 4
        self.optional = self.coff + 20
        self.sections = self.optional + self.get("<H", self.coff + 16)

    def put(self, form, at, value):
        struct.pack_into(form, self.data, at, value)

    def get(self, form, at):
        return struct.unpack_from(form, self.data, at)[0]

    def clear(self, form, at, bits):
        assert self.get(form, at) & bits
        self.put(form, at, self.get(form, at) & ~bits)

    def offset(self, address):
        """The offset in the file of an address in memory."""
        for i in range(self.get("<H", self.coff + 2)):
            at = self.sections + 40 * i
            start = self.get("<I", at + 12)
            if start <= address < start + self.get("<I", at + 16):
                return address - start + self.get("<I", at + 20)
        raise AssertionError(f"no section has {address:#x}")

    def config(self):
        return self.offset(self.get("<I", self.optional + 112 + 8 * LOAD_CONFIG))

    def without_traps(self):
        base = self.get("<Q", self.optional + 24)
        code = subprocess.run(["llvm-objdump-19", "-d", "-"], input=bytes(self.data), check=True,
                              capture_output=True).stdout.decode()
        traps = re.findall(r"^ *([0-9a-f]+): ([0-9a-f ]+)\t(ud2|brk)\b", code, re.M)
        assert traps
        for address, _, name in traps:
            at = self.offset(int(address, 16) - base)
            nop = b"\x90\x90" if name == "ud2" else b"\x1f\x20\x03\xd5"
            self.data[at:at + len(nop)] = nop

    def imports_another(self):
        at = bytes(self.data).lower().index(b"tbs.dll\0")
        self.data[at:at + 1] = b"x"


def flag(bits):
    return lambda pe: pe.clear("<H", pe.optional + 70, bits)


DAMAGE = {
    **{f"lacks {name}": flag(bits) for name, bits in FLAGS.items()},
    "cannot be relocated": lambda pe: pe.put("<H", pe.coff + 18, pe.get("<H", pe.coff + 18) | 1),
    "not a console program": lambda pe: pe.put("<H", pe.optional + 68, 2),
    "has a time stamp": lambda pe: pe.put("<I", pe.coff + 4, 1),
    "writable and executable: .text": lambda pe: pe.put(
        "<I", pe.sections + 36, pe.get("<I", pe.sections + 36) | WRITABLE),
    "imports from xbs.dll": Pe.imports_another,
    "no stack protector": Pe.without_traps,
}
# Protections that only clang's programs have; gcc's linker does not make them.
CLANG = {
    "lacks GUARD_CF": flag(0x4000),
    "control flow is not guarded": lambda pe: pe.clear("<I", pe.config() + 0x90, 0x100),
    "takes DLLs from elsewhere": lambda pe: pe.put("<H", pe.config() + 0x4E, 0),
    "larger than 139264 bytes": lambda pe: pe.data.extend(bytes(147456)),
}


@pytest.fixture
def check(tmp_path):
    """Runs check-pe; returns its exit status and its output."""
    version = re.search(r"^VERSION = (.*)$", (paths.ROOT / "Makefile").read_text(), re.M)[1]
    wine = tmp_path / "bin/wine"  # stands in for wine; like wine 10,
    wine.parent.mkdir()
    # it fails if TMPDIR is set
    wine.write_text(f"#!/bin/sh\n[ -z \"${{TMPDIR+set}}\" ] && echo attestd {version}\n")
    wine.chmod(0o755)

    def run(target, file):
        done = subprocess.run(
            [paths.ROOT / "tests/binary/check-pe", target, file, version, tmp_path / "prefix"],
            check=False, env=dict(os.environ, TMPDIR=str(tmp_path),
                                  PATH=f"{wine.parent}:{os.environ['PATH']}"),
            timeout=30, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    return run


def test_hardening(check, tmp_path):
    source = pathlib.Path(paths.BINARIES[paths.first_binary()][-1])
    target = source.parent.name
    status, said = check(target, source)
    assert status == 0, said
    for complaint, damage in {**DAMAGE, **({} if "gcc" in target else CLANG)}.items():
        pe = Pe(source.read_bytes())
        damage(pe)
        file = tmp_path / "attestd.exe"
        file.write_bytes(pe.data)
        status, said = check(target, file)
        assert status == 1 and f": {complaint}" in said, (complaint, said)
