"""Layers of every shape hold what they should, and GNU tar, libarchive and Python agree about each.

A listing is a file in listings/: kind, mode, owner, time, size and path of each entry in order, then the
target of a link or the SHA-256 of a file. Set UPDATE_LISTINGS=1 to write what was found, and look at the
difference.
"""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path

from support import places
from support.consumer import OnConsumer

sys.path.insert(0, str(places.REPOSITORY / "tests" / "readers"))
from views import gnu_view, libarchive_view, python_view  # noqa: E402

HERE = Path(__file__).resolve().parent
LISTINGS = HERE / "listings"
SETTINGS = "--@rules_img//img/settings:"
MEMBER_CACHE = f"{SETTINGS}layer_member_cache="

# What must not show in the bytes of layers, at one level.
SURROUNDINGS = {
    "optimized": ["-c", "opt"],
    "one job": [f"{SETTINGS}compression_jobs=1"],
    "eight jobs": [f"{SETTINGS}compression_jobs=8"],
}

# The same entries, packed in other ways.
SAME_ENTRIES = ["compressed_tar", "gzip_tar", "zstd_tar", "recompressed_tar", "uncompressed_tar"]


def plain(blob, at):
    """The tar inside a blob, as a file at `at`."""
    start = blob.open("rb").read(4)
    if start.startswith(b"\x1f\x8b"):
        at.write_bytes(gzip.decompress(blob.read_bytes()))
    elif start == b"\x28\xb5\x2f\xfd":
        at.write_bytes(subprocess.run(["zstd", "-dcq", blob], check=True, capture_output=True).stdout)
    else:
        at.write_bytes(blob.read_bytes())
    return at


def listing(archive):
    """The lines of a listing, as Python reads the archive."""
    lines = []
    with tarfile.open(archive, "r:", encoding="utf-8") as opened:
        for member in opened:
            kinds = {"isreg": "file", "islnk": "hardlink", "issym": "symlink", "isdir": "directory", "isfifo": "fifo"}
            kind = next(name for test, name in kinds.items() if getattr(member, test)())
            more = member.linkname
            if kind == "file":
                more = hashlib.sha256(opened.extractfile(member).read()).hexdigest()
            xattrs = [f"{key}={value}" for key, value in sorted(member.pax_headers.items()) if "xattr" in key]
            owner = f"{member.uid}({member.uname}):{member.gid}({member.gname})"
            fields = [kind, f"{member.mode:04o}", owner, f"@{member.mtime:.2f}"]
            lines.append(" ".join([*fields, str(member.size), ascii(member.name), *(["->", more] if more else []), *xattrs]))
    return [normalized(line) for line in lines]


def normalized(line):
    """A line without what differs between versions of Bazel: canonical names of repositories, and what lists them."""
    line = line.replace("rules_img~/", "rules_img+/")
    line = re.sub(r"\d+ ('stargz.index.json') -> \w{64}", r"(size) \1 -> (table of contents)", line)
    return re.sub(r"\d+ ('[^']*repo_mapping') -> \w{64}", r"(size) \1 -> (mapping)", line)


class Consumer(OnConsumer):
    """What holds on every Bazel; the classes below say which."""

    name = "layers"
    settings = [f"{SETTINGS}compression_level=2"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        layers = cls.workspace.bazel("query", *cls.workspace.all_options(), 'kind("image_layer|layer_from_tar", //:all)')
        cls.labels = layers.stdout.split()
        cls.names = [label.removeprefix("//:") for label in cls.labels]
        cls.built = cls.workspace.build(*cls.labels, groups=["layer", "metadata"])

    def test_listings(self):
        scratch = places.temporary_directory(self.addCleanup)
        for name in self.names:
            with self.subTest(layer=name):
                archive = plain(self.built.file(f"//:{name}", "layer"), scratch / f"{name}.tar")
                self.check_listing(name, listing(archive))
                self.check_readers(archive)

    def check_listing(self, name, found):
        file = LISTINGS / f"{name}.txt"
        text = "".join(f"{line}\n" for line in found)
        if os.environ.get("UPDATE_LISTINGS"):
            file.write_text(text)
        self.assertEqual(text, file.read_text())

    def check_readers(self, archive):
        python = python_view(archive)
        for view in (gnu_view, libarchive_view):
            found = view(archive)
            self.assertEqual(len(found), len(python))
            for one, other in zip(python, found):
                shared = one.keys() & other.keys()
                self.assertIn("content", shared)
                self.assertEqual({key: one[key] for key in shared}, {key: other[key] for key in shared})

    def test_metadata_says_what_is_there(self):
        for name in self.names:
            with self.subTest(layer=name):
                blob = self.built.file(f"//:{name}", "layer").read_bytes()
                metadata = json.loads(self.built.text(f"//:{name}", "metadata"))
                self.assertEqual(metadata["digest"], f"sha256:{hashlib.sha256(blob).hexdigest()}")
                self.assertEqual(metadata["size"], len(blob))

    def test_archives_keep_their_entries(self):
        expected = (LISTINGS / "plain_tar.txt").read_text()
        for name in SAME_ENTRIES:
            self.assertEqual((LISTINGS / f"{name}.txt").read_text(), expected, name)

    def test_digests_do_not_depend_on_how_layers_are_built(self):
        expected = self.digests(self.built)
        cache = places.temporary_directory(self.addCleanup)
        cached = [f"{MEMBER_CACHE}{cache}", f"--sandbox_writable_path={cache}"]
        ways = {**SURROUNDINGS, "cold cache": cached, "warm cache": [*cached, f"{SETTINGS}layer_member_cache_size=512"]}
        for way, options in ways.items():
            with self.subTest(way):
                found = self.digests(self.workspace.build(*self.labels, groups=["metadata"], options=options))
                self.assertEqual(found, expected)
        self.assertTrue(list(cache.glob("??/*")), "members were kept")

    def digests(self, built):
        return {label: json.loads(built.text(label, "metadata"))["digest"] for label in self.labels}


class Bazel7(Consumer, unittest.TestCase):
    """Bazel 7.7 with its own defaults."""


class Bazel9(Consumer, unittest.TestCase):
    """Bazel 7.7 with the flags that come closest to the defaults of Bazel 9."""

    options = ["--config=bazel9"]
