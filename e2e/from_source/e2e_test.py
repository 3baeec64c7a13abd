"""Without a prebuilt tool, Bazel builds `img` with cargo: at first use, and again when the sources change."""

import unittest

from support import places
from support.bazel import Workspace
from support.places import temporary_directory

BROKEN_SOURCE = 'compile_error!("edited by the e2e test");\n'


class FromSource(unittest.TestCase):
    """In a copy of the repository, so that its sources can be edited."""

    @classmethod
    def setUpClass(cls):
        cls.place = temporary_directory(cls.addClassCleanup)
        cls.checkout = places.copy_of_repository(cls.place / "checkout")
        cls.target = cls.place / "target"
        cls.workspace = cls.consumer()
        cls.addClassCleanup(cls.workspace.shutdown)

    @classmethod
    def consumer(cls, tool=None):
        return Workspace(
            directory=cls.checkout / "e2e" / "from_source",
            output_user_root=cls.place / "bazel",
            tool=tool,
            options=[f"--repo_env=RULES_IMG_CARGO_TARGET_DIR={cls.target}"],
            environment={"RULES_IMG_TOOL": ""},
        )

    def test_image_of_the_built_tool_equals_that_of_a_given_one(self):
        built = self.workspace.build("//:image", groups=["digest"])
        self.assertTrue((self.target / "release" / "img").exists(), "cargo did not build into the target directory")

        given = self.consumer(places.tool()).build("//:image", groups=["digest"])
        self.assertEqual(given.digest("//:image"), built.digest("//:image"))

    def test_tool_is_built_again_when_its_sources_change(self):
        self.workspace.build("//:image")
        main = self.checkout / "crates" / "img" / "src" / "main.rs"
        original = main.read_text()
        self.addCleanup(main.write_text, original)
        main.write_text(original + BROKEN_SOURCE)

        refused = self.workspace.build("//:image", check=False)
        self.assertEqual(refused.result.code, 1)
        self.assertIn("edited by the e2e test", refused.result.stderr)
        self.assertIn("RULES_IMG_TOOL", refused.result.stderr)

    def test_missing_cargo_is_named_with_the_ways_out(self):
        nowhere = [f"--repo_env={name}=/nonexistent" for name in ("PATH", "HOME", "CARGO_HOME")]
        refused = self.workspace.build("//:image", options=nowhere, check=False)
        self.assertEqual(refused.result.code, 1)
        for part in ("no cargo on PATH", "install Rust", "--repo_env=RULES_IMG_TOOL="):
            self.assertIn(part, refused.result.stderr)
