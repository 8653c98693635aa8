"""The named pipe: its properties, its access control, and its clients."""
import re
import struct
import time

import pytest

from harness import paths
from harness.service import conclusive, connect, exchange, read_all
from harness.wine import USER, info, new_pipe, run
from test_clients import GET_EK, served
from test_program import attestd

pytestmark = pytest.mark.windows

SLOTS = 32


# ---- its properties ------------------------------------------------------------

@pytest.mark.core
def test_by_default(start):
    """Without options: the pipe's name, its type, and its DACL."""
    service = start("plain", pipe="TpmWrapperPipe").settled()
    known = info("TpmWrapperPipe")
    assert known["type"] == "message" and known["read"] == "byte"
    assert known["instances"] == str(SLOTS)
    dacl = known["dacl"].split("D:")[1]
    assert sorted(re.findall(r"\(.*?\)", dacl)) == ["(A;;GA;;;BA)", "(A;;GA;;;SY)"]
    assert dacl.startswith("P(")
    service.ok({"command": "getEK"})


def test_full_name(start):
    name = new_pipe()
    service = start("plain", pipe=name, args=["--pipe", rf"\\.\pipe\{name}"]).ready()
    service.ok({"command": "getEK"})


def test_flags(start):
    """The flags in the calls, since wine enforces neither of them. All instances are created at
    the start; clients do not add any.
    """
    first_instance, reject_remote = 0x00080000, 0x8
    service = start("plain", env={"WINEDEBUG": "-all,+sync"}).settled()
    for _ in range(100):
        service.ok({"command": "getEK"})
    calls = re.findall(r"CreateNamedPipeW \(L\"([^\"]*)\", 0x([0-9a-f]+), 0x([0-9a-f]+), (\d+)",
                       service.log())
    assert len(calls) == SLOTS
    assert [bool(int(mode, 16) & first_instance) for _, mode, _, _ in calls] == \
        [True] + [False] * (SLOTS - 1)
    assert all(int(kind, 16) & reject_remote for _, _, kind, _ in calls)
    assert all(name.endswith(service.pipe) and count == str(SLOTS) for name, _, _, count in calls)


def test_a_name_that_is_taken(start):
    service = start("plain").settled()
    done = attestd("serve", "--pipe", service.pipe)
    assert done.returncode not in (0, 64)
    assert " error " in done.stderr and service.pipe in done.stderr
    service.ok({"command": "getEK"})


@pytest.mark.core
def test_name_that_is_not_ascii(start):
    """The name is UTF-8 on the command line and UTF-16 in Windows' calls."""
    name = "Gerät-ключ-\U0001f511"
    service = start("plain", pipe=name, args=["--pipe", name]).ready()
    service.ok({"command": "getEK"})
    assert attestd("call", "--pipe", name, "getEK").returncode == 0


# ---- its access control --------------------------------------------------------

@pytest.mark.parametrize("sddl", [
    "D:(A;;GA;;;SY)(A;;GWGR;;;AU)",
    "D:P(A;;FA;;;SY)(A;;0x12019b;;;S-1-5-21-1-2-3-1001)",
    "D:(D;;GA;;;AN)(A;;GA;;;BA)",
])
def test_sddl(start, sddl):
    service = start("plain", args=["--sddl", sddl]).ready()
    assert info(service.pipe)["dacl"].split("D:")[1] == sddl.split("D:")[1]
    service.ok({"command": "getEK"})


@pytest.mark.parametrize("sddl", [
    "", "x", "D:(", "D:(A;;GA)", "D:(A;;GA;;;XX)", "D:(A;;GA;;;S-1-)", "(A;;GA;;;SY)",
    "D:(A;;GA;;;SY)S:(ML;;NW;;;HI)", "O:SYD:(A;;GA;;;SY)", "G:BAD:(A;;GA;;;SY)",
    "D:", "D:P", "O:SY", "O:BAG:BA", "S:", "D:NO_ACCESS_CONTROL", "D:(A;;GA;;;SY" + ")" * 3000,
])
@pytest.mark.parametrize("option", ["--sddl", "--allow-quote"])
def test_sddl_refused(option, sddl):
    """Malformed; without a DACL; a NULL DACL (all may connect) or an empty one (none may); with
    parts that attestd does not apply.
    """
    done = attestd("serve", "--pipe", new_pipe(), option, sddl)
    assert done.returncode == 64
    assert option in done.stderr.split("usage:")[0] and not done.stdout


# ---- its clients -------------------------------------------------------------

def messages(data):
    """The messages in the output of `relay --message`."""
    while data:
        size, = struct.unpack(">I", data[:4])
        yield data[4:4 + size]
        data = data[4 + size:]


@pytest.mark.parametrize("request_", [GET_EK, GET_EK.rstrip().ljust(16384) + b"\n", b"{}\n"],
                         ids=["short", "long", "error"])
@pytest.mark.core
def test_message_mode(start, request_):
    """A reply is one message."""
    service = start("factory").settled()
    reply, = messages(exchange(service.relay("--message"), request_))
    assert reply == exchange(service.address, request_)


def test_read_late(start):
    """A reply stays until the client has read it, and other clients do not wait for that."""
    service = start("factory").settled()
    request = b'{"command":"getAttestationData"}\n'
    late = connect(service.relay("--late", "3000"))
    late.sendall(request)
    begin = time.monotonic()
    reply = exchange(service.address, request)
    assert len(reply) > 2000 and time.monotonic() - begin < 2
    assert read_all(late) == reply and time.monotonic() - begin >= 2.5
    late.close()


def test_clients_of_unknown_accounts(start):
    """Clients whose account cannot be found out share four slots. A client that already has half
    of the slots gets none of these. All are served, and the log says what is known of them.
    """
    service = start("plain").settled()
    hidden = service.relay_process("--hidden")
    clients = service.hold_half()
    clients += service.hold(4, 4, hidden.port)
    refused = "too_many_connections tpm_commands=0"
    log = service.logged(f"{refused} pid={hidden.pid} sid=unknown\n")
    assert f"{refused} pid={service.relays[0].pid} process-sid={USER}\n" in log
    for s in reversed(clients):
        s.sendall(GET_EK)
    served(clients)
    service.served_again()
    assert b'"ok"' in exchange(hidden.port, GET_EK)


def test_anonymous(start):
    """A client that does not allow impersonation is known by the account of its process."""
    service = start("plain").settled()
    relay = service.relay_process("--anonymous")
    assert b'"ok"' in exchange(relay.port, GET_EK)
    line = re.compile(rf"getEK ok tpm_commands=0 pid={relay.pid} process-sid={USER}$", re.M)
    assert line.search(service.logged(f"pid={relay.pid}"))


def test_another_client(start):
    """The log names each client by its own token."""
    service = start("plain").settled()
    relay = service.relay_process("--hidden")
    assert b'"ok"' in exchange(relay.port, GET_EK)
    assert service.logged(f"getEK ok tpm_commands=0 pid={relay.pid} sid={USER}\n")


def test_clients_that_do_not_read_the_refusal(start):
    """Clients beyond one account's half of the slots are refused. If they do not read the
    refusal, others do not wait: 250 ms for each of the 400 would be 6 s in all.
    """
    service = start("plain").settled()

    def burst():
        begin, held = time.monotonic(), service.hold_half()
        done = run(paths.windows_tool("relay.exe"), "--burst", "400", service.pipe)
        assert done.returncode == 0, done.stdout
        if int(done.stdout) < 4500 and time.monotonic() - begin < 7:  # 10 s, and they are silent for too long
            return held
        for s in held:
            s.close()
        service.served_again()
        return None

    held = conclusive(burst)
    for s in held:
        s.sendall(GET_EK)
    served(held)
    service.served_again()


@pytest.mark.slow
def test_never_read(start):
    """If a client does not read its reply for ten seconds, its slot becomes free."""
    service = start("plain").settled()
    address = service.relay("--late", "13000")
    lazy = [connect(address) for _ in range(SLOTS // 2)]  # as many as one account may have
    for s in lazy:
        s.sendall(GET_EK)
    time.sleep(0.5)
    begin = time.monotonic()
    service.served_again()
    assert 8 <= time.monotonic() - begin <= 12
    for s in lazy:
        assert read_all(s) == b""
        s.close()
