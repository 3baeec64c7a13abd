"""Random layers: the files to build one from, how `img layer` is asked for it, and what is to be in it."""

import datetime
import json

from random_archive import RandomArchive
from random_parts import MODE_OF_SYMLINKS, RECORDS, XATTRS, RandomParts, Wanted
from views import XATTR

DEFAULT_MODE = 0o755


class RandomLayer:
    """What one seed stands for; files are written below a directory."""

    def __init__(self, seed, directory):
        self.parts = RandomParts(seed)
        self.directory = directory
        self.wanted, self.directories = {}, [""]
        self.arguments = []
        self.default_metadata = self.metadata() if self.parts.chance(0.4) else {}
        if self.default_metadata:
            self.arguments.append(f"--default-metadata={json.dumps(self.default_metadata)}")
        if self.parts.chance(0.5):
            self.import_archive()
        adders = [self.add_file, self.add_file, self.add_file, self.add_executable, self.add_symlink, self.add_tree]
        for _ in range(self.parts.random.randint(1, 25)):
            self.parts.choice(adders)()
        if self.parts.chance(0.5):
            self.create_parents()

    def metadata(self):
        """Some keys of `file_metadata()`."""
        (uid, gid), (seconds, nanoseconds) = self.parts.owner(), self.parts.moment()
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        records = {**{XATTR + name: text for name, text in self.parts.some(XATTRS).items()}, **self.parts.some(RECORDS)}
        return self.parts.some(
            {
                "mode": [f"{mode:o}" for mode in (0o644, 0o4755, 0o2755, 0o1777, 0o7777, 0, 0o600)],
                "uid": [uid],
                "gid": [gid],
                "uname": ["root", "n" * 40, "ü", ""],
                "gname": ["root", "", "g" * 31, "g" * 32],
                "mtime": [f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"],
                "pax_records": [records],
            }
        )

    def want(self, path, kind, **fields):
        """Wants an entry at the path, at times with metadata of its own over that of all files."""
        layers = [self.default_metadata if kind == "file" else {}]
        if self.parts.chance(0.3):
            layers.append(self.metadata())
            self.arguments.append(f"--file-metadata={path}={json.dumps(layers[-1])}")
        metadata = {key: value for layer in layers for key, value in layer.items()}
        metadata["pax_records"] = {key: value for layer in layers for key, value in layer.get("pax_records", {}).items()}
        self.wanted[path] = Wanted(kind, **fields, **described(metadata, kind))

    def write(self, content):
        """Writes a file to take content from."""
        self.parts.count += 1
        path = self.directory / f"source{self.parts.count}"
        path.write_bytes(content)
        return path

    def want_file(self, path):
        """Wants a file at the path; returns where its content is on disk."""
        content = self.parts.content()
        self.want(path, "file", content=content)
        return self.write(content)

    def add_file(self):
        path = self.parts.path(self.directories)
        source = self.want_file(path)
        # A line of a file cannot hold a line feed, and `--add` no `=`.
        if "\n" in path or self.parts.chance(0.7):
            self.arguments.append(f"--add={path}={source}")
        else:
            self.add_from_file(f"{path}\0f{source}\n")

    def add_from_file(self, lines):
        self.arguments.append(f"--add-from-file={self.write(lines.encode())}")

    def add_executable(self):
        """Adds an executable and its runfiles."""
        path = self.parts.path(self.directories)
        executable = self.want_file(path)
        self.arguments.append(f"--executable={path}={executable}")
        lines = []
        for _ in range(self.parts.random.randint(0, 3)):
            below = f"_main/{self.parts.name()}".replace("\n", "")
            lines.append(f"{below}\0f{self.want_file(f'{path}.runfiles/{below}')}\n")
        self.arguments.append(f"--runfiles={executable}={self.write(''.join(lines).encode())}")

    def add_symlink(self):
        path = self.parts.path(self.directories)
        target = self.parts.choice(["/etc/passwd", "../..", self.parts.name(), "t" * 150, "-t", *self.wanted])
        self.want(path, "symlink", link=target.encode())
        self.arguments.append(f"--symlink={path}={target}")

    def add_tree(self):
        """Adds a directory on disk: files, files in directories, which have no entry, and empty directories."""
        root = self.parts.path(self.directories).replace("\n", "")
        source = self.directory / f"tree{self.parts.count}"
        source.mkdir()
        self.want(root, "directory")
        for _ in range(self.parts.random.randint(0, 5)):
            name = self.parts.name(200)
            if self.parts.chance(0.2):
                (source / name).mkdir()
                self.want(f"{root}/{name}", "directory")
                continue
            if self.parts.chance(0.5):
                name = f"{name}/{self.parts.name(200)}"
                (source / name).parent.mkdir()
            self.want_file(f"{root}/{name}").rename(source / name)
        self.add_from_file(f"{root}\0d{source}\n")

    def import_archive(self):
        path = self.directory / "import.tar"
        self.wanted |= RandomArchive(self.parts, path).wanted
        self.arguments.append(f"--import-tar={path}")

    def create_parents(self):
        """Wants every directory above an entry that has no entry of its own."""
        self.arguments.append("--create-parent-directories")
        parents = {path[:at] for path in self.wanted for at, letter in enumerate(path) if letter == "/"}
        for path in parents - set(self.wanted):
            self.wanted[path] = Wanted("directory", DEFAULT_MODE)


def described(metadata, kind):
    """What `file_metadata()` says, as fields of what is wanted."""
    records = {name: text.encode() for name, text in metadata["pax_records"].items()}
    mode = int(metadata["mode"], 8) if "mode" in metadata else DEFAULT_MODE
    return {
        "mode": MODE_OF_SYMLINKS if kind == "symlink" else mode,
        "owner": (metadata.get("uid", 0), metadata.get("gid", 0)),
        "names": (metadata.get("uname", "").encode(), metadata.get("gname", "").encode()),
        "mtime": moment_of(metadata["mtime"]) if "mtime" in metadata else (0, 0),
        "xattrs": {name.removeprefix(XATTR): records.pop(name) for name in list(records) if name.startswith(XATTR)},
        "records": records,
    }


def moment_of(text):
    """Seconds and nanoseconds of a time."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return int(datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp()), int(fraction)
