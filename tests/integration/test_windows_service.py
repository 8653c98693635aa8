"""attestd under the service control manager."""
import json
import pathlib
import re
import subprocess

import pytest

from harness import paths, wine
from harness.faults import activation, opens
from harness.service import answers, ask, connect, exchange, parse_reply, read_all, unb64, wait_for
from harness.wine import Relay, forget_services, new_pipe, run
from test_program import attestd

pytestmark = [pytest.mark.windows, pytest.mark.core]

SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"
SOURCE = SERVICES + r"\EventLog\Application\attestd"
EXCLUDED = r"HKLM\SOFTWARE\Microsoft\Windows\Windows Error Reporting\ExcludedApplications"
GET_EK = {"command": "getEK"}


class Machine(wine.WindowsService):
    """A Windows in which services find a TPM. Services inherit the standard error of the first
    program; wine also writes the event log there.
    """

    def __init__(self, state, prefix):
        self.prefix = prefix
        super().__init__(state, pipe=new_pipe())

    def command(self, _binary, _mode):
        return ["sleep", "600"]

    def relay(self, *options):
        environ = pathlib.Path(f"/proc/{self.control.pid()}/environ")
        variable = re.compile(r"ATTESTD_TEST_TPM=(\d+)")
        port = wait_for(lambda: variable.search(environ.read_text()), 10, "port")
        self.prefix.set_variable("ATTESTD_TEST_TPM", port[1])
        self.relays.append(
            Relay(self.pipe, *options, stderr=self.stderr, env={"WINEDEBUG": "-all,+eventlog"}))


@pytest.fixture(scope="module")
def machine(states, launch):
    prefix = wine.Prefix()
    try:
        machine = Machine(states.new(), prefix)
        forget_services()
        yield machine
        machine.close()
    finally:
        prefix.close()


def query():
    """What the service control manager knows of attestd, as a dictionary; empty if it is not
    installed.
    """
    done = run("sc", "query", "attestd")
    return dict(re.findall(r"^\s*(\w+)\s*: ([0-9a-fx]+)", done.stdout, re.M))


def is_state(number):
    return query().get("STATE") == str(number)


STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4
NEVER_STARTED = "1077"  # ERROR_SERVICE_NEVER_STARTED: the exit code before the first start


def values(key):
    """The values of a registry key, as {name: text}."""
    done = run("reg", "query", key)
    return dict(re.findall(r"^    ([\w.]+)    REG_\w+    (.*)$", done.stdout, re.M))


@pytest.fixture
def installed(machine):
    """attestd installed as a service with a pipe of its own; it is uninstalled afterwards."""
    done = attestd("install", "--pipe", machine.pipe, "--log-level", "debug")
    assert done.returncode == 0, done.stderr
    yield machine
    if query():
        attestd("uninstall")
    assert query() == {} and values(SERVICES + r"\attestd") == {}


@pytest.fixture
def running(installed):
    begin()
    yield installed


def begin():
    assert run("sc", "start", "attestd").returncode == 0
    wait_for(lambda: is_state(RUNNING), 20, "start")


def end():
    assert run("sc", "stop", "attestd").returncode == 0
    wait_for(lambda: is_state(STOPPED), 20, "stop")


def test_install(installed):
    known = values(SERVICES + r"\attestd")
    exe = paths.BINARIES[paths.first_binary()][-1].replace("/", "\\")
    command = known["ImagePath"]
    assert re.fullmatch(rf'"[A-Z]:{re.escape(exe)}" "?serve"? "?--pipe"? "?{installed.pipe}"? '
                        r'"?--log-level"? "?debug"?', command)
    assert known["Start"] == "0x2" and known["Type"] == "0x10"
    assert known["ObjectName"] == "LocalSystem" and known["Description"]
    assert int(known["PreshutdownTimeout"], 16) >= 180000  # longer than the slowest TPM command
    assert is_state(STOPPED)


def test_install_asks_for_more(installed):
    """`install` names each setting that wine cannot keep, and makes the others. wine 10 keeps the
    delayed start.
    """
    assert attestd("uninstall").returncode == 0
    done = attestd("install", "--pipe", installed.pipe)
    assert done.returncode == 0
    kept = {"the delayed start"} if "DelayedAutoStart" in values(SERVICES + r"\attestd") else set()
    assert not kept or values(SERVICES + r"\attestd")["DelayedAutoStart"] == "0x1"
    for part in ("the delayed start", "the privileges", "the restarts"):
        said = f"cannot set {part}: the system does not know this" in done.stderr
        assert said == (part not in kept)


def test_install_quotes(machine):
    """The service gets the values of options exactly as they were given to `install`."""
    name, sddl = "a b ключ", "D:(A;;GA;;;SY)(A;;SDGWGR;;;BU)"
    try:
        assert attestd("install", "--pipe", name, "--sddl", sddl).returncode == 0
        begin()
        relay = Relay(name)
        assert ask(relay.port, GET_EK)["status"] == "ok"
        assert wine.info(name)["dacl"].endswith(sddl)
        relay.close()
    finally:
        assert attestd("uninstall").returncode == 0


def test_the_event_source(installed):
    known = values(SOURCE)
    assert known["EventMessageFile"].endswith("attestd.exe") and known["TypesSupported"] == "0x7"
    header = (paths.ROOT / "port/windows/service.h").read_text()
    event = re.search(r"^#define SERVICE_EVENT (\d+)$", header, re.M)[1]
    done = run(paths.windows_tool("relay.exe"), "--text", known["EventMessageFile"], event)
    assert done.stdout.splitlines() == ["TEXT"]
    assert attestd("uninstall").returncode == 0
    assert values(SOURCE) == {}


def test_no_report_of_a_crash(installed):
    """Windows must not report a crash, because a memory dump could contain a secret."""
    assert values(EXCLUDED).get("attestd.exe") == "0x1"
    assert attestd("uninstall").returncode == 0
    assert "attestd.exe" not in values(EXCLUDED)


def test_install_twice(installed):
    done = attestd("install", "--pipe", "another")
    assert done.returncode not in (0, 64) and "already installed" in done.stderr
    assert installed.pipe in values(SERVICES + r"\attestd")["ImagePath"]


def test_uninstall_when_not_installed(machine):
    done = attestd("uninstall")
    assert done.returncode not in (0, 64) and done.stderr


def test_start_and_stop_twice(running):
    """Started, three requests with a real credential, queried, stopped, and started again."""
    for _ in range(2):
        address = running.address
        known = ask(address, {"command": "getAttestationData"})
        assert ask(address, GET_EK)["ek_public"] == known["ek_pub"]
        request = activation({k: unb64(known[k]) for k in ("ek_tpm", "aik_name")})
        assert opens(ask(address, request))
        assert ask(address, {"command": "nope"})["error"] == "unknown_command"
        state = query()
        assert state["STATE"] == str(RUNNING) and state["WIN32_EXIT_CODE"] == "0"
        end()
        assert query()["WIN32_EXIT_CODE"] == "0" and exchange(address, b"\n") == b""
        begin()
    assert running.control.left() == []


def test_the_event_log(running):
    """Each log line goes to the event log with its type, as wine shows it, and not to standard
    error.
    """
    ask(running.address, {"command": "nope"})
    text = running.logged("unknown_command")
    lines = [line for line in text.splitlines() if "unknown_command" in line]
    assert all("eventlog" in line for line in lines), text


def test_stop_during_a_slow_command(running):
    """The stop is pending until the request is answered, with a hint how long that may take."""
    known = ask(running.address, {"command": "getAttestationData"})
    request = activation({k: unb64(known[k]) for k in ("ek_tpm", "aik_name")})
    running.control.delay(25000, "ActivateCredential", 1)
    with connect(running.address) as s:
        s.sendall(json.dumps(request).encode() + b"\n")
        wait_for(lambda: running.control.works_on("ActivateCredential"), 20, "command")
        assert run("sc", "stop", "attestd").returncode == 0
        state = query()
        assert state["STATE"] == str(STOP_PENDING) and int(state["WAIT_HINT"], 16) >= 180000
        running.control.ask("clear")
        assert parse_reply(read_all(s))["status"] == "ok"
    wait_for(lambda: is_state(STOPPED), 20, "stop")
    assert running.control.left() == []


def test_uninstall_ends_it(running):
    assert attestd("uninstall").returncode == 0
    assert query() == {} and exchange(running.address, b"\n") == b""


def test_a_service_that_cannot_start(installed):
    """Another program has its pipe. The service control manager learns that the start failed, and
    the log says why.
    """
    forget_services()
    command = [*paths.BINARIES[paths.first_binary()], "serve", "--pipe", installed.pipe]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        wait_for(lambda: answers(installed.address), 20, "pipe")
        run("sc", "start", "attestd")
        wait_for(lambda: is_state(STOPPED) and query()["WIN32_EXIT_CODE"] != NEVER_STARTED, 20, "end")
        state = query()
        other.send_signal(installed.STOP_SIGNAL)
    assert (state["WIN32_EXIT_CODE"], state["SERVICE_EXIT_CODE"]) == ("1066", "1")
    assert re.search(f"err:eventlog:.*another program.*{installed.pipe}",
                     installed.logged(installed.pipe))


def test_a_service_with_a_wrong_option(machine):
    """The log has the message that a console would show."""
    forget_services()
    exe = paths.BINARIES[paths.first_binary()][-1].replace("/", "\\")
    assert run("sc", "create", "attestd", "binPath=", f'"Z:{exe}" serve --bad').returncode == 0
    try:
        run("sc", "start", "attestd")
        wait_for(lambda: query().get("SERVICE_EXIT_CODE") == "64", 20, "end")
        assert re.search("eventlog:.*--bad", machine.logged("--bad"))
    finally:
        run("sc", "delete", "attestd")
