"""What level and how many jobs to compress a layer with."""

load("//img/private/lib:media_types.bzl", "GZIP_LAYER", "UNCOMPRESSED_LAYER", "ZSTD_LAYER")

_FORMATS = {
    "gzip": struct(
        fastest = 1,
        best = 9,
        lowest = 0,
        extension = ".tgz",
        media_type = GZIP_LAYER,
    ),
    "zstd": struct(
        fastest = 1,
        best = 4,
        lowest = 1,
        extension = ".tar.zst",
        media_type = ZSTD_LAYER,
    ),
}

COMPRESSION_FORMATS = _FORMATS.keys()

# What a layer that is a tar already may be.
UNCOMPRESSED = "none"
TAR_FORMATS = COMPRESSION_FORMATS + [UNCOMPRESSED]

_FORMAT_BY_EXTENSION = {
    "gz": "gzip",
    "tar": UNCOMPRESSED,
    "tgz": "gzip",
    "tzst": "zstd",
    "zst": "zstd",
}

ALL_CORES = "nproc"

# The tool's own default, which no flag expresses.
_DEFAULT_LEVEL = "-1"

def layer_extension(format):
    """Returns what the name of a layer's blob ends in.

    Args:
        format: str, gzip, zstd or none.

    Returns:
        str.
    """
    return ".tar" if format == UNCOMPRESSED else _FORMATS[format].extension

def compressed_media_type(format):
    """Returns the media type of a layer.

    Args:
        format: str, gzip, zstd or none.

    Returns:
        str.
    """
    return UNCOMPRESSED_LAYER if format == UNCOMPRESSED else _FORMATS[format].media_type

def tar_format(basename):
    """Returns the compression that the name of a tar stands for.

    Args:
        basename: str, file name without directories.

    Returns:
        str, gzip, zstd or none; None for a name that is not one of a tar.
    """
    return _FORMAT_BY_EXTENSION.get(basename.split(".")[-1])

def parse_level(format, level, compilation_mode):
    """Returns the compression level that a setting stands for.

    Args:
        format: str, gzip, zstd or none.
        level: str, the setting: auto, fastest, best, -1 or a number.
        compilation_mode: str, opt, fastbuild or dbg.

    Returns:
        struct with `level`, an int or None for the format's default, and `error`, None or a str that
        says which levels there are.
    """
    if format == UNCOMPRESSED:
        return struct(level = None, error = None)
    bounds = _FORMATS[format]
    if level == "auto":
        level = {"opt": "best", "fastbuild": "fastest"}.get(compilation_mode, _DEFAULT_LEVEL)
    if level == _DEFAULT_LEVEL:
        return struct(level = None, error = None)
    named = {"fastest": bounds.fastest, "best": bounds.best}.get(level)
    if named != None:
        return struct(level = named, error = None)
    if level.isdigit() and bounds.lowest <= int(level) and int(level) <= bounds.best:
        return struct(level = int(level), error = None)
    return struct(level = None, error = "auto, fastest, best, -1 or {} to {} for {}".format(
        bounds.lowest,
        bounds.best,
        format,
    ))

def parse_member_cache(place, size):
    """Returns where compressed members are kept.

    Args:
        place: str, the setting: empty, memory or the absolute path of a directory.
        size: str, the setting: a number of MiB.

    Returns:
        struct with `error`, None or a str that says what is allowed.
    """
    if place not in ["", "memory"] and not place.startswith("/"):
        return struct(error = "an empty text, memory or the absolute path of a directory")
    if not size.isdigit() or int(size) == 0:
        return struct(error = "a size in MiB, from 1")
    return struct(error = None)

def parse_jobs(jobs, compilation_mode):
    """Returns how many jobs a setting stands for.

    Layers have the same bytes whatever the number. An optimized build takes one: it is the build of
    a whole repository, where layers are compressed beside each other.

    Args:
        jobs: str, the setting: auto, nproc or a number.
        compilation_mode: str, opt, fastbuild or dbg.

    Returns:
        struct with `jobs`, a str, and `error`, None or a str that says what is allowed.
    """
    if jobs == "auto":
        return struct(jobs = "1" if compilation_mode == "opt" else ALL_CORES, error = None)
    if jobs == ALL_CORES or (jobs.isdigit() and int(jobs) > 0):
        return struct(jobs = jobs, error = None)
    return struct(jobs = None, error = "auto, nproc or a number from 1")
