"""A random tar, as Python writes it, to import into a layer."""

import io
import tarfile
from decimal import Decimal

from random_parts import MODE_OF_SYMLINKS, RECORDS, XATTRS, Wanted
from views import KINDS, XATTR

DIRECTORY = "imported"


class RandomArchive:
    """Is written at `path`; `wanted` is what the archive says of each path at its end."""

    def __init__(self, parts, path):
        self.parts, self.wanted = parts, {}
        self.directories = [DIRECTORY]
        self.format = parts.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
        with tarfile.open(path, parts.choice(["w", "w:gz"]), format=self.format, encoding="utf-8") as self.archive:
            for _ in range(parts.random.randint(1, 15)):
                parts.choice([self.add_file, self.add_file, self.replace_file, self.add_link, self.add_other])()

    def member(self, path, kind):
        """A header, and what it says; GNU's format has neither fractions nor records nor long names of owners."""
        member, parts = tarfile.TarInfo(path), self.parts
        (uid, gid), (seconds, nanoseconds) = parts.owner(), parts.moment()
        names = parts.choice(["", "root", "ü"]), parts.choice(["", "wheel"])
        mode = parts.choice([0o644, 0o755, 0o4711, 0o1777, 0])
        wanted = Wanted(KINDS[kind], mode, owner=(uid, gid), mtime=(seconds, 0))
        if self.format == tarfile.PAX_FORMAT:
            names = parts.choice([names[0], "n" * 40]), names[1]
            xattrs, records = parts.some(XATTRS), parts.some(RECORDS)
            member.pax_headers = {**{XATTR + name: text for name, text in xattrs.items()}, **records}
            if nanoseconds:
                member.pax_headers["mtime"] = f"{seconds + Decimal(nanoseconds) / 10**9:f}"
                wanted.mtime = (seconds, nanoseconds)
            wanted.xattrs = {name: text.encode() for name, text in xattrs.items()}
            wanted.records = {name: text.encode() for name, text in records.items()}
        member.type, member.mode, member.mtime = kind, wanted.mode, seconds
        member.uid, member.gid, (member.uname, member.gname) = uid, gid, names
        wanted.names = tuple(name.encode() for name in names)
        self.wanted[path] = wanted
        return member, wanted

    def files(self):
        return [path for path, wanted in self.wanted.items() if wanted.kind == "file"]

    def add_file(self, path=None):
        member, wanted = self.member(path or self.parts.path(self.directories), tarfile.REGTYPE)
        wanted.content = self.parts.content()
        member.size = len(wanted.content)
        self.archive.addfile(member, io.BytesIO(wanted.content))

    def replace_file(self):
        """Adds a file at a path that has one already, whose other names stay what they were."""
        if files := self.files():
            self.add_file(self.parts.choice(files))

    def add_link(self):
        """Adds another name of a file, which says all that there is to say of it."""
        if files := self.files():
            path = self.parts.path(self.directories)
            member, _ = self.member(path, tarfile.LNKTYPE)
            member.linkname = self.parts.choice(files)
            self.wanted[path] = self.wanted[member.linkname]
            self.archive.addfile(member)

    def add_other(self):
        kind = self.parts.choice([tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
        path = self.parts.path(self.directories)
        if kind == tarfile.DIRTYPE and self.parts.chance(0.5):
            # At times after what it holds, and more than once.
            path = self.parts.choice(self.directories)
        member, wanted = self.member(path, kind)
        if kind == tarfile.SYMTYPE:
            member.linkname = self.parts.choice(["x", "../y", "z" * 120, "/é", *self.wanted])
            wanted.link, wanted.mode = member.linkname.encode(), MODE_OF_SYMLINKS
        elif kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
            wanted.device = self.parts.choice([(1, 3), (0, 0), (2097151, 2097151)])
            member.devmajor, member.devminor = wanted.device
        self.archive.addfile(member)
