"""Rule `image_index`: an image for several platforms."""

load("//img/private/actions:image_index.bzl", "image_index_action")
load("//img/private/actions:oci_layout.bzl", "oci_layout_actions")
load("//img/private/actions:run_img.bzl", "WORKER_ATTRS")
load("//img/private/attrs:annotations.bzl", "ANNOTATION_ATTRS")
load("//img/private/attrs:checks.bzl", "check_keys", "reject_templates")
load("//img/private/attrs:subject.bzl", "SUBJECT_ATTRS")
load("//img/private/attrs:transitions.bzl", "TRANSITION_ATTRS")
load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")
load("//img/private/providers:target_platform_info.bzl", "TargetPlatformInfo")
load("//img/private/resolve:index_manifests.bzl", "resolve_index_manifests", "resolve_index_source")
load("//img/private/resolve:oci_layout.bzl", "OCI_LAYOUT_ATTRS", "resolve_missing_blobs")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")
load("//img/private/toolchain:transitions.bzl", "index_platforms_transition", "reset_platform_transition")

def _image_index_impl(ctx):
    check_keys(ctx, "annotations")
    reject_templates(ctx, "annotations", ctx.attr.annotations.values())
    manifests = resolve_index_manifests(ctx)
    files = image_index_action(ctx, manifests)
    layouts = oci_layout_actions(
        ctx,
        allow_missing_blobs = resolve_missing_blobs(ctx),
        index = files.index,
        manifests = manifests,
    )
    providers = [
        DefaultInfo(files = depset([files.index])),
        OutputGroupInfo(
            digest = depset([files.digest]),
            **layouts
        ),
        ImageIndexInfo(index = files.index, manifests = manifests),
    ]
    source = resolve_index_source(ctx)
    return providers + ([source] if source else [])

image_index = rule(
    implementation = _image_index_impl,
    cfg = reset_platform_transition,
    doc = """Builds an image for several platforms.

```starlark
image_index(
    name = "index",
    manifests = [":image"],
    platforms = [
        "//platforms:linux_amd64",
        "//platforms:linux_arm64",
    ],
)
```

Output groups: `digest` (text, `sha256:…`), `oci_layout` (a directory) and `oci_tarball` (the same as one file,
which `docker load` and `podman load` take).
""",
    attrs = ANNOTATION_ATTRS | OCI_LAYOUT_ATTRS | SUBJECT_ATTRS | TRANSITION_ATTRS | WORKER_ATTRS | {
        "manifests": attr.label_list(
            cfg = index_platforms_transition,
            doc = """Images, in the order of the index. With `platforms`, all of them are built for each platform.

Without, an index may stand here too: its manifests take its place.""",
            providers = [[ImageManifestInfo], [ImageIndexInfo]],
        ),
        "platforms": attr.label_list(
            doc = "Platforms to build `manifests` for. Empty by default: each is built for the platform it has anyway.",
            providers = [platform_common.PlatformInfo],
        ),
        # What the platform of each slot is: a manifest may have changed its own.
        "_slot_platform": attr.label(
            cfg = index_platforms_transition,
            default = "//img/private/settings:target_platform",
            providers = [TargetPlatformInfo],
        ),
    },
    provides = [ImageIndexInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
