"""An initramfs that gets the key of an encrypted disk by attestation, if what was booted is right.

The exchange with the verifier is the example that ships, unchanged. A guest with the right
TPM sets the disk up, and the verifier learns its EK. What the guest has to boot, the verifier
knows beforehand.
"""
import base64
import json
import os
import shlex
from dataclasses import dataclass, field

import pytest

import machine
from attestd import activation, known, once
from harness import paths
from harness.attest import Refused
from initramfs import Archive, Modules
from machine import ATTESTD, Machine
from verifier import ZERO, Machine as Known, Verifier, extended

HERE = machine.HERE
EARLY = paths.ROOT / "port/linux/packaging/early"
EXCHANGE = "/etc/attestd/initramfs-exchange"
MODULES = ("tpm_tis", "virtio_net", "virtio_blk", "algif_skcipher", "dm_crypt", "xts")
RIGHT, WRONG = "measured=right", "measured=wrong"  # on the kernel's command line
PCRS = {11: extended(ZERO, (HERE / "unlock").read_bytes()), 12: extended(ZERO, b"right")}
DISK_SIZE = 32 << 20  # LUKS takes half of it

# Makes the disk and the root file system in it. The key comes from standard input.
SET_UP = """
xargs modprobe -a </etc/modules
base64 -d <<'END' | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 \
  --pbkdf-force-iterations 1000 --key-file - /dev/vda
KEY
END
base64 -d <<'END' | cryptsetup open --key-file - /dev/vda root
KEY
END
mke2fs /dev/mapper/root >/dev/null
mkdir -p /root
mount -t ext4 /dev/mapper/root /root
mkdir /root/bin
cp /bin/busybox /root/bin
echo MARKER >/root/marker
cat >/root/init <<'END'
#!/bin/busybox sh
echo "the root says: $(busybox cat /marker)"
busybox poweroff -f
END
chmod +x /root/init
umount /root
cryptsetup close root
"""
OPENED = "[ -e /dev/mapper/root ]"
CLOSE = "umount /root; cryptsetup close root; [ ! -e /dev/mapper/root ]"


def once_exchange():
    """The example with `attestd once` instead of `attestd call`, which needs a few changes."""
    example = (EARLY / "exchange.example").read_text()
    call = '/usr/sbin/attestd call --socket "$ATTESTD_SOCKET" "$@"'
    assert example.count(call) == 1
    return example.replace(call, """
	member=
	[ "$1" != --member ] || { member=$2; shift 2; }
	case $1 in
	{*) echo "$1" ;;
	*) echo "{\\"command\\":\\"$1\\"}" ;;
	esac | /usr/sbin/attestd once >/run/reply
	if [ "$member" ]; then
		sed "s/.*\\"$member\\":\\"\\([^\\"]*\\).*/\\1/" /run/reply
	else
		cat /run/reply
	fi""").encode()


def disk_image(cpu, path):
    """An initramfs that starts the agent or, with rdinit=/unlock-init, unlocks the disk without it."""
    archive = Archive()
    for name in ("init", "unlock-init"):
        archive.program(name, HERE / name)
    for name in ("unlock", "measure", "measured-boot"):
        archive.program(f"bin/{name}", HERE / name)
    archive.program("bin/busybox", machine.guest(cpu) / "busybox")
    archive.program("usr/sbin/attestd", ATTESTD[cpu])
    archive.link("bin/attestd", "/usr/sbin/attestd")
    archive.program("usr/lib/attestd/early", EARLY / "early")
    archive.program(EXCHANGE, EARLY / "exchange.example")
    archive.file("bin/exchange-once", once_exchange(), 0o755)
    root = machine.GUESTS / f"cryptsetup-{cpu}"
    for source in root.rglob("*"):
        if source.is_file():
            archive.program(source.relative_to(root), source)
    archive.link("bin/cryptsetup", "/sbin/cryptsetup")
    archive.file("etc/modules", "\n".join(MODULES).encode())
    for folder in ("proc", "sys", "dev", "run", "tmp"):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    Modules(machine.guest(cpu)).add(archive, MODULES)
    path.write_bytes(archive.bytes())
    return path


@dataclass
class Site:
    """A machine: its kind, its disk, its TPM, and the verifier that knows it."""

    cpu: str
    initrd: os.PathLike
    disk: os.PathLike
    state: os.PathLike
    verifier: Verifier
    key: bytes = field(default_factory=lambda: os.urandom(32))
    marker: str = field(default_factory=lambda: os.urandom(16).hex())
    reply: dict = None  # of getAttestationData

    def boot(self, state=None, append="", measured=RIGHT, **options):
        return Machine(
            self.cpu, self.initrd, state or self.state,
            append=f"attestd.url={self.verifier.url} attestd.disk=/dev/vda {measured} {append}",
            options=["-drive", f"if=none,id=disk,format=raw,file={self.disk}",
                     "-device", "virtio-blk-pci,drive=disk", "-netdev", "user,id=net",
                     "-device", "virtio-net-pci,netdev=net,romfile="], **options)


def enrol(guest, verifier, key):
    """Has the verifier learn a guest's EK. Returns the guest's getAttestationData."""
    status, (ek, data) = once(guest, [{"command": "getEK"}, {"command": "getAttestationData"}])
    assert status == 0
    verifier.machines[known(ek)["ek_tpm"]] = Known(key, PCRS)
    return data


@pytest.fixture(scope="module", params=[
    pytest.param(cpu, marks=pytest.mark.xdist_group(f"disk-{cpu}")) for cpu in ("x86_64", "aarch64")])
def site(request, states, work):
    cpu = request.param
    disk = work / f"disk-{cpu}"
    with open(disk, "wb") as file:
        file.truncate(DISK_SIZE)
    with Verifier() as verifier:
        site = Site(cpu, disk_image(cpu, work / f"unlock-{cpu}"), disk, states.new(), verifier)
        with site.boot() as guest:
            guest.booted().sh("modprobe tpm_tis")
            site.reply = enrol(guest, verifier, site.key)
            guest.sh(SET_UP.replace("KEY", base64.b64encode(site.key).decode())
                     .replace("MARKER", site.marker))
            guest.stop()
        assert site.marker.encode() not in disk.read_bytes()
        yield site


def test_root_on_an_encrypted_disk(site):
    """From power-on until the init on the disk runs, without any help."""
    with site.boot(append="rdinit=/unlock-init", agent=False) as guest:
        guest.wait_end(machine.BOOT_S)
        assert f"the root says: {site.marker}\n" in guest.console(), guest.console()


@pytest.fixture
def guest(site):
    """Boots a guest whose boot is measured; it must end well."""
    started = []

    def begin(state=None, **options):
        started.append(site.boot(state, **options))
        started[-1].booted().sh("xargs modprobe -a </etc/modules; measured-boot")
        site.verifier.forget()
        return started[-1]

    yield begin
    try:
        for machine_ in started:
            machine_.stop()
    finally:
        for machine_ in started:
            machine_.close()


def stays_closed(guest):
    """Checks that the disk stays locked; returns what the exchange says."""
    status, output = guest.run("unlock /usr/lib/attestd/early run")
    assert status != 0 and guest.run(OPENED)[0] != 0, output
    return output


def opens(site, guest):
    guest.sh("unlock /usr/lib/attestd/early run")
    assert guest.sh("cat /root/marker").strip() == site.marker
    guest.sh(CLOSE)


def test_once(site, guest):
    """The same without a service."""
    running = guest()
    running.sh("unlock exchange-once")
    assert running.sh("cat /root/marker").strip() == site.marker
    assert running.sh("cryptsetup status root | sed -n 's/ *device: *//p'").strip() == "/dev/vda"
    running.sh(CLOSE)


def test_wrong_measurements(site):
    """The same TPM, disk and initramfs, but another kernel command line."""
    site.verifier.forget()
    with site.boot(append="rdinit=/unlock-init", measured=WRONG, agent=False) as guest:
        guest.wait_end(machine.BOOT_S)
        assert "the disk stays closed" in guest.console() and site.marker not in guest.console()
    assert site.verifier.refused == ["Refused('other PCRs')"]


def test_measured_too_late(site, guest):
    """The right measurements, and then one more: what was accepted before no longer is."""
    running, verifier = guest(), site.verifier
    opens(site, running)
    good = verifier.seen[-1]
    running.sh("/usr/lib/attestd/early stop; echo intruder | measure 11")
    assert "does not accept what was booted" in stays_closed(running)
    assert verifier.refused == ["Refused('other PCRs')"]

    # The verifier has given this machine the key before, but accepts no quote twice.
    with pytest.raises(Refused, match="an unknown nonce"):
        verifier.take(good)


def test_wrong_tpm(site, states, guest):
    """Everything is right, except the TPM."""
    verifier = site.verifier
    running = guest(states.new("persistent"))

    # The verifier does not know it.
    assert "403" in stays_closed(running)
    assert verifier.refused == ["Refused('an unknown EK')"] and not verifier.sent

    # A credential for another TPM does not help.
    verifier.replay = [verifier.take(site.reply),
                       json.dumps(activation(verifier.credential(*verifier.asked.popitem()[1]))).encode()]
    request = shlex.quote(verifier.replay[1].decode())
    stays_closed(running)
    assert len(verifier.sent) == 2
    status, output = running.run(f"attestd call --socket /run/attestd/attestd.sock {request}")
    assert status != 0 and '"credential_rejected"' in output

    # Only the TPM was wrong: once the verifier knows it, the disk opens.
    enrol(running, verifier, site.key)
    opens(site, running)
