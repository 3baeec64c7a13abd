"""Rule `image_manifest`: an image for one platform."""

load("//img/private/actions:image_manifest.bzl", "image_manifest_action")
load("//img/private/actions:oci_layout.bzl", "oci_layout_actions")
load("//img/private/actions:run_img.bzl", "WORKER_ATTRS")
load("//img/private/attrs:annotations.bzl", "ANNOTATION_ATTRS")
load("//img/private/attrs:checks.bzl", "check_keys", "reject_templates")
load("//img/private/attrs:config.bzl", "CONFIG_ATTRS", "check_config")
load("//img/private/attrs:subject.bzl", "SUBJECT_ATTRS")
load("//img/private/attrs:transitions.bzl", "TRANSITION_ATTRS")
load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")
load("//img/private/providers:pull_info.bzl", "PullInfo")
load("//img/private/resolve:base.bzl", "resolve_base")
load("//img/private/resolve:layers.bzl", "resolve_layers")
load("//img/private/resolve:oci_layout.bzl", "OCI_LAYOUT_ATTRS", "resolve_missing_blobs")
load("//img/private/resolve:platform.bzl", "PLATFORM_ATTRS", "resolve_platform")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")
load("//img/private/toolchain:transitions.bzl", "image_platform_transition", "layer_transition")

def _image_manifest_impl(ctx):
    check_config(ctx)
    check_keys(ctx, "annotations")
    reject_templates(ctx, "annotations", ctx.attr.annotations.values())
    platform = resolve_platform(ctx)
    base = resolve_base(ctx, platform)
    layers = resolve_layers(ctx)
    files = image_manifest_action(ctx, base = base, layers = layers, platform = platform)
    image = _image_manifest_info(files, base, layers, platform)
    layouts = oci_layout_actions(
        ctx,
        allow_missing_blobs = resolve_missing_blobs(ctx),
        manifests = [image],
    )
    providers = [
        DefaultInfo(files = depset([files.manifest, files.config])),
        OutputGroupInfo(
            descriptor = depset([files.descriptor]),
            digest = depset([files.digest]),
            **layouts
        ),
        image,
    ]
    if ctx.attr.base and PullInfo in ctx.attr.base:
        providers.append(ctx.attr.base[PullInfo])
    return providers

def _image_manifest_info(files, base, layers, platform):
    return ImageManifestInfo(
        descriptor = files.descriptor,
        manifest = files.manifest,
        config = files.config,
        structured_config = _structured_config(base, platform),
        architecture = platform.architecture,
        os = platform.os,
        variant = platform.variant,
        layers = (base.layers if base else []) + layers,
        missing_blobs = base.missing_blobs if base else [],
    )

def _structured_config(base, platform):
    config = {
        "architecture": platform.architecture,
        "os": platform.os,
        "history": base.structured_config.get("history", []) if base else [],
    }
    return config | ({"variant": platform.variant} if platform.variant else {})

image_manifest = rule(
    implementation = _image_manifest_impl,
    cfg = image_platform_transition,
    doc = """Builds an image for one platform.

```starlark
image_manifest(
    name = "image",
    base = "@debian",
    entrypoint = ["/app/server"],
    layers = [":app"],
)
```

What the base says holds until `config_fragment` says otherwise, and that until an attribute does; fields that
OCI does not know are kept. Each layer gets an entry in the history, with its label.

Output groups: `descriptor`, `digest` (text, `sha256:…`), `oci_layout` (a directory) and `oci_tarball` (the same as
one file, which `docker load` and `podman load` take).
""",
    attrs = ANNOTATION_ATTRS | CONFIG_ATTRS | OCI_LAYOUT_ATTRS | PLATFORM_ATTRS | SUBJECT_ATTRS | TRANSITION_ATTRS | WORKER_ATTRS | {
        "artifact_type": attr.string(
            doc = "Type of the artifact that the manifest is. None by default: it is an image.",
        ),
        "base": attr.label(
            doc = """Image to extend. None by default.

Of an index, the manifest is taken whose platform is the same, or has an older variant of the
architecture if there is none. An image for a variant is refused for a platform that names none.""",
            providers = [[ImageManifestInfo], [ImageIndexInfo]],
        ),
        "config_media_type": attr.string(
            doc = """Media type of the configuration. That of an OCI image by default.

With another one the manifest is an artifact: `config_fragment` is its configuration as it is, and no attribute of the
image's configuration is used. `application/vnd.oci.empty.v1+json` needs no fragment, but an `artifact_type`.""",
        ),
        "layers": attr.label_list(
            allow_files = True,
            cfg = layer_transition,
            doc = """Layers to put on top of the base, the lowest first.

Each is a target that provides LayerInfo, or tars (`.tar`, `.tar.gz`, `.tgz`, `.tar.zst`, `.tzst`),
which become layers as they are.""",
        ),
        "platform": attr.label(
            doc = "Platform to build the image for, with everything in it. The target platform by default.",
            providers = [platform_common.PlatformInfo],
        ),
    },
    provides = [ImageManifestInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
