"""Attributes for what an image's configuration says about its containers."""

load("//img/private/actions:run_img.bzl", "flag_values")
load("//img/private/attrs:checks.bzl", "check_keys", "reject_templates")
load("//img/private/lib:inherit.bzl", "INHERIT", "UNSET")
load("//img/private/lib:key_values.bzl", "key_values")

_INHERITED = "By default (`INHERIT`) as in the base; an empty text clears it."

CONFIG_ATTRS = {
    "author": attr.string(
        doc = "Who made the image. The author of the base is never taken over.",
    ),
    "cmd": attr.string_list(
        default = UNSET,
        doc = """Arguments of the entrypoint, or the command if there is no entrypoint.

By default as in the base, or none if `entrypoint` is set. `INHERIT` among the elements stands for those of the
base; an empty list clears them.""",
    ),
    "config_fragment": attr.label(
        allow_single_file = [".json"],
        doc = """JSON image configuration to lay over that of the base, for what has no attribute here.

With a `config_media_type` that is no image's, it is the configuration itself, byte for byte.""",
    ),
    "created": attr.label(
        allow_single_file = True,
        doc = "File with the time to record as the image's creation, as in RFC 3339. None is recorded by default.",
    ),
    "entrypoint": attr.string_list(
        default = UNSET,
        doc = """Program to run, with the arguments it always gets. Without `cmd`, it clears the command of the base.

By default as in the base. `INHERIT` among the elements stands for those of the base; an empty list clears
them.""",
    ),
    "env": attr.string_dict(
        doc = "Environment variables. One of the base is replaced in place, others are added sorted by name.",
    ),
    "env_file": attr.label(
        allow_single_file = True,
        doc = "File of environment variables: a `NAME=VALUE` a line, or a JSON object. `env` wins.",
    ),
    "exposed_ports": attr.string_list(
        doc = "Ports that the program listens on, beside those of the base: `80`, `53/udp`, `8000-8010`.",
    ),
    "healthcheck": attr.string(
        doc = "How to find out whether a container is well, from `healthcheck()`. As in the base by default.",
    ),
    "label_files": attr.label_list(
        allow_files = True,
        doc = "Files of labels: a `KEY=VALUE` a line, or a JSON object. Later ones win, and `labels` over all.",
    ),
    "labels": attr.string_dict(
        doc = "Labels of the configuration, over those of the base.",
    ),
    "on_build": attr.string_list(
        doc = "Instructions for images that a Dockerfile builds on this one. As in the base by default.",
    ),
    "shell": attr.string_list(
        doc = "Shell for commands that are one text, such as those of `CMD-SHELL`. As in the base by default.",
    ),
    "stop_signal": attr.string(
        default = INHERIT,
        doc = "Signal that asks the program to stop, for example `SIGINT`. " + _INHERITED,
    ),
    "user": attr.string(
        default = INHERIT,
        doc = "User (and group) to run as: `user`, `uid`, `user:group`, `uid:gid`. " + _INHERITED,
    ),
    "volumes": attr.string_list(
        doc = "Mount points for data, beside those of the base.",
    ),
    "working_dir": attr.string(
        default = INHERIT,
        doc = "Directory to run in. " + _INHERITED,
    ),
}

def check_config(ctx):
    """Fails for values of `CONFIG_ATTRS` that cannot be meant.

    Args:
        ctx: rule context.
    """
    for attribute in ["env", "labels"]:
        check_keys(ctx, attribute)
        reject_templates(ctx, attribute, getattr(ctx.attr, attribute).values())

def add_config(args, ctx):
    """Adds the values of `CONFIG_ATTRS` to a command line.

    Args:
        args: Args to add to.
        ctx: rule context.

    Returns:
        list of File to be declared as inputs.
    """
    for attribute, flag in {
        "stop_signal": "--stop-signal",
        "user": "--user",
        "working_dir": "--working-dir",
    }.items():
        _add_text(args, flag, attribute, getattr(ctx.attr, attribute))
    for attribute in ["cmd", "entrypoint"]:
        _add_list(args, attribute, getattr(ctx.attr, attribute))
    for flag, values in {
        "--env": key_values(ctx.attr.env),
        "--exposed-port": ctx.attr.exposed_ports,
        "--label": key_values(ctx.attr.labels),
        "--on-build": ctx.attr.on_build,
        "--shell": ctx.attr.shell,
        "--volume": ctx.attr.volumes,
    }.items():
        args.add_all(flag_values(flag, values))
    for flag, value in {
        "--author": ctx.attr.author,
        "--healthcheck": ctx.attr.healthcheck,
    }.items():
        if value:
            args.add_all(flag_values(flag, [value]))
    args.add_all(ctx.files.label_files, before_each = "--label-file")
    files = {
        "--config-fragment": ctx.file.config_fragment,
        "--created": ctx.file.created,
        "--env-file": ctx.file.env_file,
    }
    for flag, file in files.items():
        if file:
            args.add(flag, file)
    return ctx.files.label_files + [file for file in files.values() if file]

def _add_text(args, flag, attribute, value):
    if value == "":
        args.add("--clear", attribute)
    elif value != INHERIT:
        args.add_all(flag_values(flag, [value]))

def _add_list(args, attribute, values):
    if values == []:
        args.add("--clear", attribute)
    elif values != UNSET:
        args.add_all(flag_values("--" + attribute, values))
