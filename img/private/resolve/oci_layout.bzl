"""Whether an OCI layout may lack blobs."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

_ALLOWED = "i_know_what_i_am_doing"

OCI_LAYOUT_ATTRS = {
    "_shallow_oci_layout": attr.label(
        default = "//img/settings:shallow_oci_layout",
        providers = [BuildSettingInfo],
    ),
}

def resolve_missing_blobs(ctx):
    """Tells whether the layout of a rule with `OCI_LAYOUT_ATTRS` may lack blobs of layers.

    Args:
        ctx: rule context.

    Returns:
        bool.
    """
    return ctx.attr._shallow_oci_layout[BuildSettingInfo].value == _ALLOWED
