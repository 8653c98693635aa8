"""src/README.md says where things are: each file that it names exists, and each row that it has is so."""
import re

import pytest

from harness.paths import ROOT

TEXT = (ROOT / "src/README.md").read_text()
FILES = re.compile(r"`((?:[\w.*-]+/)*[\w.*-]+\.(?:c|h|mk|md))`")
# What a table's row leaves out of a path.
ABOVE = ["", "src", "port/linux", "src/tpm", "src/wire"]


def rows(heading):
    """The table below a heading, as lists of cells; without its head."""
    part = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def exists(name):
    return any(list((ROOT / above).glob(name)) for above in ABOVE)


def test_length():
    assert TEXT.count("\n") <= 200


def test_files():
    named = FILES.findall(TEXT)
    assert len(named) > 40
    assert [name for name in named if not exists(name)] == []


def test_rooms():
    """Each folder of src/ and port/ has its row."""
    named = {name.rstrip("/") for cells in rows("Rooms") for name in re.findall(r"`([^`]+)`", cells[0])}
    folders = {str(p.relative_to(ROOT)) for top in ("src", "port") for p in (ROOT / top).iterdir() if p.is_dir()}
    assert folders | {"src/main.c", "include"} == named


@pytest.mark.parametrize("port", ["linux", "windows"])
def test_contract(port):
    """The same part of the contract is in a file of the same name."""
    named = [name for cells in rows("The port contract") for name in FILES.findall(cells[1])]
    assert len(named) > 12
    assert [name for name in named if not (ROOT / "port" / port / name).exists()] == []


def test_life_of_a_request():
    """Each file on the way is there, and nothing of the way to the TPM is left out."""
    named = {name for cells in rows("The life of a request") for name in FILES.findall(cells[1])}
    assert {"tpm/job.c", "tpm/quote.c", "tpm/link.c"} <= named


def test_facts():
    """The drawing has all facts, and no other."""
    declared = set(re.findall(r"\bFACT_\w+(?= = \d)", (ROOT / "src/tpm/facts.h").read_text()))
    drawn = set(re.findall(r"\bFACT_\w+", re.search(r"(?:^    .*\n)+", TEXT.split("## Facts, keys, requests")[1], re.M)[0]))
    assert declared == drawn
