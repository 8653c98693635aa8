"""quote, if PCRs change meanwhile, banks are missing, or the chip allows less than others."""
import threading

import pytest

from harness import attest, tpm
from harness.control import transmit
from harness.quotes import (AIKS, NONCE, Trace, certify, certify_request, decode_quote, public_of, quote,
                            quote_request)
from harness.raw import SIZES, extend, extend_command, read_pcrs
from harness.service import wait_for

pytestmark = pytest.mark.portable


def verify(public, found):
    attest.verify_quote(public, found["quoted"], found["signature"], NONCE, found["pcr_bank"], found["pcr_values"])


class Changing:
    """A TPM whose PCRs another program extends while attestd quotes them.

    The response to a command is delayed. Meanwhile the other program's command reaches the launcher, and so
    is the next one that the TPM gets: before attestd's next command.
    """

    def __init__(self, start, tmp_path):
        self.trace = Trace(tmp_path)
        self.service = start("plain", launcher=self.trace.options).settled()

    def ask(self, changes, command="Quote", pcr=3, **request):
        """The reply to a request. After each of the first `changes` commands with that name, PCRs change."""
        control, sent = self.service.control, len(self.trace.named(command))
        control.left()
        control.reset()
        control.delay(1000, command, changes)
        reply = {}
        client = threading.Thread(target=lambda: reply.update(self.service.ask(quote_request(**request))))
        client.start()
        for i in range(changes):
            self.trace.await_sent(command, sent + i + 1)
            assert transmit(self.service.raw, extend_command(pcr, byte=i + 1))[6:10] == bytes(4)
        client.join(60)
        assert not client.is_alive() and control.left() == []
        control.ask("clear")
        return reply

    def order(self):
        """The order of the commands since the last request, without loading and flushing."""
        return [name for name in self.service.control.commands() if name.startswith(("Quote", "PCR_"))]


@pytest.fixture
def changing(start, tmp_path):
    return Changing(start, tmp_path)


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("changes", [1, 2])
def test_changed_and_asked_again(changing, changes, aik):
    """For each change there is a new quote; the values in the reply are those that were quoted."""
    public = public_of(changing.service, aik)
    before = read_pcrs(changing.service, "sha256")
    found = decode_quote(changing.ask(changes, aik=aik))
    assert changing.order() == ["Quote", "PCR_Extend", "PCR_Read"] * changes + ["Quote", "PCR_Read"]
    verify(public, found)
    true = read_pcrs(changing.service, "sha256")
    assert found["pcr_values"] == {i: true[i] for i in range(8)} and true[3] != before[3]


def test_changed_three_times(changing):
    """After three changes there is an error; the next request succeeds."""
    reply = changing.ask(3)
    assert reply["error"] == "pcrs_changed" and set(reply) == {"status", "error", "message"}
    assert changing.order() == ["Quote", "PCR_Extend", "PCR_Read"] * 3
    verify(public_of(changing.service), quote(changing.service))


def test_changes_of_other_pcrs(changing):
    """Changes of PCRs that are not quoted do not matter."""
    verify(public_of(changing.service), decode_quote(changing.ask(1, pcr=16)))
    assert changing.order() == ["Quote", "PCR_Extend", "PCR_Read"]


def test_changed_between_two_reads(changing):
    """If a PCR was read before it changed, its quoted value is returned; if not, there is a new quote."""
    public = public_of(changing.service)
    before = read_pcrs(changing.service, "sha256")
    found = decode_quote(changing.ask(1, "PCR_Read", pcr=3, pcrs="0-23"))
    assert changing.order().count("Quote") == 1
    verify(public, found)
    assert found["pcr_values"] == before != read_pcrs(changing.service, "sha256")
    found = decode_quote(changing.ask(1, "PCR_Read", pcr=16, pcrs="0-23"))
    assert changing.order().count("Quote") == 2
    verify(public, found)
    assert found["pcr_values"] == read_pcrs(changing.service, "sha256")


# ---- banks ----------------------------------------------------------------

# By tpm2_pcrallocate, which takes effect at the next start of the TPM.
ALLOCATED = {
    "sha256 only": ("sha1:none+sha256:all+sha384:none+sha512:none", {"sha256"}),
    "without sha256": ("sha1:all+sha256:none+sha384:all+sha512:none", {"sha1", "sha384"}),
    "sha512 only": ("sha1:none+sha256:none+sha384:none+sha512:all", {"sha512"}),
}


def answered(service, bank, because="pcr_bank", **request):
    """Whether there is a quote of that bank (None: of the default one). If not, checks the error."""
    asked = quote_request(**request, **({"pcr_bank": bank} if bank else {}))
    reply = service.ask(asked)
    if reply["status"] == "ok":
        verify(public_of(service, request.get("aik", "ecc")), decode_quote(reply))
        return True
    assert (reply["error"], reply["field"]) == ("bad_value", because), reply
    assert service.control.left() == []
    return False


@pytest.mark.parametrize("case", ALLOCATED)
def test_missing_banks(states, start, tmp_path, case):
    """A missing bank is an error, also if it is the default one."""
    allocation, there = ALLOCATED[case]
    state = states.new("plain")
    tpm.run(state, f"tpm2_pcrallocate -Q {allocation}", tmp_path)
    service = start(state).settled()
    for aik in AIKS:
        for pcrs in ("0", "0-23"):
            assert {bank for bank in SIZES if answered(service, bank, pcrs=pcrs, aik=aik)} == there
            assert answered(service, None, pcrs=pcrs, aik=aik) == ("sha256" in there)


def test_a_tpm_as_manufactured(start):
    """A TPM as its manufacturer delivers it, here by swtpm_setup: it only has the SHA-256 bank."""
    service = start("factory").settled()
    assert [bank for bank in SIZES if answered(service, bank)] == ["sha256"]


def test_a_bank_of_few_pcrs(states, start, tmp_path):
    """If a bank lacks some PCRs, a quote that asks for them fails."""
    state = states.new("plain")
    tpm.run(state, "tpm2_pcrallocate -Q sha1:all+sha256:0,1,2,3+sha384:none+sha512:none", tmp_path)
    service = start(state).settled()
    assert answered(service, "sha256", pcrs="0-3") and answered(service, "sha256", pcrs="1,3")
    for pcrs in ("0-4", "0-23", "3,5"):
        assert not answered(service, "sha256", "pcrs", pcrs=pcrs)
    for pcrs in ("4", "23"):  # the same error as without the bank
        assert not answered(service, "sha256", pcrs=pcrs)
    assert answered(service, "sha1", pcrs="0-23")


@pytest.mark.parametrize("rc", [0x3C3, 0x3C4], ids=["TPM_RC_HASH", "TPM_RC_VALUE"])
def test_a_bank_that_the_tpm_does_not_know(start, rc):
    """A TPM may refuse an unknown bank in the third parameter; swtpm selects no PCR instead."""
    service = start("plain").settled()
    service.control.fault("rc", rc, command="Quote")
    assert not answered(service, "sha512")
    service.control.ask("clear")
    assert answered(service, "sha512")


@pytest.mark.linux  # on Windows the keys stay loaded, so that nothing is flushed
def test_no_member_is_at_fault_where_the_link_breaks(start):
    """The TPM refuses the bank, but then it cannot be reached: the error is about the TPM alone."""
    service = start("plain").settled()
    service.control.fault("rc", 0x3C3, command="Quote")
    service.control.fault("close", command="FlushContext")
    reply = service.ask(quote_request(pcr_bank="sha512"))
    assert reply["error"] == "tpm_unavailable" and "field" not in reply, reply
    service.control.ask("clear")
    wait_for(lambda: service.ask(quote_request())["status"] == "ok", 20, "quote")  # the link is opened again


# ---- chips ----------------------------------------------------------------


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("command,ask", [("Quote", quote_request), ("Certify", certify_request)],
                         ids=["quote", "certify"])
def test_field_46_chip_that_only_takes_short_nonces(start, command, ask, aik):
    """The chip answers TPM_RC_SIZE for the first parameter: the client is told, and a shorter nonce succeeds."""
    service = start("plain").settled()
    public_of(service, aik)
    service.control.fault("rc", 0x1D5, command=command)
    reply = service.ask(ask(aik=aik))
    assert (reply["error"], reply["field"]) == ("bad_nonce_size", "nonce"), reply
    assert service.control.commands().count(command) == 1
    assert service.control.left() == []
    service.control.ask("clear")
    service.ok(ask(aik=aik))


@pytest.mark.parametrize("most", [20, 32])
def test_field_46_as_long_as_the_chip_takes(start, most):
    """Some chips allow 20 bytes, some 32: nonces of just that length succeed."""
    service = start("plain").settled()
    public = public_of(service)
    for command in ("Quote", "Certify"):
        service.control.fault("nonces", most, command=command)
    for size in (1, most, most + 1, 64, most):
        nonce = bytes(range(size))
        for request in (quote_request("0", nonce), certify_request(nonce)):
            reply = service.ask(request)
            if size > most:
                assert (reply["error"], reply["field"], reply["tpm_rc"]) == ("bad_nonce_size", "nonce", "0x1d5"), reply
            else:
                assert reply["status"] == "ok", reply
    info = certify(service, bytes(most))
    attest.verify_certify(public, info["certify_info"], info["signature"], bytes(most))


@pytest.mark.parametrize("at_a_time", [1, 3, 7])
def test_field_46_fewer_pcrs_at_a_time(start, at_a_time):
    """A TPM may return fewer PCRs than were asked for: the others are read by another command."""
    service = start("plain").settled()
    public = public_of(service)
    extend(service, *range(16))
    service.control.fault("few", at_a_time, command="PCR_Read")
    for pcrs, count in (("0", 1), ("0-7", 8), ("23,1,5", 3), ("0-23", 24)):
        service.control.reset()
        found = quote(service, pcrs)
        verify(public, found)
        assert len(found["pcr_values"]) == count
        assert service.control.commands().count("PCR_Read") == -(-count // at_a_time)


def test_no_pcr_at_all(start):
    """If the TPM returns none of the PCRs that it has quoted, attestd does not try for ever."""
    service = start("plain").settled()
    service.control.fault("few", 0, command="PCR_Read")
    assert service.ask(quote_request())["error"] == "tpm_bad_response"
    service.control.ask("clear")
    wait_for(lambda: service.ask(quote_request())["status"] == "ok", 20, "quote")  # the link is opened again
    verify(public_of(service), quote(service))


def test_field_46_longest_nonces(start):
    """The longest nonces, and eight PCRs in each response: three responses for all PCRs."""
    service = start("plain").settled()
    public = public_of(service)
    longest = bytes(range(64))
    service.control.reset()
    found = quote(service, "0-23", longest)
    attest.verify_quote(public, found["quoted"], found["signature"], longest, "sha256", found["pcr_values"])
    assert service.control.commands().count("PCR_Read") == 3
    info = certify(service, longest)
    attest.verify_certify(public, info["certify_info"], info["signature"], longest)


def test_size_of_another_parameter(start):
    """TPM_RC_SIZE for another parameter does not concern the nonce."""
    service = start("plain").settled()
    service.control.fault("rc", 0x3D5, command="Quote")
    assert service.ask(quote_request())["error"] != "bad_nonce_size"


def test_extended_all_the_time(start, tmp_path):
    """While PCRs are extended all the time, no reply is wrong, whatever it is."""
    service = start("plain").settled()
    public = public_of(service)
    over = threading.Event()

    def measure():
        while not over.wait(0.002):
            extend(service, 10, byte=0x11)

    other = threading.Thread(target=measure)
    other.start()
    try:
        outcomes = set()
        for _ in range(40):
            reply = service.ask(quote_request("0-15"))
            outcomes.add(reply.get("error"))
            if reply["status"] == "ok":
                verify(public, decode_quote(reply))
    finally:
        over.set()
        other.join()
    assert outcomes <= {None, "pcrs_changed"}
