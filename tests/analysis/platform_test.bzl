"""Analysis tests of transitions: what is built for which platform, and how often."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//img:image.bzl", "image_index", "image_manifest")
load("//img:providers.bzl", "DeployInfo", "ImageIndexInfo", "ImageManifestInfo", "LayerInfo")
load("//img:push.bzl", "image_push")
load("//tests/analysis:support.bzl", "failure_test_rule")

_PLATFORMS = "//command_line_option:platforms"

# The platform that a user builds for in these tests.
_USER_PLATFORM = str(Label("//tests/analysis:linux_arm64_v9"))

_user_failure_test = failure_test_rule({_PLATFORMS: _USER_PLATFORM})

def _manifests(target):
    """Returns the list of ImageManifestInfo that a target is, or deploys."""
    if DeployInfo in target:
        image = target[DeployInfo].image
    else:
        image = target[ImageIndexInfo] if ImageIndexInfo in target else target[ImageManifestInfo]
    return getattr(image, "manifests", None) or [image]

# Platforms of images.

def _platforms_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(env, ctx.attr.expected, [
        "/".join([manifest.os, manifest.architecture, manifest.variant])
        for manifest in _manifests(analysistest.target_under_test(env))
    ])
    return analysistest.end(env)

_platforms_test = analysistest.make(
    _platforms_test_impl,
    attrs = {"expected": attr.string_list(doc = "Platforms of the manifests.")},
    config_settings = {_PLATFORMS: _USER_PLATFORM},
)

def _check_platforms(name, target, expected):
    _platforms_test(name = name, size = "small", expected = expected, target_under_test = ":" + target)

# Layers that are the same file.

def _to_arm64_v9(_settings, _attr):
    return {_PLATFORMS: [_USER_PLATFORM]}

_user_transition = transition(implementation = _to_arm64_v9, inputs = [], outputs = [_PLATFORMS])

def _same_layer_test_impl(ctx):
    env = analysistest.begin(ctx)
    manifests = _manifests(analysistest.target_under_test(env))
    asserts.equals(env, ctx.attr.layer[0][LayerInfo].blob, manifests[0].layers[0].blob)
    return analysistest.end(env)

_same_layer_test = analysistest.make(
    _same_layer_test_impl,
    attrs = {
        "layer": attr.label(
            cfg = _user_transition,
            doc = "The layer, as it is built with --platforms.",
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)

def _declare_fixtures():
    image_index(name = "user_index", manifests = [":portable"], tags = ["manual"])
    image_index(
        name = "v9_index",
        manifests = [":portable"],
        platforms = [":linux_arm64_v9"],
        tags = ["manual"],
    )
    image_manifest(
        name = "v9_image",
        layers = [":lower"],
        platform = ":linux_arm64_v9",
        tags = ["manual"],
    )
    image_manifest(
        name = "amd64_image_on_user_index",
        base = ":user_index",
        platform = ":linux_amd64",
        tags = ["manual"],
    )
    for image in ["portable", "base", "base_index", "v9_index"]:
        image_push(
            name = "push_" + image,
            image = image,
            registry = "registry.example.com",
            repository = "app",
            tags = ["manual"],
        )

# buildifier: disable=unnamed-macro
def platform_tests():
    """Declares the tests and what they look at; those of image_test.bzl are used too."""
    _declare_fixtures()
    _check_platforms("image_is_for_the_users_platform", "portable", ["linux/arm64/v9"])
    _check_platforms("index_is_for_the_users_platform", "user_index", ["linux/arm64/v9"])
    _check_platforms("push_is_of_the_users_platform", "push_portable", ["linux/arm64/v9"])
    _check_platforms("platform_of_an_image_wins", "base", ["linux/amd64/"])
    _check_platforms("pushed_image_keeps_its_platform", "push_base", ["linux/amd64/"])
    _check_platforms(
        "pushed_index_keeps_its_platforms",
        "push_base_index",
        ["linux/amd64/", "linux/arm64/v8", "linux/amd64/v3"],
    )
    for name, target in {
        "layer_is_built_once_for_an_image": "v9_image",
        "layer_is_built_once_for_an_index": "v9_index",
        "layer_is_built_once_for_a_push": "push_v9_index",
    }.items():
        _same_layer_test(name = name, size = "small", layer = ":lower", target_under_test = ":" + target)

    # The index is a base for the user's platform again, not for that of the image on top.
    _user_failure_test(
        name = "index_returns_to_the_users_platform",
        size = "small",
        message = [
            "//tests/analysis:amd64_image_on_user_index: attribute `base`",
            "//tests/analysis:user_index, which has linux/arm64/v9",
        ],
        target_under_test = ":amd64_image_on_user_index",
    )
