"""Tests of native_rules.py."""

import unittest

from native_rules import unloaded_rules

# text of a file, what is found in it
CASES = [
    ('sh_binary(\n    name = "a",\n)\n', [(1, "sh_binary")]),
    ('load("@rules_shell//shell:sh_binary.bzl", "sh_binary")\n\nsh_binary(name = "a")\n', []),
    ('load("@rules_shell//shell:sh_binary.bzl", "sh_binary")\n\nnative.sh_binary(name = "a")\n', [(3, "native.sh_binary")]),
    ('def py_layer(name):\n    """Wraps."""\n\npy_layer(name = "a")\n', []),
    ("# sh_binary(name) would be native\n", []),
    ('x = 1\n[\n    cc_library(name = n)\n    for n in "ab"\n]\n', [(3, "cc_library")]),
]


class NativeRulesTest(unittest.TestCase):
    def test_rules_without_a_load_are_found(self):
        for text, expected in CASES:
            with self.subTest(text):
                self.assertEqual(list(unloaded_rules(text)), expected)


if __name__ == "__main__":
    unittest.main()
