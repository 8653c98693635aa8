"""Guests with the tests' programs inside and a TPM that is ready, by their names.

A name is CPU-INTERFACE-TPM: x86_64, aarch64, or aarch64-16k with pages of 16 KiB; tis,
crb, or port (machine.py); one of harness.tpm's KINDS.
"""
from attestd import start_proxy
from harness import paths
from machine import MODULES, Machine, image

ARM = "arm-linux-musleabihf"

# If the host stalls, a driver may give up before its TPM has answered: then the guest is booted again.
LOAD = """for try in 1 2 3; do
    modprobe {driver}
    [ ! -e /sys/class/tpm/tpm0 ] || exit 0
    modprobe -r {driver} || :
done
exit 1"""


class Guests:
    """Boots guests. The image of each kind is made once."""

    def __init__(self, states, work):
        self.states, self.work, self.images = states, work, {}

    def image(self, cpu):
        if cpu not in self.images:
            target = cpu.removesuffix("-16k") + "-linux-musl"
            programs = [("vtpm-proxy", paths.BUILD / target / "tools/vtpm-proxy")]
            modules = MODULES
            if cpu != "x86_64":
                programs.append(("attestd-arm", paths.BUILD / ARM / "attestd"))
            if cpu == "aarch64-16k":
                modules = ["tpm_vtpm_proxy"]
                probes = paths.BUILD / "injected/sandbox"
                programs += [(name, probes / kind / "attestd")
                             for name, kind in (("probe", target), ("probe-arm", ARM))
                             if (probes / kind / "attestd").exists()]
            self.images[cpu] = image(cpu, self.work / cpu, modules, programs=programs)
        return self.images[cpu]

    def boot(self, name, state=None):
        """Boots a guest. `state`: the folder of an existing TPM."""
        cpu, tpm, kind = name.rsplit("-", 2)
        machine = Machine(cpu, self.image(cpu), state or self.states.new(kind), tpm)
        machine.kind = kind
        try:
            machine.booted()
            if tpm == "port":
                port = machine.sh("cd /sys/class/virtio-ports; grep -lx tpm */name").split("/")[0]
                start_proxy(machine, f"/dev/{port}")
            else:
                machine.sh(LOAD.format(driver=f"tpm_{tpm}"))
        except BaseException:
            machine.close()
            raise
        return machine
