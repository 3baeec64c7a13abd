"""bsdtar, umoci and containerd unpack every variant of a layer to the same tree."""

import json
import tarfile
import unittest

from support import places
from support.one_layer import OneLayerImage
from support.places import started, temporary_directory
from support.registries import DockerRegistry
from support.runtimes import Containerd
from support.trees import tree_of

# What the lazily pullable formats add.
RESERVED = (".no.prefetch.landmark", "stargz.index.json")

BSDTAR, UMOCI, CONTAINERD = "bsdtar", "umoci", "containerd"

# How each variant is asked for, and who reads it: Debian 12's umoci knows no zstd.
VARIANTS = {
    "none": (["--format=none"], [BSDTAR, UMOCI, CONTAINERD]),
    "gzip": (["--format=gzip"], [BSDTAR, UMOCI, CONTAINERD]),
    "gzip-single-member": (["--format=gzip", "--single-member"], [BSDTAR, UMOCI, CONTAINERD]),
    "estargz": (["--format=gzip", "--estargz"], [BSDTAR, UMOCI, CONTAINERD]),
    "zstd": (["--format=zstd"], [BSDTAR, CONTAINERD]),
    "zstd-single-member": (["--format=zstd", "--single-member"], [BSDTAR, CONTAINERD]),
    "zstd-chunked": (["--format=zstd", "--estargz"], [BSDTAR, CONTAINERD]),
}

# More than one member of each format has room for.
LARGE = (9 << 20) + 5

TREE = {
    "bin": "directory",
    "bin/busybox": "file",
    "bin/sh": "symlink",
    "imported": "directory",
    "imported/pipe": "fifo",
    "imported/sticky": "directory",
    "imported/twin": "file",
    "srv": "directory",
    "srv/copy": "file",
    "srv/empty": "file",
    "srv/greeting": "file",
    "srv/large": "file",
    "srv/" + "long" * 40: "file",
}


class UnpackTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = temporary_directory(cls.addClassCleanup)
        cls.registry = started(DockerRegistry(cls.directory / "docker-registry"), cls.addClassCleanup)
        cls.containerd = started(Containerd(cls.directory / "containerd"), cls.addClassCleanup)
        cls.options = layer_options(cls.directory)

    def test_every_reader_makes_the_same_tree_of_every_variant(self):
        expected = None
        for name, (flags, readers) in VARIANTS.items():
            image = OneLayerImage(self.registry, self.directory / name, name, [*self.options, *flags])
            for reader in readers:
                with self.subTest(variant=name, reader=reader):
                    found = tree_of(self.root_of(image, reader), without=RESERVED)
                    self.assertEqual({path: entry[0] for path, entry in found.items()}, TREE)
                    expected = expected or found
                    self.assertEqual(found, expected)

    def root_of(self, image, reader):
        if reader == BSDTAR:
            return image.unpack_with_bsdtar()
        if reader == UMOCI:
            return image.unpack_with_umoci()
        return image.mount_with_containerd(self.containerd, self.addCleanup)

    def test_metadata_is_what_was_asked_for(self):
        image = OneLayerImage(self.registry, self.directory / "metadata", "metadata", [*self.options, "--format=none"])
        found = tree_of(image.unpack_with_bsdtar())
        self.assertEqual(found["srv/empty"][2:6], ("0o640", 1000, 2000, 981173106))
        self.assertEqual(found["srv/empty"][-1], {"user.color": b"blue"})
        self.assertEqual(found["srv/greeting"][1], "srv/copy", "equal files are one")
        self.assertEqual(found["imported/sticky"][2:6], ("0o1777", 5, 6, 1))


def layer_options(directory):
    """Options of a layer with every kind of entry that needs no privileges, but for devices."""
    contents = {"greeting": b"Hello\n", "copy": b"Hello\n", "empty": b"", "large": bytes(range(251)) * (LARGE // 251)}
    contents["long" * 40] = b"a name that no header holds\n"
    options = ["--create-parent-directories", f"--import-tar={write_archive(directory)}"]
    options += [f"--add=bin/busybox={places.busybox()}", "--symlink=bin/sh=busybox"]
    for name, content in contents.items():
        (directory / name).write_bytes(content)
        options.append(f"--add=srv/{name}={directory / name}")
    metadata = {"mode": "0640", "uid": 1000, "gid": 2000, "mtime": "2001-02-03T04:05:06Z"}
    metadata["pax_records"] = {"SCHILY.xattr.user.color": "blue"}
    return [*options, f"--file-metadata=srv/empty={json.dumps(metadata)}"]


def write_archive(directory):
    path = directory / "import.tar"
    members = {"imported": tarfile.DIRTYPE, "imported/sticky": tarfile.DIRTYPE, "imported/pipe": tarfile.FIFOTYPE}
    with tarfile.open(path, "w") as archive:
        for name, kind in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.mtime, member.uid, member.gid = kind, 1, 5, 6
            member.mode = 0o1777 if name.endswith("sticky") else 0o755
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("imported/twin"))
    return path
