"""Builds the manifest and the configuration of an image."""

load("//img/private/actions:run_img.bzl", "flag_values", "img_args", "run_img")
load("//img/private/attrs:annotations.bzl", "add_annotations")
load("//img/private/lib:key_values.bzl", "key_values")

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
    inputs = metadata + _add_base(args, base) + _add_settings(args, ctx) + add_annotations(args, ctx)
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

def _add_base(args, base):
    if not base:
        return []
    args.add("--base-manifest", base.manifest)
    args.add("--base-config", base.config)
    args.add("--base-descriptor", base.descriptor)
    return [base.manifest, base.config, base.descriptor]

def _add_settings(args, ctx):
    """Adds what goes into the configuration; returns the files that takes."""
    if ctx.attr.user:
        args.add_all(flag_values("--user", [ctx.attr.user]))
    args.add_all(flag_values("--env", key_values(ctx.attr.env)))
    args.add_all(flag_values("--entrypoint", ctx.attr.entrypoint))
    args.add_all(flag_values("--cmd", ctx.attr.cmd))
    if ctx.attr.working_dir:
        args.add_all(flag_values("--working-dir", [ctx.attr.working_dir]))
    args.add_all(flag_values("--label", key_values(ctx.attr.labels)))
    if ctx.attr.stop_signal:
        args.add_all(flag_values("--stop-signal", [ctx.attr.stop_signal]))
    files = {"--config-fragment": ctx.file.config_fragment, "--created": ctx.file.created}
    for flag, file in files.items():
        if file:
            args.add(flag, file)
    return [file for file in files.values() if file]
