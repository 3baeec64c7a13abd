"""The platform an image is built for."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")
load(
    "//img/private/lib:platforms.bzl",
    "ARCHITECTURE_BY_CONSTRAINT",
    "OS_BY_CONSTRAINT",
)
load("//img/private/providers:target_platform_info.bzl", "TargetPlatformInfo")

PLATFORM_ATTRS = {
    "_target_platform": attr.label(
        default = "//img/private/settings:target_platform",
        providers = [TargetPlatformInfo],
    ),
}

def resolve_platform(ctx):
    """Returns the platform that a rule with `PLATFORM_ATTRS` builds an image for.

    Args:
        ctx: rule context.

    Returns:
        struct of os, architecture and variant, each a str.
    """
    info = ctx.attr._target_platform[TargetPlatformInfo]
    _check_constraint(ctx, info, info.os, "@platforms//os", OS_BY_CONSTRAINT)
    _check_constraint(ctx, info, info.cpu, "@platforms//cpu", ARCHITECTURE_BY_CONSTRAINT)
    return struct(os = info.os, architecture = info.cpu, variant = info.variant)

def _check_constraint(ctx, info, value, package, known):
    if value:
        return
    fail_attr(
        ctx.label,
        "platform",
        expected = "a platform with one of the constraint values {}:{{{}}}".format(
            package,
            ",".join(sorted(known.keys())),
        ),
        found = "{}, which has none of them".format(info.label),
        remedy = "add the constraint value to the platform, or set `platform` of this image (or " +
                 "`platforms` of its index, or --platforms) to a platform that has one",
    )
