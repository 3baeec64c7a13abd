"""Checks of attributes that two or more rules have."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/lib:key_values.bzl", "keys_with_equals_sign")
load("//img/private/lib:templates.bzl", "has_template")

def check_keys(ctx, attribute):
    """Fails for a key that cannot stand before an equals sign.

    Args:
        ctx: rule context.
        attribute: str, name of an attribute that is a dict from str to str.
    """
    for key in keys_with_equals_sign(getattr(ctx.attr, attribute)):
        fail_attr(
            ctx.label,
            attribute,
            expected = "keys that are not empty and have no `=`",
            found = repr(key),
            remedy = "rename the key",
        )

def reject_templates(ctx, attribute, values):
    """Fails for a value that would be expanded if templates were supported.

    Taking it literally would put `{{` into an image or a reference and say nothing.

    Args:
        ctx: rule context.
        attribute: str, name of the attribute.
        values: list of str.
    """
    for value in values:
        if has_template(value):
            fail_attr(
                ctx.label,
                attribute,
                expected = "text without `{{`: templates are not supported yet",
                found = repr(value),
                remedy = "write the value out",
            )
