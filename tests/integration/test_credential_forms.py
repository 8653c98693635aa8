"""activateCredential: every form in which verifiers send a credential."""
import base64
import json

import pytest

from harness.credential import by_tools, make, rsa_from_tpm, tpm2b
from harness.service import b64, unb64

pytestmark = pytest.mark.portable

SECRET = bytes(range(100, 132))

# The members of a request besides encrypted_secret, by form.
FORMS = {
    "hmac and enc": lambda c: {"hmac": c.hmac, "enc": c.enc},
    "hmac, enc and their blob": lambda c: {"hmac": c.hmac, "enc": c.enc, "credential_blob": c.blob},
    "hmac, enc and their contents": lambda c: {"hmac": c.hmac, "enc": c.enc,
                                               "credential_blob": c.contents},
    "hmac, enc and a file": lambda c: {"hmac": c.hmac, "enc": c.enc, "credential_blob": c.file},
    "field_43 hmac, enc and both in one": lambda c: {"hmac": c.hmac, "enc": c.enc,
                                                     "credential_blob": c.both},
    "hmac, enc and junk": lambda c: {"hmac": c.hmac, "enc": c.enc, "credential_blob": b"junk"},
    "hmac, enc and nothing": lambda c: {"hmac": c.hmac, "enc": c.enc, "credential_blob": None},
    "TPM2B_ID_OBJECT": lambda c: {"credential_blob": c.blob},
    "contents": lambda c: {"credential_blob": c.contents},
    "file": lambda c: {"credential_blob": c.file},
    "field_43 both in one": lambda c: {"credential_blob": c.both},
}
CARRY_THE_SECRET = ["file", "hmac, enc and a file", "field_43 both in one",
                    "field_43 hmac, enc and both in one"]


def request(fields, encode=b64):
    members = {k: encode(v) if v is not None else None for k, v in fields.items()}
    return {"command": "activateCredential", **members}


@pytest.fixture(params=["ours", "tpm2-tools"])
def made(request, shared, tmp_path):
    known = shared.attestation()
    if request.param == "ours":
        return make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)
    return by_tools(known["ek_tpm"], known["aik_name"], SECRET, tmp_path)


def activates(service, fields, encode=b64):
    reply = service.ok(request(fields, encode))
    assert list(reply) == ["status", "decrypted_secret"]
    return unb64(reply["decrypted_secret"]) == SECRET


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.core
def test_forms(service, made, form):
    fields = FORMS[form](made)
    assert activates(service, {**fields, "encrypted_secret": made.encrypted_secret})


@pytest.mark.parametrize("form", FORMS)
def test_secret_with_its_size(service, credential_of, form):
    fields = FORMS[form](credential_of)
    assert activates(service, {**fields, "encrypted_secret": tpm2b(credential_of.encrypted_secret)})


@pytest.mark.parametrize("form", CARRY_THE_SECRET)
def test_the_blob_carries_the_secret(service, made, form):
    assert activates(service, FORMS[form](made))


@pytest.fixture
def credential_of(shared):
    known = shared.attestation()
    return make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)


ENCODINGS = {
    "standard": base64.b64encode,
    "standard, no padding": lambda d: base64.b64encode(d).rstrip(b"="),
    "URL-safe": base64.urlsafe_b64encode,
    "URL-safe, no padding": lambda d: base64.urlsafe_b64encode(d).rstrip(b"="),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_base64(service, credential_of, encoding):
    fields = FORMS["hmac and enc"](credential_of)
    fields["encrypted_secret"] = credential_of.encrypted_secret
    assert activates(service, fields, lambda d: ENCODINGS[encoding](d).decode())


@pytest.mark.parametrize("escape", [lambda s: s.replace("/", "\\/"),
                                    lambda s: s.replace("/", "\\u002f").replace("+", "\\u002B"),
                                    lambda s: s.replace("A", "\\u0041")],
                         ids=["slash", "unicode", "letters"])
def test_json_escapes_in_base64(service, credential_of, escape):
    fields = FORMS["TPM2B_ID_OBJECT"](credential_of)
    fields["encrypted_secret"] = credential_of.encrypted_secret
    text = json.dumps(request(fields, lambda d: escape(b64(d))))
    reply = service.ok(text.replace("\\\\", "\\"))
    assert unb64(reply["decrypted_secret"]) == SECRET


def pem_lines(text, line_end="\n"):
    return "".join(text[i:i + 64] + line_end for i in range(0, len(text), 64))


WHITE_SPACE = {
    "line ends of PEM": pem_lines,
    "line ends of Windows": lambda s: pem_lines(s, "\r\n"),
    "76 characters, as MIME has it": lambda s: base64.encodebytes(unb64(s)).decode(),
    "spaces": lambda s: " ".join(s),
    "tabs around": lambda s: f"\t\t{s}\t",
    "in the padding": lambda s: s.replace("=", " = "),
}


@pytest.mark.parametrize("white", WHITE_SPACE)
@pytest.mark.parametrize("form", ["hmac and enc", "file"])
def test_field_38_white_space_in_base64(service, credential_of, form, white):
    """In JSON, white space other than a space is an escape."""
    fields = FORMS[form](credential_of)
    fields["encrypted_secret"] = credential_of.encrypted_secret
    assert activates(service, fields, lambda d: WHITE_SPACE[white](b64(d)))


@pytest.mark.parametrize("size", [1, 16, 31, 32])
def test_secrets_of_all_sizes(service, size):
    known = service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], bytes(range(size)))
    reply = service.ok(request({"hmac": c.hmac, "enc": c.enc, "encrypted_secret": c.encrypted_secret}))
    assert unb64(reply["decrypted_secret"]) == bytes(range(size))


def test_the_two_implementations_agree(service, tmp_path):
    """Credentials by both implementations activate with the same secret."""
    known = service.attestation()
    ours = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], SECRET)
    tools = by_tools(known["ek_tpm"], known["aik_name"], SECRET, tmp_path)
    assert (len(ours.hmac), len(ours.enc), len(ours.encrypted_secret)) == \
        (len(tools.hmac), len(tools.enc), len(tools.encrypted_secret))
