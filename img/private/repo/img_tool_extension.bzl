"""Module extension `img_tool`: where the `img` tool comes from."""

load("@bazel_features//:features.bzl", "bazel_features")
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/repo:img_tool_repository.bzl", "img_tool_repository")
load("//img/private/repo:img_toolchains_repository.bzl", "img_toolchains_repository")

# The repository with the tool is not fetched, that is built, before the toolchain that lies in the
# other one has been chosen.
_TOOL_REPOSITORY = "img_tool_host"
_TOOLCHAINS_REPOSITORY = "img_toolchains"

def _img_tool_impl(module_ctx):
    img_tool_repository(
        name = _TOOL_REPOSITORY,
        host_tool = _root_host_tool(module_ctx),
    )
    img_toolchains_repository(
        name = _TOOLCHAINS_REPOSITORY,
        host_tool_repository = _TOOL_REPOSITORY,
    )
    if bazel_features.external_deps.extension_metadata_has_reproducible:
        # The tags say it all; what the machine has is looked at by the repository rules.
        return module_ctx.extension_metadata(reproducible = True)
    return None

def _root_host_tool(module_ctx):
    """Returns the path that the root module gives for the tool, or an empty string."""
    paths = []
    for module in module_ctx.modules:
        # Which binary runs on a machine is not for a dependency to say.
        if module.is_root:
            paths.extend([tag.binary for tag in module.tags.host_tool])
    if len(paths) > 1:
        fail_attr(
            "img_tool.host_tool",
            "binary",
            expected = "one tag in the root module",
            found = ", ".join([repr(path) for path in paths]),
            remedy = "remove all but one",
        )
    return paths[0] if paths else ""

img_tool = module_extension(
    implementation = _img_tool_impl,
    doc = """Provides the `img` tool for the machine that Bazel runs on.

By default it is built from the sources of rules_img, with the machine's cargo. The environment
variable `RULES_IMG_TOOL` (also by `--repo_env`) and the tag `host_tool` give the path of a binary
instead, in this order.

```starlark
img_tool = use_extension("@rules_img//img:extensions.bzl", "img_tool")
img_tool.host_tool(binary = "/usr/local/bin/img")
```
""",
    tag_classes = {
        "host_tool": tag_class(
            attrs = {
                "binary": attr.string(
                    doc = "Absolute path of the `img` executable.",
                    mandatory = True,
                ),
            },
            doc = "Names a binary to use as it is. Only the root module's tag counts.",
        ),
    },
)
