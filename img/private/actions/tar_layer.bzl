"""Makes a layer of a tar."""

load("//img/private/actions:compression.bzl", "add_compression")
load("//img/private/actions:run_img.bzl", "img_args", "run_img")
load("//img/private/attrs:annotations.bzl", "add_annotations")
load("//img/private/providers:layer_info.bzl", "LayerInfo")

def compress_tar_action(ctx, tar, *, compression, media_type):
    """Compresses a tar anew; its bytes stay, unless it becomes an eStargz.

    Args:
        ctx: rule context with `ANNOTATION_ATTRS`.
        tar: File, a tar, possibly compressed.
        compression: struct from `resolve_compression`.
        media_type: str, media type of the layer, or empty for that of the compression.

    Returns:
        LayerInfo.
    """
    args = img_args(ctx, "compress")
    return _tar_layer_action(
        ctx,
        args,
        tar,
        compression = compression,
        media_type = media_type,
        input_args = _file_args(ctx, tar),
        mnemonic = "LayerCompress",
        progress_message = "Compressing layer %{label}",
    )

def optimize_tar_action(ctx, tar, *, compression, media_type):
    """Builds a layer of the entries of a tar: each once, copies as hard links.

    Args:
        ctx: rule context with `ANNOTATION_ATTRS`.
        tar: File, a tar, possibly compressed.
        compression: struct from `resolve_compression`.
        media_type: str, media type of the layer, or empty for that of the compression.

    Returns:
        LayerInfo.
    """
    args = img_args(ctx, "layer")
    args.add("--import-tar", tar)
    return _tar_layer_action(
        ctx,
        args,
        tar,
        compression = compression,
        media_type = media_type,
        input_args = [],
        mnemonic = "LayerOptimize",
        progress_message = "Optimizing layer %{label}",
    )

def _tar_layer_action(ctx, args, tar, *, compression, media_type, input_args, mnemonic, progress_message):
    blob = ctx.actions.declare_file(ctx.label.name + compression.extension)
    metadata = ctx.actions.declare_file(ctx.label.name + "_metadata.json")
    args.add(ctx.label, format = "--name=%s")
    args.add("--metadata", metadata)
    if media_type:
        args.add(media_type, format = "--media-type=%s")
    add_compression(args, compression)
    annotations = add_annotations(args, ctx)
    run_img(
        ctx,
        [args] + input_args + _file_args(ctx, blob),
        mnemonic = mnemonic,
        progress_message = progress_message,
        inputs = [tar] + annotations,
        outputs = [blob, metadata],
        worker = True,
    )
    return LayerInfo(
        blob = blob,
        metadata = metadata,
        media_type = media_type or compression.media_type,
        estargz = compression.estargz,
    )

def _file_args(ctx, file):
    args = ctx.actions.args()
    args.add(file)
    return [args]
