"""tests/binary/check-binary refuses attestd if one of its protections is taken away."""
import os
import re
import struct
import subprocess

import pytest

from harness.paths import BINARIES, ROOT

TARGETS = {"native": "x86_64-linux-musl", "aarch64": "aarch64-linux-musl"}
LOAD, INTERP, STACK, RELRO = 1, 3, 0x6474E551, 0x6474E552  # p_type
RELATIVE = {62: 8, 183: 1027}  # that type of relocation, by e_machine
NEEDED, DEBUG, RUNPATH, FLAGS, FLAGS_1 = 1, 21, 29, 30, 0x6FFFFFFB  # d_tag
NOPS = {"hlt": b"\x90", "brk": b"\x1f\x20\x03\xd5"}

pytestmark = [pytest.mark.shipping,
              pytest.mark.parametrize("binary", [
                  pytest.param(name, marks=[] if name == "native" else pytest.mark.variant) for name in TARGETS])]


class Elf:
    """A 64-bit little-endian ELF file that can be changed."""

    def __init__(self, data):
        self.data = bytearray(data)
        _, self.segments, self.sections = struct.unpack_from("<3Q", data, 24)
        self.segment_count, _, self.section_count = struct.unpack_from("<3H", data, 56)

    def put(self, form, at, value):
        struct.pack_into(form, self.data, at, value)

    def get(self, form, at):
        return struct.unpack_from(form, self.data, at)[0]

    def segment(self, kind, which=0):
        """The offset of the header of the first segment of that kind, or of a later one."""
        return [at for at in range(self.segments, self.segments + 56 * self.segment_count, 56)
                if self.get("<I", at) == kind][which]

    def move(self, at, by):
        """Changes a segment's address, but not its place in the file."""
        self.put("<Q", at + 16, self.get("<Q", at + 16) + by)

    def section(self, kind, flags):
        """The header of the first section of that kind."""
        return next(at for at in range(self.sections, self.sections + 64 * self.section_count, 64)
                    if self.get("<I", at + 4) == kind and self.get("<Q", at + 8) & 7 == flags)

    def dynamic(self, tag):
        at = self.get("<Q", self.segment(2) + 8)
        while self.get("<Q", at) != tag:
            assert self.get("<Q", at) != 0, f"no dynamic entry {tag:#x}"
            at += 16
        return at

    def change(self, at, clear=0, add=0):
        self.put("<Q", at, self.get("<Q", at) & ~clear | add)


def lazy(elf):
    elf.change(elf.dynamic(FLAGS) + 8, clear=8)
    elf.change(elf.dynamic(FLAGS_1) + 8, clear=1)


def unresolved(elf):
    """Changes the packed relocations to a kind that attestd's start code does not read."""
    at = elf.section(19, 2)
    elf.put("<I", at + 4, 4)
    elf.put("<Q", at + 32, 24)
    elf.put("<Q", at + 56, 24)
    elf.put("<Q", elf.get("<Q", at + 24) + 8, RELATIVE[elf.get("<H", 18)])


def small_pages(elf):
    """As in version 0.1: what follows the code is aligned for pages of 4 KiB only."""
    for at in (elf.segment(LOAD, 1), elf.segment(LOAD, 2), elf.segment(RELRO)):
        elf.move(at, 0x1000)


def relro_too_early(elf):
    """RELRO begins right behind the code, on the same page."""
    for at in (elf.segment(LOAD, 1), elf.segment(RELRO)):
        elf.move(at, -0x10000)


def relro_too_long(elf):
    at = elf.segment(RELRO) + 40
    elf.put("<Q", at, elf.get("<Q", at) + 0x4000)


def section_type(elf):
    elf.put("<I", elf.section(1, 2) + 4, 2)


DAMAGE = {
    "not position independent": lambda elf: elf.put("<H", 16, 2),
    "not marked as PIE": lambda elf: elf.change(elf.dynamic(FLAGS_1) + 8, clear=0x08000000),
    "asks for a dynamic linker": lambda elf: elf.put("<I", elf.segment(STACK), INTERP),
    "needs a shared library": lambda elf: elf.put("<Q", elf.dynamic(DEBUG), NEEDED),
    "has relocations in its text": lambda elf: elf.change(elf.dynamic(FLAGS) + 8, add=4),
    "has relocations that its start": unresolved,
    "no RELRO": lambda elf: elf.put("<I", elf.segment(RELRO), 0),
    "RELRO is not full": lazy,
    "executable stack": lambda elf: elf.put("<I", elf.segment(STACK) + 4, 7),
    "a segment is writable and exec": lambda elf: elf.put("<I", elf.segment(LOAD) + 4, 7),
    "a section is writable and exec": lambda elf: elf.change(elf.section(1, 6) + 8, add=1),
    "looks for libraries at places": lambda elf: elf.put("<Q", elf.dynamic(DEBUG), RUNPATH),
    "has symbols": section_type,
    "a segment cannot be mapped in pages of 16384 ": small_pages,
    "a segment cannot be mapped in pages of 65536 ": small_pages,
    "two segments share a page of 65536 ": relro_too_early,
    "RELRO shares a page of 65536 ": relro_too_early,
    "RELRO ends within a page of 16384 ": small_pages,
    "RELRO ends within a page of 65536 ": relro_too_long,
    "larger than 135168 bytes": lambda elf: elf.data.extend(bytes(135168)),
    "does not start": lambda elf: elf.put("<H", 18, 3),
}


def check(binary, file):
    """Runs it; returns the exit status, and what it complains about."""
    target = TARGETS[binary]
    cpu = target.split("-", maxsplit=1)[0]
    done = subprocess.run(
        [ROOT / "tests/binary/check-binary", target, file, *BINARIES[binary][:-1]], check=False,
        env=dict(os.environ, OBJDUMP=f"{cpu}-linux-gnu-objdump"), timeout=30,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.returncode, done.stdout


def test_as_it_ships(binary):
    status, said = check(binary, BINARIES[binary][-1])
    assert status == 0, said


@pytest.mark.parametrize("complaint", DAMAGE)
def test_refused(binary, tmp_path, complaint):
    with open(BINARIES[binary][-1], "rb") as f:
        elf = Elf(f.read())
    DAMAGE[complaint](elf)
    file = tmp_path / "attestd"
    file.write_bytes(elf.data)
    file.chmod(0o755)
    status, said = check(binary, file)
    assert status == 1 and f": {complaint}" in said, said


def test_without_canaries(binary, tmp_path):
    """Without the traps of failed canary checks, as in a build without canaries."""
    source = BINARIES[binary][-1]
    cpu = TARGETS[binary].split("-", maxsplit=1)[0]
    code = subprocess.run([f"{cpu}-linux-gnu-objdump", "-d", source], check=True,
                          capture_output=True, text=True).stdout
    with open(source, "rb") as f:
        elf = Elf(f.read())
    traps = re.findall(r"^ *([0-9a-f]+):\t.*\t(hlt|brk)\b", code, re.M)
    assert traps
    for address, name in traps:  # in the first segment, the address is the offset in the file
        elf.data[int(address, 16):int(address, 16) + len(NOPS[name])] = NOPS[name]
    file = tmp_path / "attestd"
    file.write_bytes(elf.data)
    file.chmod(0o755)
    status, said = check(binary, file)
    assert status == 1 and ": no stack protector" in said, said
