"""Writes what `img deploy` shall do."""

load("//img/private/actions:run_img.bzl", "img_args", "run_img")

def push_metadata_action(ctx, *, image, destination, strategy):
    """Writes the deploy manifest of one push.

    Args:
        ctx: rule context.
        image: struct of root (File), root_kind (manifest or index), manifests (list of
            ImageManifestInfo) and pull_info (PullInfo or None).
        destination: struct of registry (str), repository (str) and tags (list of str).
        strategy: str.

    Returns:
        File, the deploy manifest.
    """
    deploy_manifest = ctx.actions.declare_file(ctx.label.name + ".json")
    configuration = ctx.actions.declare_file(ctx.label.name + ".configuration.json")
    ctx.actions.write(configuration, json.encode(destination) + "\n")
    args = img_args(ctx, "deploy-metadata")
    args.add("--command", "push")
    args.add("--root-path", image.root)
    args.add("--root-kind", image.root_kind)
    args.add("--configuration-file", configuration)
    args.add("--strategy", strategy)
    for position, manifest in enumerate(image.manifests):
        args.add("--manifest-path", manifest.manifest, format = "{}=%s".format(position))
        if manifest.missing_blobs:
            args.add_joined(
                "--missing-blobs-for-manifest",
                manifest.missing_blobs,
                format_joined = "{}=%s".format(position),
                join_with = ",",
            )
    _add_source(args, image.pull_info)
    args.add(deploy_manifest)
    run_img(
        ctx,
        [args],
        mnemonic = "DeployMetadata",
        progress_message = "Writing deploy manifest %{label}",
        inputs = [image.root, configuration] + [manifest.manifest for manifest in image.manifests],
        outputs = [deploy_manifest],
    )
    return deploy_manifest

def _add_source(args, pull_info):
    if not pull_info:
        return
    args.add_all(pull_info.registries, format_each = "--original-registry=%s")
    args.add(pull_info.repository, format = "--original-repository=%s")
    if pull_info.tag:
        args.add(pull_info.tag, format = "--original-tag=%s")
    if pull_info.digest:
        args.add(pull_info.digest, format = "--original-digest=%s")
