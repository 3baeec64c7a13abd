"""Every check there is: what it runs, what it needs, and how its outcome is counted."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import counts

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKS = REPOSITORY / "tools" / "checks"
TOOL = REPOSITORY / "target" / "release" / "img"
BUILDIFIER = REPOSITORY / "tools" / "node_modules" / ".bin" / "buildifier"

GROUPS = ["lint", "rust", "bazel", "e2e"]

# In a command: the path of a file in which the step leaves what is to be counted.
EVENTS = "{events}"

# The version that is tested where bazelisk can choose.
BAZEL_VERSION = "7.7.1"
BAZEL_CONFIGS = {"Bazel 7": [], "Bazel 9 flags": ["--config=bazel9"]}
PEERS = "docker-registry containerd ctr runc podman skopeo umoci busybox htpasswd setpriv bwrap bsdtar ctr-remote".split()


@dataclass(frozen=True)
class Step:
    """One command. Without the commands in `needs`, or root where it is needed, it is skipped."""

    groups: tuple
    name: str
    command: list
    needs: list = field(default_factory=list)
    needs_root: bool = False
    read: object = counts.of_exit_code
    environment: dict = field(default_factory=dict)

    def reason_to_skip(self):
        """Why the step cannot run here, or None."""
        missing = [name for name in self.needs if not shutil.which(name)]
        if missing:
            return f"not installed: {', '.join(missing)}"
        if self.needs_root and os.geteuid() != 0:
            return "containers and mounts need root"
        return None


def steps_of(groups):
    """The steps of the groups, in the order in which they run: what is quick to fail comes first."""
    every = [*lint_steps(), *rust_steps(), tool_step(), readers_step(), *bazel_steps(), e2e_step()]
    return [step for step in every if set(step.groups) & set(groups)]


def lint_steps():
    starlark = starlark_files()
    npm = ["npm", "ci", "--prefix", "tools", "--no-audit", "--no-fund"]
    return [
        lint("tests of the checks", script("unittest", "discover", "-s", CHECKS, "-p", "*_test.py"), read=counts.of_unittest),
        lint("shellcheck", ["shellcheck", "-x", *shell_scripts()], needs=["shellcheck"]),
        lint("buildifier from npm", npm, needs=["npm"]),
        lint("buildifier", [BUILDIFIER, "-mode=check", "-lint=warn", *starlark], needs=["npm"]),
        lint("no native rules", script(CHECKS / "native_rules.py", *starlark)),
        lint("dependencies", script(CHECKS / "dependencies.py"), needs=["cargo"]),
    ]


def lint(name, command, **options):
    return Step(("lint",), name, command, **options)


def rust_steps():
    clippy = cargo("clippy", "--workspace", "--all-targets", "--", "-D", "warnings")
    test = cargo("test", "--workspace", "--no-fail-fast")
    return [
        Step(("rust",), "rustfmt", ["cargo", "fmt", "--all", "--check"], needs=["cargo"]),
        Step(("rust",), "clippy", clippy, needs=["cargo"]),
        Step(("rust",), "cargo test", test, needs=["cargo"], read=counts.of_cargo_test),
    ]


def cargo(command, *arguments):
    return ["cargo", command, "--locked", *arguments]


def tool_step():
    build = cargo("build", "--release", "-p", "img")
    return Step(("rust", "bazel", "e2e"), "release build of img", build, needs=["cargo"])


def readers_step():
    return Step(
        ("rust",),
        "readers of tar",
        script("unittest", "discover", "-s", REPOSITORY / "tests" / "readers", "-p", "*_test.py"),
        needs=["tar", "gzip", "zstd", "bsdtar"],
        read=counts.of_unittest,
        environment={"RULES_IMG_TOOL": str(TOOL)},
    )


def bazel_steps():
    pages = Step(("bazel",), "reference pages", ["tools/docs", "--check"], needs=["cargo", bazel()[0]])
    return [*(bazel_step(name, options) for name, options in BAZEL_CONFIGS.items()), pages]


def bazel_step(name, options):
    report = [f"--build_event_json_file={EVENTS}", "--build_tests_only=false"]
    tool = f"--repo_env=RULES_IMG_TOOL={TOOL}"
    command = bazel("test", "--noshow_progress", tool, *report, *options, "//tests/...", "//examples/...")
    version = {"USE_BAZEL_VERSION": BAZEL_VERSION}
    return Step(("bazel",), name, command, needs=[bazel()[0]], read=counts.of_build_events, environment=version)


def bazel(*arguments):
    """A Bazel command line with its own server and outputs, in the project's cache."""
    candidates = [os.environ.get("BAZEL"), "bazel", "bazelisk"]
    found = next((name for name in candidates if name and shutil.which(name)), "bazel")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rules_img"
    return [found, f"--output_user_root={cache}/bazel", *arguments]


def shut_down_bazel():
    """Ends the server of the Bazel steps; the e2e tests end their own."""
    if shutil.which(bazel()[0]):
        subprocess.run(bazel("shutdown"), cwd=REPOSITORY, capture_output=True, check=False)


def e2e_step():
    return Step(
        ("e2e",),
        "e2e",
        script(REPOSITORY / "e2e"),
        needs=[bazel()[0], *PEERS],
        needs_root=True,
        read=counts.of_unittest,
        environment={"RULES_IMG_TOOL": str(TOOL)},
    )


def script(*arguments):
    """A command line of this Python; a name that is no path is a module."""
    module = [] if isinstance(arguments[0], Path) else ["-m"]
    return [sys.executable, *module, *arguments]


NOT_SOURCES = (".git", "target", "node_modules", "__pycache__", "bazel-*", "artifacts", "corpus", "coverage", "found")


def sources():
    """The files of the repository, as paths from its root; without what builds leave behind."""
    found = []
    for directory, children, files in os.walk(REPOSITORY):
        children[:] = [name for name in children if not matches(name, NOT_SOURCES)]
        found += [os.path.relpath(os.path.join(directory, file), REPOSITORY) for file in files]
    return sorted(found)


def matches(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


def starlark_files():
    return [path for path in sources() if matches(path, ("*.bzl", "*.bazel"))]


def shell_scripts():
    """The files that say on their first line that a shell runs them, and those that such files source."""
    return [path for path in sources() if path.endswith(".sh") or has_shell_line(REPOSITORY / path)]


def has_shell_line(path):
    with path.open("rb") as file:
        first = file.readline(64)
    return first.startswith(b"#!") and first.rstrip().endswith((b"bash", b"/sh"))
