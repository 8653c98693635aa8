"""The pages beside the code list what is there: options, modes, targets, files, goals, stand-ins."""
import re
import subprocess

import pytest

from harness import documents
from harness.paths import ATTESTD, ROOT

WINDOWS, LINUX, TESTS = (ROOT / name / "README.md" for name in ("port/windows", "port/linux", "tests"))


def section(page, title):
    return documents.section(page, f"## {title}")


def first_cells(text):
    """The `code` in the first column of the tables, in order."""
    rows = re.findall(r"^\| (`.*?) \| ", text, re.M)
    return [name for row in rows for name in re.findall("`([^`]+)`", row)]


def options_of(source):
    return re.findall(r'\{"(--[a-z-]+ [A-Z:]+)"', (ROOT / source).read_text())


def test_windows_options():
    """The table and the synopsis have the options of the Windows port and those of all systems."""
    there = {*options_of("port/windows/options.c"), *options_of("src/service/command_line.c")}
    text = section(WINDOWS, "Modes and options")
    listed = [name for name in first_cells(text) if name.startswith("--")]
    assert len(listed) == len(set(listed)) and set(listed) == there
    synopsis = text.split("\n| ")[0]
    assert set(re.findall(r"--[a-z-]+ [A-Z]+", synopsis)) == there


def test_windows_modes():
    text = section(WINDOWS, "Modes and options")
    listed = [name for name in first_cells(text) if not name.startswith("--")]
    assert sorted(listed) == sorted(set(re.findall(r"^    attestd \[?([a-z]+)", text, re.M)))
    own = re.findall(r'\{"([a-z]+)",', (ROOT / "port/windows/subcommands.c").read_text())
    assert own and set(own) <= set(listed)


def files_of(folder):
    """The names that a table of files must list: NAME for NAME.c with NAME.h, otherwise the
    file's name.
    """
    names = {path.name for path in folder.iterdir() if path.is_file()} - {"README.md"}
    both = {name[:-2] for name in names if name.endswith(".h")}
    return {name for name in names if name[:-2] not in both} | both


@pytest.mark.parametrize("page, below", [(WINDOWS, ["mingw/Tbs.h"]), (LINUX, None)], ids=["windows", "linux"])
def test_files(page, below):
    if below is None:
        below = [f"packaging/{path.name}" for path in (page.parent / "packaging").iterdir()]
    listed = first_cells(section(page, "How the port works"))
    assert sorted(listed) == sorted([*files_of(page.parent), *below])


def test_targets():
    listed = first_cells(section(LINUX, "Building for other machines"))
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "toolchains").glob("*-*.mk"))


def test_installed(tmp_path):
    """The table lists exactly the files that `make install` installs."""
    (tmp_path / "root").mkdir()
    subprocess.run([ROOT / "toolchains/release/install", ATTESTD], check=True, timeout=50,
                   env={"PATH": "/usr/bin:/bin", "DESTDIR": str(tmp_path / "root"), "PREFIX": "/usr"})
    there = sorted("/" + str(path.relative_to(tmp_path / "root"))
                   for path in (tmp_path / "root").rglob("*") if path.is_file())
    assert sorted(first_cells(section(LINUX, "Installing it"))) == there


def test_sources():
    """The table names all sources that are fetched."""
    text = section(LINUX, "Building for other machines").lower()
    lock = re.findall(r"^([a-z0-9-]+) ", (ROOT / "toolchains/deps.lock").read_text(), re.M)
    assert lock and [name for name in lock if name not in text] == []


def make_goals():
    """All goals that make knows, including patterns."""
    text = subprocess.run(["make", "-pRrnq", "no-such-goal"], cwd=ROOT, check=False, text=True, timeout=100,
                          capture_output=True).stdout
    return set(re.findall(r"^([A-Za-z%][\w%-]*):(?!=)", text, re.M))


def test_goals():
    """Every `make GOAL` on a page exists, and a page names each goal that the Makefile lists."""
    goals = make_goals()
    named = set()
    for page in documents.every():
        for command in re.findall(r"(?:^    |`|&& )make ([^`#&\n]*)", page.read_text(), re.M):
            named |= {word for word in command.split() if re.fullmatch("[a-z][a-z0-9_-]*", word)}
    patterns = [re.escape(goal).replace("%", ".+") for goal in goals if "%" in goal]
    unknown = {name for name in named - goals if not any(re.fullmatch(pattern, name) for pattern in patterns)}
    assert unknown == set()
    head = (ROOT / "Makefile").read_text().split("\n\n")[0]
    assert set(re.findall(r"make ([a-z][a-z-]+)", head)) - named - {"clean"} == set()


def test_folders_of_tests():
    listed = first_cells(section(TESTS, "Where things are"))
    assert sorted(listed) == sorted(path.name for path in (ROOT / "tests").iterdir()
                                    if path.is_dir() and not path.name.startswith((".", "__")))


def test_stand_ins():
    """The table names exactly the stand-ins that exist."""
    text = TESTS.read_text()
    named = set(re.findall(r"`([\w/.-]+)`", text))
    tests = ROOT / "tests"
    for path in tests.glob("unit/fake_*.h"):
        assert f"unit/{path.name}" in named
    for path in [*tests.glob("injected/*.c"), *tests.glob("instrumented/*.c")]:
        assert {path.name, f"{path.parent.name}/{path.name}"} & named, path
    for path in tests.glob("tools/*.c"):
        assert {path.stem, f"tools/{path.stem}"} & named, path
    for name in named:
        if re.fullmatch(r"(unit|fuzz|vm|integration|instrumented|injected|bench|tools)/[\w/.-]+|\w+\.(c|h|py)", name):
            stem = name.rsplit("/", 1)[-1]
            assert any((tests / (name + end)).exists() for end in ("", ".c")) or list(tests.rglob(stem)) or \
                list((ROOT / "src").rglob(stem)), name
