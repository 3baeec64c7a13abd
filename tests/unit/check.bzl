"""Unit tests that are tables: an input and what a function makes of it."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

def table_test(function, cases):
    """Returns a test rule that calls a function for each case.

    Args:
        function: function of positional arguments.
        cases: list of (list of arguments, expected result).

    Returns:
        A test rule, to be given to a global variable.
    """

    def _impl(ctx):
        env = unittest.begin(ctx)
        for arguments, expected in cases:
            asserts.equals(env, expected, function(*arguments), "of {}".format(arguments))
        return unittest.end(env)

    return unittest.make(_impl)
