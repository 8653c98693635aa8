"""What each public verifier checks in attestd's replies: written again from the verifier's source.

A stand-in is at least as strict as what it stands for: it raises Refused for what the verifier refuses. `known` are a
getAttestationData's members, `quote` and `certified` those of a quote and a certify, decoded.
"""
import hashlib
import struct
import uuid

from .attest import (ATTESTS, CERTIFY, CREATION, ECC, ECDSA, FIXED_PARENT, FIXED_TPM, QUOTE, RESTRICTED, RSA,
                     RSASSA, SENSITIVE_DATA_ORIGIN, SHA256, SIGN, USER_WITH_AUTH, Reader, digest, need, parse_area,
                     parse_attest, parse_creation, parse_public, parse_signature, verify_signature)
from .checkquote import pcr_blob


def without_size(public):
    """The TPMT_PUBLIC in a TPM2B_PUBLIC, which verifiers in Go use."""
    need(struct.unpack(">H", public[:2])[0] == len(public) - 2, "not a TPM2B_PUBLIC")
    return public[2:]


def go_attestation_activation(known):
    """attest/activation.go: checkTPM20AKParameters, and what generateChallengeTPM20 takes a credential's
    Name from, which is returned. Public and CertifyingKey are the same TPMT_PUBLIC, CreateData is
    aik_creation, CreateAttestation aik_attest, CreateSignature aik_signature."""
    area = without_size(known["aik_tpm"])
    need(len(known["aik_signature"]) >= 8, "the signature is too short")
    public = parse_area(area)
    parse_creation(known["aik_creation"])
    attest = parse_attest(known["aik_attest"])  # and its magic
    need(attest.type == CREATION, "does not apply to creation data")
    need(public.type == RSA and public.bits >= 2048, "not supported")  # "TODO: Support ECC AKs"
    need(attest.creation_hash == digest(public.name_alg, known["aik_creation"]), "refers to a different public key")
    for bit in (FIXED_TPM, RESTRICTED, FIXED_PARENT, SENSITIVE_DATA_ORIGIN):
        need(public.attributes & bit, f"attribute {bit:#x}")
    need(attest.name == public.name, "refers to a different key")
    need(parse_signature(known["aik_signature"])[0] == RSASSA, "not PKCS #1 1.5")
    verify_signature(public, known["aik_attest"], known["aik_signature"])
    return attest.name


def go_attestation_quote(public, quote, nonce):
    """attest/eventlog.go: validate20Quote; RSA only."""
    public = parse_area(without_size(public))
    need(public.type == RSA, "unsupported public key type")
    verify_signature(public, quote["quoted"], quote["signature"])
    attest = parse_attest(quote["quoted"])
    need(attest.type == QUOTE and attest.extra == nonce, "not a quote of that nonce")
    need(len(attest.selection) == 1, "go-tpm reads one selection")
    (bank, selected), = attest.selection.items()
    need(bank in ("sha1", "sha256"), "HashAlg.cryptoHash")
    given = quote["pcr_values"]
    need(set(selected) == set(given), "not the PCRs that were quoted")
    need(digest(public.scheme[1], *(given[i] for i in selected)) == attest.pcr_digest,
         "quote digest didn't match pcrs provided")


def go_tpm_tools_quote(public, quote, nonce):
    """internal/quote.go: VerifyQuote; both kinds of key."""
    public = parse_public(public)
    alg, hash_alg, _ = parse_signature(quote["signature"])
    need(hash_alg in (0x0B, 0x0C, 0x0D), "unsupported signature hash algorithm")
    need(alg == {ECC: ECDSA, RSA: RSASSA}[public.type], "signature scheme")
    verify_signature(public, quote["quoted"], quote["signature"])
    attest = parse_attest(quote["quoted"])
    need(attest.type == QUOTE and attest.extra == nonce, "not a quote of that nonce")
    need(attest.selection == {quote["pcr_bank"]: sorted(quote["pcr_values"])}, "not the same selection")
    values = (quote["pcr_values"][i] for i in sorted(quote["pcr_values"]))
    need(digest(hash_alg, *values) == attest.pcr_digest, "given PCRs digest not matching")


def _read_pcr_blob(blob):
    """keylime/tpm/tpm_util.py: __get_pcrs_from_blob."""
    selections, at = {}, 4  # behind a count
    for _ in range(16):
        alg, size, bits = struct.unpack_from("<HB3s", blob, at)
        need(size in (0, 3), "size_of_select")
        selections[alg] = int.from_bytes(bits, "little") if size else 0
        at += 8
    lists, = struct.unpack_from("<I", blob, at)
    at, values = at + 4, []
    for _ in range(lists):
        at += 4
        for _ in range(8):
            size, value = struct.unpack_from("<H64s", blob, at)
            values += [value[:size]] if size else []
            at += 66
    need(at == len(blob), "Failed to parse the entire pcrblob")
    return selections, values


def keylime_quote(public, quote, nonce):
    """keylime/tpm/tpm_util.py: checkquote, with the blob of PCRs that its agents send beside quoted and
    signature. nonce: text. The bank's hash is the signature's: it is looked up by that."""
    public = parse_public(public)
    alg, hash_alg, _ = parse_signature(quote["signature"])
    need(alg == {ECC: ECDSA, RSA: RSASSA}[public.type], "Unsupported quote signature algorithm")
    verify_signature(public, quote["quoted"], quote["signature"])
    attest = parse_attest(quote["quoted"])
    need(attest.type == QUOTE and attest.extra.decode() == nonce, "the nonce differs from the expected nonce")
    selections, values = _read_pcr_blob(pcr_blob(quote["pcr_bank"], quote["pcr_values"]))
    need(hash_alg in selections, "KeyError")
    quoted = [i for i in range(24) if selections[hash_alg] >> i & 1]
    need(len(quoted) == len(values), "Did not consume all entries in pcr_values list")
    need(attest.pcr_digest == digest(hash_alg, *values), "the digest used for quoting is different")


def keylime_registrar(known):
    """keylime/tpm/tpm2_objects.py and the registrar: aik_tpm's attributes are AK_EXPECTED_ATTRS; a credential
    is made for its Name by the key of ek_tpm. Returns that Name."""
    public = parse_public(known["aik_tpm"])
    need(public.attributes == ATTESTS | USER_WITH_AUTH, "the AK's attributes")
    need(parse_public(known["ek_tpm"]).type == RSA, "Unsupported public key type for makecredential")
    return public.name


def keylime_push(public, certified, nonce):
    """keylime/models/verifier/auth_session.py: the proof of possession with which a session of the push mode
    begins. hash_algorithm is sha256, signing_scheme rsassa; the AK is both what certifies and what is
    certified."""
    public = parse_public(public)
    alg, hash_alg, _ = parse_signature(certified["signature"])
    need(alg == RSASSA and hash_alg == SHA256, "SignatureAlgorithmMismatch")
    attest = parse_attest(certified["certify_info"])
    need(attest.type == CERTIFY and attest.extra == nonce, "QualifyingDataMismatch")
    need(attest.name == public.name, "ObjectNameMismatch")
    verify_signature(public, certified["certify_info"], certified["signature"])


def spire_residency(ak, devid, certified):
    """pkg/server/plugin/nodeattestor/tpmdevid/devid.go: VerifyDevIDCertification; RSA only. Both are
    TPMT_PUBLIC."""
    ak, devid = parse_area(without_size(ak)), parse_area(without_size(devid))
    need(ak.type == RSA, "only RSA keys are supported")
    need(ak.attributes & SIGN, "not a signing key")
    verify_signature(ak, certified["certify_info"], certified["signature"])
    attest = parse_attest(certified["certify_info"])
    need(attest.type == CERTIFY, "missing certify info")
    need(attest.name == devid.name, "certify failed")


def enacttrust(key, token):
    """Veraison, scheme/tpm-enacttrust: token.go and evidence_handler.go. The token is quoted, behind its size,
    and signature; the nonce is the node's UUID; ECDSA with SHA-256 only. Returns (node, PCR digest)."""
    with Reader(token) as r:
        quoted, signature = r.sized(), r.take(len(token) - r.at)
    attest = parse_attest(quoted)
    need(attest.type == QUOTE and len(attest.selection) == 1, "not a quote")
    alg, hash_alg, _ = parse_signature(signature)
    need((alg, hash_alg) == (ECDSA, SHA256), "not *ecdsa.PublicKey")
    verify_signature(parse_public(key), quoted, signature)
    need(len(attest.extra) == 16, "not a UUID")
    return uuid.UUID(bytes=attest.extra), attest.pcr_digest


def parsec(public, certified, quote, endorsed):
    """Veraison, scheme/parsec-tpm, and its parsec/tpm: a key token (KAT: sig, pubArea, certInfo) and a platform
    token (PAT: sig, attestInfo), signed by the same key; ECDSA only. endorsed: {PCR: value}."""
    area = without_size(public)
    key = parse_area(area)
    for signature in (certified["signature"], quote["signature"]):
        need(parse_signature(signature)[0] == ECDSA, "unsupported signature algorithm")
    certify = parse_attest(certified["certify_info"])
    need(certify.type == CERTIFY, "no certify information in the TPMS Attest")
    need(key.attributes & FIXED_TPM and key.attributes & SENSITIVE_DATA_ORIGIN, "not a TPM originated key")
    need(key.type == ECC, "invalid public key type")
    need(certify.name == struct.pack(">H", key.name_alg) + digest(key.name_alg, area), "match failed")
    attest = parse_attest(quote["quoted"])
    need(attest.type == QUOTE and len(attest.selection) == 1, "invalid attestation information type")
    (bank, selected), = attest.selection.items()
    need(bank == "sha256", "mismatch in hash algo")  # the signature's
    verify_signature(key, certified["certify_info"], certified["signature"])
    verify_signature(key, quote["quoted"], quote["signature"])
    need(selected and set(selected) <= set(endorsed), "unmatched pcr value")
    concatenated = b"".join(endorsed[i] for i in selected)
    need(hashlib.new(bank, concatenated).digest() == attest.pcr_digest, "PCR Digest and Endorsement Digest")

