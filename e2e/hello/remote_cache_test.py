"""Build without the Bytes: with a remote cache, an image is built and no layer blob is downloaded."""

import os
import re
import unittest

from support import images, places
from support.bazel import Workspace
from support.places import started, temporary_directory
from support.registries import DockerRegistry
from support.remote_cache import RemoteCache

LAYER_BLOB = re.compile(r"\.(tgz|tar\.gz|tar\.zst|tar)$")


class Consumer:
    """What holds on every Bazel; the classes below say which."""

    options = []

    def setUp(self):
        self.place = temporary_directory(self.addCleanup)
        self.cache = started(RemoteCache(self.place / "cache"), self.addCleanup)

    def output_base(self, name, *options):
        workspace = Workspace(
            directory=places.workspace("hello"),
            output_user_root=self.place / name,
            tool=places.tool(),
            options=[
                f"--repo_env=HELLO_BUSYBOX={places.busybox()}",
                f"--remote_cache={self.cache.url}",
                *options,
                *self.options,
            ],
        )
        self.addCleanup(workspace.shutdown)
        return workspace

    def test_index_is_built_without_its_layers(self):
        first = self.output_base("first").build("//:index", groups=["digest"])
        self.assertEqual(first.remote_cache_hits(), 0)
        self.assertNotEqual(layer_blobs(self.place / "first"), [], "the pattern no longer fits the names")

        minimal = self.output_base("second", "--remote_download_minimal")
        second = minimal.build("//:index")
        self.assertGreater(second.remote_cache_hits(), 0)
        self.assertEqual(layer_blobs(self.place / "second"), [])
        # Bazel itself says the digest of the index, which is the digest of the image.
        (index,) = second.files("//:index").values()
        self.assertEqual(f"sha256:{index['digest']}", first.digest("//:index"))

    def test_push_fetches_the_layers_it_needs(self):
        registry = started(DockerRegistry(self.place / "registry"), self.addCleanup)
        first = self.output_base("first").build("//:index", "//:push", groups=["digest"])
        minimal = self.output_base("second", "--remote_download_minimal")
        minimal.build("//:push")
        self.assertEqual(layer_blobs(self.place / "second"), [])

        printed = minimal.run("//:push", "--registry", registry.address).result.stdout.splitlines()
        self.assertEqual(images.digest_of(images.raw_manifest(printed[0])), first.digest("//:index"))


def layer_blobs(output_user_root):
    """The layer blobs among the outputs of the actions."""
    found = []
    for directory, _, files in os.walk(output_user_root):
        if "bazel-out" in directory.split(os.sep):
            found += [os.path.join(directory, file) for file in files if LAYER_BLOB.search(file)]
    return sorted(found)


class Bazel7(Consumer, unittest.TestCase):
    """Bazel 7.7 with its own defaults."""


class Bazel9(Consumer, unittest.TestCase):
    """Bazel 7.7 with the flags that come closest to the defaults of Bazel 9."""

    options = ["--config=bazel9"]
