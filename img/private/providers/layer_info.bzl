"""Provider of one layer."""

LayerInfo = provider(
    doc = "One layer of an image. Actions that want a size or a digest take its metadata, not its blob.",
    fields = {
        "blob": "File or None: the layer as it is stored, compressed or not. None where the bytes are only known by digest.",
        "metadata": "File: JSON with the name, diff ID, media type, digest, size and annotations of the layer.",
        "media_type": "str: media type of the blob, one of the constants in `@rules_img//img:media_types.bzl`.",
        "estargz": "bool: whether the blob is an eStargz or zstd:chunked one, which can be pulled lazily.",
    },
)
