"""Attributes for annotations."""

load("//img/private/actions:run_img.bzl", "flag_values")
load("//img/private/lib:key_values.bzl", "key_values")

ANNOTATION_ATTRS = {
    "annotations": attr.string_dict(
        doc = "Annotations to add. Empty by default.",
    ),
    "annotations_file": attr.label(
        allow_single_file = True,
        doc = """File of annotations to add, a `KEY=VALUE` a line.

Blank lines are skipped, white space around a line is dropped. A key that `annotations` has too keeps
the value given there.""",
    ),
}

def add_annotations(args, ctx):
    """Adds the values of `ANNOTATION_ATTRS` to a command line.

    Args:
        args: Args to add to.
        ctx: rule context.

    Returns:
        list of File to be declared as inputs.
    """
    args.add_all(flag_values("--annotation", key_values(ctx.attr.annotations)))
    file = ctx.file.annotations_file
    if not file:
        return []
    args.add("--annotations-file", file)
    return [file]
