"""Runs the `img` tool as an action."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

# Attributes of rules whose actions may run in a persistent worker.
WORKER_ATTRS = {
    "_persistent_workers": attr.label(
        default = "//img/settings:persistent_workers",
        providers = [BuildSettingInfo],
    ),
}

# All paths come from Files in Args, so that Bazel may shorten them.
_REQUIREMENTS = {"supports-path-mapping": "1"}

_WORKER_REQUIREMENTS = {
    "requires-worker-protocol": "json",
    "supports-multiplex-sandboxing": "1",
    "supports-multiplex-workers": "1",
    "supports-worker-cancellation": "1",
    "supports-workers": "1",
}

def img_args(ctx, subcommand):
    """Returns a command line that starts with a subcommand.

    Values that come from a user are added as `--flag=value`: an argument of its own that starts with
    `@` is read as the name of a parameter file.

    Args:
        ctx: rule context.
        subcommand: str.

    Returns:
        Args.
    """
    args = ctx.actions.args()
    args.add(subcommand)
    return args

def flag_values(flag, values):
    """Returns one argument for each value of a flag that comes from a user.

    An argument is a line of a file. One with line breaks is written as a JSON string, which `img`
    knows by its quotation mark.

    Args:
        flag: str, such as `--env`.
        values: list of str.

    Returns:
        list of str.
    """
    arguments = [flag + "=" + value for value in values]
    return [
        json.encode(argument) if "\n" in argument or "\r" in argument else argument
        for argument in arguments
    ]

def run_img(ctx, arguments, *, mnemonic, progress_message, inputs, outputs, worker = False):
    """Registers an action that runs the `img` tool.

    The whole command line of an action that may run in a worker stands in files, which is where
    Bazel takes a request from.

    Args:
        ctx: rule context with the img toolchain.
        arguments: list of Args.
        mnemonic: str.
        progress_message: str.
        inputs: depset or list of File.
        outputs: list of File.
        worker: bool, whether the action may run in a persistent worker, for which the rule needs
            `WORKER_ATTRS`.
    """
    requirements = dict(_REQUIREMENTS)
    if worker:
        for args in arguments:
            args.set_param_file_format("multiline")
            args.use_param_file("@%s", use_always = True)
        if ctx.attr._persistent_workers[BuildSettingInfo].value == "enabled":
            requirements.update(_WORKER_REQUIREMENTS)
    ctx.actions.run(
        executable = ctx.toolchains[TOOLCHAIN_TYPE].imgtoolchaininfo.files_to_run,
        arguments = arguments,
        # The tool gets no environment: what an image is made of is on its command line.
        env = {},
        execution_requirements = requirements,
        inputs = inputs,
        mnemonic = mnemonic,
        outputs = outputs,
        progress_message = progress_message,
        toolchain = TOOLCHAIN_TYPE,
    )
