"""Makes a layer of a tar."""

load("//img/private/actions:compression.bzl", "add_compression")
load("//img/private/actions:run_img.bzl", "img_args", "run_img")
load("//img/private/attrs:annotations.bzl", "add_annotations")
load("//img/private/providers:layer_info.bzl", "LayerInfo")

def tar_layer_action(ctx, tar, *, optimize, compression, media_type):
    """Makes a layer by compressing a tar anew, or by building it again from the entries.

    The former leaves the bytes of the tar as they are, unless it becomes an eStargz. The latter stores each
    entry once, and copies as hard links.

    Args:
        ctx: rule context with `ANNOTATION_ATTRS`.
        tar: File, a tar, possibly compressed.
        optimize: bool, whether to build it again.
        compression: struct from `resolve_compression`.
        media_type: str, media type of the layer, or empty for that of the compression.

    Returns:
        LayerInfo.
    """
    blob = ctx.actions.declare_file(ctx.label.name + compression.extension)
    metadata = ctx.actions.declare_file(ctx.label.name + "_metadata.json")
    args = img_args(ctx, "layer" if optimize else "compress")
    if optimize:
        args.add("--import-tar", tar)
    args.add(ctx.label, format = "--name=%s")
    args.add("--metadata", metadata)
    if media_type:
        args.add(media_type, format = "--media-type=%s")
    add_compression(args, compression)
    annotations = add_annotations(args, ctx)
    if not optimize:
        args.add(tar)
    args.add(blob)
    run_img(
        ctx,
        [args],
        mnemonic = "LayerOptimize" if optimize else "LayerCompress",
        progress_message = ("Optimizing" if optimize else "Compressing") + " layer %{label}",
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
