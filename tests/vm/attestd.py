"""attestd inside a guest, and the driver of the guest's TPM."""
import itertools
import json
import re
import time

from harness.service import b64, parse_reply, unb64, wait_for

RECOVERY_S = 10
# An immediate end takes much less than this, even on a slow machine. An end that is not immediate
# waits 5 s for the TPM or for the request in hand, or 30 s for a TPM command.
SOON_S = 4.5
# The share of the processor while there is nothing to do; a busy loop would use all of it. The
# guest also counts the time that the host gives to others.
BUSY = 0.3
TICKS = 100  # a second, in /proc/PID/stat, on all kinds of machine
TEXTS = ("status", "ek_cert_source", "ek_cert_url", "pcr_bank")  # the members of replies that are no base64
numbers = itertools.count(1)


def line(request):
    return json.dumps(request) if isinstance(request, dict) else request


def here(text):
    """A here-document for the shell."""
    return f"<<'END'\n{text}\nEND\n"


def known(reply):
    """The binary members of a reply, decoded, also those in an object or an array."""
    def decoded(value):
        if isinstance(value, dict):
            return {k: unb64(v) for k, v in value.items()}
        return [unb64(v) for v in value] if isinstance(value, list) else unb64(value)

    return {k: decoded(v) for k, v in reply.items() if v is not None and k not in TEXTS}


def activation(credential):
    return {"command": "activateCredential", "hmac": b64(credential.hmac),
            "enc": b64(credential.enc), "encrypted_secret": b64(credential.encrypted_secret)}


def once(machine, requests, args="", program="attestd"):
    """Runs `attestd once`; returns its exit status and replies."""
    status, output = machine.run(f"{program} once --sandbox require --log-level error {args} " +
                                 here("\n".join(map(line, requests))))
    return status, [parse_reply(reply.encode() + b"\n") for reply in output.splitlines()]


class Service:
    """`attestd serve` in the background of the guest."""

    def __init__(self, machine, args="", program="attestd"):
        self.machine, self.stopped = machine, False
        self.dir = f"/run/service{next(numbers)}"
        self.socket = f"{self.dir}/socket"
        machine.sh(f"mkdir {self.dir}; cd {self.dir}\n"
                   f"{{ sh -c 'echo $$ >pid; exec {program} serve --sandbox require --socket socket \"$@\" 2>log' sh "
                   f"{args} || status=$?; echo ${{status:-0}} >over; mv over status; }} &\n"
                   "until [ -S socket ] || [ -e status ]; do sleep 0.05; done; [ -S socket ]")
        self.pid = int(machine.sh(f"cat {self.dir}/pid"))

    def log(self):
        return self.machine.sh(f"cat {self.dir}/log")

    def call(self, request):
        """The shell command that sends a request."""
        return f"attestd call --socket {self.socket} {here(line(request))}"

    def ask(self, request):
        if isinstance(request, str):
            request = {"command": request}
        status, output = self.machine.run(self.call(request))
        reply = parse_reply(output.encode())
        assert (status == 0) == (reply["status"] == "ok")
        return reply

    def ok(self, request):
        reply = self.ask(request)
        assert reply["status"] == "ok", (reply, self.log())
        return reply

    def error(self, request):
        reply = self.ask(request)
        assert reply["status"] == "error", reply
        return reply["error"]

    def recovers(self, request, seconds=RECOVERY_S):
        """Checks that a request succeeds within so many seconds, whatever the replies are before."""
        def answered():
            reply = self.ask(request)
            return reply if reply["status"] == "ok" else None
        return wait_for(answered, seconds, "recovery")

    def peak_kb(self):
        """The most memory that it has had, in kB."""
        status = self.machine.sh(f"cat /proc/{self.pid}/status")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    def cpu(self):
        """Processor time that it has used, in seconds."""
        fields = self.machine.sh(f"cat /proc/{self.pid}/stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self, seconds=8):
        """Sends SIGTERM, and checks how it ends. To be called once."""
        if self.stopped:
            return
        self.stopped = True
        self.machine.sh(f"cd {self.dir}; kill {self.pid}\n"
                        f"i=0; until [ -e status ] || [ $i -ge {seconds * 20} ]; do\n"
                        "i=$((i + 1)); sleep 0.05; done\n"
                        "cat log; [ $(cat status) = 0 ]; [ ! -e socket ]")


def spends(service, seconds):
    """The share of the processor that a service uses in the next seconds."""
    begin, before = time.monotonic(), service.cpu()
    service.machine.sh(f"sleep {seconds}")
    return (service.cpu() - before) / (time.monotonic() - begin)


def start_proxy(machine, relay):
    """Makes one more TPM in the guest, which passes commands on to `relay`; returns its number.

    Its files are in the folder `proxy`: pid, faults, log.
    """
    machine.sh("modprobe tpm_vtpm_proxy; mkdir -p proxy; cd proxy; rm -f number\n"
               "[ -e faults ] || mkfifo faults\n"
               f"vtpm-proxy {relay} faults >number 2>>log & echo $! >pid\n"
               "until [ -s number ]; do sleep 0.05; done\n"
               "until [ -e /dev/tpmrm$(cat number) ]; do sleep 0.05; done")
    return int(machine.sh("cat proxy/number"))


class Driver:
    """The driver of a guest's TPM, which is bound and unbound through sysfs.

    The next TPM gets the old one's number only if nobody holds the old device. If the
    kernel's IMA has found a TPM, it holds it for ever.
    """

    def __init__(self, machine):
        self.machine = machine
        device, self.folder = machine.sh(
            "cd /sys/class/tpm/tpm*/device; realpath . driver").split()
        self.device = device.rsplit("/", 1)[1]
        self.module = self.folder.rsplit("/", 1)[1]

    def unbind(self):
        self.machine.sh(f"echo {self.device} >{self.folder}/unbind")

    def binding(self):
        """The shell command that binds it."""
        return f"[ -e {self.folder}/{self.device} ] || echo {self.device} >{self.folder}/bind"

    def bind(self):
        """Binds it; returns the number that the TPM then has."""
        self.machine.sh(self.binding())
        return self.number()

    def is_module(self):
        return self.machine.run(f"[ -e {self.folder}/module/initstate ]")[0] == 0

    def remove(self):
        """Removes the whole driver from the kernel, if it is a module."""
        if self.is_module():
            self.machine.sh(f"modprobe -r {self.module}; [ ! -e /sys/module/{self.module} ]")
        else:
            self.unbind()

    def insert(self):
        """Inserts what `remove` has removed."""
        self.machine.sh(f"modprobe {self.module}")
        self.bind()

    def number(self):
        return int(self.machine.sh("cd /sys/class/tpm; set -- tpm*; echo ${1#tpm}"))
