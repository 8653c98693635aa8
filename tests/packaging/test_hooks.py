"""What the hooks put into an initramfs, by the functions of their tools that they call."""
import os
import subprocess

import pytest

from harness import paths

LINUX = paths.ROOT / "port/linux/packaging"
HOOK = LINUX / "initramfs-tools/hooks/attestd"
MODULE = LINUX / "dracut/90attestd/module-setup.sh"
OWN = ["/usr/sbin/attestd", "/usr/lib/attestd/early"]


class Hook:
    """One of the hooks, with a folder in place of /etc and /sys, and stand-ins for its tool's functions."""

    def __init__(self, folder):
        self.folder = folder
        self.exchange = folder / "exchange"
        self.files = folder / "files"
        self.settings = folder / "settings"
        self.write_exchange("#!/bin/sh\n")

    def write_exchange(self, text):
        self.exchange.write_text(text)
        self.exchange.chmod(0o755)

    def paths(self):
        return {"/etc/attestd/initramfs-exchange": self.exchange,
                "/etc/attestd/initramfs-files": self.files,
                "/etc/attestd/initramfs.conf": self.settings}

    def script(self, source, replaced):
        text = source.read_text()
        for old, new in replaced.items():
            assert old in text, old
            text = text.replace(old, str(new))
        return text

    def copied(self, status=0):
        """Which files are put into the image, or why no image is made."""
        done = subprocess.run(self.command(), check=False, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"]}, cwd=self.folder)
        assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
        return done.stderr if status else [
            words[1] for words in map(str.split, done.stdout.splitlines()) if words[0] == "copy"]


class InitramfsTools(Hook):
    def command(self):
        functions = self.folder / "functions"
        functions.write_text('copy_exec() { echo "copy $1"; }\n'
                             'copy_modules_dir() { :; }\n'
                             'sys_walk_mod_add() { echo "walk $1"; }\n')
        script = self.folder / "hook"
        script.write_text(self.script(HOOK, {
            **self.paths(), "/usr/share/initramfs-tools/hook-functions": functions,
            "/sys/": f"{self.folder}/sys/"}))
        return ["sh", script]


class Dracut(Hook):
    def command(self):
        script = self.script(MODULE, self.paths())
        return ["bash", "-uec", 'moddir=. initdir=.\n'
                'inst_multiple() { printf "copy %s\\n" "$@"; }\n'
                'inst_hook() { :; }\ndracut_need_initqueue() { :; }\n'
                f'dfatal() {{ echo "$*" >&2; }}\n{script}\ncheck\ninstall\n']


@pytest.fixture(params=[InitramfsTools, Dracut])
def hook(request, tmp_path):
    return request.param(tmp_path)


@pytest.mark.parametrize("end", ["", "\n"], ids=["no-end", "end"])
def test_files(hook, end):
    """All listed files, also if the last line has no line end."""
    hook.files.write_text("# what it calls\n/sbin/a  # one\n\n  /sbin/b\n/sbin/c" + end)
    copied = hook.copied()
    assert [file for file in copied if file.startswith("/sbin/")] == ["/sbin/a", "/sbin/b", "/sbin/c"]
    assert {*OWN, str(hook.exchange)} <= set(copied)
    # The programs that `early` calls, whatever the shell is.
    assert {"rm", "rmdir"} <= {file.rsplit("/", 1)[-1] for file in copied}


def test_settings(hook):
    """The site's settings, which need not exist."""
    assert str(hook.settings) not in hook.copied()
    hook.settings.write_text("ATTESTD_WAIT=20\n")
    assert str(hook.settings) in hook.copied()


def test_interpreter(hook):
    """An interpreter that only env would find is not put into the image, so no image is made."""
    hook.write_exchange("#! /usr/bin/env python3\n")
    assert "must name its interpreter" in hook.copied(status=1)
    hook.write_exchange("#!/usr/bin/env\n")
    assert "must name its interpreter" in hook.copied(status=1)
    hook.write_exchange("\x7fELF\n")
    assert str(hook.exchange) in hook.copied()


def test_bus(tmp_path):
    """The drivers of the TPM's bus are found by the TPM's place in the device tree of /sys."""
    hook = InitramfsTools(tmp_path)
    device = tmp_path / "sys/devices/soc/spi0/spi0.0"
    (device / "tpm/tpm0").mkdir(parents=True)
    (device / "tpm/tpm0/device").symlink_to("../..")
    (tmp_path / "sys/class/tpm").mkdir(parents=True)
    (tmp_path / "sys/class/tpm/tpm0").symlink_to("../../devices/soc/spi0/spi0.0/tpm/tpm0")
    done = subprocess.run(hook.command(), check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == f"walk {device}"
