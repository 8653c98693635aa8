"""The Debian packages."""
import gzip
import hashlib
import os
import re
import subprocess

import pytest

from conftest import ARCHITECTURES, BINARIES, VERSION, install, make
from harness import paths

both = pytest.mark.parametrize("arch", ARCHITECTURES)


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


def unpack(deb, folder):
    run("dpkg-deb", "--raw-extract", deb, folder)
    return folder


@both
@pytest.mark.limit(240)
def test_lintian(debs, arch):
    """lintian has no errors, no warnings, and no unused overrides."""
    allow = ["--allow-root"] if os.geteuid() == 0 else []
    done = subprocess.run(["lintian", *allow, "--fail-on", "error,warning,override",
                           "--show-overrides", debs[arch]], capture_output=True, text=True,
                          check=False)
    tags = [line for line in done.stdout.splitlines() if line[:2] in ("E:", "W:", "O:")]
    assert not [tag for tag in tags if not tag.startswith("O:")], done.stdout
    assert "unused-override" not in done.stdout, done.stdout
    assert {re.match(r"O: attestd: (\S+)", tag)[1] for tag in tags} == {
        "initial-upload-closes-no-bugs", "shared-library-lacks-prerequisites"}


@both
def test_contents(debs, arch, tmp_path):
    root = unpack(debs[arch], tmp_path / "root")
    files = {"/" + str(path.relative_to(root)): path.stat().st_mode & 0o7777
             for path in root.rglob("*") if not path.is_dir()}
    doc = "/usr/share/doc/attestd"
    wanted = install(tmp_path / "installed", BINARIES[ARCHITECTURES[arch]], PREFIX="/usr")
    wanted["/usr/share/man/man8/attestd.8.gz"] = wanted.pop("/usr/share/man/man8/attestd.8")
    for path in (f"{doc}/copyright", f"{doc}/changelog.Debian.gz",
                 "/usr/share/lintian/overrides/attestd", "/DEBIAN/control", "/DEBIAN/md5sums",
                 "/DEBIAN/triggers"):
        wanted[path] = 0o644
    for script in ("postinst", "prerm", "postrm"):
        wanted[f"/DEBIAN/{script}"] = 0o755
    assert files == wanted
    assert (root / "usr/sbin/attestd").read_bytes() == \
        open(BINARIES[ARCHITECTURES[arch]], "rb").read()
    # Everything is root's.
    owners = {line.split()[1] for line in
              run("dpkg-deb", "--contents", debs[arch], text=True).splitlines()}
    assert owners == {"root/root"}


@both
def test_control(debs, arch, tmp_path):
    root = unpack(debs[arch], tmp_path)
    fields = dict(line.split(": ", 1) for line in
                  (root / "DEBIAN/control").read_text().splitlines() if not line.startswith(" "))
    assert debs[arch].name == f"attestd_{VERSION}-1_{arch}.deb"
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == \
        ("attestd", f"{VERSION}-1", arch)
    assert "tpm-udev" in fields["Depends"]  # the group tss, and the devices' rights
    used = sum(-(-path.stat().st_size // 1024) for path in root.rglob("*") if path.is_file())
    assert used < int(fields["Installed-Size"]) < used + 50
    sums = dict(reversed(line.split("  ", 1)) for line in
                (root / "DEBIAN/md5sums").read_text().splitlines())
    assert sums == {str(path.relative_to(root)): hashlib.md5(path.read_bytes()).hexdigest()
                    for path in (root / "usr").rglob("*") if path.is_file()}
    changelog = gzip.decompress(
        (root / "usr/share/doc/attestd/changelog.Debian.gz").read_bytes()).decode()
    assert changelog.startswith(f"attestd ({VERSION}-1) ")


@both
def test_copyright(debs, arch, tmp_path):
    """It has the licences of everything that is linked in, word for word."""
    text = (unpack(debs[arch], tmp_path) / "usr/share/doc/attestd/copyright").read_text()

    def words(text):
        return re.sub(r"[\s.]+", " ", text)

    deps = paths.BUILD / "deps"
    for licence in (paths.ROOT / "LICENSE", deps / "tpm2-tss/LICENSE",
                    deps / "bearssl/LICENSE.txt", deps / "jsmn/LICENSE"):
        own = licence.read_text()
        own = own[own.index("Permission" if "Permission" in own else "Redistribution"):]
        assert words(own).strip() in words(text), licence


def test_goal(debs):
    """make deb."""
    done = make("deb")
    assert done.returncode == 0, done.stderr
    for deb in debs.values():
        assert f"{paths.BUILD.name}/{deb.name}" in done.stdout
        assert (paths.BUILD / deb.name).read_bytes() == deb.read_bytes()


@both
def test_reproducible(debs, build, arch):
    """The same bytes at another time, in another folder and time zone, with another umask."""
    before = os.umask(0o077)
    try:
        done = build.deb(arch, TZ="Pacific/Chatham", LC_ALL="C.UTF-8")
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    again = build.folder / debs[arch].name
    assert again.read_bytes() == debs[arch].read_bytes()


def test_source_date_epoch(debs, build):
    assert build.deb("amd64", SOURCE_DATE_EPOCH="1000000000").returncode == 0
    made = build.folder / debs["amd64"].name
    assert "2001-09-09" in run("dpkg-deb", "--contents", made, text=True, env={
        **os.environ, "TZ": "UTC"})
    assert made.read_bytes() != debs["amd64"].read_bytes()


def test_version(build):
    """The changelog's latest entry is for this version."""
    done = build.deb("amd64", VERSION="99.0")
    assert done.returncode != 0 and "99.0" in done.stderr
    assert not list(build.folder.glob("*.deb"))


def test_scripts_as_dpkg_calls_them(debs, tmp_path):
    """Where systemd does not run, nothing is started and nothing fails."""
    root = unpack(debs["amd64"], tmp_path / "root")
    log = tmp_path / "log"
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("systemd-sysusers", "deb-systemd-helper", "deb-systemd-invoke", "systemctl"):
        (tools / name).write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >>{log}\n')
        (tools / name).chmod(0o755)
    env = {"PATH": f"{tools}:/usr/bin:/bin", "DPKG_ROOT": str(root)}
    for call in (["postinst", "configure", ""], ["prerm", "upgrade", "9"], ["prerm", "remove"],
                 ["postrm", "remove"], ["postrm", "purge"]):
        run(str(root / "DEBIAN" / call[0]), *call[1:], env=env)
    said = log.read_text()
    assert f"systemd-sysusers --root={root} attestd.conf" in said
    for unit in ("attestd.socket", "attestd.service"):
        assert f"deb-systemd-helper enable {unit}" in said
    assert "deb-systemd-helper purge attestd.socket attestd.service attestd-provision.service" in said
    assert "systemctl" not in said and "invoke" not in said


def test_unknown_target(build):
    done = subprocess.run([paths.ROOT / "toolchains/release/deb", build.folder, "mips-linux-musl"],
                          env={**os.environ, "VERSION": VERSION}, check=False,
                          capture_output=True, text=True)
    assert done.returncode != 0 and "mips-linux-musl" in done.stderr
