"""The example in the README: what `bazel run //examples/hello:push` pushed is read back and runs."""

import unittest

from support import images, places
from support.bazel import Workspace
from support.places import started, temporary_directory
from support.registries import ImgRegistry
from support.runtimes import Containerd, Podman

PROGRAM_OUTPUT = """\
/usr/local/bin/hello: hello, container
This text is a data dependency, read from the runfiles.
"""


class Consumer:
    """What holds on every Bazel; the classes below say which."""

    options = []

    def test_example_runs_in_containerd_and_podman(self):
        place = temporary_directory(self.addCleanup)
        workspace = Workspace(
            directory=places.REPOSITORY,
            output_user_root=places.cache() / "bazel",
            tool=places.tool(),
            options=["--experimental_convenience_symlinks=ignore", *self.options],
        )
        self.addCleanup(workspace.shutdown)
        registry = started(ImgRegistry(places.tool(), place / "registry"), self.addCleanup)
        built = workspace.build("//examples/hello:index", groups=["digest"])
        pushed = workspace.run("//examples/hello:push", "--registry", registry.address)
        reference = pushed.result.stdout.splitlines()[1]

        self.assertEqual(images.digest_of(images.raw_manifest(reference)), built.digest("//examples/hello:index"))
        self.assertEqual(images.inspect(reference)["Labels"], {"org.opencontainers.image.title": "hello"})

        containerd = started(Containerd(place / "containerd"), self.addCleanup)
        containerd.pull(reference)
        podman = started(Podman(place / "podman"), self.addCleanup)
        for runtime in (containerd, podman):
            with self.subTest(type(runtime).__name__):
                self.assertEqual(runtime.run(reference), PROGRAM_OUTPUT)


class Bazel7(Consumer, unittest.TestCase):
    """Bazel 7.7 with its own defaults."""


class Bazel9(Consumer, unittest.TestCase):
    """Bazel 7.7 with the flags that come closest to the defaults of Bazel 9."""

    options = ["--config=bazel9"]
