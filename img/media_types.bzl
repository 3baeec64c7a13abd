"""Media types of layers."""

load(
    "//img/private/lib:media_types.bzl",
    _GZIP_LAYER = "GZIP_LAYER",
    _UNCOMPRESSED_LAYER = "UNCOMPRESSED_LAYER",
    _ZSTD_LAYER = "ZSTD_LAYER",
)

GZIP_LAYER = _GZIP_LAYER
UNCOMPRESSED_LAYER = _UNCOMPRESSED_LAYER
ZSTD_LAYER = _ZSTD_LAYER
