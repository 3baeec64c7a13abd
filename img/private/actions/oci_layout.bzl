"""Lays out an image as a directory of blobs, or as an archive of it."""

load("//img/private/actions:run_img.bzl", "img_args", "run_img")

def oci_layout_actions(ctx, *, manifests, allow_missing_blobs, index = None):
    """Registers the actions that make the OCI image layout of an image.

    Each runs only when its output is asked for. A layer whose blob is not part of the build fails it
    then, unless it may be missing: the tool names the blob and the setting that allows it.

    Args:
        ctx: rule context.
        manifests: list of ImageManifestInfo, exactly one if there is no index.
        allow_missing_blobs: bool, whether the layout may lack layers without a blob.
        index: File of the index, or None.

    Returns:
        dict from output group to depset of File: `oci_layout`, a directory, and `oci_tarball`, a tar, which
        `docker load` takes as well.
    """
    image = struct(allow_missing_blobs = allow_missing_blobs, index = index, manifests = manifests)
    layout = ctx.actions.declare_directory(ctx.label.name + "_oci_layout")
    _layout_action(ctx, image, layout, format = "directory")
    tarball = ctx.actions.declare_file(ctx.label.name + "_oci_layout.tar")
    _layout_action(ctx, image, tarball, format = "tar")
    return {"oci_layout": depset([layout]), "oci_tarball": depset([tarball])}

def _layout_action(ctx, image, output, *, format):
    index, manifests = image.index, image.manifests
    args = img_args(ctx, "oci-layout")
    args.add("--format", format)
    if image.allow_missing_blobs:
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

    # A directory, unlike a file, has to be kept from being listed.
    args.add_all("--output", [output], expand_directories = False)
    run_img(
        ctx,
        [args],
        mnemonic = "OCILayout",
        progress_message = "Laying out image %{label}",
        inputs = ([index] if index else []) + documents + configs +
                 [layer.metadata for layer in layers] + [layer.blob for layer in layers],
        outputs = [output],
    )

def _layers_with_blob(manifests):
    layers = {
        layer.metadata: layer
        for manifest in manifests
        for layer in manifest.layers
        if layer.blob
    }
    return layers.values()
