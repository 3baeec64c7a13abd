"""containerd with the stargz snapshotter: it mounts layers, and fetches what is read."""

import json
from pathlib import Path

from support import places
from support.processes import Daemon, run
from support.runtimes import Containerd

SNAPSHOTTER = "stargz"


class StargzSnapshotter(Daemon):
    """The snapshotter with its mounts below `directory`; it fetches nothing that nobody reads."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.socket = self.directory / "stargz.sock"
        command = [places.stargz_snapshotter(), self.socket, self.directory / "root"]
        super().__init__(command, self.directory / "log")
        self.wait_until(self.socket.exists)

    def mounts(self):
        """The layers that are mounted, oldest first."""
        lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        return [Path(where) for _, where, kind, *_ in lines if kind.startswith("fuse.") and self.owns(where)]

    def owns(self, where):
        return where.startswith(f"{self.directory}/")

    def stop(self):
        code = super().stop()
        for mount in reversed(self.mounts()):
            run(["umount", "--lazy", mount], check=False)
        return code


class LazyContainerd(Containerd):
    """A private containerd that pulls through a snapshotter."""

    def __init__(self, directory, snapshotter):
        super().__init__(directory, proxies={SNAPSHOTTER: snapshotter.socket})

    def pull_lazily(self, reference):
        """Mounts every layer instead of fetching it, where that is possible."""
        place = ["--address", self.socket, "--namespace", "e2e"]
        run(["ctr-remote", *place, "images", "rpull", "--plain-http", reference])


def fetched(mount):
    """What the snapshotter says of a mounted layer: digest, size, fetchedSize, fetchedPercent."""
    (state,) = (mount / ".stargz-snapshotter").glob("*.json")
    return json.loads(state.read_text())
