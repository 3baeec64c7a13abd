"""Rule `image_toolchain`: the `img` tool as a toolchain."""

load("//img/private/providers:image_toolchain_info.bzl", "ImageToolchainInfo")

def _image_toolchain_impl(ctx):
    info = ImageToolchainInfo(
        tool_exe = ctx.executable.tool_exe,
        files_to_run = ctx.attr.tool_exe[DefaultInfo].files_to_run,
    )
    return [
        platform_common.ToolchainInfo(imgtoolchaininfo = info),
        info,
    ]

image_toolchain = rule(
    implementation = _image_toolchain_impl,
    doc = """Declares the `img` tool as an implementation of `@rules_img//img:toolchain_type`.

```starlark
image_toolchain(
    name = "img",
    tool_exe = "//tools:img",
)

toolchain(
    name = "img_toolchain",
    exec_compatible_with = ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    toolchain = ":img",
    toolchain_type = "@rules_img//img:toolchain_type",
)
```
""",
    attrs = {
        "tool_exe": attr.label(
            allow_files = True,
            cfg = "exec",
            doc = "The `img` executable.",
            executable = True,
            mandatory = True,
        ),
    },
    provides = [platform_common.ToolchainInfo, ImageToolchainInfo],
)
