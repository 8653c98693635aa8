"""activateCredential with something wrong: the error has its name, and nothing stays loaded in the TPM."""
import pytest

from harness.credential import FILE_MAGIC, Credential, make, rsa_from_tpm, tpm2b
from harness.service import b64

pytestmark = pytest.mark.portable

PREFIX = "ActivateCredential failed: "
ALL = ("credential_blob", "encrypted_secret", "hmac", "enc")
# In place of random bytes that would be read as a TPM2B, whose size they must not have by chance.
NO_SIZE = b"\xff\xff"


def flip(data, at=0):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def full(c, **changes):
    """hmac, enc and encrypted_secret, with changes; None leaves a member out."""
    fields = {"hmac": c.hmac, "enc": c.enc, "encrypted_secret": c.encrypted_secret, **changes}
    return {k: v for k, v in fields.items() if v is not None}


def blob(data, c, **changes):
    return full(c, hmac=None, enc=None, credential_blob=data, **changes)


def other(c):
    return Credential(c.secret, flip(c.hmac), c.enc, flip(c.encrypted_secret, 255))


# (error, the member it names, the request's binary members)
BEFORE_THE_TPM = {
    "nothing": ("missing_fields", "credential_blob", lambda c: {}),
    "no secret": ("missing_fields", "encrypted_secret", lambda c: full(c, encrypted_secret=None)),
    "no hmac": ("missing_fields", "hmac", lambda c: full(c, hmac=None)),
    "no enc": ("missing_fields", "enc", lambda c: full(c, enc=None)),
    "no enc, but a blob": ("missing_fields", "enc", lambda c: full(c, enc=None, credential_blob=c.blob)),
    "secret alone": ("missing_fields", "credential_blob", lambda c: full(c, hmac=None, enc=None)),
    "blob without secret": ("missing_fields", "encrypted_secret",
                            lambda c: blob(c.blob, c, encrypted_secret=None)),
    "hmac short": ("bad_hmac_size", "hmac", lambda c: full(c, hmac=c.hmac[:-1])),
    "hmac long": ("bad_hmac_size", "hmac", lambda c: full(c, hmac=c.hmac + b"\0")),
    "hmac with its size": ("bad_hmac_size", "hmac", lambda c: full(c, hmac=tpm2b(c.hmac))),
    "enc of 2 bytes": ("bad_enc_size", "enc", lambda c: full(c, enc=c.enc[:2])),
    "enc long": ("bad_enc_size", "enc", lambda c: full(c, enc=c.enc + b"\0")),
    "enc empty": ("bad_enc_size", "enc", lambda c: full(c, enc=b"")),
    "secret short": ("bad_secret_size", "encrypted_secret",
                     lambda c: full(c, encrypted_secret=c.encrypted_secret[:-1])),
    "field_16 secret long": ("bad_secret_size", "encrypted_secret",
                    lambda c: full(c, encrypted_secret=c.encrypted_secret + b"\0")),
    "secret empty": ("bad_secret_size", "encrypted_secret", lambda c: full(c, encrypted_secret=b"")),
    "secret with a wrong size": ("bad_secret_size", "encrypted_secret",
                                 lambda c: full(c, encrypted_secret=b"\0\xff" + c.encrypted_secret)),
    "field_16 secret with its size, and more": (
        "bad_secret_size", "encrypted_secret",
        lambda c: full(c, encrypted_secret=tpm2b(c.encrypted_secret) + b"\0")),
    "secret with its size twice": (
        "bad_secret_size", "encrypted_secret",
        lambda c: full(c, encrypted_secret=tpm2b(tpm2b(c.encrypted_secret)))),
    "blob empty": ("bad_credential_blob", "credential_blob", lambda c: blob(b"", c)),
    "blob is junk": ("bad_credential_blob", "credential_blob", lambda c: blob(b"junk", c)),
    "blob and a byte": ("bad_credential_blob", "credential_blob", lambda c: blob(c.blob + b"\0", c)),
    "blob truncated": ("bad_credential_blob", "credential_blob", lambda c: blob(c.blob[:20], c)),
    "blob with its size twice": ("bad_credential_blob", "credential_blob",
                                 lambda c: blob(tpm2b(c.blob), c)),
    "blob with hmac's size missing": ("bad_credential_blob", "credential_blob",
                                      lambda c: blob(tpm2b(NO_SIZE + c.hmac[2:] + c.enc), c)),
    "file truncated": ("bad_credential_blob", "credential_blob", lambda c: blob(c.file[:-1], c)),
    "file and a byte": ("bad_credential_blob", "credential_blob", lambda c: blob(c.file + b"\0", c)),
    "file of another version": ("bad_credential_blob", "credential_blob",
                                lambda c: blob(FILE_MAGIC[:7] + b"\2" + c.file[8:], c)),
    "file with a short secret": (
        "bad_secret_size", "credential_blob",
        lambda c: blob(FILE_MAGIC + c.blob + tpm2b(c.encrypted_secret[1:]), c, encrypted_secret=None)),
    "both in one, truncated": ("bad_credential_blob", "credential_blob",
                               lambda c: blob(c.both[:-1], c)),
    "both in one, and a byte": ("bad_credential_blob", "credential_blob",
                                lambda c: blob(c.both + b"\0", c)),
    "both in one, the other way round": ("bad_credential_blob", "credential_blob",
                                         lambda c: blob(tpm2b(c.encrypted_secret) + c.blob, c)),
    "both in one, without the first's size": (
        "bad_credential_blob", "credential_blob",
        lambda c: blob(c.contents + tpm2b(c.encrypted_secret), c)),
    "both in one, without the second's size": (
        "bad_credential_blob", "credential_blob",
        lambda c: blob(c.blob + NO_SIZE + c.encrypted_secret[2:], c)),
    "both in one, the second's first bytes a size": (
        "bad_secret_size", "credential_blob", lambda c: blob(c.blob + tpm2b(c.encrypted_secret[2:]), c)),
    "field_43 both in one, with a short secret": (
        "bad_secret_size", "credential_blob",
        lambda c: blob(c.blob + tpm2b(c.encrypted_secret[1:]), c, encrypted_secret=None)),
    "field_43 both in one, with another secret beside it": (
        "secret_conflict", "encrypted_secret",
        lambda c: blob(c.both, c, encrypted_secret=other(c).encrypted_secret)),
    "field_43 both in one, of another credential": (
        "credential_conflict", "credential_blob", lambda c: full(c, credential_blob=other(c).both)),
    "blob of another credential": ("credential_conflict", "credential_blob",
                                   lambda c: full(c, credential_blob=other(c).blob)),
    "file of another secret": ("secret_conflict", "encrypted_secret",
                               lambda c: blob(c.file, c, encrypted_secret=other(c).encrypted_secret)),
}
BY_THE_TPM = {
    "hmac damaged": lambda c: full(c, hmac=flip(c.hmac)),
    "enc damaged": lambda c: full(c, enc=flip(c.enc, 5)),
    "enc truncated": lambda c: full(c, enc=c.enc[:-1]),
    "secret damaged": lambda c: full(c, encrypted_secret=flip(c.encrypted_secret, 255)),
    "secret of zeros": lambda c: full(c, encrypted_secret=bytes(256)),
    "secret above the modulus": lambda c: full(c, encrypted_secret=b"\xff" * 256),
    "hmac and enc swapped in time": lambda c: full(c, hmac=c.enc[:32]),
}


def send(service, fields):
    return service.ask({"command": "activateCredential", **{k: b64(v) for k, v in fields.items()}})


def still_works(service, c):
    assert send(service, full(c))["status"] == "ok"
    assert service.control.left() == []


@pytest.mark.parametrize("case", BEFORE_THE_TPM)
@pytest.mark.core
def test_refused_before_the_tpm(service, credential, case):
    error, field, fields = BEFORE_THE_TPM[case]
    service.control.reset()
    reply = send(service, fields(credential))
    assert (reply["status"], reply["error"], reply["field"]) == ("error", error, field)
    if error == "missing_fields":
        assert reply["message"] == "Missing required fields"
    else:
        assert reply["message"].startswith(PREFIX)
    assert "tpm_rc" not in reply
    assert service.control.count() == 0
    still_works(service, credential)


@pytest.mark.parametrize("case", BY_THE_TPM)
@pytest.mark.core
def test_field_14_refused_by_the_tpm(service, credential, case):
    reply = send(service, BY_THE_TPM[case](credential))
    assert (reply["status"], reply["error"]) == ("error", "credential_rejected")
    assert reply["message"].startswith(PREFIX)
    # TPM_RC_INTEGRITY of the first parameter; for a wrong secret, TPMs differ.
    assert int(reply["tpm_rc"], 16) == 0x1DF or case.startswith("secret")
    assert service.control.left() == []
    still_works(service, credential)


@pytest.mark.parametrize("what", ["name", "EK"])
def test_field_14_made_for_another(service, credential, states, what):
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    known = service.attestation()
    name, ek = known["aik_name"], rsa_from_tpm(known["ek_tpm"])
    if what == "name":
        name = flip(name, 20)
    else:
        ek = load_pem_public_key(states.ek_pem("persistent"))
    reply = send(service, full(make(ek, name, b"secret")))
    assert (reply["status"], reply["error"]) == ("error", "credential_rejected")
    still_works(service, credential)


@pytest.mark.parametrize("field", ALL)
@pytest.mark.parametrize("text", ["!!!!", "A", "AAAAA", "AA=A", "AAA==", "A===", "=", "AAA A A",
                                  "AAAA\\f", "AA\\b=", "AB", "AAB=", "\\u00e9", "\\u00a0"])
def test_bad_base64(service, credential, field, text):
    members = {k: b64(v) for k, v in full(credential, credential_blob=credential.blob).items()}
    members[field] = "@"
    line = '{"command":"activateCredential",' + ",".join(
        f'"{k}":"{v}"' for k, v in members.items()) + "}"
    service.control.reset()
    reply = service.ask(line.replace("@", text))
    assert (reply["error"], reply["field"]) == ("bad_base64", field)
    assert reply["message"].startswith(PREFIX)
    assert service.control.count() == 0


@pytest.mark.parametrize("field", ALL)
@pytest.mark.parametrize("value", [1, True, False, 0.5])
def test_wrong_type(service, credential, field, value):
    members = {k: b64(v) for k, v in full(credential, credential_blob=credential.blob).items()}
    reply = service.ask({"command": "activateCredential", **members, field: value})
    assert (reply["error"], reply["field"]) == ("wrong_type", field)


def test_null_is_absent(service, credential):
    members = {k: b64(v) for k, v in full(credential).items()}
    assert service.ask({"command": "activateCredential", **members,
                        "credential_blob": None})["status"] == "ok"
    assert service.ask({"command": "activateCredential", **members,
                        "encrypted_secret": None})["error"] == "missing_fields"
