"""Tests of dependencies.py."""

import unittest

from dependencies import is_allowed, violations

ALLOWED = {"MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"}

# SPDX expression, whether ALLOWED satisfies it
LICENSES = [
    ("MIT", True),
    ("MIT OR GPL-3.0", True),
    ("GPL-3.0 OR MIT", True),
    ("MIT AND GPL-3.0", False),
    ("MIT/Apache-2.0", True),
    ("(MIT OR GPL-3.0) AND Unicode-3.0", True),
    ("(MIT OR GPL-3.0) AND Zlib", False),
    ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", True),
    ("Apache-2.0 WITH Classpath-exception-2.0", False),
    ("MIT Apache-2.0", False),
    ("", False),
]

RULES = {
    "licenses": {"allow": ["MIT"], "exceptions": [{"crate": "ring", "allow": ["ISC"]}]},
    "bans": {"deny": ["openssl-sys", {"crate": "native-tls@1", "reason": "C"}]},
    "sources": {"allow-git": ["https://example.org/good"]},
}


def package(name, license="MIT", source=None):
    return {"name": name, "version": "1.0.0", "license": license, "source": source}


# package, how many sentences it earns
PACKAGES = [
    (package("serde"), 0),
    (package("serde", license=None), 1),
    (package("ring", license="ISC"), 0),
    (package("other", license="ISC"), 1),
    (package("openssl-sys"), 1),
    (package("native-tls", license="GPL-3.0"), 2),
    (package("fork", source="git+https://example.org/good?branch=main#1234"), 0),
    (package("fork", source="git+https://example.org/bad#1234"), 1),
]


class DependenciesTest(unittest.TestCase):
    def test_licence_expressions_are_read_as_spdx_says(self):
        for expression, expected in LICENSES:
            with self.subTest(expression):
                self.assertEqual(is_allowed(expression, ALLOWED), expected)

    def test_every_broken_rule_is_named(self):
        for candidate, expected in PACKAGES:
            with self.subTest(candidate["name"], license=candidate["license"]):
                self.assertEqual(len(list(violations([candidate], RULES))), expected)


if __name__ == "__main__":
    unittest.main()
