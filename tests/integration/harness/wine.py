"""attestd.exe under wine: a prefix for each worker, and the relay to named pipes.

The exe is the one that ships. The tbs.dll that it finds in System32 is the tests' own: its TPM
is behind a TCP port, where the launcher's --tcp listens.
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

# The endorsementAuth that Windows has given its TPM: the tests' tbs.dll hands it out.
ENDORSEMENT_AUTH = "Windows' endorsement"
USER = "S-1-5-21-0-0-0-1000"  # wine has only this user
NO_DLLS = "mscoree=;mshtml=;winemenubuilder.exe="


def wineserver():
    return str(pathlib.Path(paths.wine()).with_name("wineserver"))


def environment(prefix):
    # A UTF-8 locale, for arguments that are not ASCII.
    return dict(WINEPREFIX=str(prefix), WINEDEBUG="-all", LC_ALL="C.UTF-8",
                WINEDLLOVERRIDES=f"tbs=n,b;{NO_DLLS}")


def without_tmpdir(env):
    """
    The environment without TMPDIR. wine looks for its server there, and the launcher's programs have another
    TMPDIR than the test's. And Debian's wine 10 calls free() on what getenv() returns for it, and aborts.
    """
    return {name: value for name, value in env.items() if name != "TMPDIR"}


def make_prefix(prefix):
    env = dict(without_tmpdir(os.environ), **environment(prefix))
    subprocess.run([paths.wine(), "wineboot", "-i"], env=env, check=True, timeout=120,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([wineserver(), "-w"], env=env, check=True, timeout=60)


def template():
    """A prefix to copy, because it takes long to make. One worker makes it, the others wait."""
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
    """A new wine prefix. All programs that are started from now on use it."""

    def __init__(self):
        # On the same file system as the template, so that files can be linked instead of copied.
        self.path = pathlib.Path(tempfile.mkdtemp(dir=template().parent, prefix="prefix-"))
        subprocess.run(["cp", "-al", f"{template()}/.", self.path], check=True)
        for registry in template().glob("*.reg"):  # wine writes these in place, so they are copied
            self.replace(registry.name, registry)
        # wine's own is a stub.
        self.replace("drive_c/windows/system32/tbs.dll", paths.windows_tool("tbs.dll"))
        self.before = dict(os.environ)
        os.environ.pop("TMPDIR", None)  # tempfile has read it above, and remembers it
        os.environ.update(environment(self.path))

    def set_variable(self, name, value):
        """Sets a variable for services. To be called before anything is started."""
        registry, before = self.path / "system.reg", '"NUMBER_OF_PROCESSORS"='
        text = registry.read_text(encoding="utf-8")
        assert text.count(before) == 1
        registry.write_text(text.replace(before, f'"{name}"="{value}"\n{before}'), encoding="utf-8")

    def replace(self, name, source):
        """Replaces a file of this prefix; the template, which shares its files, stays."""
        (self.path / name).unlink(missing_ok=True)
        shutil.copy(source, self.path / name)

    def close(self):
        subprocess.run([wineserver(), "-k"], check=False, timeout=60)
        subprocess.run([wineserver(), "-w"], check=False, timeout=60)
        shutil.rmtree(self.path, ignore_errors=True)
        os.environ.clear()
        os.environ.update(self.before)


class Wine:
    """What the tests of a worker share: a prefix, and a program that keeps wine running."""

    def __init__(self):
        self.prefix = Prefix()
        # wine ends its services when the last program ends.
        self.last = Relay("no-such-pipe")
        forget_services()

    def close(self):
        self.last.close()
        self.prefix.close()


def forget_services():
    """
    wine takes each program that asks whether it is a service for the service that was started last,
        and makes it wait until that service has reported. This starts another one instead.
    """
    wait_for(lambda: run("sc", "query", "winebus").returncode == 0, 30, "services")
    run("reg", "add", r"HKLM\SYSTEM\CurrentControlSet\Control\ServiceCurrent", "/ve",
        "/t", "REG_DWORD", "/d", "9999", "/f")


def run(*command, timeout=60, **options):
    """Runs a program of wine's ("reg", "sc") to its end. On a busy machine wine may fail to start it, and says
        so: then it is tried again."""
    for _ in range(3):
        done = subprocess.run([paths.wine(), *command], check=False, timeout=timeout, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, **options)
        if "ShellExecuteEx failed" not in done.stdout + done.stderr:
            break
    return done


def windows_path(path):
    """The Windows path of a file of this machine."""
    return "Z:" + str(path).replace("/", "\\")


class Relay:
    """The program `relay`: a TCP port in the place of a named pipe."""

    def __init__(self, name, *options, stderr=subprocess.DEVNULL, env=None, before=()):
        """before: a program that starts the relay."""
        # About once in a thousand starts, wine ends before the program begins.
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
    """What `relay --info` says about a pipe, as a dictionary."""
    done = run(paths.windows_tool("relay.exe"), "--info", name)
    assert done.returncode == 0, done.stdout
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


numbers = itertools.count(1)


def new_pipe():
    return f"attestd-{os.getpid()}-{next(numbers)}"


class WindowsService(Service):
    """As Service, for attestd.exe. Its clients go through a relay."""

    STOP_SIGNAL = signal.SIGINT  # wine turns it into a Ctrl-C
    ENDS = (0, 137)  # wine's server kills a process that takes more than a second to exit
    LAUNCHER = ["--tcp", "--endorsement-auth", ENDORSEMENT_AUTH]

    def __init__(self, state, args=(), binary=None, launcher=(), wrap=(), pipe=None, **options):
        """pipe: the pipe's name, if attestd is not told one by its options."""
        self.pipe = pipe or new_pipe()
        self.is_told = not pipe
        self.relays = []
        wrap = [*wrap, "env", "-u", "TMPDIR"]  # wine must not see the launcher's TMPDIR
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
        """Starts another relay to the pipe; returns its port."""
        return self.relay_process(*options).port

    def relay_process(self, *options):
        self.relays.append(Relay(self.pipe, *options))
        return self.relays[-1]

    def ready(self):
        begin = time.monotonic()
        self.wait(lambda: answers(self.address), "pipe")
        if time.monotonic() - begin > 5:
            forget_services()  # so that the next program does not wait for this service
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
