"""A real remote cache for Bazel, run by tools/start-remote."""

import re
from pathlib import Path

from support import places
from support.processes import Daemon


class RemoteCache(Daemon):
    """CAS and action cache below `directory`; `url` is what `--remote_cache` takes."""

    def __init__(self, directory):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.url = None
        super().__init__([places.REPOSITORY / "tools" / "start-remote", directory], directory / "log")
        self.wait_until(self.find_url)

    def find_url(self):
        announced = re.search(r"^listening on (\S+)$", self.log_text(), re.MULTILINE)
        self.url = announced and announced.group(1)
        return self.url
