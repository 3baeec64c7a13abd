"""Lays out an image as a directory of blobs."""

load("//img/private/actions:run_img.bzl", "img_args", "run_img")

def oci_layout_action(ctx, *, manifests, allow_missing_blobs, index = None):
    """Registers the action that makes an OCI image layout.

    It runs only when the layout is asked for. A layer whose blob is not part of the build fails it
    then, unless it may be missing: the tool names the blob and the setting that allows it.

    Args:
        ctx: rule context.
        manifests: list of ImageManifestInfo, exactly one if there is no index.
        allow_missing_blobs: bool, whether the layout may lack layers without a blob.
        index: File of the index, or None.

    Returns:
        File, a directory.
    """
    layout = ctx.actions.declare_directory(ctx.label.name + "_oci_layout")
    args = img_args(ctx, "oci-layout")
    args.add("--format", "directory")
    if allow_missing_blobs:
        args.add("--allow-missing-blobs")
    documents = [manifest.manifest for manifest in manifests]
    configs = [manifest.config for manifest in manifests]
    if index:
        args.add("--index", index)
        args.add_all(documents, before_each = "--manifest-path")
        args.add_all(configs, before_each = "--config-path")
    else:
        args.add("--manifest", documents[0])
        args.add("--config", configs[0])
    layers = _layers_with_blob(manifests)
    for layer in layers:
        args.add_joined("--layer", [layer.metadata, layer.blob], join_with = "=", expand_directories = False)

    # The output is a directory: unlike a file, it has to be kept from being listed.
    args.add_all("--output", [layout], expand_directories = False)
    run_img(
        ctx,
        [args],
        mnemonic = "OCILayout",
        progress_message = "Laying out image %{label}",
        inputs = ([index] if index else []) + documents + configs +
                 [layer.metadata for layer in layers] + [layer.blob for layer in layers],
        outputs = [layout],
    )
    return layout

def _layers_with_blob(manifests):
    layers = {
        layer.metadata: layer
        for manifest in manifests
        for layer in manifest.layers
        if layer.blob
    }
    return layers.values()
