"""A consumer builds and pushes an image; tools and runtimes that are not ours read it back and run it."""

import json
import stat
import unittest
from unittest.mock import ANY

from support import images, places
from support.consumer import OnConsumer
from support.places import started, temporary_directory
from support.registries import DockerRegistry, ImgRegistry
from support.runtimes import Containerd, Podman

PROGRAM_OUTPUT = """\
Hello from the runfiles, {who}
started as /usr/bin/hello, is /app/hello
platform linux/amd64
tree one two
user 1000 in /srv with MOOD=good
"""

def link(target):
    return (f"link to {target}", ANY, ANY, ANY, ANY)


# path: kind, permissions, owner, group, modification time
TREE_OF_IMAGE = {
    "app/hello": ("file", 0o755, 0, 0, 0),
    "app/hello.runfiles/_main/greeting.txt": ("file", 0o755, 0, 0, 0),
    "app/hello.runfiles/_main/hello": ("file", 0o755, 0, 0, 0),
    "bin/busybox": ("file", 0o755, 0, 0, 0),
    "bin/sh": link("busybox"),
    "etc/hello": ("directory", 0o755, 0, 0, 0),
    "etc/hello/color.conf": ("file", 0o640, 1000, 2000, 981173106),
    "etc/hello/shape.conf": ("file", 0o644, 0, 0, 0),
    "srv": ("directory", 0o755, 0, 0, ANY),
    "srv/copy.txt": ("file", 0o644, 0, 0, 0),
    "srv/greeting.txt": ("file", 0o644, 0, 0, 0),
    "srv/platform.txt": ("file", 0o644, 0, 0, 0),
    "srv/tree": ("directory", 0o755, 0, 0, ANY),
    "srv/tree/1.txt": ("file", 0o755, 0, 0, 0),
    "srv/tree/deeper/2.txt": ("file", 0o755, 0, 0, 0),
    "usr/bin/hello": link("/app/hello"),
}

machine = None


class Machine:
    """The registries and runtimes that the tests of this file share."""

    def __init__(self, at_end):
        directory = temporary_directory(at_end)
        self.docker_registry = started(DockerRegistry(directory / "docker-registry"), at_end)
        self.img_registry = started(ImgRegistry(places.tool(), directory / "img-registry"), at_end)
        self.containerd = started(Containerd(directory / "containerd"), at_end)
        self.podman = started(Podman(directory / "podman"), at_end)


def setUpModule():
    global machine
    machine = Machine(unittest.addModuleCleanup)


class Consumer(OnConsumer):
    """What holds on every Bazel; the classes below say which."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.built = cls.workspace.build("//...", groups=["digest", "oci_layout"])
        cls.pushes = {}

    def push(self, registry, target="//:push"):
        """Pushes once for each registry and target; returns the lines on stdout."""
        key = (registry.address, target)
        if key not in self.pushes:
            outcome = self.workspace.run(target, "--registry", registry.address)
            self.pushes[key] = outcome.result.stdout.splitlines()
        return self.pushes[key]

    def check_push(self, registry):
        printed = self.push(registry)
        name = f"{registry.address}/e2e/hello"
        digest = self.built.digest("//:index")
        self.assertEqual(printed, [f"{name}@{digest}", f"{name}:latest", f"{name}:v1"])
        for tag in ("latest", "v1"):
            served = images.raw_manifest(f"{name}:{tag}")
            self.assertEqual(images.digest_of(served), digest)
        self.assertEqual(images.raw_manifest(f"{name}@{digest}"), served)

    def test_docker_registry_serves_the_digest_that_was_built(self):
        self.check_push(machine.docker_registry)

    def test_img_registry_serves_the_digest_that_was_built(self):
        self.check_push(machine.img_registry)

    def test_index_lists_its_platforms_in_order(self):
        index = json.loads(self.built.text("//:index"))
        platforms = [entry["platform"] for entry in index["manifests"]]
        self.assertEqual(
            platforms,
            [
                {"architecture": "amd64", "os": "linux"},
                {"architecture": "arm64", "os": "linux", "variant": "v8"},
            ],
        )
        self.assertEqual(index["annotations"], {"org.example.purpose": "e2e index"})

    def test_every_platform_has_its_own_config(self):
        reference = self.push(machine.docker_registry)[1]
        for architecture in ("amd64", "arm64"):
            with self.subTest(architecture):
                config = images.config_of(reference, platform=f"linux/{architecture}")
                self.assertEqual(config["architecture"], architecture)
                self.assertEqual(
                    config["config"],
                    {
                        "User": "1000",
                        "Env": ["MOOD=good", "PATH=/bin:/usr/bin"],
                        "Entrypoint": ["/usr/bin/hello"],
                        "Cmd": ["world"],
                        "WorkingDir": "/srv",
                        "Labels": {"org.example.greeting": "hello"},
                    },
                )

    def test_layers_have_the_compression_that_was_asked_for(self):
        digest_reference, *_ = self.push(machine.docker_registry)
        repository = digest_reference.partition("@")[0]
        for entry in json.loads(images.raw_manifest(digest_reference))["manifests"]:
            with self.subTest(entry["platform"]["architecture"]):
                manifest = json.loads(images.raw_manifest(f"{repository}@{entry['digest']}"))
                kinds = [layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"]]
                self.assertEqual(kinds, ["gzip", "zstd", "gzip"])

    def test_second_push_uploads_nothing(self):
        registry = machine.docker_registry
        self.push(registry)
        before = len(registry.requests())
        self.workspace.run("//:push", "--registry", registry.address)
        uploads = [line for line in registry.requests()[before:] if "/blobs/uploads/" in line[1]]
        self.assertEqual(uploads, [])

    def test_push_without_a_tag_is_by_digest(self):
        printed = self.push(machine.docker_registry, "//:push_untagged")
        digest = self.built.digest("//:gzip_image")
        reference = f"{machine.docker_registry.address}/e2e/untagged@{digest}"
        self.assertEqual(printed, [reference])
        self.assertEqual(images.digest_of(images.raw_manifest(reference)), digest)

    def test_containerd_runs_what_was_pushed(self):
        for registry in (machine.docker_registry, machine.img_registry):
            with self.subTest(type(registry).__name__):
                reference = self.push(registry)[1]
                machine.containerd.pull(reference)
                self.assertEqual(machine.containerd.run(reference), PROGRAM_OUTPUT.format(who="world"))

    def test_podman_runs_what_was_pushed(self):
        for registry in (machine.docker_registry, machine.img_registry):
            with self.subTest(type(registry).__name__):
                reference = self.push(registry)[1]
                self.assertEqual(machine.podman.run(reference), PROGRAM_OUTPUT.format(who="world"))
                self.assertEqual(machine.podman.run(reference, "you"), PROGRAM_OUTPUT.format(who="you"))

    def test_umoci_unpacks_the_tree_that_was_described(self):
        scratch = temporary_directory(self.addCleanup)
        reference = self.push(machine.docker_registry, "//:push_gzip")[1]
        images.copy_to_layout(reference, scratch / "layout")
        root = images.unpack(scratch / "layout", scratch / "bundle")
        self.check_tree(root)

    def test_oci_layout_is_the_image_that_is_pushed(self):
        scratch = temporary_directory(self.addCleanup)
        layout = self.built.layout("//:gzip_image")
        entry = json.loads((layout / "index.json").read_text())["manifests"][0]
        self.assertEqual(entry["digest"], self.built.digest("//:gzip_image"))
        images.copy_layout(layout, scratch / "layout")
        self.check_tree(images.unpack(scratch / "layout", scratch / "bundle"))

    def check_tree(self, root):
        self.assertEqual({path: describe(root / path) for path in TREE_OF_IMAGE}, TREE_OF_IMAGE)
        copies = {(root / "srv" / name).stat().st_ino for name in ("copy.txt", "greeting.txt")}
        self.assertEqual(len(copies), 1, "equal files of a layer are one file")


def describe(path):
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return link(path.readlink())
    kind = "directory" if stat.S_ISDIR(status.st_mode) else "file"
    return (kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, int(status.st_mtime))


class Bazel7(Consumer, unittest.TestCase):
    """Bazel 7.7 with its own defaults."""


class Bazel9(Consumer, unittest.TestCase):
    """Bazel 7.7 with the flags that come closest to the defaults of Bazel 9."""

    options = ["--config=bazel9"]
