"""What GNU tar, libarchive and Python see in an archive, in the words of testdata/tar/go_view.txt."""

import datetime
import re
import subprocess
import tarfile

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


def entry(kind, path, link, mode, owner, size, **more):
    """An entry in the words of go_view.txt."""
    link = normalized(link) if kind == "hardlink" else link
    return {
        "kind": kind,
        "path": shown(normalized(path)),
        "link": shown(link if kind in ("hardlink", "symlink") else b""),
        "mode": f"{mode:o}",
        "owner": "%d:%d" % owner,
        "size": str(size),
        **more,
    }


def normalized(path):
    return b"/".join(part for part in path.split(b"/") if part not in (b"", b".")) or b"."


class Refused(Exception):
    pass


def python_view(archive):
    kinds = {
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
    encoded = {"encoding": "utf-8", "errors": "surrogateescape"}
    try:
        with tarfile.open(archive, "r:", **encoded) as opened:
            return [
                entry(
                    kinds[member.type],
                    member.name.encode(**encoded),
                    member.linkname.encode(**encoded),
                    member.mode & 0o7777,
                    (member.uid, member.gid),
                    member.size,
                    mtime=str(int(member.mtime // 1)),
                    content=shown(opened.extractfile(member).read()) if member.isreg() else '""',
                )
                for member in opened
            ]
    except tarfile.TarError as error:
        raise Refused(str(error)) from error


LETTERS = {"-": "file", "C": "file", "h": "hardlink", "l": "symlink", "c": "character", "b": "block", "d": "directory", "p": "fifo"}
ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}


def unescaped(text):
    def replaced(match):
        return ESCAPES.get(match[1]) or bytes([int(match[1], 8)])

    return re.sub(rb"\\([0-7]{3}|.)", replaced, text)


def bits_of(letters):
    """The permission bits of `rwxr-xr-t`."""
    bits = 0
    for index, letter in enumerate(letters[:9]):
        bits |= (letter not in "-ST") << (8 - index)
        if letter in "sStT":
            bits |= 0o4000 >> (index // 3)
    return bits


def listed(line, pattern):
    """The entry of one line of a listing."""
    found = re.fullmatch(pattern, line, re.DOTALL)
    assert found, line
    letters = found["letters"].decode()
    kind = LETTERS[letters[0]]
    name, link = found["name"], b""
    # A hard link is shown as the kind of what it links to, by libarchive.
    if b" link to " in name:
        kind, separator = "hardlink", b" link to "
        name, link = name.split(separator)
    elif kind == "symlink":
        name, link = name.split(b" -> ")
    size = found["size"].decode()
    more = {"device": size.replace(",", ":"), "size": "0"} if "," in size else {}
    if "time" in found.groupdict():
        more["mtime"] = seconds_of(found["time"].decode())
    owner = (int(found["uid"]), int(found["gid"]))
    return {**entry(kind, unescaped(name), unescaped(link), bits_of(letters[1:]), owner, size), **more}


def run(*command):
    environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.decode(errors="replace").strip())
    return done.stdout


# Permissions, owner, size, time, one space, name.
GNU_LINE = rb"(?P<letters>\S{10}) +(?P<uid>\d+)/(?P<gid>\d+) +(?P<size>[\d,]+) (?P<time>\S+ [\d:.]+) (?P<name>.*)"
BSD_LINE = (
    rb"(?P<letters>\S{10})\+? +\d+ +(?P<uid>\d+) +(?P<gid>\d+) +(?P<size>[\d,]+) "
    rb"\w{3} [ \d]\d (?: ?\d+|\d\d:\d\d) (?P<name>.*)"
)


def seconds_of(time):
    date, clock = time.split(" ")
    year, month, day = (int(part) for part in date.rsplit("-", 2))
    # `datetime` ends at the year 9999, the calendar repeats after 400 years.
    cycles = (year - 2000) // 400 if year > 9999 else 0
    whole = datetime.datetime.fromisoformat(f"{year - 400 * cycles:04}-{month:02}-{day:02} {clock.split('.')[0]}+00:00")
    return str(int(whole.timestamp()) + cycles * 146097 * 86400)


def gnu_view(archive):
    lines = run("tar", "-tv", "--quoting-style=escape", "--numeric-owner", "--full-time", "-f", archive).splitlines()
    entries, widest = [], 0
    for line in lines:
        # Times are padded to the widest so far.
        time = re.fullmatch(GNU_LINE, line, re.DOTALL)["time"]
        widest = max(widest, len(time))
        padding = b" " * (widest - len(time))
        found = listed(line.replace(time + padding, time, 1), GNU_LINE)
        if time < b"1970" and b"." in time:
            # A fraction before 1970 is unpacked right, but shown as if it counted the other way.
            del found["mtime"]
        entries.append(found)
    return entries


def libarchive_view(archive):
    lines = run("bsdtar", "-tv", "--numeric-owner", "-f", archive).splitlines()
    return [listed(line, BSD_LINE) for line in lines]


def contents(archive, program):
    return run(program, "-xO", "-f", archive)
