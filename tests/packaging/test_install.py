"""What is installed, and where."""
import os
import re
import subprocess

import pytest

from conftest import files_below, install, make
from harness import paths

BELOW_PREFIX = {
    "/sbin/attestd": 0o755,
    "/lib/attestd/early": 0o755,
    "/lib/systemd/system/attestd.service": 0o644,
    "/lib/systemd/system/attestd.socket": 0o644,
    "/lib/systemd/system/attestd-provision.service": 0o644,
    "/lib/sysusers.d/attestd.conf": 0o644,
    "/share/man/man8/attestd.8": 0o644,
    "/share/doc/attestd/examples/initramfs-exchange": 0o644,
}
HOOKS = ["hooks", "scripts/init-premount", "scripts/init-bottom"]
DRACUT = {f"/usr/lib/dracut/modules.d/90attestd/{name}.sh": 0o755
          for name in ("module-setup", "first", "again", "stop")}


def expected(prefix, initramfs):
    return {**{prefix + path: mode for path, mode in BELOW_PREFIX.items()}, **DRACUT,
            **{f"{initramfs}/{hook}/attestd": 0o755 for hook in HOOKS}}


@pytest.mark.parametrize("prefix,initramfs", [
    ("/usr", "/usr/share/initramfs-tools"),
    ("/usr/local", "/etc/initramfs-tools"),
    ("/opt/attestd-1", "/etc/initramfs-tools"),
])
def test_files(tmp_path, prefix, initramfs):
    """Each file has its mode, whatever the umask; all paths in the files exist."""
    before = os.umask(0o077)
    try:
        files = install(tmp_path, PREFIX=prefix)
    finally:
        os.umask(before)
    assert files == expected(prefix, initramfs)
    assert (tmp_path / prefix[1:] / "sbin/attestd").read_bytes() == \
        open(paths.ATTESTD, "rb").read()
    for path in set(files) - {f"{prefix}/sbin/attestd"}:
        text = (tmp_path / path[1:]).read_text()
        for named in re.findall(r"/\S*?(?:sbin/attestd|lib/attestd/early)\b", text):
            assert named in files, f"{path}: {named}"
    for path in (tmp_path, *tmp_path.rglob("*")):
        assert path.stat().st_mode & 0o7022 == 0, path
    assert all(folder.stat().st_mode & 0o755 == 0o755
               for folder in tmp_path.rglob("*") if folder.is_dir())


def test_goal(tmp_path):
    """make install for another architecture, into a folder with a blank in its name."""
    image = tmp_path / "the image"
    done = make("install", "TARGET=aarch64-linux-musl", f"DESTDIR={image}", "PREFIX=/usr")
    assert done.returncode == 0, done.stderr
    assert files_below(image) == expected("/usr", "/usr/share/initramfs-tools")
    assert (image / "usr/sbin/attestd").read_bytes() == open(paths.ATTESTD_AARCH64, "rb").read()
    done = make("install", f"DESTDIR={tmp_path / 'none'}", "PREFIX=/with blank")
    assert done.returncode != 0 and "PREFIX must be a path without blanks" in done.stderr
    assert not (tmp_path / "none").exists()


def test_default_prefix(tmp_path):
    assert "/usr/local/sbin/attestd" in install(tmp_path)


def test_again(tmp_path):
    """Installing over existing files, as an update does."""
    assert install(tmp_path) == install(tmp_path)


@pytest.mark.parametrize("prefix", ["relative", "/with blank", "/with'quote", "/a|b", "/a&b"])
def test_bad_prefix(tmp_path, prefix):
    with pytest.raises(subprocess.CalledProcessError):
        install(tmp_path, PREFIX=prefix)
    assert not any(tmp_path.iterdir())
