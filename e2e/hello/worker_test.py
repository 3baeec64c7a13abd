"""Images have the same digests whether persistent workers build them or a process for each action."""

import unittest

from support.consumer import OnConsumer

IMAGES = ["//:index", "//:gzip_image"]

STRIPPED = "--experimental_output_paths=strip"
SANDBOXED = ["--worker_sandboxing", "--experimental_worker_multiplex_sandboxing", STRIPPED]
ALL_WORKERS = ["--spawn_strategy=worker,sandboxed", "--experimental_worker_cancellation"]
PROTO = "--modify_execution_info=.*=-requires-worker-protocol"
DISABLED = "--@rules_img//img/settings:persistent_workers=disabled"

# The mnemonics of all actions that may run in a worker.
WORKING = {"ImageIndex", "ImageManifest", "LayerTar"}

# name: options, name of the runner that Bazel counts, what it says of each worker
WAYS = {
    "a process each": (["--spawn_strategy=local"], "local", None),
    "a process each, sandboxed, paths mapped": (["--spawn_strategy=sandboxed", STRIPPED], "linux-sandbox", None),
    "a worker, JSON": (ALL_WORKERS, "worker", {"isMultiplex"}),
    "a worker, JSON, sandboxed, paths mapped": ([*ALL_WORKERS, *SANDBOXED], "worker", {"isMultiplex", "isSandbox"}),
    "a worker, protocol buffers": ([*ALL_WORKERS, PROTO], "worker", {"isMultiplex"}),
    "a worker, protocol buffers, sandboxed": (
        [*ALL_WORKERS, *SANDBOXED, PROTO],
        "worker",
        {"isMultiplex", "isSandbox"},
    ),
    "workers for one action at a time": ([*ALL_WORKERS, "--noworker_multiplex"], "worker", set()),
    "workers for one action at a time, sandboxed, paths mapped": (
        [*ALL_WORKERS, "--noworker_multiplex", "--worker_sandboxing", STRIPPED],
        "worker",
        {"isSandbox"},
    ),
    "workers that the setting forbids": ([*ALL_WORKERS, DISABLED], "linux-sandbox", None),
}


def workers(built):
    """What Bazel says of the workers of a build: mnemonic to kinds."""
    (event,) = built.of("buildMetrics")
    kinds = ("isMultiplex", "isSandbox")
    metrics = event["buildMetrics"].get("workerMetrics", [])
    return {worker["mnemonic"]: {kind for kind in kinds if worker.get(kind)} for worker in metrics}


class WorkerTest(OnConsumer, unittest.TestCase):
    def test_digests_do_not_depend_on_workers(self):
        found = {}
        for name, (options, runner, kinds) in WAYS.items():
            with self.subTest(name):
                # Nothing is left of the way before, not even its worker.
                self.workspace.command("clean", [], [])
                built = self.workspace.build(*IMAGES, groups=["digest"], options=options)
                found[name] = [built.digest(image) for image in IMAGES]
                self.assertGreaterEqual(built.runner_count(runner), len(WORKING))
                self.assertEqual(workers(built), {} if kinds is None else dict.fromkeys(WORKING, kinds))
        self.assertEqual(found, dict.fromkeys(WAYS, found["a process each"]))


if __name__ == "__main__":
    unittest.main()
