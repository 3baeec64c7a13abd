"""The command lines of `img` that rules lead to, and how they are held against the golden files.

The golden files in testdata/contract are the contract: the rules have to emit what stands there, which
is tested here, and `img` has to understand it, which is tested in crates/img/src/contract.rs.
"""

load("@bazel_skylib//rules:diff_test.bzl", "diff_test")
load("@rules_shell//shell:sh_binary.bzl", "sh_binary")
load("//img:image_toolchain.bzl", "TOOLCHAIN_TYPE")
load("//tests/analysis:support.bzl", "normalize")

_CommandLinesInfo = provider(
    doc = "Command lines of `img`.",
    fields = {"command_lines": "list of struct: origin (str) and arguments (list of str), without the tool"},
)

# The whole command line of such a file is what starts a deploy target.
_LAUNCH_DESCRIPTION = ".launch.json"

def _emitted_impl(target, ctx):
    tool = ctx.toolchains[TOOLCHAIN_TYPE].imgtoolchaininfo.tool_exe.path
    command_lines = []
    for action in target.actions:
        outputs = action.outputs.to_list()
        if action.argv and action.argv[0] == tool:
            command_lines.append(_command_line(target, action.mnemonic, action.argv[1:]))
        elif outputs[0].basename.endswith(_LAUNCH_DESCRIPTION):
            command_lines.append(_command_line(target, "launch", json.decode(action.content)["args"]))
    return [_CommandLinesInfo(command_lines = command_lines)]

def _command_line(target, kind, arguments):
    return struct(
        # Without the repository, which Bazel versions write in different ways.
        origin = "{} of //{}:{}".format(kind, target.label.package, target.label.name),
        arguments = [normalize(argument) for argument in arguments],
    )

_emitted = aspect(
    implementation = _emitted_impl,
    doc = "Finds every action that runs the tool of the toolchain, whatever its mnemonic.",
    toolchains = [TOOLCHAIN_TYPE],
)

# What a group of targets can be built with.
_SETTINGS = ["//command_line_option:compilation_mode"] + [
    "//img/settings:" + name
    for name in [
        "compress",
        "compression_jobs",
        "compression_level",
        "create_parent_directories",
        "encoder_annotation",
        "estargz",
        "layer_member_cache",
        "layer_member_cache_size",
        "layer_tree_artifact_handling",
        "shallow_oci_layout",
        "single_member",
    ]
]
_PLATFORMS = "//command_line_option:platforms"

def _to_group_settings(settings, attr):
    # The same platform on every machine.
    return settings | attr.settings | {_PLATFORMS: ["//tests/contract:linux_amd64"]}

_group_transition = transition(
    implementation = _to_group_settings,
    inputs = _SETTINGS,
    outputs = _SETTINGS + [_PLATFORMS],
)

def _command_lines_impl(ctx):
    groups = [target[_CommandLinesInfo].command_lines for target in ctx.attr.targets]
    return [_CommandLinesInfo(command_lines = [line for group in groups for line in group])]

_command_lines = rule(
    implementation = _command_lines_impl,
    doc = "The command lines of some targets, built with some settings.",
    attrs = {
        "settings": attr.string_dict(doc = "Label of a setting to its value."),
        "targets": attr.label_list(aspects = [_emitted], cfg = _group_transition),
    },
)

def _files_by_subcommand_impl(ctx):
    files = {file.basename: file for file in ctx.outputs.files}
    texts = {name: [] for name in files}
    for group in ctx.attr.groups:
        for line in group[_CommandLinesInfo].command_lines:
            name = line.arguments[0] + ".txt"
            if name not in files:
                fail("{}: there is no golden file for `img {}`".format(line.origin, line.arguments[0]))
            texts[name].append("\n  ".join([line.origin] + line.arguments) + "\n")
    for name, file in files.items():
        ctx.actions.write(file, "\n".join(texts[name]))
    return [DefaultInfo(files = depset(files.values()))]

_files_by_subcommand = rule(
    implementation = _files_by_subcommand_impl,
    doc = "Writes the command lines of each subcommand into a file: where they come from, then an argument a line.",
    attrs = {
        "files": attr.output_list(),
        "groups": attr.label_list(providers = [_CommandLinesInfo]),
    },
)

def contract(name, groups, subcommands):
    """Declares the tests that compare command lines with the golden files, and `:update`, which writes these.

    Args:
        name: str.
        groups: dict from str to dict of `targets` (list of labels) and `settings` to build them with.
        subcommands: list of str, the subcommands of `img` that rules use.
    """
    for group, attributes in groups.items():
        _command_lines(name = group, tags = ["manual"], **attributes)
    files = [subcommand + ".txt" for subcommand in subcommands]
    _files_by_subcommand(
        name = name,
        files = files,
        groups = groups.keys(),
        tags = ["manual"],
    )
    for subcommand in subcommands:
        diff_test(
            name = "command_lines_of_{}_are_those_agreed_on".format(subcommand.replace("-", "_")),
            size = "small",
            failure_message = "if the change is meant: bazel run //tests/contract:update",
            file1 = "//testdata/contract:{}.txt".format(subcommand),
            file2 = subcommand + ".txt",
        )
    sh_binary(
        name = "update",
        srcs = ["update.sh"],
        args = ["$(rootpath {})".format(file) for file in files],
        data = files,
        tags = ["manual"],
    )
