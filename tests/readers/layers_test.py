"""No two readers disagree about a layer that `img layer` writes, and they see what was asked for.

Layers are random, and the same for a seed. RULES_IMG_READERS_SEEDS="100-400" tries others than those that
are always tried. The binary is the one in RULES_IMG_TOOL, or the one that the tests of cargo built.
"""

import gzip
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from random_layer import RandomLayer
from views import contents, gnu_view, libarchive_view, python_view

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = "1-20"

# How each variant is asked for, and what decompresses it.
VARIANTS = {
    "none": (["--format=none"], None),
    "gzip": (["--format=gzip"], "gzip"),
    "gzip, level 1": (["--format=gzip", "--compression-level=1"], "gzip"),
    "gzip, single member": (["--format=gzip", "--single-member"], "gzip"),
    "zstd": (["--format=zstd"], "zstd"),
    "zstd, single member": (["--format=zstd", "--single-member"], "zstd"),
    "eStargz": (["--format=gzip", "--estargz"], "gzip"),
    "zstd:chunked": (["--format=zstd", "--estargz"], "zstd"),
}
# Entries that belong to the lazily pullable formats.
OF_THE_FORMAT = {".no.prefetch.landmark", "stargz.index.json"}
END_OF_ARCHIVE = bytes(1024)


def tool():
    built = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "debug" / "img"
    path = Path(os.environ.get("RULES_IMG_TOOL", built))
    if not path.exists():
        raise AssertionError(f"no {path}: run `cargo test -p img`, or name a binary by RULES_IMG_TOOL")
    return path


def seeds():
    first, last = os.environ.get("RULES_IMG_READERS_SEEDS", SEEDS).split("-")
    return range(int(first), int(last) + 1)


def decompressed(blob, compression):
    if compression == "gzip":
        return gzip.decompress(blob)
    if compression == "zstd":
        return subprocess.run(["zstd", "-dcq"], input=blob, capture_output=True, check=True).stdout
    return blob


class LayersTest(unittest.TestCase):
    maxDiff = None

    def build(self, layer, directory, flags):
        """Builds the layer; returns its blob and its metadata."""
        blob, metadata = directory / "blob", directory / "metadata.json"
        command = [tool(), "layer", *layer.arguments, *flags, f"--metadata={metadata}", blob]
        done = subprocess.run(command, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return blob.read_bytes(), json.loads(metadata.read_text())

    def test_readers_agree_about_random_layers(self):
        for seed in seeds():
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as directory:
                self.check_seed(RandomLayer(seed, Path(directory)), Path(directory))

    def check_seed(self, layer, directory):
        plain = {}
        for name, (flags, compression) in VARIANTS.items():
            with self.subTest(variant=name):
                blob, metadata = self.build(layer, directory, flags)
                plain[name] = decompressed(blob, compression)
                self.assertEqual(metadata["digest"], f"sha256:{hashlib.sha256(blob).hexdigest()}")
                self.assertEqual(metadata["diff_id"], f"sha256:{hashlib.sha256(plain[name]).hexdigest()}")
                self.assertEqual(plain[name][-1024:], END_OF_ARCHIVE)
                if "--estargz" not in flags:
                    self.assertEqual(plain[name], plain["none"])
        for name in ["none", "eStargz", "zstd:chunked"]:
            with self.subTest(variant=name):
                tar = directory / "plain.tar"
                tar.write_bytes(plain[name])
                self.check_archive(layer, tar)

    def check_archive(self, layer, tar):
        entries = python_view(tar)
        for view in [gnu_view, libarchive_view]:
            found = view(tar)
            self.assertEqual(len(found), len(entries))
            for one, other in zip(entries, found):
                shared = one.keys() & other.keys()
                self.assertEqual({key: one[key] for key in shared}, {key: other[key] for key in shared})
        with tarfile.open(tar, "r:", encoding="utf-8", errors="surrogateescape") as opened:
            members = list(opened)
            whole = b"".join(opened.extractfile(member).read() for member in members if member.isreg())
            self.check_order(layer, members)
            self.check_wanted(layer, opened, members)
        for program in ["tar", "bsdtar"]:
            self.assertEqual(contents(tar, program), whole)
        of_the_format = [entry for entry in entries if entry["path"].strip('"') in OF_THE_FORMAT]
        self.assertEqual(len(entries) - len(of_the_format), len({entry["path"] for entry in entries}) - len(of_the_format))

    def check_order(self, layer, members):
        """Targets of hard links, and directories, come before what needs them; each path once."""
        seen = {}
        for member in members:
            self.assertNotIn(member.name, seen)
            if member.islnk():
                self.assertTrue(seen[member.linkname].isreg(), member.linkname)
            if member.isdir():
                self.assertFalse([path for path in seen if path.startswith(f"{member.name}/")])
            above = member.name.rpartition("/")[0]
            if layer.creates_parents and above:
                self.assertTrue(seen[above].isdir(), above)
            seen[member.name] = member

    def check_wanted(self, layer, opened, members):
        found = {member.name: member for member in members if member.name not in OF_THE_FORMAT}
        parents = {path[:at] for path in layer.wanted for at, letter in enumerate(path) if letter == "/"}
        expected = set(layer.wanted) | (parents if layer.creates_parents else set())
        self.assertEqual(set(found), expected)
        for path, wanted in layer.wanted.items():
            with self.subTest(path=path):
                self.check_member(opened, found[path], wanted)

    def check_member(self, opened, member, wanted):
        kinds = {"file": member.isfile() or member.islnk(), "symlink": member.issym(), "directory": member.isdir()}
        kinds |= {"fifo": member.isfifo() or member.islnk(), "character": member.ischr() or member.islnk()}
        self.assertTrue(kinds[wanted.kind], member.type)
        self.assertEqual(member.linkname.encode() if member.issym() else b"", wanted.link)
        if wanted.kind == "file":
            self.assertTrue(opened.extractfile(member).read() == wanted.content, "other content")
        if wanted.mode is not None:
            self.assertEqual((member.mode & 0o7777, member.uid, member.gid), (wanted.mode, *wanted.owner))
            self.assertEqual(int(member.mtime // 1), wanted.mtime)
        records = {key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.xattr.")}
        self.assertEqual(records, wanted.pax)


if __name__ == "__main__":
    unittest.main()
