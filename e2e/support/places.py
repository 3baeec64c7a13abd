"""Where the tests find what they need and put what they make."""

import os
import shutil
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

NOT_IN_A_COPY = shutil.ignore_patterns(".git", "target", "node_modules", "__pycache__", "bazel-*", "user.bazelrc")


def project_cache():
    """Where the scripts in tools/ leave what they build."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rules_img"


def cache():
    """The directory that outlives a run: Bazel's outputs and what was downloaded."""
    return Path(os.environ.get("RULES_IMG_E2E_CACHE") or project_cache() / "e2e")


def tool():
    """The `img` binary that the workspaces share."""
    path = Path(os.environ.get("RULES_IMG_TOOL") or REPOSITORY / "target" / "release" / "img")
    assert path.exists(), f"no {path}: run `cargo build --release --locked -p img`, or set RULES_IMG_TOOL"
    return path.resolve()


def busybox():
    """A copy of this machine's static busybox where Bazel can see it."""
    copy = cache() / "busybox"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2("/bin/busybox", copy)
    return copy


def stargz_snapshotter():
    """The snapshotter that tools/install-stargz-snapshotter builds."""
    path = project_cache() / "stargz-snapshotter"
    assert path.exists(), f"no {path}: run tools/install-stargz-snapshotter"
    return path


def workspace(name):
    """A consumer workspace of this directory."""
    return REPOSITORY / "e2e" / name


def copy_of_repository(destination):
    """The module and its consumers in another place, as a checkout of another user would be."""
    return shutil.copytree(REPOSITORY, destination, ignore=NOT_IN_A_COPY, symlinks=True)


def temporary_directory(at_end):
    """A fresh directory that is removed by `at_end`, such as a test's `addCleanup`."""
    path = Path(tempfile.mkdtemp(prefix="rules_img-e2e-"))
    at_end(shutil.rmtree, path, ignore_errors=True)
    return path


def started(server, at_end):
    """A server that is stopped by `at_end`."""
    at_end(server.stop)
    return server
