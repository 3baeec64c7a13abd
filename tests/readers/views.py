"""What GNU tar, libarchive and Python see in an archive: its entries in order, each a dictionary of what is shown.

Names and content are bytes, times are seconds and nanoseconds. A reader that does not show a field leaves it out.
"""

import datetime
import io
import math
import re
import subprocess
import tarfile
from decimal import Decimal

XATTR = "SCHILY.xattr."


class Refused(Exception):
    """A reader takes an archive for a broken one, or warns of it by its exit status."""


def entry(kind, path, link, mode, owner, size, **more):
    """An entry with its paths in one spelling."""
    links = {"hardlink": normalized(link), "symlink": link}
    fields = {"kind": kind, "path": normalized(path), "link": links.get(kind, b"")}
    return {**fields, "mode": mode, "owner": owner, "size": size, **more}


def normalized(path):
    return b"/".join(part for part in path.split(b"/") if part not in (b"", b".")) or b"."


def run(*command):
    environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.decode(errors="replace").strip())
    return done.stdout


# Python.

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.LNKTYPE: "hardlink",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.DIRTYPE: "directory",
    tarfile.FIFOTYPE: "fifo",
}


def python_view(archive):
    with open(archive, "rb") as file:
        return python_view_of(file)


def python_view_of(file):
    """What Python sees in an open archive, which is not compressed."""
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape") as opened:
            return [python_entry(opened, member) for member in opened]
    except tarfile.TarError as error:
        raise Refused(str(error)) from error


def python_entry(opened, member):
    # Those of a field of the header have no dot.
    records = {key: encoded(text) for key, text in member.pax_headers.items() if "." in key}
    xattrs = {key.removeprefix(XATTR): records.pop(key) for key in list(records) if key.startswith(XATTR)}
    more = {"device": (member.devmajor, member.devminor)} if member.isdev() and not member.isfifo() else {}
    return entry(
        KINDS[member.type],
        encoded(member.name),
        encoded(member.linkname),
        member.mode & 0o7777,
        (member.uid, member.gid),
        member.size,
        names=(encoded(member.uname), encoded(member.gname)),
        # As a number, Python has lost some digits.
        mtime=moment(Decimal(member.pax_headers.get("mtime", member.mtime))),
        content=opened.extractfile(member).read() if member.isreg() else b"",
        xattrs=xattrs,
        lengths_of_xattrs={name.encode(): len(value) for name, value in xattrs.items()},
        records=records,
        **more,
    )


def encoded(text):
    return text.encode("utf-8", "surrogateescape")


def moment(seconds):
    whole = math.floor(seconds)
    return whole, int((seconds - whole) * 1_000_000_000)


# libarchive.


def libarchive_view(archive):
    """What libarchive reads: what it writes into another archive, where Python can look at every field."""
    written = run("bsdtar", "-cf", "-", "--format=pax", f"@{archive}")
    entries = python_view_of(io.BytesIO(written))
    for found in entries:
        # It hands on only what it knows, and adds its own.
        del found["records"]
        # libarchive 3.6 is one second late before 1970, where there is a fraction.
        drop_fraction_before_1970(found)
    return entries


def drop_fraction_before_1970(found):
    """Leaves the time out, if it may be one that has a fraction and that the reader shows up to a second late."""
    seconds, nanoseconds = found["mtime"]
    if seconds < 1 and nanoseconds:
        del found["mtime"]


# GNU tar.

LETTERS = {"-": "file", "C": "file", "h": "hardlink", "l": "symlink", "c": "character", "b": "block", "d": "directory", "p": "fifo"}
ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}

# Permissions and what else there is, owner, size, time, one space, name.
LINE = rb"(?P<letters>\S{10})\S* +(?P<user>[^ /]*)/(?P<group>\S*) +(?P<size>[\d,]+) (?P<time>\S+ [\d:.]+) (?P<name>.*)"
LINE_OF_XATTR = rb"  x: (?P<length>\d+) (?P<name>.*)"


def gnu_view(archive):
    """What `tar -t` lists, once with numbers and once with names of owners, and what `tar -x` writes."""
    entries = gnu_listing(archive, "--numeric-owner")
    written = io.BytesIO(run("tar", "-xO", "-f", archive))
    for found in entries:
        found["content"] = written.read(found["size"]) if found["kind"] == "file" else b""
    assert not written.read(), "more content than the sizes say"
    for found, named in zip(entries, gnu_listing(archive)):
        numbers = (b"%d" % number for number in found["owner"])
        # Without a name, the number is shown.
        found["names"] = tuple(b"" if name == number else name for name, number in zip(named["owner"], numbers))
    return entries


def gnu_listing(archive, *options):
    show = ["--quoting-style=escape", "--full-time", "--xattrs", "--xattrs-include=*"]
    lines = run("tar", "-tvvv", *show, *options, "-f", archive).splitlines()
    entries, widest = [], 0
    for line in lines:
        if xattr := re.fullmatch(LINE_OF_XATTR, line):
            entries[-1]["lengths_of_xattrs"][xattr["name"]] = int(xattr["length"])
            continue
        # Times are padded to the widest so far.
        time = re.fullmatch(LINE, line)["time"]
        widest = max(widest, len(time))
        entries.append(listed(line.replace(time.ljust(widest), time, 1), numeric="--numeric-owner" in options))
    return entries


def listed(line, *, numeric):
    """The entry of one line of a listing."""
    found = re.fullmatch(LINE, line)
    letters = found["letters"].decode()
    kind = LETTERS[letters[0]]
    name, *link = found["name"].split({"hardlink": b" link to ", "symlink": b" -> "}.get(kind, b"\0"))
    link = link[0] if link else b""
    owner = tuple(int(text) if numeric else text for text in found.group("user", "group"))
    more = {"mtime": seconds_of(found["time"].decode()), "lengths_of_xattrs": {}}
    size = found["size"]
    if b"," in size:
        more["device"], size = tuple(int(number) for number in size.split(b",")), 0
    # A fraction before 1970 is unpacked right, but shown as if it counted the other way.
    drop_fraction_before_1970(more)
    return entry(kind, unescaped(name), unescaped(link), bits_of(letters[1:]), owner, int(size), **more)


def unescaped(text):
    def replaced(match):
        return ESCAPES.get(match[1]) or bytes([int(match[1], 8)])

    return re.sub(rb"\\([0-7]{3}|.)", replaced, text)


def bits_of(letters):
    """The permission bits of `rwxr-xr-t`."""
    bits = 0
    for index, letter in enumerate(letters):
        bits |= (letter not in "-ST") << (8 - index)
        if letter in "sStT":
            bits |= 0o4000 >> (index // 3)
    return bits


def seconds_of(time):
    date, clock = time.split(" ")
    clock, _, fraction = clock.partition(".")
    year, month, day = (int(part) for part in date.rsplit("-", 2))
    # `datetime` ends at the year 9999, the calendar repeats after 400 years.
    cycles = (year - 2000) // 400 if year > 9999 else 0
    whole = datetime.datetime.fromisoformat(f"{year - 400 * cycles:04}-{month:02}-{day:02} {clock}+00:00")
    return int(whole.timestamp()) + cycles * 146097 * 86400, int(fraction.ljust(9, "0"))
