"""The documents as a whole: the README is short, links lead somewhere, nothing is said twice."""
import collections

import pytest

from harness import documents
from harness.paths import ROOT

pytestmark = pytest.mark.shipping
README_BYTES = 10000
LONG = 200  # characters: what is longer and stands twice has been copied

each = pytest.mark.parametrize("path", documents.every(), ids=lambda path: str(path.relative_to(ROOT)))


def test_the_readme_is_short():
    assert len(documents.README.read_bytes()) <= README_BYTES


@each
def test_links(path):
    """Each relative link names a file or folder of the project, and each anchor a heading in it."""
    for target, anchor in documents.links(path):
        to = (path.parent / target).resolve() if target else path
        assert to.exists() and to.is_relative_to(ROOT), f"{path}: {target}"
        if anchor:
            assert anchor in documents.anchors(to), f"{path}: {target}#{anchor}"


def test_the_readme_names_every_document():
    linked = {(ROOT / target).resolve() for target, _ in documents.links(documents.README)}
    assert linked >= {*documents.every(), documents.MANUAL} - {documents.README}


def test_nothing_is_said_twice():
    seen = collections.defaultdict(list)
    for path in documents.every():
        for passage in documents.passages(path):
            if len(passage) > LONG:
                seen[passage].append(path)
    assert seen
    assert {passage: paths for passage, paths in seen.items() if len(paths) > 1} == {}


def test_what_the_helpers_see(tmp_path):
    """They find what they are to find, in a document made for that."""
    path = tmp_path / "a.md"
    long = "word " * 50
    path.write_text(f"# A `b`, c\n\n[x](y.md#z) `[no](no)` [w](https://w)\n\n```sh\n# no\n[no](no)\n```\n\n"
                    f"## A\n\n- {long}\n- {long}\n\n### B\n{long}\n## A\n\n| a | b |\n|---|---|\n| `c` | d |\n")
    assert documents.links(path) == [("y.md", "z")]
    assert documents.anchors(path) == {"a-b-c", "a", "a-1", "b"}
    assert documents.passages(path).count("- " + long.strip()) == 2
    assert documents.rows(path.read_text()) == [["`c`", "d"]]
    assert documents.section(path, "### B") == long.rstrip() + " \n"
