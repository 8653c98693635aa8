"""Requests for the tests that try every fault: which replies are right, and which may follow a response code."""
import functools
from dataclasses import dataclass
from typing import Callable

from .attest import parse_public, verify_certify, verify_creation, verify_quote
from .faults import (ATTESTATION, AUTH, CODES, GET_CHAIN, ONCE_MORE, UNSIGNED, activation, in_request,
                     is_format_one, opens)
from .quotes import NONCE, certify_request, decode_quote, quote_request
from .service import b64, unb64

CERTIFY = certify_request()
QUOTE = quote_request("0-7")  # in one TPM2_PCR_Read
QUOTE_ALL = quote_request("0-23")  # in three, of eight PCRs each
HEALTH = {"command": "getHealth"}
# What a TPM may say about an AIK that is used: nothing about the endorsement hierarchy.
SIGNING = ["Quote", "Certify"]


def rsa(request):
    return {**request, "aik": "rsa"}


def is_quote(known, reply):
    """Whether a verifier accepts it as a quote by that AIK."""
    if reply["status"] != "ok":
        return False
    quote = decode_quote(reply)
    verify_quote(parse_public(known["aik_tpm"]), quote["quoted"], quote["signature"], NONCE, "sha256",
                 quote["pcr_values"])
    return len(quote["pcr_values"]) in (8, 24)


def is_certified(known, reply):
    if reply["status"] != "ok":
        return False
    verify_certify(parse_public(known["aik_tpm"]), unb64(reply["certify_info"]), unb64(reply["signature"]), NONCE)
    return True


def is_attestation(known, reply):
    if reply["status"] != "ok" or reply["aik_attest"] is None:
        return False
    said = {k: unb64(v) for k, v in reply.items() if v is not None and k != "status"}
    verify_creation(parse_public(said["aik_tpm"]), said["aik_creation"], said["aik_attest"], said["aik_signature"])
    return known.items() <= said.items()


def when_signing(name, command, once):
    """As in_request, for requests that sign."""
    rc, error = CODES[name]
    if command not in SIGNING or (once and name in ONCE_MORE):
        return in_request(name, command, once)
    if name == "SIZE":
        return ["bad_nonce_size"]  # the first parameter is the nonce
    if name == "HANDLE" and once:
        return [None]
    return ["tpm_error"] if error == "tpm_auth_required" else [error]


def when_made(name, command, once):
    """As in_request, for an AIK's first getAttestationData: attestd tries again only what may have been lost."""
    if command == "FlushContext":
        return in_request(name, command, once)
    if command == "CertifyCreation" and name in UNSIGNED:
        return [None]
    return [None] if once and name in (*ONCE_MORE, "HANDLE") else [CODES[name][1]]


def when_chained(name, command, once):
    """As in_request, for the first getEKChain. A code about an index, not the TPM's state, concerns that index only."""
    rc, error = CODES[name]
    if once and name in ONCE_MORE:
        return [None]
    about = rc & 0xC0 == 0xC0 if command == "GetCapability" else is_format_one(rc) or name == "AUTH_UNAVAILABLE"
    if about or (once and command == "NV_Read" and name == "LOCKOUT"):  # which the owner can read, too
        return [None]
    return [error]


def when_ready(name, command, once):
    """As in_request, for an activation in a session that was ready. Unless the code is about the credential or an
    authorisation, attestd tries again in a new session."""
    errors = in_request(name, command, once)
    told = name in ("LOCKOUT", *AUTH) or "credential_rejected" in errors
    return errors if not once or told else [None]


def is_unsigned(known, reply):
    """Whether these are the attestation data of a TPM in lockout, which does not sign."""
    return reply["aik_attest"] is None and reply["aik_signature"] is None and \
        all(reply[member] == b64(value) for member, value in known.items())


@dataclass
class Asked:
    kind: str  # the TPM's state: see harness/tpm.py
    request: Callable  # makes the request from what is known of the TPM
    is_right: Callable  # (what is known, reply): whether the reply is right
    allowed: Callable
    commands: int
    aik: str = None
    prefix: str = ""  # what each error's message begins with
    first: bool = False  # only the first request of its kind asks the TPM
    ready: bool = False  # it finds a session that is ready for it
    # A success may lack what the TPM has refused for a reason that is not the request's.
    is_less: Callable = lambda known, reply: False


def _activation(kind, commands, aik=None):
    return Asked(kind, functools.partial(activation, aik=aik), lambda _, reply: opens(reply), in_request, commands,
                 aik, "ActivateCredential failed: ")


def _ready(kind, commands):
    return Asked(kind, activation, lambda _, reply: opens(reply), when_ready, commands, None,
                 "ActivateCredential failed: ", ready=True)


def _signs(request, is_right, commands, aik=None):
    request = rsa(request) if aik else request
    return Asked("quick" if aik else "persistent", lambda _: request, is_right, when_signing, commands, aik)


ASKED = {
    "activation-plain": _activation("plain", 7),
    "activation-persistent": _activation("persistent", 5),
    "activation-rsa": _activation("quick", 5, "rsa"),
    "ready-plain": _ready("plain", 5),
    "ready-persistent": _ready("persistent", 3),
    "quote": _signs(QUOTE, is_quote, 4),
    "quote-rsa": _signs(QUOTE_ALL, is_quote, 6, "rsa"),
    "certify": _signs(CERTIFY, is_certified, 3),
    "certify-rsa": _signs(CERTIFY, is_certified, 3, "rsa"),
    "first-rsa": Asked("quick", lambda _: rsa(ATTESTATION), is_attestation, when_made, 4, "rsa", first=True,
                       is_less=is_unsigned),
    "chain": Asked("chained", lambda _: GET_CHAIN, lambda known, reply: reply.get("ek_chain") == known["ek_chain"],
                   when_chained, 5, first=True, is_less=lambda _, reply: reply["ek_chain"] == []),
}


def known_of(service, asked):
    """What never changes for a TPM, to compare replies with."""
    known = service.settled().identity(asked.aik)
    if asked.kind == "chained":
        known["ek_chain"] = service.ok(GET_CHAIN)["ek_chain"]
        assert len(known["ek_chain"]) == 1
    return known


def forget(service, asked):
    """Makes the TPM be asked again for what is answered from memory; if need be, by a new process."""
    if asked.ready:
        service.made_ready()
    if not asked.first:
        return
    if asked.kind == "chained":
        service.restart()
        service.settled()
        service.control.left()
        return
    # Before a request is tried again, attestd forgets everything but what the request needs.
    service.control.fault("rc", CODES["CANCELED"][0], command="Quote", count=1)
    service.ok(QUOTE)
    service.control.left()
    assert service.ok(HEALTH)["aik"] == "ecc"
