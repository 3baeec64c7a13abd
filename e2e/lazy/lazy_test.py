"""Lazily pullable layers in the real stargz snapshotter: mounted, fetched by ranges, and running.

Readers that know nothing of them (umoci, bsdtar, containerd without the snapshotter) find the same tree.
"""

import json
import random
import unittest

from support import images, lazy, places
from support.one_layer import OneLayerImage
from support.places import started, temporary_directory
from support.registries import DockerRegistry
from support.runtimes import Containerd, Podman
from support.trees import tree_of

# What the formats add to a layer. A mount shows none of it.
RESERVED = (".no.prefetch.landmark", "stargz.index.json")

# A file that nobody reads, and one of several chunks (4 MiB each), the last of which is short.
LARGE, CHUNKED = 12 << 20, (9 << 20) + 5

# What the snapshotter asks for at a time, in bytes: so much beside a file may be there before the file is read.
RANGE = 50_000

machine = None


class Machine:
    """The registry and the runtimes that the tests of this file share."""

    def __init__(self, at_end):
        directory = temporary_directory(at_end)
        self.registry = started(DockerRegistry(directory / "docker-registry"), at_end)
        self.snapshotter = started(lazy.StargzSnapshotter(directory / "stargz"), at_end)
        self.containerd = started(lazy.LazyContainerd(directory / "lazy", self.snapshotter), at_end)
        self.plain_containerd = started(Containerd(directory / "plain"), at_end)
        self.podman = started(Podman(directory / "podman"), at_end)
        self.inputs = write_inputs(directory / "inputs")


def setUpModule():
    global machine
    machine = Machine(unittest.addModuleCleanup)


def write_inputs(directory):
    """Files of all sizes that matter."""
    directory.mkdir()
    numbers = random.Random(1)
    contents = {
        "greeting": b"Hello, lazily\n",
        "copy": b"Hello, lazily\n",
        "empty": b"",
        "chunked": numbers.randbytes(CHUNKED),
        "large": numbers.randbytes(LARGE),
    }
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return directory


def layer_options(format):
    """Options of a layer with every kind of entry."""
    metadata = {"mode": "0640", "uid": 1000, "gid": 2000, "mtime": "2001-02-03T04:05:06Z"}
    metadata["pax_records"] = {"SCHILY.xattr.user.color": "blue"}
    files = {"bin/busybox": places.busybox()}
    files |= {f"srv/{path.name}": path for path in sorted(machine.inputs.iterdir())}
    options = ["--estargz", f"--format={format}", "--create-parent-directories"]
    options += [f"--add={path}={file}" for path, file in files.items()]
    options += [f"--symlink=bin/{name}=busybox" for name in ("sh", "cat", "sha256sum")]
    return [*options, f"--file-metadata=srv/empty={json.dumps(metadata)}"]


class Lazy:
    """What holds for both formats."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        directory = temporary_directory(cls.addClassCleanup)
        cls.directory = directory
        cls.image = OneLayerImage(machine.registry, directory, cls.format, layer_options(cls.format))
        before = machine.snapshotter.mounts()
        machine.containerd.pull_lazily(cls.image.reference)
        cls.mounts = [mount for mount in machine.snapshotter.mounts() if mount not in before]

    def run_lazily(self, *command):
        return machine.containerd.run(self.image.reference, *command, snapshotter=lazy.SNAPSHOTTER)

    def test_1_layer_is_mounted_and_fetched_by_ranges(self):
        self.assertEqual(len(self.mounts), 1)
        self.assertEqual(self.run_lazily("/bin/cat", "/srv/greeting", "/srv/copy"), "Hello, lazily\n" * 2)
        fetched = lazy.fetched(self.mounts[0])
        self.assertEqual(fetched["digest"], self.image.metadata["digest"])
        self.assertGreater(fetched["fetchedSize"], 0)
        self.assertLess(fetched["fetchedSize"], self.image.metadata["size"] - LARGE)
        self.assertGreater(self.image.requests(206), 0)
        self.assertEqual(self.image.requests(200), 0)

    def test_2_chunks_are_fetched_as_they_are_read(self):
        before = lazy.fetched(self.mounts[0])["fetchedSize"]
        (digest, _) = self.run_lazily("/bin/sha256sum", "/srv/chunked").split()
        self.assertEqual(f"sha256:{digest}", images.digest_of_file(machine.inputs / "chunked"))
        after = lazy.fetched(self.mounts[0])["fetchedSize"]
        self.assertGreater(after - before, CHUNKED - 2 * RANGE)
        self.assertLess(after - before, CHUNKED + LARGE)
        self.assertEqual(self.image.requests(200), 0)

    def test_3_every_reader_finds_the_same_tree(self):
        expected = tree_of(self.mounts[0], without=(".stargz-snapshotter",))
        self.assertEqual(sorted(expected), sorted(TREE))
        self.assertEqual(expected["srv/empty"][2:6], ("0o640", 1000, 2000, 981173106))
        self.assertEqual(expected["srv/empty"][-1], {"user.color": b"blue"})
        self.assertEqual(expected["srv/greeting"], expected["srv/copy"])
        for reader in self.readers:
            with self.subTest(reader):
                self.assertEqual(tree_of(getattr(self, reader)(), without=RESERVED), expected)

    def bsdtar(self):
        return self.image.unpack_with_bsdtar()

    def umoci(self):
        return self.image.unpack_with_umoci()

    def containerd(self):
        return self.image.mount_with_containerd(machine.plain_containerd, self.addCleanup)

    def test_4_runtimes_without_the_snapshotter_run_it(self):
        self.assertEqual(machine.podman.run(self.image.reference, "/bin/cat", "/srv/greeting"), "Hello, lazily\n")


TREE = [
    *("bin", "bin/busybox", "bin/cat", "bin/sh", "bin/sha256sum"),
    *("srv", "srv/chunked", "srv/copy", "srv/empty", "srv/greeting", "srv/large"),
]


class EStargz(Lazy, unittest.TestCase):
    format = "gzip"
    readers = ["bsdtar", "umoci", "containerd"]


class ZstdChunked(Lazy, unittest.TestCase):
    format = "zstd"
    # Debian 12's umoci knows no zstd.
    readers = ["bsdtar", "containerd"]
