"""The image of a deploy operation."""

load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")
load("//img/private/providers:pull_info.bzl", "PullInfo")

def resolve_deploy_image(ctx):
    """Returns what a rule with attribute `image` deploys.

    Args:
        ctx: rule context.

    Returns:
        struct of info (ImageManifestInfo or ImageIndexInfo), root (File), root_kind (manifest or
        index), index (File or None), manifests (list of ImageManifestInfo) and pull_info (PullInfo
        or None).
    """
    target = ctx.attr.image
    pull_info = target[PullInfo] if PullInfo in target else None
    if ImageManifestInfo in target:
        info = target[ImageManifestInfo]
        return struct(
            info = info,
            root = info.manifest,
            root_kind = "manifest",
            index = None,
            manifests = [info],
            pull_info = pull_info,
        )
    info = target[ImageIndexInfo]
    return struct(
        info = info,
        root = info.index,
        root_kind = "index",
        index = info.index,
        manifests = info.manifests,
        pull_info = pull_info,
    )
