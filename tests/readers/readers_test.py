"""GNU tar, libarchive and Python see in every archive that is accepted what Go sees in it.

The archives and Go's view are in testdata/tar; that `img` has Go's view is tested beside its reader. Where
a reader refuses an archive it has no other view of it; those cases are listed below, so that a change shows.
"""

import re
import unittest
from pathlib import Path

from views import Refused, gnu_view, libarchive_view, python_view

ARCHIVES = Path(__file__).resolve().parents[2] / "testdata" / "tar"

# Archives that a reader refuses, or of which it warns by its exit status, and what it says.
REFUSES = {
    "gnu": {
        "no_bytes": "does not look like a tar archive",
        "pax_uid_of_33_bits": "uid=4294967296 is out of range",
    },
    "libarchive": {"pax_path_not_utf_8": "can't be converted from UTF-8"},
    "python": {"no_bytes": "empty file", "global_comment_alone": "end of file header"},
}


def go_view():
    """What Go sees: the lines of each accepted archive, as dictionaries of shown fields."""
    views = {}
    for line in (ARCHIVES / "go_view.txt").read_text().splitlines():
        if not line.startswith("  "):
            lines = views.setdefault(line, [])
        else:
            lines.append(fields_of(line))
    return {name.removeprefix("accepted/"): lines for name, lines in views.items() if name.startswith("accepted/")}


def fields_of(line):
    fields = dict(re.findall(r'(\w+)=("[^"]*"(?::"[^"]*")?|<[^>]*>|\S+)', line))
    return {"kind": line.split()[0], **fields}


# Longer text is shown by length and hash.
LONGEST_SHOWN = 120


def shown(text):
    """Text as in go_view.txt."""
    if len(text) > LONGEST_SHOWN:
        value = 0xCBF29CE484222325
        for byte in text:
            value = (value ^ byte) * 0x100000001B3 % (1 << 64)
        return f"<{len(text)} bytes, FNV-1a {value:016x}>"
    quoted = (chr(byte) if 32 <= byte <= 126 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in text)
    return f'"{"".join(quoted)}"'


# How go_view.txt says what a view shows. It has no extended attributes.
WORDS = {
    "kind": str,
    "path": shown,
    "link": shown,
    "mode": "{:o}".format,
    "owner": lambda numbers: "%d:%d" % numbers,
    "names": lambda names: ":".join(shown(name) for name in names),
    "mtime": lambda moment: "%d+%d" % moment,
    "device": lambda numbers: "%d:%d" % numbers,
    "size": str,
    "content": shown,
}


def in_words(entry):
    return {key: WORDS[key](value) for key, value in entry.items() if key in WORDS}


class ReadersTest(unittest.TestCase):
    maxDiff = None

    def check(self, reader, view):
        for name, expected in go_view().items():
            with self.subTest(archive=name):
                self.check_archive(reader, view, name, expected)

    def check_archive(self, reader, view, name, expected):
        refuses = REFUSES[reader].get(name.removesuffix(".tar"))
        try:
            found = [in_words(entry) for entry in view(ARCHIVES / "accepted" / name)]
        except Refused as refused:
            self.assertIsNotNone(refuses, f"{reader} refuses it: {refused}")
            self.assertRegex(str(refused), refuses)
            return
        self.assertIsNone(refuses, "is accepted by now")
        known = [{key: fields[key] for key in seen} for fields, seen in zip(expected, found)]
        self.assertEqual(found, known)
        self.assertEqual(len(found), len(expected))

    def test_python(self):
        self.check("python", python_view)

    def test_gnu_tar(self):
        self.check("gnu", gnu_view)

    def test_libarchive(self):
        self.check("libarchive", libarchive_view)


if __name__ == "__main__":
    unittest.main()
