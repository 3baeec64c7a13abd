"""Providers of layers."""

# What layers have in other versions of these rules. None of it is made or read here.
_LATER_FIELDS = [
    "compact_stream",
    "layer_input_files",
    "layer_input_files_cas",
    "mtree",
    "sources",
    "ztoc",
]

def _layer_info_init(*, blob, metadata, media_type, estargz = False, **later):
    unknown = [field for field in later if field not in _LATER_FIELDS]
    if unknown:
        fail("LayerInfo(): unknown fields: {}; expected blob, metadata, media_type and estargz".format(
            ", ".join(unknown),
        ))
    fields = {field: later.get(field) for field in _LATER_FIELDS}
    return fields | {
        "blob": blob,
        "estargz": estargz,
        "media_type": media_type,
        "metadata": metadata,
    }

LayerInfo, _new_layer_info = provider(
    doc = "One layer of an image. Actions that want a size or a digest take its metadata, not its blob.",
    fields = {
        "blob": "File or None: the layer as it is stored, compressed or not. None where the bytes are only known by digest.",
        "metadata": "File: JSON with the name, diff ID, media type, digest, size and annotations of the layer.",
        "media_type": "str: media type of the blob, one of the constants in `@rules_img//img:media_types.bzl`.",
        "estargz": "bool: whether the blob is an eStargz or zstd:chunked one, which can be pulled lazily.",
    } | {
        field: "None: kept for rules that were written against other versions."
        for field in _LATER_FIELDS
    },
    init = _layer_info_init,
)

# The name of LayerInfo in later versions of the same API.
SingleLayerInfo = LayerInfo
