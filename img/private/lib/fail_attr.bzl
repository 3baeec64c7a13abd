"""How every rule here reports a mistake in a BUILD file."""

def attr_error(subject, attribute, *, expected, found, remedy):
    """Returns the message that `fail_attr` fails with.

    Args:
        subject: Label of the target, or str naming the function that was called.
        attribute: str, the attribute (or parameter) that holds the mistake.
        expected: str, what the attribute may hold.
        found: str, what it holds.
        remedy: str, what to do about it.

    Returns:
        str of several lines.
    """
    return "\n".join([
        "{}: attribute `{}`".format(subject, attribute),
        "  expected: " + expected,
        "  found: " + found,
        "  remedy: " + remedy,
    ])

def fail_attr(subject, attribute, *, expected, found, remedy):
    """Fails the analysis because of one attribute of one target.

    Args:
        subject: Label of the target, or str naming the function that was called.
        attribute: str, the attribute (or parameter) that holds the mistake.
        expected: str, what the attribute may hold.
        found: str, what it holds.
        remedy: str, what to do about it.
    """
    fail("\n" + attr_error(subject, attribute, expected = expected, found = found, remedy = remedy))
