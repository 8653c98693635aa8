"""Another program that runs before attestd, and leaves loaded in /dev/tpm0 all that it has loaded."""
import struct
import sys

from .control import CC

# Sends commands, given in hex, in which ________ stands for the handle in the last response. Then becomes attestd.
BEFORE = """
import os, sys
device = os.open("/dev/tpm0", os.O_RDWR | os.O_CLOEXEC)
handle = ""
for command in sys.argv[1].split():
    os.write(device, bytes.fromhex(command.replace("________", handle)))
    handle = os.read(device, 4096)[10:14].hex() or "40000007"
os.close(device)
os.execv(sys.argv[2], sys.argv[2:])"""


def predecessor(*commands):
    """The words to put before attestd's command line."""
    return [sys.executable, "-c", BEFORE, " ".join(commands)]


def command(name, body, tag=0x8001):
    return struct.pack(">HII", tag, 10 + len(body) // 2, CC[name]).hex() + body


# What only attestd can have left: the AIK, and a session with the EK's policy.
PASSWORD = "00000009" + "40000009" + "0000000000"
AIK = "0023000b000500720000" + "00100018000b00030010" + 2 * ("0020" + 32 * "00")
ORPHANS = [
    command("CreatePrimary",
            f"4000000b{PASSWORD}000400000000{len(AIK) // 2:04x}{AIK}000000000000", 0x8002),
    command("StartAuthSession", 2 * "40000007" + "0020" + 32 * "00" + "0000010010000b"),
    command("PolicySecret", f"4000000b________{PASSWORD}" + 3 * "0000" + "00000000", 0x8002),
]
