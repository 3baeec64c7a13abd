"""Works out the metadata of a layer that was not built here."""

load("//img/private/actions:run_img.bzl", "img_args", "run_img")
load("//img/private/providers:layer_info.bzl", "LayerInfo")

def layer_metadata_action(ctx, tar, *, label, output_name, media_type, add_annotations = None):
    """Makes a layer of a tar by hashing it; its bytes stay.

    Args:
        ctx: rule context.
        tar: File, a tar, possibly compressed.
        label: Label of the target that the tar belongs to, the name of the layer in its metadata.
        output_name: str, name of the metadata file.
        media_type: str, media type of the tar.
        add_annotations: function from Args and rule context to list of File, which adds annotations
            to the command line and returns its inputs; none by default.

    Returns:
        LayerInfo.
    """
    metadata = ctx.actions.declare_file(output_name)
    args = img_args(ctx, "hash")
    args.add("--digest", "sha256")
    args.add("--encoding", "layer-metadata")
    args.add(label, format = "--name=%s")
    args.add(media_type, format = "--media-type=%s")
    annotations = add_annotations(args, ctx) if add_annotations else []
    args.add(tar)
    args.add(metadata)
    run_img(
        ctx,
        [args],
        mnemonic = "LayerMetadata",
        progress_message = "Hashing layer %{input}",
        inputs = [tar] + annotations,
        outputs = [metadata],
        worker = True,
    )
    return LayerInfo(blob = tar, metadata = metadata, media_type = media_type, estargz = False)
