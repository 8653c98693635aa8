"""Initramfs images: cpio archives, the same bytes for the same contents."""
import lzma
import pathlib
import re
import stat


class Archive:
    """An archive in the kernel's "newc" format. Folders are added automatically."""

    def __init__(self):
        self.entries = {}  # path: (mode, data, device number)

    def _add(self, path, mode, data=b"", device=(0, 0)):
        path = str(path).strip("/")
        for parent in reversed(pathlib.PurePosixPath(path).parents[:-1]):
            self.entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        self.entries[path] = (mode, data, device)

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755)

    def file(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data)

    def program(self, path, source):
        self.file(path, pathlib.Path(source).read_bytes(), 0o755)

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, str(target).encode())

    def device(self, path, major, minor):
        """A character device."""
        self._add(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def bytes(self):
        out = []
        # Sorted, so that a folder comes before its contents.
        entries = sorted(self.entries.items()) + [("TRAILER!!!", (0, b"", (0, 0)))]
        for number, (path, (mode, data, device)) in enumerate(entries, 1):
            name = path.encode() + b"\0"
            fields = (number, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0, len(data), 0, 0,
                      *device, len(name), 0)
            head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
            out += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
        return b"".join(out)


class Modules:
    """The kernel modules of a guest, by name."""

    def __init__(self, guest):
        self.version, = (path.name for path in (guest / "lib/modules").iterdir())
        tree = guest / "lib/modules" / self.version
        self.paths = {path.name.split(".ko")[0].replace("-", "_"): path
                      for path in tree.rglob("*.ko*")}
        self.list = (tree / "modules.builtin").read_bytes()
        self.builtin = {pathlib.Path(path).stem.replace("-", "_")
                        for path in self.list.decode().split()}
        self.code = {}

    def read(self, name):
        if name not in self.code:
            data = self.paths[name].read_bytes()
            self.code[name] = lzma.decompress(data) if self.paths[name].suffix == ".xz" else data
        return self.code[name]

    def needs(self, name):
        """All modules that a module needs; what modprobe loads first comes last."""
        found = re.search(rb"\0depends=([^\0]*)\0", self.read(name))
        direct = found[1].decode().replace("-", "_").split(",") if found and found[1] else []
        needed = []
        for other in direct:
            needed += [other, *self.needs(other)]
        # A module that is there twice stays at its last place.
        return list(dict.fromkeys(reversed(needed)))[::-1]

    def add(self, archive, names):
        """Adds modules, and what they need, where busybox's modprobe looks for them."""
        folder = f"lib/modules/{self.version}"
        lines = []
        wanted = [name for name in names if name not in self.builtin]
        for name in dict.fromkeys(sum(([name, *self.needs(name)] for name in wanted), [])):
            archive.file(f"{folder}/{name}.ko", self.read(name))
            lines.append(f"{name}.ko: {' '.join(f'{other}.ko' for other in self.needs(name))}\n")
        archive.file(f"{folder}/modules.builtin", self.list)
        archive.file(f"{folder}/modules.dep", "".join(sorted(lines)).encode())
