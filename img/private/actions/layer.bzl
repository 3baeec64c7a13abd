"""Builds a layer."""

load("//img/private/actions:compression.bzl", "add_compression")
load("//img/private/actions:layer_content.bzl", "layer_content_args", "layer_source")
load("//img/private/actions:run_img.bzl", "img_args", "run_img")
load("//img/private/attrs:annotations.bzl", "add_annotations")
load("//img/private/lib:image_paths.bzl", "strip_root")
load("//img/private/providers:layer_info.bzl", "LayerInfo")

def layer_action(ctx, *, compression, create_parent_directories, tree_artifact_handling):
    """Builds the layer that the attributes of `image_layer` describe.

    Args:
        ctx: rule context of `image_layer`.
        compression: struct from `resolve_compression`.
        create_parent_directories: bool.
        tree_artifact_handling: str, full or deduplicate_symlink.

    Returns:
        LayerInfo.
    """
    blob = ctx.actions.declare_file(ctx.label.name + compression.extension)
    metadata = ctx.actions.declare_file(ctx.label.name + "_metadata.json")
    args = img_args(ctx, "layer")
    args.add(ctx.label, format = "--name=%s")
    args.add("--metadata", metadata)
    add_compression(args, compression)
    if create_parent_directories:
        args.add("--create-parent-directories")
    args.add("--layer-tree-artifact-handling", tree_artifact_handling)
    direct_inputs = add_annotations(args, ctx)
    if ctx.attr.default_metadata:
        args.add(_one_line_json(ctx.attr.default_metadata), format = "--default-metadata=%s")
    content = layer_content_args(ctx, {
        path: layer_source(target, include_runfiles = ctx.attr.include_runfiles)
        for path, target in ctx.attr.srcs.items()
    })
    run_img(
        ctx,
        [args, _file_metadata_args(ctx)] + content.arguments + _symlink_args(ctx) + [_output_args(ctx, blob)],
        mnemonic = "LayerTar",
        progress_message = "Building layer %{label}",
        inputs = depset(direct_inputs, transitive = [content.inputs]),
        outputs = [blob, metadata],
        worker = True,
    )
    return LayerInfo(
        blob = blob,
        metadata = metadata,
        media_type = compression.media_type,
        estargz = compression.estargz,
    )

def _file_metadata_args(ctx):
    args = ctx.actions.args()
    args.add_all(
        [
            "{}={}".format(strip_root(path), _one_line_json(metadata))
            for path, metadata in ctx.attr.file_metadata.items()
        ],
        format_each = "--file-metadata=%s",
    )
    return args

def _one_line_json(text):
    return json.encode(json.decode(text))

def _symlink_args(ctx):
    if not ctx.attr.symlinks:
        return []
    args = ctx.actions.args()
    args.add_all(
        [
            strip_root(link) + "\0" + target
            for link, target in ctx.attr.symlinks.items()
        ],
        format_each = "--symlink-line=%s",
    )
    return [args]

def _output_args(ctx, blob):
    args = ctx.actions.args()
    args.add(blob)
    return args
