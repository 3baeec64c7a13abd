"""Media types of layers, and what a file name says about them."""

UNCOMPRESSED_LAYER = "application/vnd.oci.image.layer.v1.tar"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"

# The two bytes `{}`, for what needs no content.
EMPTY_JSON = "application/vnd.oci.empty.v1+json"

_MEDIA_TYPE_BY_SUFFIX = {
    ".tar": UNCOMPRESSED_LAYER,
    ".tar.gz": GZIP_LAYER,
    ".tgz": GZIP_LAYER,
    ".tar.zst": ZSTD_LAYER,
    ".tzst": ZSTD_LAYER,
}

LAYER_TAR_SUFFIXES = _MEDIA_TYPE_BY_SUFFIX.keys()

def layer_media_type(basename):
    """Returns the layer media type that a tar's file name stands for.

    Args:
        basename: str, file name without directories.

    Returns:
        str, or None for a name that is not one of a tar.
    """
    for suffix, media_type in _MEDIA_TYPE_BY_SUFFIX.items():
        if basename.endswith(suffix):
            return media_type
    return None
