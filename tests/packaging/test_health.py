"""The health checks of port/linux/README.md: systemd checks the units, and the container's is run."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import paths
from harness.service import wait_for
from harness.tpm import States

README = (paths.ROOT / "port/linux/README.md").read_text()


def test_units(tmp_path):
    """systemd finds nothing wrong with them."""
    units = dict(re.findall(r"```ini\n# /etc/systemd/system/(\S+)\n(.*?)```", README, re.S))
    assert set(units) == {"attestd-health.service", "attestd-health.timer"}
    for name, text in units.items():
        assert "/usr/sbin/attestd" in text or name.endswith(".timer")
        (tmp_path / name).write_text(text.replace("/usr/sbin/attestd", paths.ATTESTD))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                           *(tmp_path / name for name in units)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


class Container:
    """A folder with the files of that page's Dockerfile, and no others."""

    def __init__(self, root):
        text = re.search(r"```dockerfile\n(.*?)```", README, re.S)[1]
        said = dict(line.split(" ", 1) for line in text.splitlines())
        assert said["FROM"] == "scratch"
        source, target = said["COPY"].split()
        assert source == "attestd"
        shutil.copy(paths.ATTESTD, root / target.lstrip("/"))
        (root / said["VOLUME"].lstrip("/")).mkdir(parents=True)
        self.root = root
        self.entrypoint = json.loads(said["ENTRYPOINT"])
        self.healthcheck = json.loads(said["HEALTHCHECK"].removeprefix("CMD "))

    def inside(self, command):
        return ["unshare", "--map-root-user", "chroot", str(self.root), *command]

    def health(self):
        """For Docker, 0 is healthy and 1 is unhealthy; other codes are reserved."""
        done = subprocess.run(self.inside(self.healthcheck), check=False, timeout=30, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0, done.stdout and json.loads(done.stdout)


@pytest.fixture
def root(tmp_path):
    """All folders on the way to the socket may be root's or this user's, as for any socket."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_container(root, tmp_path):
    container = Container(root)
    assert container.health() == (False, "")
    state = States(tmp_path / "states").new()
    control = tmp_path / "control"
    with subprocess.Popen([paths.SWTPM_RUN, "--state", state, "--control", control, "--",
                           *container.inside(container.entrypoint)],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ) as service:
        try:
            def attests():
                healthy, said = container.health()
                return healthy and said["ek"] and said["aik"] and said

            assert wait_for(attests, 30, "health")["device"] == "/dev/tpmrm0"
        finally:
            service.terminate()
            service.wait(30)
    assert container.health() == (False, "")
