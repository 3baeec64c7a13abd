"""Unit tests of compression.bzl."""

load(
    "//img/private/lib:compression.bzl",  # buildifier: disable=bzl-visibility
    "compressed_media_type",
    "layer_extension",
    "parse_jobs",
    "parse_level",
)
load("//tests/unit:check.bzl", "table_test")

def _level(*arguments):
    parsed = parse_level(*arguments)
    return parsed.error or parsed.level

def _jobs(*arguments):
    parsed = parse_jobs(*arguments)
    return parsed.error or parsed.jobs

extensions_name_the_compression_test = table_test(layer_extension, [
    (["gzip"], ".tgz"),
    (["zstd"], ".tar.zst"),
    (["none"], ".tar"),
])

media_types_name_the_compression_test = table_test(compressed_media_type, [
    (["gzip"], "application/vnd.oci.image.layer.v1.tar+gzip"),
    (["zstd"], "application/vnd.oci.image.layer.v1.tar+zstd"),
    (["none"], "application/vnd.oci.image.layer.v1.tar"),
])

_GZIP_LEVELS = "auto, fastest, best, -1 or 0 to 9 for gzip"
_ZSTD_LEVELS = "auto, fastest, best, -1 or 1 to 4 for zstd"

levels_are_checked_for_the_format_test = table_test(_level, [
    (["none", "9", "opt"], None),
    (["gzip", "auto", "opt"], 9),
    (["gzip", "auto", "fastbuild"], 1),
    (["gzip", "auto", "dbg"], None),
    (["gzip", "fastest", "opt"], 1),
    (["gzip", "best", "fastbuild"], 9),
    (["gzip", "-1", "opt"], None),
    (["gzip", "0", "opt"], 0),
    (["gzip", "6", "opt"], 6),
    (["gzip", "10", "opt"], _GZIP_LEVELS),
    (["gzip", "", "opt"], _GZIP_LEVELS),
    (["gzip", "-2", "opt"], _GZIP_LEVELS),
    (["zstd", "auto", "opt"], 4),
    (["zstd", "auto", "fastbuild"], 1),
    (["zstd", "auto", "dbg"], None),
    (["zstd", "best", "fastbuild"], 4),
    (["zstd", "3", "opt"], 3),
    (["zstd", "0", "opt"], _ZSTD_LEVELS),
    (["zstd", "9", "opt"], _ZSTD_LEVELS),
    (["zstd", "high", "opt"], _ZSTD_LEVELS),
])

_JOBS = "auto, nproc or a number from 1"

jobs_are_checked_test = table_test(_jobs, [
    (["auto", "opt"], "1"),
    (["auto", "fastbuild"], "nproc"),
    (["auto", "dbg"], "nproc"),
    (["nproc", "opt"], "nproc"),
    (["7", "opt"], "7"),
    (["0", "opt"], _JOBS),
    (["-1", "opt"], _JOBS),
    (["many", "opt"], _JOBS),
])
