"""The same sources give the same image: elsewhere, for another user, in another language and time zone."""

import os
import pwd
import shutil
import unittest

from support import places
from support.bazel import Workspace, find_bazel, is_private_root
from support.consumer import consumer
from support.places import temporary_directory

OTHER_USER = "daemon"

# name: user, umask, --jobs, environment
SURROUNDINGS = {
    "one job": (None, 0o077, 1, {"LC_ALL": "C", "TZ": "Pacific/Chatham"}),
    "another user": (OTHER_USER, 0o002, 7, {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "America/St_Johns"}),
}

IMAGES = ["//:index", "//:gzip_image"]


class Consumer:
    """What holds on every Bazel; the classes below say which."""

    options = []

    def digests(self, workspace):
        self.addCleanup(workspace.shutdown)
        built = workspace.build(*IMAGES, groups=["digest"])
        return {image: built.digest(image) for image in IMAGES}

    def test_digests_do_not_depend_on_surroundings(self):
        here = consumer("hello", self.options)
        expected = self.digests(here)
        for name, surroundings in SURROUNDINGS.items():
            with self.subTest(name):
                self.assertEqual(self.digests(self.elsewhere(*surroundings)), expected)

    def elsewhere(self, user, umask, jobs, environment):
        """A copy of the module, with an output base of its own, given to `user`."""
        place = temporary_directory(self.addCleanup)
        copy = places.copy_of_repository(place / "checkout")
        home = place / "home"
        output_user_root = home / "bazel"
        output_user_root.mkdir(parents=True)
        tool = shutil.copy2(places.tool(), place / "img")
        busybox = shutil.copy2(places.busybox(), place / "busybox")
        if user:
            give_to(place, user)
        return Workspace(
            directory=copy / "e2e" / "hello",
            output_user_root=output_user_root,
            tool=tool,
            options=[f"--repo_env=HELLO_BUSYBOX={busybox}", f"--jobs={jobs}", *self.options],
            environment={**environment, "HOME": str(home), "USER": user or "root"},
            prefix=as_user(user) if user else [],
            umask=umask,
        )


def give_to(place, user):
    account = pwd.getpwnam(user)
    for directory, _, files in os.walk(place):
        for path in (directory, *(os.path.join(directory, file) for file in files)):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def as_user(user):
    """The command that runs Bazel as another user; a private root is entered first, as it takes rights."""
    account = pwd.getpwnam(user)
    change = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    bazel = find_bazel()
    return [bazel, "--exec-in-root", *change, "/usr/bin/bazel"] if is_private_root(bazel) else [*change, bazel]


class Bazel7(Consumer, unittest.TestCase):
    """Bazel 7.7 with its own defaults."""


class Bazel9(Consumer, unittest.TestCase):
    """Bazel 7.7 with the flags that come closest to the defaults of Bazel 9."""

    options = ["--config=bazel9"]
