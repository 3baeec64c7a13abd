"""A disk that is small enough to be full."""

from pathlib import Path

from support.processes import run


class SmallDisk:
    """A tmpfs of some KiB at `directory`; mounting it takes root."""

    def __init__(self, directory, *, kibibytes):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k,mode=0755", "tmpfs", self.directory])
        self.ballast = self.directory / "ballast"

    def fill(self):
        """Takes all the room that is left."""
        with self.ballast.open("wb", buffering=0) as file:
            block = bytes(4096)
            try:
                while True:
                    file.write(block)
            except OSError:
                pass

    def make_room(self):
        self.ballast.unlink()

    def stop(self):
        run(["umount", "--lazy", self.directory])
