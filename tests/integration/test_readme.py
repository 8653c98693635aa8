"""The README lists every error that a reply may name."""
import re

from harness.paths import ROOT

NAME = re.compile(r'X\(ERR_\w+,\s*"(\w+)"')


def names_on_the_wire():
    text = (ROOT / "include" / "err.h").read_text().replace("\\\n", "\n")
    return set(NAME.findall(text.split("never on the wire")[0]))


def test_errors():
    readme = (ROOT / "README.md").read_text()
    rows = set(re.findall(r"^\|\s*`([a-z0-9_]+)`\s*\|", readme, re.M))
    names = names_on_the_wire()
    assert len(names) > 25
    assert names <= rows, names - rows
