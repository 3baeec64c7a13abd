"""Where the files of a target go in a layer, and what tells the `img` tool so.

A file is added by one line of a parameter file, `<path in the image>\\0<kind><path on the host>`.
"""

KIND_FILE = "f"
KIND_DIRECTORY = "d"
KIND_SYMLINK = "l"

def strip_root(path):
    """Returns a path in the image without its one leading slash, if it has one.

    Args:
        path: str.

    Returns:
        str.
    """
    return path.removeprefix("/")

def has_line_break(text):
    """Tells whether text would not survive as one field of one line of a parameter file.

    Args:
        text: str.

    Returns:
        bool.
    """
    return "\n" in text or "\r" in text or "\0" in text

def file_kind(file):
    """Returns the letter that tells the tool how to read a file.

    A source directory counts as a file: only the tool, which can look, knows better. So does a
    declared symlink before Bazel 8, where a File does not tell: the file behind it is added then.

    Args:
        file: File.

    Returns:
        str of one letter.
    """
    if file.is_directory:
        return KIND_DIRECTORY
    return KIND_SYMLINK if getattr(file, "is_symlink", False) else KIND_FILE

def key_is_directory(key):
    """Tells whether a key of `srcs` names the directory to put files into.

    Args:
        key: str.

    Returns:
        bool.
    """
    return key.endswith("/")

def group_by_key(srcs):
    """Groups the values of `srcs` by the place their keys name.

    Two keys can name one place: `/a` and `a`.

    Args:
        srcs: dict from path in the image to anything.

    Returns:
        dict from path without leading slash to list of values, in the order of srcs.
    """
    groups = {}
    for key, value in srcs.items():
        groups.setdefault(_place(key), []).append(value)
    return groups

def _place(key):
    # The root directory keeps its slash: an empty path would name nothing.
    return key if key == "/" else strip_root(key)

def directory_prefix(place, count):
    """Returns what comes before the base names of the files at a place.

    Args:
        place: str, a key of `group_by_key`.
        count: int, how many files and executables go there.

    Returns:
        str ending in a slash (empty for the root directory) where the files go into the place, or
        None where the one file is the place itself.
    """
    if place == "/":
        return ""
    if key_is_directory(place):
        return place
    return place + "/" if count > 1 else None

def as_format(text):
    """Returns text as a literal part of a `format` or `format_each` of Args.

    Args:
        text: str.

    Returns:
        str.
    """
    return text.replace("%", "%%")
