"""Rule `image_push`: pushes an image to a registry."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//img/private/actions:deploy_metadata.bzl", "push_metadata_action")
load("//img/private/actions:launcher.bzl", "launcher_action")
load("//img/private/attrs:checks.bzl", "reject_templates")
load("//img/private/attrs:transitions.bzl", "TRANSITION_ATTRS")
load(
    "//img/private/lib:deploy.bzl",
    "EAGER",
    "INHERITED_ENVIRONMENT",
    "PUSH_STRATEGIES",
    "merge_tags",
    "operation_symlinks",
    "root_symlinks_prefix",
)
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/providers:deploy_info.bzl", "DeployInfo")
load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")
load("//img/private/resolve:choice.bzl", "choice_attr", "resolve_choice")
load("//img/private/resolve:deploy_image.bzl", "resolve_deploy_image")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")
load("//img/private/toolchain:transitions.bzl", "reset_platform_transition")

def _image_push_impl(ctx):
    _check_tags(ctx)
    for attribute in ["registry", "repository", "tag"]:
        reject_templates(ctx, attribute, [getattr(ctx.attr, attribute)])
    reject_templates(ctx, "tag_list", ctx.attr.tag_list)
    image = resolve_deploy_image(ctx)
    deploy_manifest = push_metadata_action(
        ctx,
        image = image,
        destination = struct(
            registry = ctx.attr.registry,
            repository = ctx.attr.repository,
            tags = merge_tags(ctx.attr.tag, ctx.attr.tag_list),
        ),
        strategy = _resolve_strategy(ctx),
    )
    launcher = launcher_action(ctx, deploy_manifest)
    prefix = root_symlinks_prefix(ctx.label)
    return [
        DefaultInfo(
            executable = launcher.executable,
            files = depset([launcher.executable]),
            runfiles = ctx.runfiles(
                files = launcher.files + [deploy_manifest],
                # The only operation is number 0.
                root_symlinks = operation_symlinks(prefix + "0/", image.index, image.manifests),
            ),
        ),
        RunEnvironmentInfo(inherited_environment = INHERITED_ENVIRONMENT),
        OutputGroupInfo(deploy_manifest = depset([deploy_manifest])),
        DeployInfo(
            image = image.info,
            deploy_manifest = deploy_manifest,
            layer_hints = None,
        ),
    ]

def _check_tags(ctx):
    if ctx.attr.tag and ctx.attr.tag_list:
        fail_attr(
            ctx.label,
            "tag_list",
            expected = "`tag` or `tag_list`, not both",
            found = "tag = {}, tag_list = {}".format(repr(ctx.attr.tag), repr(ctx.attr.tag_list)),
            remedy = "move the tag into `tag_list`",
        )

def _resolve_strategy(ctx):
    strategy = resolve_choice(ctx.attr.strategy, ctx.attr._default_strategy)
    if strategy != EAGER:
        fail_attr(
            ctx.label,
            "strategy",
            expected = "`eager`, the one strategy that is supported yet",
            found = "`{}`{}".format(
                strategy,
                "" if ctx.attr.strategy == strategy else " in {}".format(ctx.attr._default_strategy.label),
            ),
            remedy = "set `strategy = \"eager\"`",
        )
    return strategy

image_push = rule(
    implementation = _image_push_impl,
    cfg = reset_platform_transition,
    doc = """Pushes an image to a registry when it is run.

```starlark
image_push(
    name = "push",
    image = ":index",
    registry = "registry.example.com",
    repository = "team/server",
    tag = "latest",
)
```

`bazel run :push` prints the reference with the digest, and one for each tag. What comes after `--`
goes to `img deploy`: `--tag` adds a tag, `--registry` and `--repository` push elsewhere.

Output group: `deploy_manifest`.
""",
    attrs = TRANSITION_ATTRS | {
        "image": attr.label(
            doc = "Image to push.",
            mandatory = True,
            providers = [[ImageManifestInfo], [ImageIndexInfo]],
        ),
        "registry": attr.string(
            doc = "Host of the registry, with a port if need be: `registry.example.com`, `localhost:5000`.",
        ),
        "repository": attr.string(
            doc = "Repository in the registry, for example `team/server`.",
        ),
        "strategy": choice_attr(
            PUSH_STRATEGIES,
            doc = "How blobs get to the registry. Only `eager`, which uploads what the registry lacks, is supported yet",
            setting = "//img/settings:push_strategy",
        ),
        "tag": attr.string(
            doc = "Tag to push. Without any, the image is pushed by its digest alone.",
        ),
        "tag_list": attr.string_list(
            doc = "Tags to push, instead of `tag`.",
        ),
        "_default_strategy": attr.label(
            default = "//img/settings:push_strategy",
            providers = [BuildSettingInfo],
        ),
    },
    executable = True,
    provides = [DeployInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
