"""parts.py: that what it says of a program is so, and adds up."""
import os
import pathlib
import shutil
import subprocess

import pytest

import parts

BUILD = pathlib.Path(os.environ["BUILD"])
TARGET = os.environ["HOST_TARGET"]
# Two rooms and a library; each has code and a table, one what another inlines.
SOURCES = {
    "src/wire/a.c": """
        #include "b.h"
        const unsigned char wire_table[300] = {1, 2};
        __attribute__((noinline)) int wire(int n) { return add_much(n) + wire_table[n & 255]; }""",
    "src/tpm/b.h": """
        static inline __attribute__((always_inline)) int add_much(int n)
        {
            for (int i = 3; i < n; i++)
                n = n * 3 + (n >> 2) + (i ^ n) % 7;
            return n;
        }""",
    "build/deps/bearssl/src/c.c": """
        static const unsigned table[100] = {7};
        __attribute__((noinline)) int library(int n) { return (int)table[n % 100] * n; }""",
    "src/main.c": """
        int wire(int), library(int);
        int main(int argc, char **argv) { return wire(argc) + library(argc) + (argv[0][0] == 'x'); }""",
}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """(file, twin, objects' sizes of code) of that program."""
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(parts, "ROOT", tmp_path)
    parts.name_of.cache_clear()
    sources = [name for name in SOURCES if name.endswith(".c")]
    sizes = {}
    for name in sources:
        subprocess.run(["gcc", "-g", "-Os", "-fno-stack-protector", "-fcf-protection=none",
                        "-fno-asynchronous-unwind-tables", "-Isrc/tpm", "-c", name,
                        "-o", name + ".o"], cwd=tmp_path, check=True)
        listed = subprocess.run(["size", "-A", name + ".o"], cwd=tmp_path, check=True,
                                stdout=subprocess.PIPE, text=True).stdout.split("\n")
        sizes[name] = {line.split()[0]: int(line.split()[1]) for line in listed if line[:1] == "."}
    objects = [name + ".o" for name in sources]
    for flags, out in ([], "twin"), (["-s"], "file"):
        subprocess.run(["gcc", "-static-pie", "-Wl,--build-id=none", *flags, "-o", out, *objects],
                       cwd=tmp_path, check=True)
    return tmp_path / "file", tmp_path / "twin", sizes


def test_a_small_program(small):
    file, twin, sizes = small
    found = parts.parts(file, twin)
    assert sum(found.values()) == file.stat().st_size
    assert found["own: main"] == sum(n for name, n in sizes["src/main.c"].items()
                                     if name.startswith(".text"))
    bearssl = sizes["build/deps/bearssl/src/c.c"]
    assert found["BearSSL"] == bearssl[".text"] + bearssl[".rodata"] == bearssl[".text"] + 400
    # What wire has inlined of tpm is tpm's; together they are what the object has.
    wire = sizes["src/wire/a.c"]
    assert found["own: wire"] + found["own: tpm"] == wire[".text"] + wire[".rodata"]
    assert found["own: tpm"] > 20 and found["own: wire"] > 300


def test_by_file(small):
    file, twin, _ = small
    by_file = parts.parts(file, twin, parts.file_of)
    by_part = parts.parts(file, twin)
    assert by_file["src/tpm/b.h"] == by_part["own: tpm"]
    assert by_file["src/wire/a.c"] == by_part["own: wire"]
    assert sum(by_file.values()) == file.stat().st_size


def test_another_program_is_no_twin(small, tmp_path):
    file, twin, _ = small
    data = file.read_bytes()
    at = next(at for name, _, _, at, _ in parts.Image(file).sections if name == ".text")
    other = tmp_path / "other"
    other.write_bytes(data[:at + 99] + bytes([data[at + 99] ^ 1]) + data[at + 100:])
    with pytest.raises(AssertionError, match="of other sources"):
        parts.parts(other, twin)
    assert shutil.copy(file, other) and parts.parts(other, twin)


def test_attestd():
    """All of it, with all of its parts."""
    file, twin = BUILD / TARGET / "attestd", BUILD / "parts" / TARGET / "attestd"
    found = parts.parts(file, twin)
    size = file.stat().st_size
    assert sum(found.values()) == size
    named = {*(f"own: {room}" for room in (*parts.ROOMS, "port", "main")),
             *parts.LIBRARIES.values(), parts.C_LIBRARY, "relocations"}
    assert named <= set(found), named - set(found)
    assert min(found[name] for name in named - {"relocations"}) > 200  # those are packed
    # What nothing says the source of: strings, tables of the format, padding.
    assert sum(found[name] for name in set(found) - named) < size / 8
