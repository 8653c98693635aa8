"""The tests' own tools: which processes they start, and how these end."""
import os
import shutil
import subprocess
import sys

from harness.service import wait_for
from machine import image

START = """
from machine import Machine
guest = Machine("x86_64", {initrd!r}, {state!r}, agent=False)
print(guest.process.pid, guest.swtpm.process.pid, guest.dir, flush=True)
input()
"""


def program(pid):
    """The program of a process, or nothing if it is dead."""
    try:
        return os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[1]
    except FileNotFoundError:
        return ""


def test_killed(work, states):
    """If a process that has started a guest is killed, the guest ends."""
    script = START.format(initrd=str(image("x86_64", work / "orphan")), state=str(states.new()))
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": ":".join(sys.path)}) as parent:
        qemu, swtpm, folder = parent.stdout.readline().split()
        wait_for(lambda: program(qemu).startswith("qemu"), 20, "QEMU")
        assert program(swtpm) == "swtpm"
        parent.kill()
    try:
        wait_for(lambda: not program(qemu) and not program(swtpm), 20, "end")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
