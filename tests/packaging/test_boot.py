"""A small Debian with the package, and initramfs images made by its own tools.

It boots with an encrypted disk that is opened by attestation, as in port/linux/README.md: in
the initramfs the package's example of an exchange asks a verifier here for the key.
Then the real systemd starts the units from the package, and a script in the
guest says in which state they are.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from cryptography.hazmat.primitives import serialization

from harness import paths
from harness.service import wait_for
from harness.tpm import States
from machine import Machine
from verifier import ZERO, Machine as Known, Verifier, ek_of

HERE = pathlib.Path(__file__).resolve().parent
KEY = b"k" * 32  # debian-images has encrypted the disk with it
SCORE = 0.6  # of systemd-analyze security in the guest, systemd 257
BUILD_S = 600
BOOT_S = 420  # for a busy host; 60 s are enough for an idle one

# With initramfs-tools the example sets the network up; dracut does so itself.
APPEND = {"initramfs-tools": "ip=dhcp", "dracut": "rd.neednet=1 ip=dhcp"}

both = pytest.mark.parametrize("tool", APPEND)
pytestmark = pytest.mark.slow


def make_images(deb, folder):
    # A new session, so that all its processes can be ended.
    with subprocess.Popen([HERE / "debian-images", paths.BUILD, deb, folder],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=BUILD_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, said


@pytest.fixture(scope="module")
def images(debs):
    """The output of debian-images. Not in pytest's folder, because that is kept."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-images-"))
    try:
        make_images(debs["amd64"], folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def names(images, tool, what):
    return set((images / f"{tool}-{what}.list").read_text().splitlines())


@pytest.mark.limit(BUILD_S + 30)
@both
def test_not_asked_for(images, tool):
    """Without an exchange, the package changes no initramfs."""
    found = names(images, tool, "without")
    assert "init" in found
    assert not [name for name in found if "attestd" in name and not name.startswith("scripts/")]


@both
def test_modules(images, tool):
    """Drivers that are modules are in the image, and so is the exchange's interpreter."""
    there = names(images, tool, "aarch64")
    drivers = {pathlib.Path(name).name.split(".ko")[0] for name in there
               if "/drivers/char/tpm/" in name}
    assert {"tpm_tis", "tpm_tis_core", "tpm_vtpm_proxy"} <= drivers
    assert {"usr/sbin/attestd", "usr/lib/attestd/early", "etc/attestd/initramfs-exchange",
            "usr/bin/bash"} <= there


@both
def test_missing_file(images, tool):
    """If a file is missing that the exchange needs, no image is made."""
    assert (images / f"{tool}-missing.status").read_text() != "0\n"


@pytest.fixture
def states(tmp_path):
    return States(tmp_path)


@pytest.fixture
def verifier(states):
    """A verifier that knows the EK of the TPMs, not from attestd. Nothing is measured into these PCRs."""
    with Verifier() as verifier:
        ek = ek_of(serialization.load_pem_public_key(states.ek_pem("plain")))
        verifier.machines[ek] = Known(KEY, {11: ZERO, 14: ZERO})
        yield verifier


def machine(images, initramfs, state, verifier, append=""):
    disks = [option for name in ("disk", "luks") for option in
             ("-drive", f"file={images / name},if=virtio,format=raw,snapshot=on")]
    append += (f" root=/dev/vda ro {APPEND[initramfs]} attestd.url={verifier.url} "
               "attestd.disk=/dev/vdb systemd.mask=serial-getty@ttyS0.service "
               "systemd.show_status=0")
    started = Machine("x86_64", images / initramfs, state, agent=False, memory=768, append=append,
                      options=[*disks, "-netdev", "user,id=net", "-device",
                               "virtio-net-pci,netdev=net,romfile="])
    wait_for((started.dir / "console").exists, 20, "console")
    return started


def check_package(said):
    """Installs the package again, twice, and removes it: nothing is left."""
    assert said["installed"].split() == ["0", "active", "active"]
    assert said["upgraded"].split() == ["0", "active", "active"] and said["restarted"] == "yes"
    assert said["upgraded_serves"] == "0"
    assert said["purged"].split() == ["0", "inactive", "inactive"] and said["remains"] == ""


@pytest.mark.limit(BOOT_S + 120)
@pytest.mark.parametrize("initramfs", APPEND)
def test_boot(images, states, verifier, initramfs):
    # One of the tools' guests also tries the package's scripts.
    append = "attestd.reinstall" if initramfs == "initramfs-tools" else ""
    with machine(images, initramfs, states.new("plain"), verifier, append) as guest:
        text = guest.wait_console(r"(?s)====\n(.*)\n====\n", BOOT_S)[1]
        guest.wait_end(60)
    print(text)
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    # The attestd of the initramfs has attested and quoted once, has opened the disk, and has ended.
    assert len(verifier.seen) == 2 and "quoted" in verifier.seen[1] and not verifier.refused
    assert said["opened"] == "root"
    assert said["kmsg"] != "0"
    # With dracut the first attempt fails; the next comes when the network is up.
    assert said["attempts"] == {"initramfs-tools": "0", "dracut": "1"}[initramfs]
    assert said["left"] in ("* .* attestd.sock", ". .. attestd.sock")

    # The package's units, with the real systemd.
    assert said["socket"] == "660 root attestd"
    assert said["stopped"] == "success inactive"
    assert said["stranger"] == "1 inactive"
    # The AIK is created once more, and is the same.
    before, after = ({k: v for k, v in reply.items() if k not in ("aik_attest", "aik_signature")}
                     for reply in (verifier.seen[0], json.loads(said["data"])))
    assert before == after
    assert said["state"] == "active 0" and said["processes"] == "1"
    uid, gid, tss = said["user"].split()
    assert said["Uid"].split() == [uid] * 4 and said["Gid"].split() == [gid] * 4
    assert set(said["Groups"].split()) == {gid, tss}
    assert int(said["CapBnd"], 16) == int(said["CapEff"], 16) == 0
    assert said["NoNewPrivs"] == "1" and said["Seccomp"] == "2"
    assert said["member"] == "0" and said["health"] == "0"
    # misc 10:224 is allowed, others are not
    assert (said["tpm0"], said["mapper"]) == ("opens", "opens 1")

    # The device rules also hold for a TPM that goes and comes back with another number.
    assert json.loads(said["unbound"])["error"] == "tpm_unavailable"
    assert said["unhealthy"] == "1 tpm_unavailable"
    assert said["devices"] == "tpmrm1"
    assert json.loads(said["bound"])["error"] == "credential_rejected"
    assert said["pid"] == "same"
    assert said["end"] == "success 0"
    assert said["warned"] != "0" and said["others"] == "0"  # by priority
    assert said["logged"] != "0" and said["lacks"] == ""  # a sandbox within the unit's
    assert said["failed"] == ""
    assert float(re.search(r": ([\d.]+) SAFE", said["score"])[1]) <= SCORE
    if append:
        check_package(said)


@pytest.mark.limit(BOOT_S + 20)
def test_wrong_tpm(images, states, verifier):
    """The TPM of another machine: no key, no disk, but the boot goes on."""
    other = states.new("persistent")  # made from another seed
    with machine(images, "initramfs-tools", other, verifier, "loglevel=7") as guest:
        guest.wait_console("attestd: /etc/attestd/initramfs-exchange failed", BOOT_S)
        guest.wait_console("Running /scripts/init-bottom ... done")
    assert verifier.refused == ["Refused('an unknown EK')"] and not verifier.sent
