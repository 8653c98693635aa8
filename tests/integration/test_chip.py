"""The launcher's delays for chips, on which figures of `make bench` are based."""
import json
import time

import pytest

from harness.control import RC_RETRY, transmit, transmit_on
from harness.faults import activation
from harness.quotes import certify, quote
from harness.service import connect

pytestmark = pytest.mark.shipping

CHIP = "slb9670"
GET_RANDOM = bytes.fromhex("80010000000c0000017b0008")
# A P-256 storage key in the owner hierarchy.
CREATE_ECC = bytes.fromhex("8002000000430000013140000001 00000009 40000009000000 0000 0004 00000000"
                           "001a 0023 000b 00030072 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000")
RSA_EK = bytes.fromhex("81010001")
NO_KEY = bytes.fromhex("40000007")


def start_session(key, salt):
    """StartAuthSession of a policy session; the TPM finds out by decryption that the salt is wrong."""
    body = key + NO_KEY + b"\0\x20" + bytes(32) + len(salt).to_bytes(2, "big") + salt + \
        bytes.fromhex("010010000b")
    return bytes.fromhex("8001") + (10 + len(body)).to_bytes(4, "big") + bytes.fromhex("00000176") + body


@pytest.fixture
def on_chip(start):
    service = start("persistent", launcher=["--chip", CHIP])
    return service.settled(), json.loads(service.control.ask("chips"))[CHIP]


def takes(service, command):
    """How long a command takes for its client, in ms: the shortest of three, because other programs run, too."""
    taken = []
    for _ in range(3):
        begin = time.monotonic()
        reply = transmit(service.raw, command)
        taken.append((time.monotonic() - begin) * 1e3)
    return min(taken), reply


def test_field_48_each_command_of_attestd_takes_the_chips_time(on_chip):
    """The delay differs for RSA and ECC, also for commands with the same code."""
    service, figures = on_chip
    taken = {work: [] for work in figures}

    def take(rsa):
        sign, key = ("rsa_sign", "rsa_key") if rsa else ("ecc_sign", "ecc_key")
        works = {"CreatePrimary": key, "CertifyCreation": sign, "Quote": sign, "Certify": sign,
                 "StartAuthSession": "rsa_decrypt", "ActivateCredential": "rsa_decrypt"}
        for _, name, rc, ms in service.control.log():
            work = "other" if rc == RC_RETRY else works.get(name, "other")
            assert ms >= figures[work], (name, rc, ms)
            taken[work].append(ms)
        service.control.reset()

    for rsa in (False, True):
        aik = "rsa" if rsa else "ecc"
        service.ok({"command": "getAttestationData", "aik": aik})
        quote(service, "0-7", aik=aik)
        certify(service, aik=aik)
        take(rsa)
    service.ok(activation(service.attestation()))
    take(False)
    assert all(taken[work] for work in figures if work != "ecc_agree"), taken
    assert min(taken["other"]) < figures["ecc_sign"]
    assert min(taken["ecc_sign"]) < figures["rsa_sign"]
    assert min(taken["ecc_key"]) < figures["rsa_key"]


def test_a_session_costs_what_its_salt_does(on_chip):
    service, figures = on_chip
    with connect(service.raw) as s:
        key = transmit_on(s, CREATE_ECC)
        assert key[6:10] == bytes(4), key.hex()
        point = (b"\0\x20" + bytes(32)) * 2
        unsalted, reply = takes(service, start_session(NO_KEY, b""))
        assert reply[6:10] == bytes(4)
        by_rsa, _ = takes(service, start_session(RSA_EK, bytes(256)))
        by_ecc, _ = takes(service, start_session(key[10:14], point))
    assert figures["other"] <= unsalted < figures["rsa_decrypt"] <= by_rsa < figures["ecc_agree"] <= by_ecc


def test_a_kernel_swaps_what_its_client_has_loaded(on_chip):
    """A session is loaded before each command and saved after it; an object is also flushed."""
    service, figures = on_chip
    taken = []

    def once():
        begin = time.monotonic()
        transmit_on(s, GET_RANDOM)
        return (time.monotonic() - begin) * 1e3

    with connect(service.raw) as s:
        for command in (b"", start_session(NO_KEY, b""), CREATE_ECC):
            service.control.ask("chip")
            assert not command or transmit_on(s, command)[6:10] == bytes(4)
            service.control.ask(f"chip {CHIP} swaps")
            taken.append(min(once() for _ in range(3)))
    assert all(ms >= commands * figures["other"] for ms, commands in zip(taken, (1, 3, 6))), taken
    assert taken[0] < 3 * figures["other"]


def test_it_takes_its_time_whoever_has_gone(on_chip):
    """A chip gets no faster when the client closes the connection or `clear` ends all delays."""
    service, figures = on_chip
    begin = time.monotonic()
    with connect(service.raw) as s:
        s.sendall(CREATE_ECC)
    service.control.ask("clear")
    transmit(service.raw, GET_RANDOM)
    assert (time.monotonic() - begin) * 1e3 >= figures["ecc_key"] + figures["other"]


def test_there_are_chips_and_without_one_no_waiting(on_chip):
    service, figures = on_chip
    assert takes(service, GET_RANDOM)[0] >= figures["other"]
    with pytest.raises(AssertionError, match="no such chip"):
        service.control.ask("chip nobody")
    service.control.ask("chip")
    assert takes(service, GET_RANDOM)[0] < figures["other"]
