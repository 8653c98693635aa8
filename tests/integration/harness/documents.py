"""The project's documents: their text, sections, tables and links."""
import re
import subprocess

from harness.paths import ROOT

README = ROOT / "README.md"
PROTOCOL = ROOT / "src/PROTOCOL.md"
VERIFIERS = ROOT / "src/VERIFIERS.md"
MIGRATION = ROOT / "src/MIGRATION.md"
LIMITS = ROOT / "include/LIMITS.md"
SECURITY = ROOT / "port/SECURITY.md"
FIGURES = ROOT / "tests/bench/README.md"
MANUAL = ROOT / "port/linux/packaging/man/attestd.8"


def every():
    """All Markdown files of the project, without the build folder."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            check=False, capture_output=True, text=True)
    names = listed.stdout.split("\0")[:-1] if listed.returncode == 0 else \
        [path.relative_to(ROOT) for top in ("*.md", *(f"{room}/**/*.md" for room in ("src", "port", "include", "tests", "toolchains")))
         for path in ROOT.glob(top)]
    return sorted(ROOT / name for name in names if (ROOT / name).exists())


def section(path, title):
    """The text under a heading, with its subsections."""
    level = re.match("#+", title)[0]
    text = f"\n{path.read_text()}".split(f"\n{title}\n")
    assert len(text) == 2, f"{path} has {len(text) - 1} sections {title}"
    return re.split(rf"^#{{1,{len(level)}}} ", text[1], flags=re.M)[0]


def rows(text):
    """The cells of each row of the tables in a text, without the heads."""
    tables = re.findall(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)*)", text, re.M)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for table in tables for line in table.splitlines()]


def without_code(text):
    """The text without blocks of code, in which a line may look like a heading or a link."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(path):
    """The anchors that GitHub makes of the headings."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", without_code(path.read_text()), re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = sum(1 for other in found if other == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", other))
        found.append(f"{slug}-{count}" if count else slug)
    return set(found)


def links(path):
    """(target, anchor) of each relative link; an empty target is the document itself."""
    text = re.sub(r"(`+).*?\1", "", without_code(path.read_text()), flags=re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]:\s*(\S+)", text, re.M)
    return [(target.partition("#")[0], target.partition("#")[2]) for target in targets
            if not re.match(r"[a-z]+:", target)]


def passages(path):
    """Paragraphs, entries of lists and rows of tables, each as one line of words."""
    text = re.sub(r"^(?=\||[-*] |\d+\. )", "\n", without_code(path.read_text()), flags=re.M)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
