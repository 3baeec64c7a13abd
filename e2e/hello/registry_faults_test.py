"""Registries that refuse, break off or are full: the push fails, says why, and nothing hangs."""

import base64
import json
import os
import unittest

from support import images, places
from support.consumer import OnConsumer
from support.disks import SmallDisk
from support.places import started, temporary_directory
from support.processes import free_port, run
from support.registries import BREAK, DockerRegistry, FaultyRegistry, ImgRegistry

USER, PASSWORD = "somebody", "correct-horse"
PUSH_SECONDS = 120


def fault(kind, *, method=None, path="", times=None):
    """An answer that fails requests of a method below a path: always, or only some times."""
    left = [times]

    def answer(seen, at):
        if seen != (method or seen) or path not in at or left[0] == 0:
            return None
        left[0] = left[0] and left[0] - 1
        return kind

    return answer


UPLOADS = "/blobs/uploads/"

# name: answer of the registry, what the message must say besides the registry's address
REFUSALS = {
    "401 for everything": (fault(401), ("401", "docker login")),
    "403 for uploads": (fault(403, method="POST", path=UPLOADS), ("403 DENIED", "sha256:", "docker login")),
    "404 for uploads": (fault(404, method="POST", path=UPLOADS), ("404 NAME_UNKNOWN", "name of the repository")),
    "500 for manifests": (fault(500, method="PUT", path="/manifests/"), ("500", "manifest", "try later")),
    "503 for everything": (fault(503), ("503", "try later")),
    "uploads that break off": (fault(BREAK, method="PUT", path=UPLOADS), ("blob sha256:", "broke", "try again")),
}

PASSING_FAULTS = {
    "503 once": lambda: fault(503, times=1),
    "429 for the first upload": lambda: fault(429, method="POST", path=UPLOADS, times=1),
    "first upload breaks off": lambda: fault(BREAK, method="PUT", path=UPLOADS, times=1),
    "500 for the first manifest": lambda: fault(500, method="PUT", path="/manifests/", times=1),
}

# flags after `--`, what the message must say
REFUSED_FLAGS = [
    (["--tag", "not a tag"], "not a tag"),
    (["--tag", "-"], "-"),
    (["--repository", "UPPER/case"], "UPPER/case"),
    (["--repository", "e2e//hello"], "e2e//hello"),
    (["--registry", "not a host"], "not a host"),
]


class Push(OnConsumer, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        built = cls.workspace.build("//:push", "//:index", groups=["digest"])
        cls.executable = built.file("//:push")
        cls.digest = built.digest("//:index")

    def setUp(self):
        self.place = temporary_directory(self.addCleanup)

    def push(self, *arguments, login=None):
        """Runs the push as `bazel run` would, in a home directory of its own."""
        environment = {**os.environ, "HOME": str(self.place), "DOCKER_CONFIG": str(self.place / "docker")}
        if login:
            write_docker_config(self.place / "docker", *login)
        return run([self.executable, *arguments], check=False, env=environment, timeout=PUSH_SECONDS)

    def check_refused(self, result, *parts):
        self.assertEqual(result.code, 1, result)
        self.assertEqual(result.stdout, "", "a push that failed has no reference to print")
        last_line = result.stderr.splitlines()[-1]
        for part in ("img deploy: cannot push ", *parts):
            self.assertIn(part, last_line)
        for never in ("panicked", PASSWORD):
            self.assertNotIn(never, result.stderr)

    def test_refusal_is_told_with_registry_and_status(self):
        for name, (answer, parts) in REFUSALS.items():
            with self.subTest(name):
                registry = started(FaultyRegistry(self.place / name, answer), self.addCleanup)
                result = self.push("--registry", registry.address)
                self.check_refused(result, registry.address, *parts)

    def test_fault_that_passes_is_survived(self):
        for name, answer in PASSING_FAULTS.items():
            with self.subTest(name):
                registry = started(FaultyRegistry(self.place / name, answer()), self.addCleanup)
                result = self.push("--registry", registry.address)
                self.assertEqual(result.code, 0, result)
                served = images.raw_manifest(f"{registry.address}/e2e/hello:latest")
                self.assertEqual(images.digest_of(served), self.digest)

    def test_refused_connection_is_told(self):
        address = f"127.0.0.1:{free_port()}"
        self.check_refused(self.push("--registry", address), address, "refused")

    def test_reference_outside_the_grammar_is_refused(self):
        for flags, part in REFUSED_FLAGS:
            with self.subTest(flags):
                result = self.push(*flags)
                self.assertEqual(result.code, 2, "wrong usage")
                self.assertIn(part, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_login_is_asked_for_and_used(self):
        registry = started(DockerRegistry(self.place / "registry", login=(USER, PASSWORD)), self.addCleanup)
        self.check_refused(self.push("--registry", registry.address), registry.address, "401", "docker login")

        wrong = self.push("--registry", registry.address, login=(registry.address, USER, "wrong"))
        self.check_refused(wrong, registry.address, "401")

        right = self.push("--registry", registry.address, login=(registry.address, USER, PASSWORD))
        self.assertEqual(right.code, 0, right)
        self.assertIn(f"{registry.address}/e2e/hello@{self.digest}", right.stdout)

    def test_full_disk_of_a_registry_is_survived(self):
        for kind in (self.docker_registry_on, self.img_registry_on):
            with self.subTest(kind.__name__):
                disk = started(SmallDisk(self.place / kind.__name__, kibibytes=4096), self.addCleanup)
                registry = started(kind(disk.directory), self.addCleanup)
                disk.fill()
                self.check_refused(self.push("--registry", registry.address), registry.address)

                disk.make_room()
                again = self.push("--registry", registry.address)
                self.assertEqual(again.code, 0, again)
                served = images.raw_manifest(f"{registry.address}/e2e/hello:latest")
                self.assertEqual(images.digest_of(served), self.digest)

    def docker_registry_on(self, disk):
        return DockerRegistry(self.place / "docker-registry", storage=disk / "storage")

    def img_registry_on(self, disk):
        return ImgRegistry(places.tool(), self.place / "img-registry", storage=disk / "storage")


class Layer(unittest.TestCase):
    def test_full_disk_leaves_no_output(self):
        place = temporary_directory(self.addCleanup)
        disk = started(SmallDisk(place / "disk", kibibytes=1024), self.addCleanup)
        source = place / "noise"
        source.write_bytes(os.urandom(4 << 20))
        outputs = [disk.directory / name for name in ("layer.tgz", "layer.json")]

        result = run(
            [places.tool(), "layer", "--add", f"srv/noise={source}", "--metadata", outputs[1], outputs[0]],
            check=False,
        )
        self.assertEqual(result.code, 1, result)
        for part in ("img layer: ", str(disk.directory), "No space left on device"):
            self.assertIn(part, result.stderr)
        self.assertEqual(os.listdir(disk.directory), [])


def write_docker_config(directory, address, user, password):
    """What `docker login` writes."""
    directory.mkdir(exist_ok=True)
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    (directory / "config.json").write_text(json.dumps({"auths": {address: {"auth": secret}}}))
