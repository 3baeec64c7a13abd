"""Makes the `img` tool the executable of a deploy target."""

load("//img/private/lib:deploy.bzl", "launch_description", "root_symlinks_prefix")
load("//img/private/lib:runfiles.bzl", "rlocation_path")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

def launcher_action(ctx, deploy_manifest):
    """Declares the executable of a deploy target: the tool, and beside it what it shall do.

    There is no script in between, so that it runs wherever the tool does. The tool looks for the
    description beside the name it is started by, in bazel-bin as well as in runfiles.

    Args:
        ctx: rule context.
        deploy_manifest: File.

    Returns:
        struct of executable (File) and files (list of File, the runfiles it needs to start).
    """
    tool = ctx.toolchains[TOOLCHAIN_TYPE].imgtoolchaininfo.tool_exe
    executable = ctx.actions.declare_file(ctx.label.name + ".exe")
    ctx.actions.symlink(output = executable, target_file = tool, is_executable = True)
    description = ctx.actions.declare_file(executable.basename + ".launch.json")
    ctx.actions.write(description, json.encode(launch_description(
        request_file = rlocation_path(deploy_manifest.short_path, ctx.workspace_name),
        root_symlinks_prefix = root_symlinks_prefix(ctx.label),
    )) + "\n")
    return struct(executable = executable, files = [executable, description])
