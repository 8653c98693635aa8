"""The documents' lists agree with the sources, and their examples work."""
import base64
import datetime
import json
import os
import re
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness import documents
from harness.documents import section
from harness.paths import ATTESTD, ROOT, SWTPM_RUN

sys.path.append(str(ROOT / "tests/bench"))
import chips  # noqa: E402

NAME = re.compile(r'X\(ERR_\w+,\s*"(\w+)"')


def names_on_the_wire():
    text = (ROOT / "include" / "err.h").read_text().replace("\\\n", "\n")
    return NAME.findall(text.split("never on the wire")[0])


def test_errors():
    """The document lists each error once, in the order of the declarations, and nothing else."""
    names = names_on_the_wire()
    assert len(names) > 25
    assert [cells[0].strip("`") for cells in documents.rows(section(documents.README, "### Errors"))] == names


def certificate(key):
    day = datetime.datetime(2024, 1, 1)
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day.replace(year=2044))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def intel(der):
    text = base64.urlsafe_b64encode(der).decode().replace("=", "%3D")
    return json.dumps({"pubhash": "x", "certificate": text}, separators=(",", ":")).encode()


@pytest.mark.parametrize("url,served", [("https://ftpm.amd.com/pki/aia/0123", bytes),
                                        ("https://ekop.intel.com/ekcertservice/a%3D", intel)])
def test_field_44_fetching_from_ek_cert_url(tmp_path, url, served):
    """The commands on the page accept the EK's certificate, refuse another key's, and fetch from
    no other server.
    """
    text = documents.VERIFIERS.read_text()
    block, = (b for b in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "ek_cert_url" in b)
    keys = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    spki = keys[0].public_key().public_bytes(serialization.Encoding.DER,
                                             serialization.PublicFormat.SubjectPublicKeyInfo)
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\n[ "$2" = "$(cat url)" ] && cat served\n')
    curl.chmod(0o755)

    def passes(address, key):
        (tmp_path / "ek.json").write_text(json.dumps(
            {"ek_public": base64.b64encode(spki).decode(), "ek_cert": None, "ek_cert_url": address},
            separators=(",", ":")))
        (tmp_path / "url").write_text(address)
        (tmp_path / "served").write_bytes(served(certificate(key)))
        return subprocess.run(["sh", "-ec", block], cwd=tmp_path, check=False,
                              env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
                              timeout=60, capture_output=True).returncode == 0

    assert passes(url, keys[0])
    assert not passes(url, keys[1])
    assert not passes(url.replace(".com/", ".com.example.org/"), keys[0])


def commands():
    """{name of a request: its part of the README's section about the protocol}."""
    text = section(documents.README, "## Protocol").split("\n### Errors\n")[0]
    parts = re.split(r'^\*\*`{"command":"(\w+)"', text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def test_first_request(states, tmp_path):
    """The first request of the README works as it stands there, except that it runs without sudo."""
    line, = re.findall("^    (.*)$", section(documents.README, "## A first request"), re.M)
    command = line.replace("sudo ", "")
    assert command != line
    program, = re.findall(r"build/\S+", command)
    (tmp_path / program).parent.mkdir(parents=True)
    (tmp_path / program).symlink_to(ATTESTD)
    done = subprocess.run([SWTPM_RUN, "--state", states.new(), "--", "sh", "-ec", command], cwd=tmp_path, check=True,
                          timeout=60, capture_output=True)
    assert json.loads(done.stdout)["ek_public"]


def members(shape):
    """The members of the reply that the README shows, but not those inside a nested object."""
    outer = re.sub(r"{.*?}|\[.*?\]", "", shape.strip()[1:-1], flags=re.S)
    return re.findall(r'"(\w+)":', outer)


def test_verifiers():
    """The table names every function of verifiers.py, no other one, and the tests call each."""
    rows = documents.rows(section(documents.VERIFIERS, "## Which verifier takes what"))
    named = {name for cells in rows for name in re.findall("`(\\w+)`", cells[-1])}
    tests = ROOT / "tests/integration"
    source = (tests / "harness/verifiers.py").read_text()
    there = set(re.findall(r"^def ([a-z]\w+)", source, re.M)) - {"without_size"}
    used = set(re.findall(r"\bverifiers\.(\w+)\(|\b(\w+)\(", "".join(path.read_text() for path in tests.glob("test_*.py"))))
    assert named == there
    assert named <= {name for pair in used for name in pair}


def test_commands():
    """The README shows every command of dispatch.c, and no other."""
    source = (ROOT / "src/service/dispatch.c").read_text()
    assert sorted(commands()) == sorted(re.findall(r'\.name = "(\w+)"', source))


def described(name):
    """The members that the protocol's page describes under a command."""
    return [member for cells in documents.rows(section(documents.PROTOCOL, f"## {name}"))
            for member in re.findall("`(\\w+)`", cells[0])]


@pytest.mark.parametrize("name", commands())
def test_members(name):
    """The page about the protocol describes each member that the README shows, and no other."""
    request = re.match(r".*?`\*\*", commands()[name])[0]
    shape, = re.findall(r'^    ({"status":"ok".*?})$', commands()[name], re.M | re.S)
    shown = set(re.findall(r'"(\w+)":', request)) | set(members(shape))
    assert set(described(name)) == shown - {"status"}


@pytest.mark.parametrize("name", commands())
def test_command(service, credential, tmp_path, name):
    """The README's example works, and the reply has the members that the README shows, in the
    same order.
    """
    text = commands()[name]
    example, = re.findall(r"^    attestd (call .*)$", text, re.M)
    shape, = re.findall(r'^    ({"status":"ok".*?})$', text, re.M | re.S)
    assert example.split()[1] == name
    (tmp_path / "credential").write_bytes(credential.file)
    (tmp_path / "attestd").write_text(f'#!/bin/sh\nshift\nexec {ATTESTD} call --socket {service.address} "$@"\n')
    (tmp_path / "attestd").chmod(0o755)
    done = subprocess.run(["sh", "-ec", f"attestd {example}"], cwd=tmp_path, check=True, timeout=60,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True)
    reply = json.loads(done.stdout)
    assert list(reply) == [member for member in members(shape) if member != "ek_cert_url"]


def test_figures_on_chips(service):
    """Each computed minimum follows from the launcher's table, and each measured time is within
    its bound.
    """
    figures = json.loads(service.control.ask("chips"))
    text = section(documents.FIGURES, "## On a chip")
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")]
                   for line in re.findall(r"^\|.*\|$", text, re.M) if not line.startswith("|--"))
    assert [re.search("`(\\w+)`", cell)[1] for cell in head[1:]] == list(figures)
    shown = {cells[0]: dict(zip(figures, cells[1:])) for cells in rows}
    assert set(shown) == {chips.title(row, kind) for row, kind in chips.FLOORS}
    for row, kind in chips.FLOORS:
        for chip, cell in shown[chips.title(row, kind)].items():
            floor = chips.floor_of(row, kind, figures[chip])
            taken, beside = (int(number.replace(",", "")) for number in re.findall("[\\d,]+", cell))
            assert beside == round(floor) <= taken <= floor * chips.BOUNDS[kind][row] + 1, (row, kind, chip)


def test_figures_in_instructions():
    """The figures are the counts that `make bench` compares with."""
    decided = json.loads((ROOT / "tests/bench/counts.json").read_text())["x86_64-linux-musl"]
    shown = re.findall("^\\| (?:attestd's own instructions|the same: quote).*\\| ([\\d,]+) / ([\\d,]+) \\|$",
                       documents.FIGURES.read_text(), re.M)
    assert [int(n.replace(",", "")) for pair in shown for n in pair] == \
        [round(n, -3) for n in decided.values()]


def test_figures_in_the_readme():
    """The README's figures are those of the page of figures."""
    told = re.findall(r"[\d.,]*\d(?: KiB| MB| ms)?", section(documents.README, "## Figures").split("[")[0])
    assert len(told) == 4
    text = section(documents.FIGURES, "# Figures").split("## On a chip")[0]
    for number, unit in (re.fullmatch("([\\d.,]+) ?(.*)", figure).groups() for figure in told):
        assert re.search(rf"\| [^|]*(?<![\d.,]){number}(?![\d.,])[^|]*{unit}[^|]* \|$", text, re.M), number


# For each row of the page of limits: its constants in include/bounds.h, and the factor to the row's unit.
BOUNDS = {
    "a request line": ["REQUEST_MAX"], "members of a request": ["MEMBERS_MAX"], "`nonce`": ["NONCE_MAX"],
    "PCRs in a quote": ["PCR_COUNT"], "a reply line": ["TX_MAX"],
    "clients at once": ["CONN_MAX"], "of these, of one account": ["CONN_EACH"],
    "until the whole request": ["CLIENT_MS"], "until the client has read": ["CLIENT_MS"],
    "the request in hand": ["STOP_MS"], "one TPM command": ["TPM_COMMAND_MS"],
    "one TPM command that makes a key": ["TPM_CREATE_MS"],
    "a request waits for a TPM": ["TPM_GRACE_MS", "WAIT_MAX_S"],
    "two looks for a TPM": ["TPM_REOPEN_MAX_MS", "TPM_REOPEN_LATE_MS"],
    "two looks for a certificate": ["CERT_AGAIN_MS"], "an EK certificate": ["EK_CERT_MAX"],
    "the file of `--ek-cert`": ["CERT_FILE_MAX"], "the EK's chain": ["EK_CHAIN_MAX", "EK_CHAIN_CERTS"],
    "an authorisation in a file": ["AUTH_MAX"],
}


def bounds():
    """The constants as {name: number}, times in seconds. PCR_COUNT becomes the highest PCR."""
    text = (ROOT / "include/bounds.h").read_text()
    found = {name: int(number) for name, number in re.findall(r"^#define (\w+) (\d+)U?\b", text, re.M)}
    found = {name: number // 1000 if name.endswith("_MS") else number for name, number in found.items()}
    return found | {"CONN_EACH": found["CONN_MAX"] // 2, "PCR_COUNT": found["PCR_COUNT"] - 1}


def test_limits():
    """Each row of the page of limits has the numbers of include/bounds.h, and each has been compared."""
    compared = set()
    for what, limit, *_ in documents.rows(documents.LIMITS.read_text()):
        row = max((name for name in BOUNDS if what.startswith(name)), key=len)
        numbers = {int(number) for number in re.findall(r"\d+", limit)}
        assert {bounds()[name] for name in BOUNDS[row]} <= numbers, what
        compared.add(row)
    assert compared == set(BOUNDS)
    told = {int(number) for number in re.findall(r"(?<![\w.])\d+", section(documents.README, "## Limits").split("[")[0])}
    names = ["CONN_MAX", "CONN_EACH", "CLIENT_MS", "TPM_COMMAND_MS", "TPM_CREATE_MS"]
    assert {bounds()[name] for name in names} == told - {2048}


def called(macro):
    """The system calls in a macro of the filter, under their names on 64-bit machines."""
    source = re.sub(r"/\*.*?\*/", "", (ROOT / "port/linux/seccomp.c").read_text(), flags=re.S)
    listed = re.search(rf"^#define {macro}\(X\)((?: *\\\n|.)*)", source, re.M)[1]
    groups = {"CLOCK": {"clock_gettime"}, "FCNTL": {"fcntl"}, "NEWER": set()}
    return {name.lower() for name in re.findall(r"X\((\w+)\)", listed)}.union(
        *(groups[name] for name in re.findall(r"(\w+)\(X\)", listed)))


def test_sandbox():
    """The page about security has each system call that the filter allows or refuses, and no other."""
    allowed, _, refused, _ = (cells[0] for cells in documents.rows(section(documents.SECURITY, "## The sandbox"))[-4:])
    assert set(allowed.split(", ")) == called("ALLOWED")
    assert set(refused.split(", ")) == called("REFUSED")
