"""The manifests of an index."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/lib:platforms.bzl", "format_platform", "platforms_equal")
load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")
load("//img/private/providers:pull_info.bzl", "PullInfo")
load("//img/private/providers:target_platform_info.bzl", "TargetPlatformInfo")

def resolve_index_manifests(ctx):
    """Returns the manifests of an index, in its order.

    Args:
        ctx: rule context with attributes `manifests`, `platforms` and `_slot_platform`.

    Returns:
        list of ImageManifestInfo.
    """
    if ctx.attr.platforms:
        for slot, targets in _slots(ctx):
            _check_slot(ctx, slot, targets)
    return [
        manifest
        for _, targets in _slots(ctx)
        for target in targets
        for manifest in _manifests_of(target)
    ]

def resolve_index_source(ctx):
    """Returns where the blobs can be fetched that the manifests of an index miss.

    Args:
        ctx: rule context with attribute `manifests`.

    Returns:
        PullInfo, or None if no manifest has one.
    """
    sources = []
    for _, targets in _slots(ctx):
        for target in targets:
            if PullInfo in target and target[PullInfo] not in sources:
                sources.append(target[PullInfo])
    if len(sources) > 1 and _has_missing_blobs(ctx):
        fail_attr(
            ctx.label,
            "manifests",
            expected = "images whose missing layers all come from one repository",
            found = "bases pulled from " + ", ".join([
                "{}/{}".format(source.registries[0], source.repository)
                for source in sources
            ]),
            remedy = "take bases from one repository, or bases whose layers are files of this build",
        )
    return sources[0] if sources else None

def _manifests_of(target):
    """Returns the manifest of an image, or those of an index in its order."""
    if ImageManifestInfo in target:
        return [target[ImageManifestInfo]]
    return target[ImageIndexInfo].manifests

def _slots(ctx):
    """Returns pairs of slot and targets: one for each platform, or the only one."""
    split = ctx.split_attr.manifests
    count = len(ctx.attr.platforms) or 1
    return [(str(slot), split.get(str(slot), [])) for slot in range(count)]

def _check_slot(ctx, slot, targets):
    slot_platform = ctx.split_attr._slot_platform[slot][TargetPlatformInfo]
    expected = struct(
        os = slot_platform.os,
        architecture = slot_platform.cpu,
        variant = slot_platform.variant,
    )

    # An image that has the same configuration in two slots, as it has a platform of its own, is left
    # out of the later one by Bazel. The first one has them all.
    labels = [target.label for target in targets]
    left_out = [target for target in _slots(ctx)[0][1] if target.label not in labels]
    for target in targets + left_out:
        if ImageIndexInfo in target:
            fail_attr(
                ctx.label,
                "manifests",
                expected = "images for one platform, as `platforms` is set",
                found = "{}, which is an index".format(target.label),
                remedy = "list the index in an image_index without `platforms`",
            )
        manifest = target[ImageManifestInfo]
        if not platforms_equal(manifest, expected):
            fail_attr(
                ctx.label,
                "manifests",
                expected = "an image for {} ({}), which is in `platforms`".format(
                    format_platform(expected),
                    slot_platform.label,
                ),
                found = "{}, which is for {}".format(target.label, format_platform(manifest)),
                remedy = "remove `platform` from that image, or list it without `platforms`",
            )

def _has_missing_blobs(ctx):
    for _, targets in _slots(ctx):
        for target in targets:
            for manifest in _manifests_of(target):
                if manifest.missing_blobs:
                    return True
    return False
