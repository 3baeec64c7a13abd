"""Repository rule with the toolchains of the `img` tool."""

_BUILD = '''"""Toolchains of the `img` tool."""

load("@platforms//host:constraints.bzl", "HOST_CONSTRAINTS")

toolchain(
    name = "host_toolchain",
    exec_compatible_with = HOST_CONSTRAINTS,
    toolchain = "@{host_tool_repository}//:img",
    toolchain_type = "{toolchain_type}",
    visibility = ["//visibility:public"],
)
'''

def _img_toolchains_repository_impl(repository_ctx):
    repository_ctx.file("BUILD.bazel", _BUILD.format(
        host_tool_repository = repository_ctx.attr.host_tool_repository,
        toolchain_type = Label("//img:toolchain_type"),
    ))

img_toolchains_repository = repository_rule(
    implementation = _img_toolchains_repository_impl,
    doc = "Declares the toolchains of the `img` tool, to be registered.",
    attrs = {
        "host_tool_repository": attr.string(
            doc = "Name of the repository with the tool for the machine that Bazel runs on.",
            mandatory = True,
        ),
    },
)
