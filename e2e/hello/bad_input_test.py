"""What must not build fails with a message that names the thing and the remedy, and leaves no output."""

import os
import unittest
from dataclasses import dataclass

from support.consumer import OnConsumer


@dataclass(frozen=True)
class Bad:
    """A target of //bad: what the message must say, and the outputs that must not be there."""

    message: tuple
    outputs: tuple = ()


BAD_TARGETS = {
    "parent_directory": Bad(("srv/../../etc/passwd", "`..`"), ("parent_directory.tgz", "parent_directory_metadata.json")),
    "duplicate_path": Bad(("srv/one.txt", "two.txt"), ("duplicate_path.tgz", "duplicate_path_metadata.json")),
    "unused_metadata": Bad(("srv/date.txt", "file_metadata"), ("unused_metadata.tgz", "unused_metadata_metadata.json")),
    "other_base": Bad(("arm64", "amd64"), ("other_base_manifest.json", "other_base_config.json")),
    "other_slot": Bad(("//bad:arm64", "linux/arm64", "linux/amd64", "remedy:"), ("other_slot_index.json",)),
    "tag_grammar": Bad(("not a tag",), ("tag_grammar.json",)),
    "repository_grammar": Bad(("E2E/Hello",), ("repository_grammar.json",)),
}


class Consumer(OnConsumer):
    """What holds on every Bazel; the classes below say which."""

    def test_bad_input_is_refused(self):
        for target, bad in BAD_TARGETS.items():
            with self.subTest(target):
                refused = self.workspace.build(f"//bad:{target}", check=False)
                self.assertEqual(refused.result.code, 1, refused.result)
                for part in (f"//bad:{target}", *bad.message):
                    self.assertIn(part, refused.result.stderr)
                self.assertNotIn("panicked", refused.result.stderr)
                self.assertEqual(self.outputs(bad.outputs), [])

    def outputs(self, names):
        """The files of these names that are in the package //bad; a runfiles tree may hold a link to nothing."""
        places_of_names = [
            os.path.join(directory, file)
            for directory, _, files in os.walk(self.workspace.execution_root() / "bazel-out")
            for file in files
            if file in names and os.path.basename(directory) == "bad"
        ]
        return [path for path in places_of_names if os.path.exists(path)]


class Bazel7(Consumer, unittest.TestCase):
    """Bazel 7.7 with its own defaults."""


class Bazel9(Consumer, unittest.TestCase):
    """Bazel 7.7 with the flags that come closest to the defaults of Bazel 9."""

    options = ["--config=bazel9"]
