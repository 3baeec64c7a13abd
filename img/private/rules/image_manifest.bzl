"""Rule `image_manifest`: an image for one platform."""

load("//img/private/actions:image_manifest.bzl", "image_manifest_action")
load("//img/private/actions:oci_layout.bzl", "oci_layout_action")
load("//img/private/actions:run_img.bzl", "WORKER_ATTRS")
load("//img/private/attrs:annotations.bzl", "ANNOTATION_ATTRS")
load("//img/private/attrs:checks.bzl", "check_keys", "reject_templates")
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
    for attribute in ["env", "labels", "annotations"]:
        check_keys(ctx, attribute)
        reject_templates(ctx, attribute, getattr(ctx.attr, attribute).values())
    platform = resolve_platform(ctx)
    base = resolve_base(ctx, platform)
    layers = resolve_layers(ctx)
    files = image_manifest_action(ctx, base = base, layers = layers, platform = platform)
    image = _image_manifest_info(files, base, layers, platform)
    layout = oci_layout_action(
        ctx,
        allow_missing_blobs = resolve_missing_blobs(ctx),
        manifests = [image],
    )
    providers = [
        DefaultInfo(files = depset([files.manifest, files.config])),
        OutputGroupInfo(
            descriptor = depset([files.descriptor]),
            digest = depset([files.digest]),
            oci_layout = depset([layout]),
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

What the base says about user, environment, entrypoint, command, working directory, labels and stop
signal holds until `config_fragment` says otherwise, and that until an attribute does.

Output groups: `descriptor`, `digest` (text, `sha256:…`) and `oci_layout` (a directory).
""",
    attrs = ANNOTATION_ATTRS | OCI_LAYOUT_ATTRS | PLATFORM_ATTRS | TRANSITION_ATTRS | WORKER_ATTRS | {
        "base": attr.label(
            doc = """Image to extend. None by default.

Of an index, the manifest is taken whose platform is the same, or has an older variant of the
architecture if there is none. An image for a variant is refused for a platform that names none.""",
            providers = [[ImageManifestInfo], [ImageIndexInfo]],
        ),
        "cmd": attr.string_list(
            doc = "Arguments of the entrypoint, or the command if there is no entrypoint.",
        ),
        "config_fragment": attr.label(
            allow_single_file = [".json"],
            doc = "JSON image configuration to lay over that of the base, for what has no attribute here: exposed ports, volumes, author, history.",
        ),
        "created": attr.label(
            allow_single_file = True,
            doc = "File with the time to record as the image's creation, as in RFC 3339. None is recorded by default.",
        ),
        "entrypoint": attr.string_list(
            doc = "Program to run, with the arguments it always gets. Without `cmd`, it clears the command of the base.",
        ),
        "env": attr.string_dict(
            doc = "Environment variables. One of the base is replaced in place, others are added sorted by name.",
        ),
        "labels": attr.string_dict(
            doc = "Labels of the configuration, over those of the base.",
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
        "stop_signal": attr.string(
            doc = "Signal that asks the program to stop, for example `SIGINT`.",
        ),
        "user": attr.string(
            doc = "User (and group) to run as: `user`, `uid`, `user:group`, `uid:gid`.",
        ),
        "working_dir": attr.string(
            doc = "Directory to run in.",
        ),
    },
    provides = [ImageManifestInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
