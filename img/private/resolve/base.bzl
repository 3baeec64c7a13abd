"""The image that an image extends."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/lib:platforms.bzl", "format_platform", "select_by_platform")
load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")

def resolve_base(ctx, platform):
    """Returns the manifest that an image extends.

    A base for a single platform is taken as it is: the tool compares it with the platform.

    Args:
        ctx: rule context with attribute `base`.
        platform: struct from `resolve_platform`.

    Returns:
        ImageManifestInfo, or None without a base.
    """
    target = ctx.attr.base
    if not target:
        return None
    if ImageManifestInfo in target:
        return target[ImageManifestInfo]
    manifests = target[ImageIndexInfo].manifests
    selected = select_by_platform(manifests, platform)
    if not selected:
        fail_attr(
            ctx.label,
            "base",
            expected = "an index with a manifest for " + _format(platform),
            found = "{}, which has {}".format(
                target.label,
                ", ".join([_format(manifest) for manifest in manifests]) or "no manifests",
            ),
            remedy = "build for a platform of the base, or take a base for this platform",
        )
    return selected

def _format(platform):
    return format_platform(platform.os, platform.architecture, platform.variant)
