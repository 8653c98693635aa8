"""parts.py [--files] FILE TWIN: which part of attestd does each byte of FILE belong to? With --files: which source?

TWIN is the same program with debug information (`make parts`). It is needed because link-time
optimisation leaves nothing else that tells where code is from. That it is the same program is
checked: everything of FILE that is loaded into memory is in TWIN, byte for byte. Then each byte of
FILE belongs to one part, by the first of these rules that fits:

- Functions that the compiler made of what several functions have in common are a part of their own.
- Code belongs to the source that the compiler's line table names; inlined code to its own source.
- Data with a symbol that has a size belong to the source that declares the variable, or else to the
  C library. (Symbols of a Windows program have no size, so only code is told apart there.)
- Other bytes of a section belong to what the section is for. Strings are merged in one place.
- Bytes in no section are padding.
"""
import bisect
import functools
import pathlib
import re
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DWARFDUMP = "llvm-dwarfdump-19"
ROOMS = ("wire", "crypto", "tpm", "service")
LIBRARIES = {"tpm2-tss/src/tss2-esys": "ESAPI", "tpm2-tss/src/tss2-mu": "MU",
             "tpm2-tss/src/tss2-sys": "SYS", "tpm2-tss/": "TCTI and the rest of tpm2-tss",
             "bearssl/": "BearSSL", "jsmn/": "jsmn"}
C_LIBRARY, HEADERS, PADDING = "C library", "headers and tables of the format", "padding"
STRINGS = "strings, and data of no known source"
SHARED = "code that several functions have in common"
SECTIONS = {".rela.dyn": "relocations", ".relr.dyn": "relocations", ".reloc": "relocations",
            ".eh_frame": "unwind tables", ".pdata": "unwind tables", ".xdata": "unwind tables",
            ".rsrc": "resources"}
TABLES = (".dyn", ".gnu.hash", ".hash", ".got", ".init", ".fini", ".note", ".tls", ".CRT")


class Image:
    """The sections of a program that are loaded: (name, address, bytes in the file, offset, code)."""

    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        self.symbols = []  # (address, size), of variables
        self.outlined = []  # the same, of functions that the compiler made of parts of others
        (self._elf if self.data[:4] == b"\x7fELF" else self._pe)()

    def _string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def _elf(self):
        assert self.data[4:6] == b"\2\1", "64 bits, little-endian"
        phoff, shoff = struct.unpack_from("<QQ", self.data, 32)
        phnum, _, shnum, names = struct.unpack_from("<HHHH", self.data, 56)
        self.headers = 64 + 56 * phnum
        loads = [struct.unpack_from("<IIQQQQ", self.data, phoff + 56 * i) for i in range(phnum)]
        # Left out: the ELF header, which says where the sections are listed; this differs.
        self.loaded = [(max(at, self.headers), at + n) for kind, _, at, _, _, n in loads if kind == 1]
        raw = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + 64 * i) for i in range(shnum)]
        self.sections = [(self._string(raw[names][4] + name), addr, size, at, bool(flags & 4))
                         for name, kind, flags, addr, at, size, *_ in raw
                         if flags & 2 and kind != 8]
        for _, kind, _, _, at, size, link, *_ in raw:
            if kind == 2:
                for i in range(at, at + size, 24):
                    name, info, _, _, value, length = struct.unpack_from("<IBBHQQ", self.data, i)
                    if info & 15 == 1:
                        self.symbols.append((value, length))
                    elif info & 15 == 2 and self._string(raw[link][4] + name).startswith("OUTLINED_"):
                        self.outlined.append((value, length))

    def _pe(self):
        start, = struct.unpack_from("<I", self.data, 60)
        count, = struct.unpack_from("<H", self.data, start + 6)
        optional, = struct.unpack_from("<H", self.data, start + 20)
        base, = struct.unpack_from("<Q", self.data, start + 48)
        table = start + 24 + optional
        self.sections = []
        for i in range(count):
            name, size, addr, raw, at = struct.unpack_from("<8sIIII", self.data, table + 40 * i)
            flags, = struct.unpack_from("<I", self.data, table + 40 * i + 36)
            name = name.rstrip(b"\0").decode()
            # A section of debug information has only an offset instead of its long name.
            if raw and not name.startswith("/"):
                self.sections.append((name, base + addr, min(size, raw), at, bool(flags & 0x20)))
        self.headers = table + 40 * count
        self.loaded = [(at, at + n) for _, _, n, at, _ in self.sections]
        self._forget_build(base, start + 24 + 112 + 8 * 6)

    def _forget_build(self, base, directory):
        """The build id: it is of the whole file, so the twin has another."""
        addr, size = struct.unpack_from("<II", self.data, directory)
        at = next((at + base + addr - start for _, start, n, at, _ in self.sections
                   if start <= base + addr < start + n), 0)
        for entry in range(at, at + size, 28):
            kind, length, _, place = struct.unpack_from("<IIII", self.data, entry + 12)
            if kind == 2 and self.data[place:place + 4] == b"RSDS":
                self.data = self.data[:place + 4] + bytes(16) + self.data[place + 20:]


@functools.lru_cache(maxsize=None)
def name_of(path, folder):
    """The path of a source, relative to the working folder; None if it is the C library's."""
    whole = pathlib.Path(folder or ROOT) / path
    return str(whole.relative_to(ROOT)) if whole.is_relative_to(ROOT) and whole.exists() else None


def part_of(path, folder):
    """The part that a source belongs to."""
    name = name_of(path, folder)
    if name is None:
        return C_LIBRARY
    if "deps/" in name:
        name = name.split("deps/", 1)[1]
        return next((part for start, part in LIBRARIES.items() if name.startswith(start)), C_LIBRARY)
    room = re.match(r"src/(\w+)/|(port)/|(src)/", name)
    if not room:
        return C_LIBRARY
    return f"own: {room[1] or room[2] or 'main'}"


def file_of(path, folder):
    return name_of(path, folder) or f"{C_LIBRARY}: {path}"


def dump(twin, what):
    return subprocess.run([DWARFDUMP, what, twin], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8", errors="replace").stdout.splitlines()


def code_parts(twin, first, classify):
    """(from, to, part) for addresses from `first` on, from the line tables."""
    folders, files, rows, found = {}, {}, [], []
    entry, key = None, None
    for line in dump(twin, "--debug-line"):
        if line.startswith("debug_line["):
            folders, files, rows = {}, {}, []
        elif (m := re.match(r'include_directories\[ *(\d+)\] = "(.*)"', line)):
            folders[int(m[1])] = m[2]
        elif (m := re.match(r"file_names\[ *(\d+)\]:", line)):
            key = int(m[1])
        elif (m := re.match(r' +name: "(.*)"', line)):
            entry = m[1]
        elif (m := re.match(r" +dir_index: (\d+)", line)):
            # Before DWARF 5 the table does not name the working folder, which is this one.
            path = pathlib.PurePosixPath(folders.get(int(m[1]), "")) / entry
            files[key] = classify(path, folders.get(0))
        elif line.startswith("0x"):
            address, _, _, file, *rest = line.split()
            rows.append((int(address, 16), files.get(int(file), C_LIBRARY)))
            if "end_sequence" in rest:
                if rows[0][0] >= first:
                    found += [(a, b, part) for (a, part), (b, _) in zip(rows, rows[1:]) if b > a]
                rows = []
    return found


def data_parts(twin, classify):
    """{address: part} of all variables with an address."""
    declared, origins, places = {}, {}, []
    die, kind, folder = None, None, None
    for line in dump(twin, "--debug-info"):
        if (m := re.match(r"0x([0-9a-f]+): +(DW_TAG_\w+)", line)):
            die, kind = int(m[1], 16), m[2]
        elif kind == "DW_TAG_compile_unit" and (m := re.search(r'DW_AT_comp_dir\t\("(.*)"\)', line)):
            folder = m[1]
        elif kind != "DW_TAG_variable":
            continue
        elif (m := re.search(r'DW_AT_decl_file\t\("(.*)"\)', line)):
            declared[die] = classify(m[1], folder)
        elif (m := re.search(r"DW_AT_(?:abstract_origin|specification)\t\(0x([0-9a-f]+)", line)):
            origins[die] = int(m[1], 16)
        elif (m := re.search(r"DW_AT_location\t\(DW_OP_addr 0x([0-9a-f]+)\)", line)):
            places.append((die, int(m[1], 16)))
    parts = {}
    for die, address in places:
        while die not in declared and die in origins:
            die = origins[die]
        if die in declared:
            parts[address] = declared[die]
    return parts


def check_same(image, twin):
    """Checks the twin: what is loaded is the same in both, at the same addresses."""
    differ = "the twin is of other sources: make both anew"
    assert image.sections and [s[:3] for s in image.sections] == [s[:3] for s in twin.sections], differ
    for (name, _, size, at, _), (_, _, _, there, _) in zip(image.sections, twin.sections):
        assert image.data[at:at + size] == twin.data[there:there + size], f"{name}: {differ}"


def parts(file, twin, classify=part_of):
    """{part: bytes of the file}; they add up to its size."""
    image, other = Image(file), Image(twin)
    check_same(image, other)
    owner = [None] * len(image.data)

    def give(start, end, part):
        for i in range(start, end):
            if owner[i] is None:
                owner[i] = part

    give(0, image.headers, HEADERS)
    first = min(addr for _, addr, _, _, is_code in image.sections if is_code)
    code, data = code_parts(twin, first, classify), data_parts(twin, classify)
    sizes = dict(other.symbols)
    known = sorted(sizes)
    for name, addr, size, at, is_code in image.sections:
        if is_code:
            for start, length in other.outlined:
                give(at + start - addr, at + start + length - addr, SHARED)
            for start, end, part in code:
                if addr <= start < addr + size:
                    give(at + start - addr, at + min(end, addr + size) - addr, part)
        for start in known[bisect.bisect_left(known, addr):bisect.bisect_left(known, addr + size)]:
            end = min(start + sizes[start], addr + size)
            give(at + start - addr, at + end - addr, data.get(start, C_LIBRARY))
        give(at, at + size, section_part(name, is_code))
    # After what is loaded come the names of the sections, and their list.
    give(max(end for _, end in image.loaded), len(image.data), HEADERS)
    give(0, len(image.data), PADDING)
    return {part: owner.count(part) for part in set(owner)}


def section_part(name, is_code):
    if name in SECTIONS:
        return SECTIONS[name]
    if is_code:
        return C_LIBRARY
    return HEADERS if name.startswith(TABLES) else STRINGS


def rows(file, twin, classify=part_of):
    """Own code first, then the largest."""
    found = parts(file, twin, classify)
    assert sum(found.values()) == pathlib.Path(file).stat().st_size
    return sorted(found.items(), key=lambda row: (not row[0].startswith("own"), -row[1]))


def main():
    *options, file, twin = sys.argv[1:]
    for part, size in rows(file, twin, file_of if options == ["--files"] else part_of):
        print(f"{size:9,}  {part}")
    print(f"{pathlib.Path(file).stat().st_size:9,}  {file}")


if __name__ == "__main__":
    main()
