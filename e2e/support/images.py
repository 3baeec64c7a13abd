"""Reads images back with tools that are not ours: skopeo and umoci."""

import hashlib
import json
from pathlib import Path

from support.processes import run


def raw_manifest(reference):
    """The bytes that the registry serves for `HOST:PORT/REPOSITORY:TAG`, as text."""
    return run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{reference}"]).stdout


def digest_of(text):
    """The digest of a document as it was served."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def digest_of_file(path):
    """The digest of a file."""
    return "sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()


def config_of(reference, *, platform="linux/amd64"):
    """The image config that skopeo picks for a platform."""
    command = ["skopeo", *platform_options(platform), "inspect", "--config", "--tls-verify=false"]
    return json.loads(run([*command, f"docker://{reference}"]).stdout)


def inspect(reference, *, platform="linux/amd64"):
    """What `skopeo inspect` says about an image."""
    command = ["skopeo", *platform_options(platform), "inspect", "--tls-verify=false"]
    return json.loads(run([*command, f"docker://{reference}"]).stdout)


def copy_to_layout(reference, layout, *, platform="linux/amd64", name="image"):
    """Pulls one platform of an image into an OCI layout; skopeo checks every digest on the way."""
    command = ["skopeo", *platform_options(platform), "copy", "--src-tls-verify=false"]
    run([*command, f"docker://{reference}", f"oci:{layout}:{name}"])


def copy_layout(layout, destination, *, name="image"):
    """Copies the one image of a layout into another, where it has the name that umoci asks for."""
    run(["skopeo", "copy", f"oci:{layout}", f"oci:{destination}:{name}"])


def unpack(layout, bundle, *, name="image"):
    """Unpacks an image of a layout with umoci and returns its root file system."""
    run(["umoci", "unpack", "--image", f"{layout}:{name}", bundle])
    return Path(bundle) / "rootfs"


def platform_options(platform):
    parts = platform.split("/")
    flags = ("--override-os", "--override-arch", "--override-variant")
    return [option for pair in zip(flags, parts) for option in pair]
