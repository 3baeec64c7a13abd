"""Macros that declare the constraints of //img/constraints."""

load(
    "//img/private/lib:platforms.bzl",
    "ARCHITECTURE_BY_CONSTRAINT",
    "OS_ARCHITECTURE_PAIRS",
    "OS_BY_CONSTRAINT",
    "VARIANTS",
)

# buildifier: disable=unnamed-macro
def platform_config_settings(visibility):
    """Declares `<os>_<architecture>`, for use in select(), for each pair that goes together.

    Args:
        visibility: list of labels.
    """
    os_constraints = _inverse(OS_BY_CONSTRAINT)
    cpu_constraints = _inverse(ARCHITECTURE_BY_CONSTRAINT)
    for os, architectures in OS_ARCHITECTURE_PAIRS.items():
        for architecture in architectures:
            native.config_setting(
                name = "{}_{}".format(os, architecture),
                constraint_values = [
                    "@platforms//os:" + os_constraints[os],
                    "@platforms//cpu:" + cpu_constraints[architecture],
                ],
                visibility = visibility,
            )

# buildifier: disable=unnamed-macro
def variant_constraint_values(architecture, aliases, visibility):
    """Declares the variants of an architecture as values of //img/constraints:variant.

    Args:
        architecture: str, a Go GOARCH.
        aliases: dict from str to str, further names of variants.
        visibility: list of labels.
    """
    for variant in VARIANTS[architecture]:
        native.constraint_value(
            name = variant,
            constraint_setting = Label("//img/constraints:variant"),
            visibility = visibility,
        )
    for name, actual in aliases.items():
        native.alias(name = name, actual = actual, visibility = visibility)

def _inverse(words):
    return {value: key for key, value in words.items()}
