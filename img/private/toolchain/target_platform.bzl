"""The target platform, in the words of an image configuration."""

load(
    "//img/private/lib:platforms.bzl",
    "ARCHITECTURES_WITH_VARIANT",
    "ARCHITECTURE_BY_CONSTRAINT",
    "OS_BY_CONSTRAINT",
    "VARIANTS",
    "normalize_variant",
)
load("//img/private/providers:target_platform_info.bzl", "TargetPlatformInfo")

def _target_platform_impl(ctx):
    # A variant of another architecture says nothing about this one.
    architecture, _, variant = ctx.attr.variant.partition("/")
    return [TargetPlatformInfo(
        label = ctx.fragments.platform.platform,
        os = ctx.attr.os,
        cpu = ctx.attr.cpu,
        variant = normalize_variant(
            ctx.attr.cpu,
            variant if architecture == ctx.attr.cpu else "",
        ),
    )]

_target_platform = rule(
    implementation = _target_platform_impl,
    doc = "Provides the target platform.",
    attrs = {
        "cpu": attr.string(doc = "Architecture, empty if unknown."),
        "os": attr.string(doc = "Operating system, empty if unknown."),
        "variant": attr.string(doc = "Architecture and variant, `arm64/v8`, empty if there is none."),
    },
    fragments = ["platform"],
    provides = [TargetPlatformInfo],
)

def target_platform(name, **kwargs):
    """Declares a target that provides the target platform as TargetPlatformInfo.

    A platform that no image configuration has a word for gets empty fields rather than a failing
    select(), so that the image that is built for it can say what is missing.

    Args:
        name: str.
        **kwargs: common attributes.
    """
    _target_platform(
        name = name,
        cpu = select(_with_default({
            Label("@platforms//cpu:" + constraint): architecture
            for constraint, architecture in ARCHITECTURE_BY_CONSTRAINT.items()
        })),
        os = select(_with_default({
            Label("@platforms//os:" + constraint): os
            for constraint, os in OS_BY_CONSTRAINT.items()
        })),
        variant = select(_with_default({
            Label("//img/constraints/{}:{}".format(architecture, variant)): architecture + "/" + variant
            for architecture in ARCHITECTURES_WITH_VARIANT
            for variant in VARIANTS[architecture]
        })),
        **kwargs
    )

def _with_default(choices):
    return choices | {"//conditions:default": ""}
