"""Attributes that choose one of a few words, or leave the choice to a build setting."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

AUTO = "auto"

def choice_attr(values, *, doc, setting):
    """Returns an attribute that chooses between values.

    Args:
        values: list of str.
        doc: str, the first sentence of its documentation, without full stop.
        setting: str, label of the build setting that `auto` stands for.

    Returns:
        Attribute of type string with default `auto`.
    """
    return attr.string(
        default = AUTO,
        values = [AUTO] + values,
        doc = "{}: {} or `auto` (the default), which takes the value of `@rules_img{}`.".format(
            doc,
            ", ".join(["`{}`".format(value) for value in values]),
            setting,
        ),
    )

def resolve_choice(value, setting):
    """Returns the chosen value.

    Args:
        value: str, the attribute.
        setting: Target of the build setting that `auto` stands for.

    Returns:
        str.
    """
    return setting[BuildSettingInfo].value if value == AUTO else value
