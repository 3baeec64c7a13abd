"""Runs the `img` tool as an action."""

load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

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

def lines_args(ctx, flag):
    """Returns a command line that is always written to a file, a line an argument.

    Args:
        ctx: rule context.
        flag: str, the flag that takes the name of that file.

    Returns:
        Args.
    """
    args = ctx.actions.args()
    args.set_param_file_format("multiline")
    args.use_param_file(flag + "=%s", use_always = True)
    return args

def run_img(ctx, arguments, *, mnemonic, progress_message, inputs, outputs):
    """Registers an action that runs the `img` tool.

    Args:
        ctx: rule context with the img toolchain.
        arguments: list of Args.
        mnemonic: str.
        progress_message: str.
        inputs: depset or list of File.
        outputs: list of File.
    """
    ctx.actions.run(
        executable = ctx.toolchains[TOOLCHAIN_TYPE].imgtoolchaininfo.files_to_run,
        arguments = arguments,
        # The tool gets no environment: what an image is made of is on its command line.
        env = {},
        # All paths come from Files in Args, so that Bazel may shorten them.
        execution_requirements = {"supports-path-mapping": "1"},
        inputs = inputs,
        mnemonic = mnemonic,
        outputs = outputs,
        progress_message = progress_message,
        toolchain = TOOLCHAIN_TYPE,
    )
