"""The image that an image extends."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")
load(
    "//img/private/lib:platforms.bzl",
    "ARCHITECTURES_WITH_VARIANT",
    "format_platform",
    "has_unnamed_variant",
    "select_by_platform",
)
load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")

def resolve_base(ctx, platform):
    """Returns the manifest that an image extends.

    A base for a single platform is compared with the platform by the tool. Only a variant that the
    platform does not name is refused here, where the platform can be told.

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
        _check_variant(ctx, target[ImageManifestInfo], platform)
        return target[ImageManifestInfo]
    manifests = target[ImageIndexInfo].manifests
    selected = select_by_platform(manifests, platform)
    if not selected:
        fail_attr(
            ctx.label,
            "base",
            expected = "an index with a manifest for " + format_platform(platform),
            found = "{}, which has {}".format(
                target.label,
                ", ".join([format_platform(manifest) for manifest in manifests]) or "no manifests",
            ),
            remedy = "build for a platform of the base, or take a base for this platform",
        )
    return selected

def _check_variant(ctx, base, platform):
    if not has_unnamed_variant(base, platform):
        return
    remedy = "take a base without a variant"
    if platform.architecture in ARCHITECTURES_WITH_VARIANT:
        remedy += ", or add the constraint value @rules_img//img/constraints/{}:{} to the platform".format(
            base.architecture,
            base.variant,
        )
    fail_attr(
        ctx.label,
        "base",
        expected = "an image for {}, without a variant, as the platform names none".format(
            format_platform(platform),
        ),
        found = "{}, which is for {}".format(ctx.attr.base.label, format_platform(base)),
        remedy = remedy,
    )
