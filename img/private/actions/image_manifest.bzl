"""Builds the manifest and the configuration of an image."""

load("//img/private/actions:run_img.bzl", "flag_values", "img_args", "run_img")
load("//img/private/attrs:annotations.bzl", "add_annotations")
load("//img/private/attrs:config.bzl", "add_config")
load("//img/private/attrs:subject.bzl", "add_subject")
load("//img/private/lib:references.bzl", "base_name")
load("//img/private/providers:pull_info.bzl", "PullInfo")

def image_manifest_action(ctx, *, base, layers, platform):
    """Builds the image that the attributes of `image_manifest` describe.

    Args:
        ctx: rule context of `image_manifest`.
        base: ImageManifestInfo or None.
        layers: list of LayerInfo to put on top of the base.
        platform: struct from `resolve_platform`.

    Returns:
        struct of manifest, config, descriptor and digest, each a File.
    """
    outputs = struct(
        manifest = ctx.actions.declare_file(ctx.label.name + "_manifest.json"),
        config = ctx.actions.declare_file(ctx.label.name + "_config.json"),
        descriptor = ctx.actions.declare_file(ctx.label.name + "_descriptor.json"),
        digest = ctx.actions.declare_file(ctx.label.name + "_digest"),
    )
    metadata = [layer.metadata for layer in layers]
    args = img_args(ctx, "manifest")
    args.add("--os", platform.os)
    args.add("--architecture", platform.architecture)
    if platform.variant:
        args.add("--variant", platform.variant)
    args.add_all(metadata, before_each = "--layer-from-metadata")
    inputs = metadata + _add_base(args, ctx, base) + add_config(args, ctx) + _add_artifact(args, ctx) + add_annotations(args, ctx)
    args.add("--manifest", outputs.manifest)
    args.add("--config", outputs.config)
    args.add("--descriptor", outputs.descriptor)
    args.add("--digest", outputs.digest)
    run_img(
        ctx,
        [args],
        mnemonic = "ImageManifest",
        progress_message = "Building image manifest %{label}",
        inputs = inputs,
        outputs = [outputs.manifest, outputs.config, outputs.descriptor, outputs.digest],
        worker = True,
    )
    return outputs

def _add_base(args, ctx, base):
    if not base:
        return []
    args.add("--base-manifest", base.manifest)
    args.add("--base-config", base.config)
    args.add("--base-descriptor", base.descriptor)
    name = base_name(ctx.attr.base[PullInfo]) if PullInfo in ctx.attr.base else None
    if name:
        args.add_all(flag_values("--base-name", [name]))
    return [base.manifest, base.config, base.descriptor]

def _add_artifact(args, ctx):
    """Adds what makes the manifest another thing than an image; returns the files that takes."""
    for flag, value in {
        "--artifact-type": ctx.attr.artifact_type,
        "--config-media-type": ctx.attr.config_media_type,
    }.items():
        if value:
            args.add_all(flag_values(flag, [value]))
    return add_subject(args, ctx)
