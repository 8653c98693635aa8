"""The README lists every error that a reply may name."""
import base64
import datetime
import json
import os
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

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
def test_field_44_the_passage_about_ek_cert_url(tmp_path, url, served):
    """Its commands find that a certificate is the EK's, that another's is not, and ask nobody else."""
    readme = (ROOT / "README.md").read_text()
    block, = (b for b in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) if "ek_cert_url" in b)
    member = re.search(r"^member\(\) .*$", readme, re.MULTILINE)[0]
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
        return subprocess.run(["sh", "-c", f"{member}\n{block}"], cwd=tmp_path, check=False,
                              env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
                              timeout=60, capture_output=True).returncode == 0

    assert passes(url, keys[0])
    assert not passes(url, keys[1])
    assert not passes(url.replace(".com/", ".com.example.org/"), keys[0])
