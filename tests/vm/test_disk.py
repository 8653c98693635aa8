"""An initramfs that gets the key of an encrypted disk by attesting.

The exchange with the verifier is the example that is shipped, unchanged. A disk
is set up in a guest with the right TPM, whose EK the verifier learns there.
"""
import base64
import os
import shlex
from dataclasses import dataclass, field

import pytest

import machine
from attestd import known, once
from harness import paths
from initramfs import Archive, Modules
from machine import ATTESTD, Machine
from verifier import Verifier

HERE = machine.HERE
EARLY = paths.ROOT / "port/linux/early"
EXCHANGE = "/etc/attestd/initramfs-exchange"
MODULES = ("tpm_tis", "virtio_net", "virtio_blk", "algif_skcipher", "dm_crypt", "xts")
DISK_SIZE = 32 << 20  # half of it is LUKS's own

# Makes the disk and the root inside; the key comes through standard input.
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
    """The example with "attestd once" in the place of "attestd call"."""
    example = (EARLY / "exchange.example").read_text()
    call = '/usr/sbin/attestd call --socket "$ATTESTD_SOCKET" "$1"'
    assert example.count(call) == 1
    return example.replace(call, """
	case $1 in
	{*) echo "$1" ;;
	*) echo "{\\"command\\":\\"$1\\"}" ;;
	esac | /usr/sbin/attestd once""").encode()


def disk_image(cpu, path):
    """An initramfs with our agent; or, with rdinit=/unlock-init, without."""
    archive = Archive()
    for name in ("init", "unlock-init"):
        archive.program(name, HERE / name)
    archive.program("bin/unlock", HERE / "unlock")
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
    """A kind of machine, its disk, its TPM, and the verifier that knows it."""

    cpu: str
    initrd: os.PathLike
    disk: os.PathLike
    state: os.PathLike
    verifier: Verifier
    key: bytes = field(default_factory=lambda: os.urandom(32))
    marker: str = field(default_factory=lambda: os.urandom(16).hex())
    reply: dict = None  # getAttestationData's

    def boot(self, state=None, append="", **options):
        return Machine(
            self.cpu, self.initrd, state or self.state,
            append=f"attestd.url={self.verifier.url} attestd.disk=/dev/vda {append}",
            options=["-drive", f"if=none,id=disk,format=raw,file={self.disk}",
                     "-device", "virtio-blk-pci,drive=disk", "-netdev", "user,id=net",
                     "-device", "virtio-net-pci,netdev=net,romfile="], **options)


def enrol(guest, verifier, key):
    """The verifier learns a guest's EK. Returns its getAttestationData."""
    guest.sh("modprobe tpm_tis")
    status, (ek, data) = once(guest, [{"command": "getEK"}, {"command": "getAttestationData"}])
    assert status == 0
    verifier.keys[known(ek)["ek_tpm"]] = key
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
            guest.booted()
            site.reply = enrol(guest, verifier, site.key)
            guest.sh(SET_UP.replace("KEY", base64.b64encode(site.key).decode())
                     .replace("MARKER", site.marker))
            guest.stop()
        assert site.marker.encode() not in disk.read_bytes()
        yield site


def test_root_on_an_encrypted_disk(site):
    """From power-on to the init in the disk, without any help."""
    with site.boot(append="rdinit=/unlock-init", agent=False) as guest:
        guest.wait_end(machine.BOOT_S)
        assert f"the root says: {site.marker}\n" in guest.console(), guest.console()


def test_once(site):
    """The same without a service."""
    with site.boot() as guest:
        guest.booted().sh("unlock exchange-once")
        assert guest.sh("cat /root/marker").strip() == site.marker
        assert guest.sh("cryptsetup status root | sed -n 's/ *device: *//p'").strip() == "/dev/vda"
        guest.sh(CLOSE)
        guest.stop()


def test_wrong_tpm(site, states):
    """All is as it should be, but for the TPM."""
    verifier = site.verifier
    with site.boot(states.new("persistent")) as guest:
        guest.booted()
        del verifier.refused[:], verifier.sent[:]

        # The verifier does not know it.
        status, output = guest.run("unlock /usr/lib/attestd/early run")
        assert status != 0 and verifier.refused == ["Refused('an unknown EK')"], output
        assert "403" in output and guest.run(OPENED)[0] != 0
        assert not verifier.sent

        # What is meant for another TPM is of no use.
        verifier.replay = verifier.answer(site.reply)
        status, output = guest.run("unlock /usr/lib/attestd/early run")
        assert status != 0 and len(verifier.sent) == 1 and guest.run(OPENED)[0] != 0, output
        status, output = guest.run("attestd call --socket /run/attestd/attestd.sock "
                                   f"{shlex.quote(verifier.replay.decode())}")
        assert status != 0 and '"credential_rejected"' in output

        # It was the TPM: once that is known, the disk opens.
        verifier.replay = None
        enrol(guest, verifier, site.key)
        guest.sh("unlock /usr/lib/attestd/early run")
        assert guest.sh("cat /root/marker").strip() == site.marker
        guest.sh(CLOSE)
        guest.stop()
