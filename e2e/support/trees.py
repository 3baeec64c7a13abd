"""What a directory holds, entry by entry, to compare what several readers made of one layer."""

import hashlib
import os
import stat

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
}

# Extended attributes that are not of the file system, but came with the file.
XATTRS = ("user.", "security.capability")


def tree_of(root, *, without=()):
    """Path of each entry to what it is; the names of one file (hard links) all tell the first of them."""
    found, inodes = {}, {}
    for directory, directories, files in os.walk(root):
        directories.sort()
        for name in sorted(directories + files):
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, root)
            if relative not in without:
                found[relative] = entry(path, relative, inodes)
        directories[:] = [name for name in directories if os.path.relpath(os.path.join(directory, name), root) not in without]
    return found


def entry(path, relative, inodes):
    status = os.lstat(path)
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    first = inodes.setdefault(status.st_ino, relative) if kind == "file" else None
    attributes = (oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid, status.st_mtime)
    return (kind, first, *attributes, content_of(path, kind), xattrs_of(path))


def content_of(path, kind):
    if kind == "symlink":
        return os.readlink(path)
    if kind in ("character", "block"):
        device = os.lstat(path).st_rdev
        return (os.major(device), os.minor(device))
    if kind != "file":
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def xattrs_of(path):
    """Extended attributes that belong to the file."""
    names = os.listxattr(path, follow_symlinks=False)
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names if name.startswith(XATTRS)}
