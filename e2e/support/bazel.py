"""Runs Bazel in a consumer workspace and reads the outcome from its build event file."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from support.processes import Result, run

# The version the tests are written for; bazelisk obeys it, a plain Bazel is what it is.
BAZEL_VERSION = "7.7.1"
SERVER_OPTIONS = ["--max_idle_secs=600"]


def find_bazel():
    """The command to run, the same that tools/install-bazel looks for."""
    for candidate in (os.environ.get("BAZEL"), "bazel", "bazelisk"):
        if candidate and shutil.which(candidate):
            return shutil.which(candidate)
    raise AssertionError("no bazel and no bazelisk on the PATH: run tools/install-bazel")


def is_private_root(bazel):
    """Whether `bazel` is the wrapper of tools/install-bazel, which can run other commands in its root."""
    return b"--exec-in-root" in Path(bazel).read_bytes()[:8192]


@dataclass(frozen=True)
class Build:
    """A finished Bazel command and the events it wrote."""

    result: Result
    events: list = field(repr=False)

    @property
    def ok(self):
        return self.result.code == 0

    def files(self, label, group="default"):
        """The outputs of a target in an output group: path below the execution root to what Bazel says of it."""
        sets = {event["id"]["namedSet"]["id"]: event["namedSetOfFiles"] for event in self.of("namedSet")}
        found = {}
        for event in self.of("targetCompleted"):
            if event["id"]["targetCompleted"]["label"].lstrip("@") != label:
                continue
            for output in event.get("completed", {}).get("outputGroup", []):
                if output["name"] == group:
                    collect(sets, [entry["id"] for entry in output.get("fileSets", [])], found)
        return found

    def file(self, label, group="default"):
        """The one output of a target in an output group, as a path on this machine."""
        files = self.files(label, group)
        assert len(files) == 1, f"{label} has not one output in group {group}: {sorted(files)}"
        return self.path(*files)

    def path(self, name):
        """Where an output is on this machine, whether or not it has been downloaded."""
        (info,) = self.of("workspace")
        return Path(info["workspaceInfo"]["localExecRoot"]) / name

    def layout(self, label):
        """The OCI layout of the image; the events name the files of a directory, not the directory."""
        files = self.files(label, "oci_layout")
        return self.path(next(name for name in files if name.endswith("/oci-layout"))).parent

    def text(self, label, group="default"):
        return self.file(label, group).read_text()

    def digest(self, label):
        """The digest of the image, as its `digest` output group says."""
        return self.text(label, "digest")

    def remote_cache_hits(self):
        return self.runner_count("remote cache hit")

    def runner_count(self, name):
        counts = [
            int(runner["count"])
            for event in self.of("buildMetrics")
            for runner in event["buildMetrics"].get("actionSummary", {}).get("runnerCount", [])
            if runner["name"] == name
        ]
        return sum(counts)

    def of(self, kind):
        return [event for event in self.events if kind in event["id"]]


def collect(sets, ids, found):
    for identity in ids:
        for file in sets[identity].get("files", []):
            found["/".join([*file.get("pathPrefix", []), file["name"]])] = file
        collect(sets, [entry["id"] for entry in sets[identity].get("fileSets", [])], found)


@dataclass
class Workspace:
    """A workspace, and how to run Bazel in it.

    `output_user_root` decides the Bazel server and the output base. `prefix` goes before Bazel itself,
    such as a command that changes the user.
    """

    directory: Path
    output_user_root: Path
    tool: Path = None
    options: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    prefix: list = field(default_factory=list)
    umask: int = -1

    def build(self, *targets, groups=(), options=(), check=True):
        """Builds targets; `groups` are output groups to build besides the default one."""
        groups = [f"--output_groups=+{group}" for group in groups]
        return self.command("build", [*groups, *options], ["--", *targets], check=check)

    def run(self, target, *arguments, options=(), check=True):
        return self.command("run", options, [target, "--", *arguments], check=check)

    def command(self, verb, options, arguments, check=True):
        with tempfile.TemporaryDirectory(dir=self.scratch()) as scratch:
            os.chmod(scratch, 0o777)
            events = Path(scratch) / "events.json"
            recorded = f"--build_event_json_file={events}"
            result = self.bazel(verb, *self.all_options(), recorded, *options, *arguments, check=check)
            lines = events.read_text().splitlines() if events.exists() else []
            return Build(result, [json.loads(line) for line in lines])

    def bazel(self, *arguments, check=True):
        startup = [f"--output_user_root={self.output_user_root}", *SERVER_OPTIONS]
        environment = {**os.environ, "USE_BAZEL_VERSION": BAZEL_VERSION, **self.environment}
        command = [*(self.prefix or [find_bazel()]), *startup, *arguments]
        return run(command, check=check, cwd=self.directory, env=environment, umask=self.umask)

    def all_options(self):
        tool = [f"--repo_env=RULES_IMG_TOOL={self.tool}"] if self.tool else []
        return ["--noshow_progress", "--color=no", "--curses=no", *tool, *self.options]

    def scratch(self):
        """A directory that Bazel sees under the same path, also where it runs in a root of its own."""
        Path(self.output_user_root).mkdir(parents=True, exist_ok=True)
        return self.output_user_root

    def execution_root(self):
        return Path(self.bazel("info", *self.all_options(), "execution_root").stdout.strip())

    def shutdown(self):
        self.bazel("shutdown", check=False)
