"""attestd provision where the TPM refuses, is not there, is held by others or is stopped; authorisations."""
import os
import signal
import subprocess
import time

import pytest

from harness import paths, tpm
from harness.provision import DONE, FAILED, UNSURE, USAGE, says
from harness.service import wait_for

OWNER, ENDORSEMENT = "the authorisation of the owner", "the endorsement authorisation"


# ---- authorisations ---------------------------------------------------------

def refused_authorisations(m):
    return [name for _, name, rc, _ in m.control.log() if rc is not None and rc & 0x8BF in (0x8A2, 0x88E)]


def test_the_owners_authorisation(machine, tmp_path):
    """A right, a wrong and no authorisation: it is tried once, and never on the bus."""
    trace = tmp_path / "trace"
    m = machine(launcher=["--trace", str(trace)])
    m.tools(f"tpm2_changeauth -Q -c o '{OWNER}'")
    trace.write_text("")
    for args in [], ["--owner-auth", m.auth("wrong", OWNER[1:])]:
        m.control.reset()
        ran = m.provision(*args)
        says(ran, FAILED, "the owner hierarchy has an authorisation set (--owner-auth), or is disabled tpm_rc=0x9a2")
        assert refused_authorisations(m) == ["EvictControl"]
        assert m.persistent() == [] and m.control.left() == []
    right = ["--owner-auth", m.auth("right", OWNER + "\n")]
    m.control.reset()
    says(m.provision(*right), DONE, "now")
    assert refused_authorisations(m) == []
    says(m.provision(), DONE, "already")  # nothing has to be authorised
    says(m.provision("--undo", "--dry-run"), DONE, "would")
    says(m.provision("--undo"), FAILED, "--owner-auth")
    assert m.persistent() == [tpm.EK_HANDLE]
    says(m.provision("--undo", *right), DONE, "no longer")
    assert m.control.left() == []
    assert OWNER.encode().hex() not in trace.read_text()


def test_the_owners_session_is_salted(machine, tmp_path):
    """The session is salted with the EK: so nobody who taps the bus can test guesses."""
    trace = tmp_path / "trace"
    m = machine(launcher=["--trace", str(trace)])
    m.tools("tpm2_changeauth -Q -c o owner")
    trace.write_text("")
    says(m.provision("--owner-auth", m.auth("auth", "owner")), DONE, "now")
    begun = [line.split()[1] for line in trace.read_text().splitlines()
             if line[0] == ">" and line.split()[1][12:20] == "00000176"]
    assert [(line[20:28] != "40000007", len(line) > 2 * 256) for line in begun] == [(True, True)]


def test_endorsement_authorisation(machine, tmp_path):
    trace = tmp_path / "trace"
    m = machine(launcher=["--trace", str(trace)])
    m.tools(f"tpm2_changeauth -Q -c e '{ENDORSEMENT}'; tpm2_changeauth -Q -c o '{OWNER}'")
    trace.write_text("")
    owner = ["--owner-auth", m.auth("owner", OWNER)]
    both = [*owner, "--endorsement-auth", m.auth("endorsement", ENDORSEMENT)]
    for args in owner, [*owner, "--endorsement-auth", m.auth("wrong", "wrong")]:
        m.control.reset()
        says(m.provision(*args), FAILED, "tpm_auth_required")
        assert refused_authorisations(m) == ["CreatePrimary"]
    says(m.provision(*both), DONE, "now")
    m.control.reset()
    says(m.provision("--undo", *owner), FAILED, "tpm_auth_required")  # attestd cannot check that it is the EK
    assert "EvictControl" not in m.control.commands()
    says(m.provision("--undo", *both), DONE, "no longer")
    assert m.persistent() == [] and m.control.left() == []
    for secret in OWNER, ENDORSEMENT:
        assert secret.encode().hex() not in trace.read_text()


@pytest.mark.parametrize("option", ["--owner-auth", "--endorsement-auth"])
def test_files_of_authorisations(machine, option):
    m = machine()
    says(m.provision(option, "/nowhere/x"), FAILED, "/nowhere/x: no such file")
    says(m.provision(option, m.auth("long", "x" * 66)), FAILED, "more than 64 bytes")
    open_to_all = m.auth("open", "x")
    open_to_all.chmod(0o644)
    assert "other users may read the authorisation" in m.provision(option, open_to_all).err
    assert m.persistent() == []


# ---- what a TPM may say -----------------------------------------------------

@pytest.mark.parametrize("args", [[], ["--undo"]], ids=["do", "undo"])
@pytest.mark.parametrize("rc,text", [(0x14B, "the TPM has no room for one more persistent object tpm_rc=0x14b"),
                                     (0x185, "(--owner-auth), or is disabled tpm_rc=0x185"),
                                     (0x921, "tpm_lockout"), (0x923, "tpm_error")],
                         ids=["full", "disabled", "lockout", "unavailable"])
def test_the_command_is_refused(machine, args, rc, text):
    m = machine("persistent" if args else "plain")
    before = m.public()
    m.control.fault("rc", rc, command="EvictControl")
    m.control.reset()
    says(m.provision(*args), FAILED, text)
    assert m.control.commands().count("EvictControl") == 1
    assert m.public() == before and m.control.left() == []
    m.control.ask("clear")
    says(m.provision(*args), DONE, "0x81010001")
    assert m.public() != before


@pytest.mark.variant
def test_a_tpm_that_is_full(machine):
    """The TPM is filled until it refuses further objects."""
    m = machine()
    m.tools("tpm2_createprimary -Q -C o -c o.ctx; for i in $(seq 16 96); do tpm2_evictcontrol -Q -C o -c o.ctx "
            "$(printf 0x810001%02x $i) || break; done")
    full = m.persistent()
    says(m.provision(), FAILED, "no room for one more persistent object")
    assert m.persistent() == full
    m.tools(f"tpm2_evictcontrol -Q -C o -c {full[0]}")
    says(m.provision(), DONE, "now")
    assert tpm.EK_HANDLE in m.persistent()


def test_a_disabled_owner_hierarchy(machine):
    m = machine()
    m.tools("tpm2_hierarchycontrol -C p shEnable clear")
    says(m.provision(), FAILED, "or is disabled")


@pytest.mark.variant
def test_a_disabled_endorsement_hierarchy(machine):
    m = machine("persistent")
    m.tools("tpm2_hierarchycontrol -C p ehEnable clear")
    for args in [], ["--undo"]:
        says(m.provision(*args), FAILED, "hierarchy_disabled")


# ---- the device -------------------------------------------------------------


def written(m, name):
    """What its file with that name contains so far."""
    file = m.dir / name
    return file.read_text() if file.exists() else ""


@pytest.mark.variant
def test_no_tpm(machine):
    m = machine(launcher=["--absent"])
    since = time.monotonic()
    says(m.provision("--wait", "1"), FAILED, "tpm_unavailable")
    assert 1 <= time.monotonic() - since < 20


@pytest.mark.variant
def test_a_tpm_that_comes_late(machine):
    m = machine(launcher=["--absent"])
    m.process.stdin.write(f"{m.command} --wait 60\n")
    m.process.stdin.flush()
    wait_for(lambda: "tpm_unavailable" in written(m, "err"), 30, "a look")
    m.control.ask("present")
    assert m.process.stdout.readline() == "0\n"
    assert m.persistent() == [tpm.EK_HANDLE]


@pytest.mark.variant
def test_a_tpm_that_another_holds(machine):
    """Whoever has opened /dev/tpm0 holds it: attestd, for example."""
    m = machine(device="tpm0")
    since = time.monotonic()
    ran = m.run(f"exec 3<>/dev/tpm0; {m.command} --wait 1 3>&-")
    says(ran, FAILED, "another program holds the TPM device: end it, or use /dev/tpmrm0")
    assert time.monotonic() - since < 20
    says(m.provision(), DONE, "now")


def test_beside_another_that_holds_the_plain_device(machine):
    m = machine(device="both")
    ran = m.run(f"exec 3<>/dev/tpm0; {m.command} 3>&-")
    says(ran, DONE, "now")


@pytest.mark.variant
def test_a_stop(machine):
    """A stop during a command: nothing is changed, and nothing is left loaded."""
    m = machine()
    m.control.fault("delay", 2000, command="CreatePrimary")
    m.process.stdin.write(f"{m.command} & echo $! >pid; wait $!\n")
    m.process.stdin.flush()
    wait_for(lambda: m.control.handles() or "NV_ReadPublic" in m.control.commands(), 30, "work")
    time.sleep(0.5)
    os.kill(int((m.dir / "pid").read_text()), signal.SIGTERM)
    assert m.process.stdout.readline() == f"{FAILED}\n"
    assert "provision: stopping" in (m.dir / "err").read_text()
    assert m.public() is None and m.control.left() == []


def test_a_stop_before_there_is_a_tpm(machine):
    m = machine(launcher=["--absent"])
    m.process.stdin.write(f"{m.command} --wait 60 & echo $! >pid; wait $!\n")
    m.process.stdin.flush()
    wait_for(lambda: "tpm_unavailable" in written(m, "err") and written(m, "pid").endswith("\n"), 30, "look")
    os.kill(int(written(m, "pid")), signal.SIGTERM)
    assert m.process.stdout.readline() == f"{FAILED}\n"


@pytest.mark.parametrize("args", [["--undo=yes"], ["--owner-auth", ""], ["now"], ["--socket", "/tmp/x"],
                                  ["--ek-cert", "x"]], ids=" ".join)
def test_usage(args):
    done = subprocess.run([*paths.BINARIES[paths.first_binary()], "provision", *args], check=False, timeout=60,
                          capture_output=True, text=True)
    assert done.returncode == USAGE and "usage: attestd" in done.stderr and not done.stdout


@pytest.mark.variant
def test_what_cannot_be_said(machine):
    """If the result cannot be printed, the exit status says that the outcome is unknown."""
    m = machine()
    assert m.run(f"{m.command} >/dev/full").status == UNSURE
    says(m.provision(), DONE, "already")
    assert m.run(f"{m.command} >/dev/full").status == FAILED


def test_the_log_is_what_was_asked_for(machine):
    assert machine().provision("--log-level", "warning").err == ""


@pytest.mark.shipping
def test_the_sandbox(machine):
    """With the same sandbox as `serve`, complete if required."""
    says(machine().provision("--sandbox", "require"), DONE, "now")
