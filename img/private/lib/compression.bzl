"""What level and how many jobs to compress a layer with."""

load("//img/private/lib:media_types.bzl", "GZIP_LAYER", "ZSTD_LAYER")

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

ALL_CORES = "nproc"

# The tool's own default, which no flag expresses.
_DEFAULT_LEVEL = "-1"

def layer_extension(format):
    """Returns what the name of a layer's blob ends in.

    Args:
        format: str, gzip or zstd.

    Returns:
        str.
    """
    return _FORMATS[format].extension

def compressed_media_type(format):
    """Returns the media type of a layer that is compressed.

    Args:
        format: str, gzip or zstd.

    Returns:
        str.
    """
    return _FORMATS[format].media_type

def parse_level(format, level, compilation_mode):
    """Returns the compression level that a setting stands for.

    Args:
        format: str, gzip or zstd.
        level: str, the setting: auto, fastest, best, -1 or a number.
        compilation_mode: str, opt, fastbuild or dbg.

    Returns:
        struct with `level`, an int or None for the format's default, and `error`, None or a str that
        says which levels there are.
    """
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
