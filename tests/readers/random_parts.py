"""What random layers and archives are made of: names, content, times, and what is to stand at a path."""

import random
from dataclasses import dataclass, field

LETTERS = ["a", "b", "Z", "0", "é", "日", " ", "-", "_", ".x", "\\", "'", '"', "*", "%", "\t", "\n", "#", "@", ":", "&"]
LEADS = ["-", "--", ".", " ", "~", "…", "\\"]

# Lengths of the directory and of the name around the limits of ustar: 155 and 100 bytes.
SPLITS = [(154, 100), (155, 100), (156, 100), (155, 99), (155, 101), (90, 9), (89, 10), (90, 10), (60, 195), (300, 20)]

LARGE = [1 << 20, (1 << 20) + 1, (4 << 20) + 1, 9 << 20]
XATTRS = {"user.x": ["", "1", "=\n", "v" * 300, "ü"], "user.longer.name": ["1"], "trusted.t": ["t"]}
RECORDS = {"ACME.origin": ["here", "é\n="]}

# No system has a symlink of another.
MODE_OF_SYMLINKS = 0o777


@dataclass
class Wanted:
    """What is to stand at a path, and all that a reader may say of it."""

    kind: str
    mode: int
    content: bytes = b""
    link: bytes = b""
    owner: tuple = (0, 0)
    names: tuple = (b"", b"")
    mtime: tuple = (0, 0)
    device: tuple = None
    xattrs: dict = field(default_factory=dict)
    records: dict = field(default_factory=dict)

    def fields(self):
        """As Python's view says it, but for the path."""
        lengths = {name.encode(): len(text) for name, text in self.xattrs.items()}
        fields = {**vars(self), "size": len(self.content), "lengths_of_xattrs": lengths}
        return {key: value for key, value in fields.items() if value is not None}


class RandomParts:
    """Random choices, the same for a seed. No two names of it are equal."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.choice = self.random.choice
        self.contents = [b""]
        self.count = 0

    def chance(self, probability):
        return self.random.random() < probability

    def letters(self, longest):
        length = self.choice([0, 1, 3, 8, 30, self.random.randint(60, 300)])
        return "".join(self.choice(LETTERS) for _ in range(length)).encode()[:longest].decode(errors="ignore")

    def name(self, longest=300):
        """A part of a path. Its number, closed by a letter, makes it unique, so that nothing stands below a file."""
        self.count += 1
        lead = self.choice(LEADS) if self.chance(0.15) else ""
        return f"{lead}n{self.count}f{self.letters(longest - 20)}"

    def name_of(self, length):
        """A part of a path that has this many bytes, if that is enough."""
        self.count += 1
        return f"n{self.count}f".ljust(length, "x")

    def path(self, directories):
        """A new path below one of these directories, or below a new one, which is added to them."""
        if self.chance(0.15):
            above, name = self.choice(SPLITS)
            return f"{self.name_of(above)}/{self.name_of(name)}"
        parent = self.choice(directories)
        if self.chance(0.4) and len(parent.encode()) < 900:
            parent = f"{parent}/{self.name()}".lstrip("/")
            directories.append(parent)
        return f"{parent}/{self.name()}".lstrip("/")

    def content(self):
        """Bytes of a size near a limit, or those of another file."""
        if self.chance(0.35):
            return self.choice(self.contents)
        size = self.choice([1, 511, 512, 513, 1024, 5000, self.random.randint(1, 40_000)])
        if self.chance(0.03):
            size = self.choice(LARGE)
        content = self.random.randbytes(size) if self.chance(0.3) else (b"%d " % self.count * size)[:size]
        self.contents.append(content)
        return content

    def owner(self):
        return self.choice([0, 1000, 2097151, 2097152, 2**31, 2**32 - 2]), self.choice([0, 65534, 2097152])

    def moment(self):
        """Seconds before and after 1970, within 11 octal digits and beyond, and nanoseconds."""
        seconds = self.choice([0, 1, -1, 1_700_000_000, (1 << 33) - 1, 1 << 33, self.random.randint(-(1 << 31), 1 << 35)])
        return seconds, self.choice([0, 0, 500_000_000, 1, 999_999_999])

    def some(self, table):
        """Some keys of a table of choices."""
        return {key: self.choice(values) for key, values in table.items() if self.chance(0.5)}
