"""The layers that an image adds to its base."""

load("//img/private/actions:layer_metadata.bzl", "layer_metadata_action")
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/lib:media_types.bzl", "LAYER_TAR_SUFFIXES", "layer_media_type")
load("//img/private/providers:layer_info.bzl", "LayerInfo")
load("//img/private/providers:layers_info.bzl", "LayersInfo")

def resolve_layers(ctx):
    """Returns the layers of a rule with attribute `layers`.

    Args:
        ctx: rule context.

    Returns:
        list of LayerInfo. A plain tar becomes one by an action that hashes it.
    """
    layers = []
    for target in ctx.attr.layers:
        if LayerInfo in target:
            layers.append(target[LayerInfo])
            continue
        if LayersInfo in target:
            layers.extend(target[LayersInfo].layers)
            continue
        tars = target[DefaultInfo].files.to_list()
        if not tars:
            _fail_layer(ctx, "{}, which has no files".format(target.label))
        for tar in tars:
            layers.append(_tar_layer(ctx, target, tar, len(layers)))
    return layers

def _tar_layer(ctx, target, tar, position):
    media_type = layer_media_type(tar.basename)
    if tar.is_directory or not media_type:
        _fail_layer(ctx, "{} of {}".format(tar.short_path, target.label))
    return layer_metadata_action(
        ctx,
        tar,
        label = target.label,
        output_name = "{}_layer_{}_metadata.json".format(ctx.label.name, position),
        media_type = media_type,
    )

def _fail_layer(ctx, found):
    fail_attr(
        ctx.label,
        "layers",
        expected = "targets that provide LayerInfo, or tars ({})".format(", ".join(LAYER_TAR_SUFFIXES)),
        found = found,
        remedy = "put files into an image_layer, and that into `layers`",
    )
