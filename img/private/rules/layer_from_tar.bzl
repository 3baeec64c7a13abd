"""Rule `layer_from_tar`: a layer of a tar that exists already."""

load("//img/private/actions:layer_metadata.bzl", "layer_metadata_action")
load("//img/private/actions:run_img.bzl", "WORKER_ATTRS")
load("//img/private/actions:tar_layer.bzl", "tar_layer_action")
load("//img/private/attrs:annotations.bzl", "ANNOTATION_ATTRS", "add_annotations")
load("//img/private/attrs:checks.bzl", "check_keys")
load("//img/private/lib:compression.bzl", "TAR_FORMATS", "compressed_media_type", "tar_format")
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/lib:media_types.bzl", "LAYER_TAR_SUFFIXES")
load("//img/private/providers:layer_info.bzl", "LayerInfo")
load("//img/private/providers:layers_info.bzl", "LayersInfo")
load("//img/private/resolve:choice.bzl", "AUTO", "resolve_choice")
load(
    "//img/private/resolve:compression.bzl",
    "ENABLED",
    "compression_attrs",
    "resolve_compression",
    "resolve_estargz",
)
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

def _layer_from_tar_impl(ctx):
    check_keys(ctx, "annotations")
    tar = ctx.file.src
    if tar.is_directory or not tar_format(tar.basename):
        fail_attr(
            ctx.label,
            "src",
            expected = "a tar ({})".format(", ".join(LAYER_TAR_SUFFIXES)),
            found = "{} {}".format("the directory" if tar.is_directory else "the file", tar.short_path),
            remedy = "put files and directories into an image_layer, or give the tar such a name",
        )
    layer = _make_layer(ctx, tar)
    return [
        DefaultInfo(files = depset([layer.blob, layer.metadata])),
        OutputGroupInfo(
            layer = depset([layer.blob]),
            metadata = depset([layer.metadata]),
        ),
        layer,
        LayersInfo(layers = [layer]),
    ]

def _make_layer(ctx, tar):
    source_format = tar_format(tar.basename)
    format = _target_format(ctx, source_format)
    if _is_as_wanted(ctx, source_format, format):
        return layer_metadata_action(
            ctx,
            tar,
            label = ctx.label,
            output_name = ctx.label.name + "_metadata.json",
            media_type = ctx.attr.media_type or compressed_media_type(format),
            add_annotations = add_annotations,
        )
    return tar_layer_action(
        ctx,
        tar,
        optimize = ctx.attr.optimize,
        compression = resolve_compression(ctx, format),
        media_type = ctx.attr.media_type,
    )

def _target_format(ctx, source_format):
    if ctx.attr.compress != AUTO:
        return ctx.attr.compress
    if ctx.attr.optimize or resolve_estargz(ctx):
        return resolve_choice(AUTO, ctx.attr._default_compression)
    return source_format

def _is_as_wanted(ctx, source_format, format):
    """Tells whether the tar can be the layer as it is."""
    is_changed = ctx.attr.optimize or resolve_estargz(ctx) or ctx.attr.single_member == ENABLED
    return source_format == format and not is_changed

layer_from_tar = rule(
    implementation = _layer_from_tar_impl,
    doc = """Makes a layer of a tar, plain or compressed.

```starlark
layer_from_tar(
    name = "rootfs",
    src = "rootfs.tar.zst",
    compress = "gzip",
)
```

A tar that is as it is wanted becomes the layer itself, and is only hashed. With `compress = "auto"` that is any
compression, none as well: the setting counts only where the tar is written anew (`optimize`, `estargz`). The setting
`single_member` alone changes nothing in it, the attribute does. Else it is compressed anew, or, with `optimize`,
taken apart and put together again. In any case it is read strictly: an archive that two readers would not see the
same in is refused, with the name of the entry and its offset.

Output groups: `layer` (the blob) and `metadata` (JSON with its digests and size).
""",
    attrs = ANNOTATION_ATTRS | compression_attrs(TAR_FORMATS) | WORKER_ATTRS | {
        "media_type": attr.string(
            doc = "Media type of the layer. By default that of its compression.",
        ),
        "optimize": attr.bool(
            doc = """Whether to build the layer from the entries of the tar. False by default.

Each path is stored once, as it would be after unpacking, and files with the same content and metadata
become hard links. Modes, owners and times stay.""",
        ),
        "src": attr.label(
            mandatory = True,
            allow_single_file = LAYER_TAR_SUFFIXES,
            doc = "The tar: {}. What it is compressed with is seen from its content; a name that says something else is refused.".format(
                ", ".join(["`{}`".format(suffix) for suffix in LAYER_TAR_SUFFIXES]),
            ),
        ),
    },
    provides = [LayerInfo, LayersInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
