"""bsdtar, umoci and containerd unpack every variant of a layer to the same tree."""

import hashlib
import io
import json
import tarfile
import unittest

from support.one_layer import OneLayerImage
from support.places import started, temporary_directory
from support.processes import CommandFailed
from support.registries import DockerRegistry
from support.runtimes import Containerd
from support.trees import tree_of

# What the lazily pullable formats add.
RESERVED = (".no.prefetch.landmark", "stargz.index.json")

VARIANTS = {
    "none": ["--format=none"],
    "gzip": ["--format=gzip"],
    "gzip-single-member": ["--format=gzip", "--single-member"],
    "estargz": ["--format=gzip", "--estargz"],
    "zstd": ["--format=zstd"],
    "zstd-single-member": ["--format=zstd", "--single-member"],
    "zstd-chunked": ["--format=zstd", "--estargz"],
}

# What each reader takes. Debian 12's umoci knows no zstd, and says so.
READERS = {
    "bsdtar": list(VARIANTS),
    "umoci": ["none", "gzip", "gzip-single-member", "estargz"],
    "containerd": list(VARIANTS),
}
REFUSES = {"umoci": r"blob is not correct mediatype: \S+\+zstd"}

# More than one member of each format has room for.
LARGE = bytes(range(251)) * ((9 << 20) // 251)
LONG = "long" * 40

# What `setcap cap_net_raw=ep` gives a file.
CAPABILITY = b"\1\0\0\2" b"\0\x20\0\0" + bytes(12)
CONTENTS = {"copy": b"Hello\n", "empty": b"", "greeting": b"Hello\n", "large": LARGE, LONG: b"a name that no header holds\n"}
METADATA = {
    **{"mode": "4640", "uid": 1000, "gid": 3000000, "mtime": "2001-02-03T04:05:06.5Z"},
    "pax_records": {"SCHILY.xattr.user.color": "blue"},
}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def plain(kind, content=None, *, first=None, mode="0o755"):
    """An entry that nothing was said of."""
    return (kind, first, mode, 0, 0, 0, content, {})


def imported(kind, content=None, *, first=None, mode="0o755", xattrs=None):
    """An entry of the archive."""
    return (kind, first, mode, 5, 6, 1, content, xattrs or {})


# As `tree_of` says it: kind, first of the names of a file, mode, owner, group, time, content, attributes.
TREE = {
    "bin": plain("directory"),
    "bin/sh": plain("symlink", "busybox", mode="0o777"),
    "imported": imported("directory"),
    "imported/block": imported("block", (7, 300)),
    "imported/capable": imported("file", digest(b"ping\n"), first="imported/capable", xattrs={"security.capability": CAPABILITY}),
    "imported/null": imported("character", (1, 3)),
    "imported/pipe": imported("fifo"),
    "imported/sticky": imported("directory", mode="0o1777"),
    "imported/twin": imported("file", digest(b"twin\n"), first="imported/twin"),
    "imported/twin-2": imported("file", digest(b"twin\n"), first="imported/twin"),
    "srv": plain("directory"),
    "srv/copy": plain("file", digest(b"Hello\n"), first="srv/copy"),
    "srv/empty": ("file", "srv/empty", "0o4640", 1000, 3000000, 981173106.5, digest(b""), {"user.color": b"blue"}),
    "srv/greeting": plain("file", digest(b"Hello\n"), first="srv/copy"),
    "srv/large": plain("file", digest(LARGE), first="srv/large"),
    f"srv/{LONG}": plain("file", digest(CONTENTS[LONG]), first=f"srv/{LONG}"),
}


class UnpackTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = temporary_directory(cls.addClassCleanup)
        cls.registry = started(DockerRegistry(cls.directory / "docker-registry"), cls.addClassCleanup)
        cls.containerd = started(Containerd(cls.directory / "containerd"), cls.addClassCleanup)
        cls.options = layer_options(cls.directory)

    def test_every_reader_makes_of_every_variant_the_tree_that_was_asked_for(self):
        for variant, flags in VARIANTS.items():
            image = OneLayerImage(self.registry, self.directory / variant, variant, [*self.options, *flags])
            for reader, takes in READERS.items():
                with self.subTest(variant=variant, reader=reader):
                    self.check(image, reader, variant in takes)

    def check(self, image, reader, takes_it):
        if takes_it:
            self.assertEqual(tree_of(self.root_of(image, reader), without=RESERVED), TREE)
        else:
            with self.assertRaisesRegex(CommandFailed, REFUSES[reader]):
                self.root_of(image, reader)

    def root_of(self, image, reader):
        if reader == "bsdtar":
            return image.unpack_with_bsdtar()
        if reader == "umoci":
            return image.unpack_with_umoci()
        return image.mount_with_containerd(self.containerd, self.addCleanup)


def layer_options(directory):
    """Options of a layer with every kind of entry."""
    options = ["--create-parent-directories", f"--import-tar={write_archive(directory)}", "--symlink=bin/sh=busybox"]
    for name, content in CONTENTS.items():
        (directory / name).write_bytes(content)
        options.append(f"--add=srv/{name}={directory / name}")
    return [*options, f"--file-metadata=srv/empty={json.dumps(METADATA)}"]


def write_archive(directory):
    """An archive of what cannot be added otherwise."""
    path = directory / "import.tar"
    with tarfile.open(path, "w") as archive:
        add_member(archive, "imported", tarfile.DIRTYPE)
        add_member(archive, "imported/sticky", tarfile.DIRTYPE, mode=0o1777)
        add_member(archive, "imported/pipe", tarfile.FIFOTYPE)
        add_member(archive, "imported/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add_member(archive, "imported/block", tarfile.BLKTYPE, devmajor=7, devminor=300)
        add_member(archive, "imported/twin", tarfile.REGTYPE, b"twin\n")
        add_member(archive, "imported/twin-2", tarfile.LNKTYPE, linkname="imported/twin")
        capability = {"SCHILY.xattr.security.capability": CAPABILITY.decode()}
        add_member(archive, "imported/capable", tarfile.REGTYPE, b"ping\n", pax_headers=capability)
    return path


def add_member(archive, name, kind, content=b"", **fields):
    member = tarfile.TarInfo(name)
    fields = {"mode": 0o755, "mtime": 1, "uid": 5, "gid": 6, "type": kind, "size": len(content), **fields}
    for field, value in fields.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))
