"""attestd.exe under wine: a prefix for each worker, and the relay to named pipes.

The exe is the one that ships. The tbs.dll that it finds in System32 is ours: a
TPM behind a TCP port, which the launcher's --tcp puts there.
"""
import fcntl
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import zlib

from . import paths
from .service import Service, answers, wait_for

# What Windows has given its TPM, and the tests' tbs.dll hands out.
ENDORSEMENT_AUTH = "Windows' endorsement"
USER = "S-1-5-21-0-0-0-1000"  # to wine, whoever it is
NO_DLLS = "mscoree=;mshtml=;winemenubuilder.exe="


def wineserver():
    return str(pathlib.Path(paths.wine()).with_name("wineserver"))


def environment(prefix):
    # The locale is for arguments that are not ASCII.
    return dict(WINEPREFIX=str(prefix), WINEDEBUG="-all", LC_ALL="C.UTF-8",
                WINEDLLOVERRIDES=f"tbs=n,b;{NO_DLLS}")


def without_tmpdir(env):
    """
    wine looks for its server in TMPDIR, which differs between what the launcher starts and what
    we start; and Debian's wine 10 gives what getenv() says of it to free(), and aborts.
    """
    return {name: value for name, value in env.items() if name != "TMPDIR"}


def make_prefix(prefix):
    env = dict(without_tmpdir(os.environ), **environment(prefix))
    subprocess.run([paths.wine(), "wineboot", "-i"], env=env, check=True, timeout=120,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([wineserver(), "-w"], env=env, check=True, timeout=60)


def template():
    """A prefix to copy: it takes long to make. One worker does, the others wait."""
    made = paths.BUILD / "wine" / f"template-{zlib.crc32(paths.wine().encode()):08x}"
    made.parent.mkdir(parents=True, exist_ok=True)
    with open(made.parent / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            new = made.with_name("new")
            shutil.rmtree(new, ignore_errors=True)
            make_prefix(new)
            new.rename(made)
    return made


class Prefix:
    """A Windows of our own, in the environment of all that is started from here on."""

    def __init__(self):
        # Beside the template, so that its files can be linked and not copied.
        self.path = pathlib.Path(tempfile.mkdtemp(dir=template().parent, prefix="prefix-"))
        subprocess.run(["cp", "-al", f"{template()}/.", self.path], check=True)
        for registry in template().glob("*.reg"):  # written in place
            self.replace(registry.name, registry)
        # wine's own is a stub.
        self.replace("drive_c/windows/system32/tbs.dll", paths.windows_tool("tbs.dll"))
        self.before = dict(os.environ)
        os.environ.pop("TMPDIR", None)  # tempfile has looked at it above, and remembers
        os.environ.update(environment(self.path))

    def set_variable(self, name, value):
        """In the environment of services; before anything is started."""
        registry, before = self.path / "system.reg", '"NUMBER_OF_PROCESSORS"='
        text = registry.read_text(encoding="utf-8")
        assert text.count(before) == 1
        registry.write_text(text.replace(before, f'"{name}"="{value}"\n{before}'), encoding="utf-8")

    def replace(self, name, source):
        """Not the template's, which has the same file."""
        (self.path / name).unlink(missing_ok=True)
        shutil.copy(source, self.path / name)

    def close(self):
        subprocess.run([wineserver(), "-k"], check=False, timeout=60)
        subprocess.run([wineserver(), "-w"], check=False, timeout=60)
        shutil.rmtree(self.path, ignore_errors=True)
        os.environ.clear()
        os.environ.update(self.before)


class Wine:
    """What a worker's tests share: a prefix, and a program that is always there."""

    def __init__(self):
        self.prefix = Prefix()
        # wine ends its services with the last program.
        self.last = Relay("no-such-pipe")
        forget_services()

    def close(self):
        self.last.close()
        self.prefix.close()


def forget_services():
    """
    To wine, each program that asks whether it is a service might be the one
    started last, and waits until that has been heard of. Say that it was another.
    """
    wait_for(lambda: run("sc", "query", "winebus").returncode == 0, 30, "services")
    run("reg", "add", r"HKLM\SYSTEM\CurrentControlSet\Control\ServiceCurrent", "/ve",
        "/t", "REG_DWORD", "/d", "9999", "/f")


def run(*command, timeout=60, **options):
    """A program of wine's own ("reg", "sc"), to its end. On a busy machine wine may fail to start
    it, which it says itself: that is tried again."""
    for _ in range(3):
        done = subprocess.run([paths.wine(), *command], check=False, timeout=timeout, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, **options)
        if "ShellExecuteEx failed" not in done.stdout + done.stderr:
            break
    return done


def windows_path(path):
    """A file of this machine's, as wine's programs are told of it."""
    return "Z:" + str(path).replace("/", "\\")


class Relay:
    """The clients' side of a named pipe, as a TCP port."""

    def __init__(self, name, *options, stderr=subprocess.DEVNULL, env=None, before=()):
        """before: a program that starts it."""
        # Once in some thousand starts wine ends before the program begins.
        for _ in range(3):
            self.process = subprocess.Popen(
                [paths.wine(), *before, paths.windows_tool("relay.exe"), *options, name],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                env=dict(os.environ, **(env or {})))
            port = self.process.stdout.readline()
            if port:
                break
            self.process.wait()
        self.port = int(port)
        self.pid = int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def info(name):
    """What is known of a pipe, as a dictionary."""
    done = run(paths.windows_tool("relay.exe"), "--info", name)
    assert done.returncode == 0, done.stdout
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


numbers = itertools.count(1)


def new_pipe():
    return f"attestd-{os.getpid()}-{next(numbers)}"


class WindowsService(Service):
    """The same for attestd.exe: clients go through a relay."""

    STOP_SIGNAL = signal.SIGINT  # wine makes it a Ctrl-C
    ENDS = (0, 137)  # wine's server kills what takes more than a second from its exit to its end
    LAUNCHER = ["--tcp", "--endorsement-auth", ENDORSEMENT_AUTH]

    def __init__(self, state, args=(), binary=None, launcher=(), wrap=(), pipe=None, **options):
        """pipe: a name that it has without being told."""
        self.pipe = pipe or new_pipe()
        self.is_told = not pipe
        self.relays = []
        wrap = [*wrap, "env", "-u", "TMPDIR"]  # the launcher's: for whom wraps it, not for wine
        super().__init__(state, args, binary, launcher, wrap, **options)
        self.relay()

    @property
    def address(self):
        return self.relays[0].port

    def listen_options(self):
        return self.where if self.is_told else []

    @property
    def where(self):
        return ["--pipe", self.pipe]

    @staticmethod
    def where_nobody_is(_):
        return ["--pipe", "nobody"]

    @property
    def client(self):
        return f"pid={self.relays[0].pid} sid={USER}"

    def relay(self, *options):
        """The port of another one."""
        return self.relay_process(*options).port

    def relay_process(self, *options):
        self.relays.append(Relay(self.pipe, *options))
        return self.relays[-1]

    def ready(self):
        begin = time.monotonic()
        self.wait(lambda: answers(self.address), "pipe")
        if time.monotonic() - begin > 5:
            forget_services()  # wine has started one since: the next need not wait for it
        return self

    def go_round(self):
        for _ in range(2):
            answers(self.address)

    def is_gone(self):
        return not answers(self.address)

    def close(self):
        super().close()
        for relay in self.relays:
            relay.close()
