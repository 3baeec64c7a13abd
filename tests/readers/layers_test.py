"""No two readers disagree about a layer that `img layer` writes, and they see what was asked for.

Layers are random, and the same for a seed. RULES_IMG_READERS_SEEDS="100-400" tries others than those that
are always tried. The binary is the one that RULES_IMG_TOOL names, or target/release/img.
"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from random_layer import RandomLayer
from views import Refused, gnu_view, libarchive_view, python_view, python_view_of

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = "1-40"

# How each variant is asked for, and its compression.
VARIANTS = {
    "none": (["--format=none"], None),
    "gzip": (["--format=gzip"], "gzip"),
    "gzip, single member": (["--format=gzip", "--single-member"], "gzip"),
    "zstd": (["--format=zstd"], "zstd"),
    "zstd, single member": (["--format=zstd", "--single-member"], "zstd"),
    "eStargz": (["--format=gzip", "--estargz"], "gzip"),
    "zstd:chunked": (["--format=zstd", "--estargz"], "zstd"),
}
LEVELS = {None: [-1], "gzip": range(-1, 10), "zstd": [-1, *range(1, 5)]}

# Entries that belong to the lazily pullable formats.
OF_THE_FORMAT = {b".no.prefetch.landmark", b"stargz.index.json"}

BLOCK = 512
END_OF_ARCHIVE = bytes(2 * BLOCK)


def tool():
    path = Path(os.environ.get("RULES_IMG_TOOL") or REPOSITORY / "target" / "release" / "img")
    assert path.exists(), f"no {path}: run `cargo build --release --locked -p img`, or set RULES_IMG_TOOL"
    return path.resolve()


def seeds():
    first, last = (os.environ.get("RULES_IMG_READERS_SEEDS") or SEEDS).split("-")
    chosen = range(int(first), int(last) + 1)
    assert chosen, "RULES_IMG_READERS_SEEDS holds no seed"
    return chosen


def decompressed(blob, compression):
    if compression == "gzip":
        return gzip.decompress(blob)
    if compression == "zstd":
        return subprocess.run(["zstd", "-dcq"], input=blob, capture_output=True, check=True).stdout
    return blob


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class LayersTest(unittest.TestCase):
    maxDiff = 10_000

    @classmethod
    def setUpClass(cls):
        cls.tool = tool()

    def test_readers_agree_about_random_layers(self):
        for seed in seeds():
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as directory:
                self.check_layer(RandomLayer(seed, Path(directory)), Path(directory))

    def test_libarchive_complains_of_a_name_that_is_not_utf_8(self):
        """Such a name stands in a PAX header. libarchive unpacks it all the same, but for its exit status."""
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "file"
            file.touch()
            blob = self.build(Path(directory), "--format=none", b"--add=caf\xe9=" + bytes(file))
            for view in (python_view, gnu_view):
                self.assertEqual([entry["path"] for entry in view(blob)], [b"caf\xe9"])
            self.assertRaisesRegex(Refused, "can't be converted from UTF-8", libarchive_view, blob)

    def check_layer(self, layer, directory):
        entries_of = {}
        for name, (flags, compression) in VARIANTS.items():
            level = layer.parts.choice(LEVELS[compression])
            with self.subTest(variant=name, level=level):
                blob = self.build(directory, *layer.arguments, *flags, f"--compression-level={level}")
                tar = self.check_digests(blob, compression)
                if tar not in entries_of:
                    self.assertTrue(not entries_of or "--estargz" in flags, "the tar depends on the compression")
                    entries_of[tar] = python_view_of(io.BytesIO(tar))
                    self.check_tar(tar, entries_of[tar], layer)
                self.check_readers(blob, entries_of[tar])

    def build(self, directory, *arguments):
        """Builds the layer and returns its blob, which has its metadata beside it."""
        blob = directory / "blob"
        command = [self.tool, "layer", *arguments, f"--metadata={blob}.json", blob]
        done = subprocess.run(command, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return blob

    def check_digests(self, blob, compression):
        """Holds the blob to its metadata; returns the tar that is in it."""
        metadata, compressed = json.loads(Path(f"{blob}.json").read_text()), blob.read_bytes()
        tar = decompressed(compressed, compression)
        self.assertEqual((metadata["digest"], metadata["size"]), (sha256(compressed), len(compressed)))
        self.assertEqual(metadata["diff_id"], sha256(tar))
        return tar

    def check_readers(self, blob, expected):
        """Has the other readers open the blob as it is, and compares all that they show."""
        expected = [brief(entry) for entry in expected]
        for view in (gnu_view, libarchive_view):
            found = [brief(entry) for entry in view(blob)]
            self.assertEqual(len(found), len(expected), view.__name__)
            for one, other in zip(found, expected):
                self.assertEqual(one, {key: other[key] for key in one}, view.__name__)

    def check_tar(self, tar, entries, layer):
        self.check_end(tar)
        self.check_order(entries)
        names = {entry["path"] for entry in entries}
        of_the_format = names & OF_THE_FORMAT
        self.assertEqual(names - of_the_format, {path.encode() for path in layer.wanted})
        with_content = resolved(entries)
        for path, wanted in layer.wanted.items():
            found, expected = with_content[path.encode()], brief(wanted.fields())
            self.assertEqual({key: found.get(key) for key in expected}, expected, path)

    def check_end(self, tar):
        """Two blocks of zeros, and no third one."""
        self.assertEqual(len(tar) % BLOCK, 0)
        self.assertEqual(tar[-len(END_OF_ARCHIVE) :], END_OF_ARCHIVE)
        self.assertNotEqual(tar[-3 * BLOCK : -2 * BLOCK], bytes(BLOCK))

    def check_order(self, entries):
        """Each path once, a file before its other names, a directory before what it holds; equal files stored once."""
        seen, stored = {}, set()
        for entry in entries:
            path = entry["path"]
            self.assertNotIn(path, seen)
            if entry["kind"] == "hardlink":
                self.assertEqual(seen.get(entry["link"]), "file", f"{entry['link']}, the target of {path}")
            if entry["kind"] == "directory":
                self.assertEqual([other for other in seen if other.startswith(path + b"/")], [], f"before {path}")
            if entry["kind"] == "file" and entry["size"]:
                file = repr(sorted(brief({**entry, "path": None}).items()))
                self.assertNotIn(file, stored, f"{path} is like another file")
                stored.add(file)
            seen[path] = entry["kind"]


def brief(entry):
    """The entry with a digest for its content, which may be large."""
    return {**entry, "content": sha256(entry["content"])}


def resolved(entries):
    """Entries by path, with a digest for the content; other names of a file have its content."""
    found = {}
    for entry in entries:
        if entry["kind"] == "hardlink":
            file = found[entry["link"]]
            entry = {**entry, "kind": "file", "link": b"", "size": file["size"], "content": file["content"]}
        else:
            entry = brief(entry)
        found[entry["path"]] = entry
    return found


if __name__ == "__main__":
    unittest.main()
