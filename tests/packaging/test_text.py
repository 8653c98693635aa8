"""The manual, the scripts and the units, checked by the tools for them."""
import re
import subprocess

import pytest

from conftest import install
from harness import documents, paths

LINUX = paths.ROOT / "port/linux/packaging"
SCRIPTS = [LINUX / "early/early", LINUX / "early/exchange.example",
           *sorted((LINUX / "initramfs-tools").rglob("attestd")),
           *sorted((LINUX / "dracut").rglob("*.sh")),
           *(LINUX / "debian" / name for name in ("postinst", "prerm", "postrm")),
           *(paths.ROOT / "toolchains" / name for name in
             ("release/install", "release/deb", "need", "fetch-deps", "musl-sysroot", "mingw-sysroot",
              "private-apt", "try-compiler")),
           *(paths.ROOT / "tests" / name for name in
             ("packaging/debian-base", "packaging/debian-images", "packaging/guest/check",
              "binary/check-binary", "binary/check-pe", "binary/reproducible", "source/cppcheck",
              "fuzz/run", "instrumented/memcheck"))]
UNITS = [LINUX / "systemd" / name for name in ("attestd.service", "attestd.socket", "attestd-provision.service")]
WORST = 0.7  # exposure by systemd-analyze security, in all its versions since 252


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_shellcheck(script):
    assert run("shellcheck", "--severity=style", script) == (0, "")
    first = script.read_text().splitlines()[0]
    # dracut reads its modules with bash; all other scripts are for any shell.
    assert first == ("#!/bin/bash" if script.name == "module-setup.sh" else "#!/bin/sh")
    assert not re.search(r".{101}", script.read_text().replace("\t", "        "))


def test_mandoc():
    """References to manuals that this machine lacks do not count."""
    _, said = run("mandoc", "-Tlint", "-Wstyle", documents.MANUAL)
    assert [line for line in said.splitlines() if not re.search(
        "referenced manual not found|outdated mandoc.db", line)] == []


def test_manual_is_complete():
    """Each option and mode that the usage names, and nothing else."""
    status, text = run("mandoc", "-Tascii", "-Owidth=500", documents.MANUAL)
    assert status == 0
    text = re.sub(".\b", "", text)
    _, usage = run(paths.ATTESTD, "--help")
    options = set(re.findall(r"^ +(--[a-z-]+)", usage, re.M)) | {"--version"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) == options
    for mode in re.search(r"modes:\n(.*)\noptions:", usage, re.S)[1].splitlines()[::2]:
        assert re.search(rf"^ +{mode.strip()} ", text, re.M), mode


def test_manual_has_each_mode_with_its_options():
    """The synopsis gives each mode the options that the usage gives it."""
    _, usage = run(paths.ATTESTD, "--help")
    expected = {}
    for option, modes in re.findall(r"^  (--[a-z-]+)(?: \w[\w:]*)?  \((.*)\)$", usage, re.M):
        for mode in modes.split(", "):
            expected.setdefault(mode, set()).add(option)
    synopsis = documents.MANUAL.read_text().split(".Sh SYNOPSIS\n")[1].split(".Sh DESCRIPTION")[0]
    shown = {}
    for part in synopsis.split(".Nm\n")[1:-1]:
        mode = re.search(r"Cm (\w+)", part)[1]
        shown[mode] = {f"-{option}" for option in re.findall(r"Fl (-[a-z-]+)", part)}
    assert len(expected) == 4
    assert shown == expected


def test_manual_has_the_errors_of_the_log():
    """The errors that only the log has, not a reply."""
    errors = (paths.ROOT / "include/err.h").read_text().split("never on the wire")[1]
    names = re.findall(r'X\(ERR_\w+, "(\w+)"', errors)
    log = documents.MANUAL.read_text().split(".Ss Log\n")[1].split("\n.Ss ")[0]
    assert re.findall(r"^\.Ql ([a-z_]+)(?: ,| \.|)$", log.split("in the log only")[1], re.M) == names


def test_manual_has_the_protocol():
    """Each command of the protocol, with each member of its request and reply."""
    readme = documents.section(documents.README, "## Protocol").split("\n### Errors\n")[0]
    manual = documents.MANUAL.read_text()
    parts = re.split(r'^\*\*`({"command":"(\w+)".*?)`\*\*', readme, flags=re.M)
    assert len(parts) > 15
    assert re.findall(r"^\.It Ql (\w+)$", manual, re.M) == parts[2::3]
    for request, reply in zip(parts[1::3], parts[3::3]):
        shape = re.search(r'^    ({"status".*?})$', reply, re.M | re.S)[1]
        for member in set(re.findall(r'"([a-z_]{2,})":', request + shape)) - {"command", "status"}:
            assert re.search(rf"^\.(Pf \( )?Ql {member}\b", manual, re.M), member


def test_systemd_verify(tmp_path):
    """systemd-analyze verify, with the program that the units start."""
    for unit in UNITS:
        text = unit.read_text().replace("/usr/sbin/attestd", paths.ATTESTD)
        (tmp_path / unit.name).write_text(text)
    assert run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
               *(tmp_path / unit.name for unit in UNITS)) == (0, "")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.stem)
def test_systemd_security(unit):
    status, said = run("systemd-analyze", "security", "--no-pager", "--offline=true",
                       f"--threshold={int(WORST * 10)}", unit)
    print(said.splitlines()[-1])
    assert status == 0, said
    assert float(re.search(rf"exposure level for {unit.name}: ([\d.]+)", said)[1]) <= WORST


def test_both_services_are_shut_in_alike():
    """From the line with the account on, without comments, both units have the same restrictions."""
    service, provision = ([line for line in unit.read_text().split("# tss is")[1].split("[Install]")[0].splitlines()
                           if not line.startswith("#")] for unit in (UNITS[0], UNITS[2]))
    assert service == provision != []


def test_sysusers(tmp_path):
    """The users are created as the units need them."""
    install(tmp_path, PREFIX="/usr")
    (tmp_path / "etc").mkdir()
    assert run("systemd-sysusers", f"--root={tmp_path}", "attestd.conf")[0] == 0
    groups = (tmp_path / "etc/group").read_text()
    user, = (tmp_path / "etc/passwd").read_text().splitlines()
    assert re.match(r"attestd:x:(\d+):\1:.*:/usr/sbin/nologin$", user)
    assert re.search(r"^tss:", groups, re.M) and re.search(r"^attestd:", groups, re.M)
    text = "".join(unit.read_text() for unit in UNITS)
    assert set(re.findall(r"^(?:User|Group|SocketGroup|SupplementaryGroups)=(.*)$", text, re.M)) \
        == {"attestd", "tss"}
