"""Container runtimes that run what was pushed: containerd with runc, and podman with runc."""

import shutil
from pathlib import Path

from support.processes import Daemon, end_processes_of, run

# Copies files instead of mounting overlays, so it also works where the disk is an overlay itself.
CONTAINERD_SNAPSHOTTER = "native"
PODMAN_STORAGE = "vfs"


class Containerd(Daemon):
    """A private containerd; its plug-in for Kubernetes is off. `proxies` are sockets of further snapshotters by name."""

    def __init__(self, directory, *, proxies=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.socket = self.directory / "containerd.sock"
        config = self.directory / "config.toml"
        config.write_text(
            f"""version = 2
root = "{self.directory}/root"
state = "{self.directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{self.socket}"
{"".join(proxy_plugin(name, socket) for name, socket in (proxies or {}).items())}"""
        )
        super().__init__(["containerd", "--config", config], self.directory / "log")
        self.wait_until(lambda: self.ctr("version", check=False).code == 0)
        self.runs = 0

    def ctr(self, *arguments, check=True):
        return run(["ctr", "--address", self.socket, "--namespace", "e2e", *arguments], check=check)

    def pull(self, reference, *, platform="linux/amd64"):
        snapshotter = f"--snapshotter={CONTAINERD_SNAPSHOTTER}"
        self.ctr("images", "pull", "--plain-http", "--platform", platform, snapshotter, reference)

    def mount(self, reference, directory):
        """Mounts a pulled image; the caller unmounts it."""
        snapshotter = f"--snapshotter={CONTAINERD_SNAPSHOTTER}"
        self.ctr("images", "mount", "--platform", "linux/amd64", snapshotter, reference, directory)

    def run(self, reference, *command, snapshotter=CONTAINERD_SNAPSHOTTER):
        """Runs a pulled image and returns what it printed."""
        self.runs += 1
        options = ["--rm", f"--snapshotter={snapshotter}"]
        return self.ctr("run", *options, reference, f"run-{self.runs}", *command).stdout

    def stop(self):
        code = super().stop()
        end_processes_of(self.directory)
        return code


def proxy_plugin(name, socket):
    """The part of containerd's configuration that says where a snapshotter listens."""
    return f"""[proxy_plugins.{name}]
  type = "snapshot"
  address = "{socket}"
"""


class Podman:
    """podman with private storage; it has no daemon."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def podman(self, *arguments, check=True):
        places = ["--root", self.directory / "root", "--runroot", self.directory / "run"]
        places += ["--tmpdir", self.directory / "tmp", "--storage-driver", PODMAN_STORAGE]
        host = ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        return run(["podman", *places, *host, *arguments], check=check)

    def run(self, reference, *command, options=()):
        """Pulls and runs an image and returns what it printed."""
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none"]
        pull = ["--pull", "always", "--tls-verify=false"]
        return self.podman("run", "--rm", *pull, *limits, *options, reference, *command).stdout

    def stop(self):
        self.podman("rm", "--all", "--force", check=False)
        end_processes_of(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)
