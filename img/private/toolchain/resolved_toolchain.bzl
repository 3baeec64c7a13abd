"""Rule `resolved_toolchain`: the `img` tool that actions of the current build use."""

load("//img/private/providers:image_toolchain_info.bzl", "ImageToolchainInfo")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

def _resolved_toolchain_impl(ctx):
    toolchain = ctx.toolchains[TOOLCHAIN_TYPE]
    info = toolchain.imgtoolchaininfo
    executable = ctx.actions.declare_file(ctx.label.name + ".exe")
    ctx.actions.symlink(output = executable, target_file = info.tool_exe, is_executable = True)
    return [
        DefaultInfo(
            executable = executable,
            runfiles = ctx.runfiles(files = [executable]),
        ),
        info,
        toolchain,
    ]

resolved_toolchain = rule(
    implementation = _resolved_toolchain_impl,
    doc = "Provides the `img` tool for the execution platform; `bazel run` runs it.",
    executable = True,
    provides = [ImageToolchainInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
