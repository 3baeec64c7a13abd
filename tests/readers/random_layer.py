"""Random layers: the files to build one from, how `img layer` is asked for it, and what is to be in it."""

import datetime
import io
import json
import random
import tarfile
from dataclasses import dataclass, field

LETTERS = ["a", "b", "Z", "0", "é", "日", " ", "-", "_", ".x", "\\", "'", '"', "*", "%", "\t", "#", "@"]
LONGEST_PART = 200
DEFAULT_MODE = 0o755


@dataclass
class Wanted:
    """What is to stand at a path: `link` is of symlinks, the rest of files."""

    kind: str
    content: bytes = b""
    link: bytes = b""
    mode: int | None = None
    owner: tuple | None = None
    mtime: int | None = None
    pax: dict = field(default_factory=dict)


class RandomLayer:
    """What one seed stands for; files are written below a directory."""

    def __init__(self, seed, directory):
        self.random = random.Random(seed)
        self.directory = directory
        self.wanted = {}
        self.arguments = []
        self.contents = [b""]
        self.directories = [""]
        self.count = 0
        self.default_metadata = self.metadata() if self.chance(0.4) else {}
        if self.default_metadata:
            self.arguments.append(f"--default-metadata={json.dumps(self.default_metadata)}")
        self.creates_parents = self.chance(0.5)
        if self.creates_parents:
            self.arguments.append("--create-parent-directories")
        if self.chance(0.5):
            self.add_archive()
        for _ in range(self.random.randint(1, 25)):
            self.random.choice([self.add_file, self.add_file, self.add_file, self.add_symlink, self.add_tree])()

    def chance(self, probability):
        return self.random.random() < probability

    def unique(self, prefix):
        """A part of a path that no other path has, so that nothing stands below a file."""
        self.count += 1
        length = self.random.choice([0, 1, 3, 8, 30, self.random.randint(60, LONGEST_PART)])
        text = "".join(self.random.choice(LETTERS) for _ in range(length))
        return f"{prefix}{self.count}{text.encode()[:LONGEST_PART].decode(errors='ignore')}".rstrip(" ")

    def path(self):
        """A new path, which at times is longer than any field of a header."""
        parent = self.random.choice(self.directories)
        if self.chance(0.4) and len(parent.encode()) < 700:
            parent = f"{parent}/{self.unique('d')}".lstrip("/")
            self.directories.append(parent)
        return f"{parent}/{self.unique('f')}".lstrip("/")

    def content(self):
        """Bytes of a size near a limit, or those of another file."""
        if self.chance(0.35):
            return self.random.choice(self.contents)
        size = self.random.choice([1, 511, 512, 513, 1024, 5000, self.random.randint(1, 40_000)])
        if self.chance(0.03):
            size = self.random.choice([1 << 20, (4 << 20) + 1, 9 << 20])
        content = self.random.randbytes(size) if self.chance(0.3) else (b"%d " % self.count * size)[:size]
        self.contents.append(content)
        return content

    def metadata(self):
        """Some keys of `file_metadata()`."""
        moment = datetime.datetime.fromtimestamp(self.random.randint(-(1 << 31), 1 << 35), datetime.timezone.utc)
        choices = {
            "mode": f"{self.random.choice([0o644, 0o4755, 0o1777, 0o7777, 0, 0o600]):o}",
            "uid": self.random.choice([0, 1000, 2097151, 2097152, 2**31 - 1]),
            "gid": self.random.choice([0, 65534, 2097152]),
            "uname": self.random.choice(["root", "n" * 40, "ü"]),
            "gname": self.random.choice(["root", "", "g" * 31]),
            "mtime": moment.strftime("%Y-%m-%dT%H:%M:%S") + self.random.choice(["", ".5", ".000000001"]) + "Z",
            "pax_records": {"SCHILY.xattr.user.x": self.random.choice(["", "1", "=\n", "v" * 300])},
        }
        return {key: value for key, value in choices.items() if self.chance(0.4)}

    def file(self, content, *, metadata):
        """A file with the layer's default metadata under its own."""
        all_of_it = {**self.default_metadata, **metadata}
        owner = (all_of_it.get("uid", 0), all_of_it.get("gid", 0))
        mode = int(all_of_it["mode"], 8) if "mode" in all_of_it else DEFAULT_MODE
        mtime = seconds(all_of_it["mtime"]) if "mtime" in all_of_it else 0
        records = {**self.default_metadata.get("pax_records", {}), **metadata.get("pax_records", {})}
        return Wanted("file", content, mode=mode, owner=owner, mtime=mtime, pax=records)

    def write(self, content):
        path = self.directory / f"source{self.count}"
        path.write_bytes(content)
        return path

    def add_file(self):
        path, content = self.path(), self.content()
        metadata = self.metadata() if self.chance(0.4) else {}
        self.wanted[path] = self.file(content, metadata=metadata)
        # `=` is the only byte that a path of this flag cannot hold.
        self.arguments.append(f"--add={path}={self.write(content)}")
        if metadata:
            self.arguments.append(f"--file-metadata={path}={json.dumps(metadata)}")

    def add_symlink(self):
        path = self.path()
        target = self.random.choice(["/etc/passwd", "../..", self.unique("t"), "t" * 150, *self.wanted])
        self.wanted[path] = Wanted("symlink", link=target.encode())
        self.arguments.append(f"--symlink={path}={target}")

    def add_tree(self):
        root = self.path()
        source = self.directory / f"tree{self.count}"
        source.mkdir()
        self.wanted[root] = Wanted("directory")
        for _ in range(self.random.randint(0, 5)):
            name, content = self.unique("t"), self.content()
            if self.chance(0.5):
                below = self.unique("s")
                (source / below).mkdir()
                name = f"{below}/{name}"
            (source / name).write_bytes(content)
            self.wanted[f"{root}/{name}"] = self.file(content, metadata={})
        lines = self.directory / f"params{self.count}"
        lines.write_bytes(f"{root}\0d{source}\n".encode())
        self.arguments.append(f"--add-from-file={lines}")

    def add_archive(self):
        """A tar of everything that a tar can hold, as Python writes it."""
        path = self.directory / "import.tar"
        kinds = [tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
        kinds += [tarfile.LNKTYPE]
        form = self.random.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
        with tarfile.open(path, "w", format=form, encoding="utf-8") as archive:
            files = []
            for _ in range(self.random.randint(1, 12)):
                self.add_member(archive, files, self.random.choice(kinds))
        self.arguments.append(f"--import-tar={path}")

    def add_member(self, archive, files, kind):
        member = tarfile.TarInfo(f"imported/{self.unique('m')}")
        member.type, content = kind, b""
        member.mode = self.random.choice([0o644, 0o755, 0o4711])
        member.mtime = self.random.choice([0, 1, 1_700_000_000])
        member.uid, member.gid = self.random.choice([(0, 0), (1000, 1000), (2097152, 5)])
        wanted = Wanted("file", mode=member.mode, owner=(member.uid, member.gid), mtime=member.mtime)
        if kind == tarfile.LNKTYPE:
            if not files:
                return
            member.linkname, wanted = self.random.choice(files)
        elif kind == tarfile.SYMTYPE:
            member.linkname = self.random.choice(["x", "../y", "z" * 120])
            wanted = Wanted("symlink", link=member.linkname.encode())
        elif kind == tarfile.REGTYPE:
            content = self.content()
            member.size, wanted.content = len(content), content
            files.append((member.name, wanted))
        else:
            member.devmajor, member.devminor = 1, 3
            wanted.kind = {tarfile.DIRTYPE: "directory", tarfile.FIFOTYPE: "fifo", tarfile.CHRTYPE: "character"}[kind]
        archive.addfile(member, io.BytesIO(content))
        self.wanted[member.name] = wanted


def seconds(mtime):
    """Whole seconds of a time, rounded towards the past."""
    moment = datetime.datetime.fromisoformat(mtime.split(".")[0].removesuffix("Z") + "+00:00")
    return int(moment.timestamp())
