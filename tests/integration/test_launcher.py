"""The launcher, which all other tests rely on."""
import select
import subprocess
import sys
import time

import pytest

from harness.control import CC, transmit, transmit_on
from harness.paths import SWTPM_RUN
from harness.service import Service, conclusive, connect, read_all, wait_for

pytestmark = pytest.mark.shipping

GET_RANDOM = bytes.fromhex("80010000000c0000017b0008")
POLICY_SESSION = bytes.fromhex("80010000003b00000176") + bytes.fromhex("40000007") * 2 + \
    bytes.fromhex("0020") + bytes(32) + bytes.fromhex("0000010010000b")
SUCCESS = "00000000"


def run(*args):
    return subprocess.run([SWTPM_RUN, *args], capture_output=True, timeout=60, check=False, text=True)


@pytest.mark.parametrize("command,status", [(["true"], 0), (["sh", "-c", "exit 7"], 7),
                                            (["sh", "-c", "kill -9 $$"], 137), (["/no/such"], 127)])
def test_exit_status(command, status):
    assert run("--", *command).returncode == status


def test_wrong_options():
    assert run("--nope").returncode == 64
    assert run("--device", "tpm9", "--", "true").returncode == 64
    assert run("--state", "/no/such/folder", "--", "true").returncode == 125


def test_devices():
    opens = "exec 3<>/dev/tpmrm0 4<>/dev/tpmrm0; echo many; exec 5<>/dev/tpm0; echo plain; exec 6<>/dev/tpm0"
    assert run("--device", "both", "--", "bash", "-c", opens).stdout.split() == ["many", "plain"]
    assert "busy" in run("--device", "tpm0", "--", "bash", "-c", "exec 3<>/dev/tpm0 4<>/dev/tpm0").stderr
    assert "No such" in run("--", "bash", "-c", "exec 3<>/dev/tpm0").stderr
    assert "No such" in run("--absent", "--", "bash", "-c", "exec 3<>/dev/tpmrm0").stderr


def test_descendants_see_the_same():
    done = run("--", "sh", "-c", "sh -c '(tpm2_getrandom -T device:/dev/tpmrm0 --hex 8)'")
    assert done.returncode == 0 and len(done.stdout.strip()) == 16


@pytest.fixture
def control(start):
    service = start("plain").settled()
    service.control.reset()
    return service.control, lambda command: transmit(service.raw, command).hex()


def test_counts(control):
    control, send = control
    assert send(GET_RANDOM)[12:20] == SUCCESS
    assert send(bytes.fromhex("80010000000a00000fff"))[12:20] == "00000143"
    assert control.count() == 2
    assert [(name, rc) for _, name, rc, _ in control.log()] == [("GetRandom", 0), ("0xfff", 0x143)]
    control.reset()
    assert control.count() == 0


def test_faults(control):
    control, send = control
    control.fault("rc", 0x922, command="GetRandom", count=2, skip=1)
    assert [send(GET_RANDOM)[12:20] for _ in range(4)] == [SUCCESS, "00000922", "00000922", SUCCESS]
    control.fault("tag12", count=1)
    assert send(GET_RANDOM) == "00c40000000a00000009"
    control.fault("size", 10, count=1)
    assert send(GET_RANDOM).startswith("80010000000a00000000")
    control.fault("close", count=1)
    assert send(GET_RANDOM) == ""
    assert send(GET_RANDOM)[12:20] == SUCCESS


def test_delay(control):
    control, send = control

    def one_of_two():
        control.reset()
        control.delay(200, "GetRandom", 1)
        send(GET_RANDOM)
        send(GET_RANDOM)
        (_, _, _, first), (_, _, _, second) = control.log()
        assert first >= 200
        return second < 200 or None

    assert conclusive(one_of_two)


def test_a_delay_can_be_ended(start):
    service = start("plain").settled()
    service.control.delay(60000, "GetRandom")
    with connect(service.raw) as s:
        s.sendall(GET_RANDOM)
        assert select.select([s], [], [], 0.2)[0] == []
        service.control.ask("clear")
        assert transmit_on(s, b"").hex()[12:20] == SUCCESS


def test_a_session_ends_with_its_client(control):
    control, send = control
    before = control.handles()
    assert send(POLICY_SESSION)[12:20] == SUCCESS
    wait_for(lambda: control.handles() == before, 30, "flush")
    assert CC["FlushContext"] not in [name for _, name, _, _ in control.log()]


def test_the_plain_device_leaves_it_loaded(states):
    """What a client of /dev/tpm0 has loaded stays loaded."""
    open_session = "exec 3<>/dev/tpm0; printf '" + "".join(
        f"\\x{b:02x}" for b in POLICY_SESSION) + "' >&3; head -c 48 <&3 >/dev/null; exec 3>&-; sleep 30"
    service = Service(states.new(), launcher=["--device", "tpm0"],
                      wrap=["bash", "-c", open_session])
    try:
        wait_for(lambda: service.control.handles(), 30, "session")
        assert len(service.control.handles()) == 1
    finally:
        service.close()


TELL_PORT = """
import os, time
folder = os.environ["TMPDIR"]
with open(folder + "/new", "w") as f:
    f.write(os.environ["ATTESTD_TEST_TPM"])
os.rename(folder + "/new", folder + "/port")
time.sleep(60)
"""


@pytest.fixture
def tcp(states):
    """The launcher with --tcp: the service, and the TPM's port."""
    services = []

    def begin(*launcher):
        service = Service(states.new(), launcher=["--tcp", *launcher],
                          wrap=[sys.executable, "-c", TELL_PORT])
        services.append(service)
        wait_for((service.dir / "port").exists, 30, "port")
        return service.control, int((service.dir / "port").read_text())

    yield begin
    for service in services:
        service.close()


def refuses(port):
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    return True


def test_tcp(tcp):
    """Each connection is like an open of the device: it is counted, can have faults, and is cleaned up."""
    control, port = tcp()
    with connect(port) as one, connect(port) as other:
        assert transmit_on(one, GET_RANDOM).hex()[12:20] == SUCCESS
        assert transmit_on(other, POLICY_SESSION).hex()[12:20] == SUCCESS
        assert control.count() == 2 and control.opens() == 2
        control.fault("rc", 0x922, count=1)
        control.delay(200, "GetRandom", 1)
        begin = time.monotonic()
        assert transmit_on(one, GET_RANDOM).hex()[12:20] == "00000922"
        assert transmit_on(one, GET_RANDOM).hex()[12:20] == SUCCESS
        assert time.monotonic() - begin >= 0.2
        assert len(control.handles()) == 1
    wait_for(lambda: control.handles() == [], 30, "flush")


def test_tcp_comes_and_goes(tcp):
    control, port = tcp("--absent")
    assert refuses(port)
    control.ask("present")
    with connect(port) as s:
        assert transmit_on(s, GET_RANDOM).hex()[12:20] == SUCCESS
        control.ask("vanish")
        assert read_all(s) == b""
    with connect(port) as s:
        assert transmit_on(s, GET_RANDOM).hex()[12:20] == SUCCESS
        control.ask("absent")
        assert read_all(s) == b"" and refuses(port)
    control.ask("present")
    connect(port).close()


def test_tcp_is_for_this_machine_only(tcp):
    _, port = tcp()
    with open("/proc/net/tcp", encoding="ascii") as table:
        local = [line.split()[1] for line in table if f":{port:04X} " in line]
    assert local and set(local) == {f"0100007F:{port:04X}"}
