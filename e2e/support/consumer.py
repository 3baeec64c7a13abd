"""The consumer workspaces in e2e/, and what tests on one of them have in common."""

from support import places
from support.bazel import Workspace


def consumer(name, options=()):
    """A workspace of e2e/, with the Bazel server and the outputs that all tests share."""
    return Workspace(
        directory=places.workspace(name),
        output_user_root=places.cache() / "bazel",
        tool=places.tool(),
        options=[*needs_of(name), *options],
    )


def needs_of(name):
    """The options without which a workspace cannot be built."""
    return [f"--repo_env=HELLO_BUSYBOX={places.busybox()}"] if name == "hello" else []


class OnConsumer:
    """Tests on one workspace, which a class names with its settings; what derives from it chooses a Bazel by `options`."""

    maxDiff = None
    name = "hello"
    settings = []
    options = []

    @classmethod
    def setUpClass(cls):
        cls.workspace = consumer(cls.name, [*cls.settings, *cls.options])
        cls.addClassCleanup(cls.workspace.shutdown)
