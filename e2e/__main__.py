"""Runs the e2e tests: `python3 e2e [WORKSPACE | WORKSPACE/FILE_test.py]…`, all of them by default.

Names of classes and tests after `--` select within the files: `python3 e2e hello -- Bazel7`.
RULES_IMG_TOOL names the `img` binary that the workspaces share (target/release/img by default).
"""

import importlib.util
import signal
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_files(selected):
    """The test files that the arguments name."""
    files = sorted(HERE.glob("*/*_test.py"))
    names = [name.removeprefix("e2e/").rstrip("/") for name in selected]
    wanted = [file for file in files if not names or names_file(names, file)]
    if not wanted:
        sys.exit(f"no tests in {' '.join(selected)}: there are {' '.join(str(f.relative_to(HERE)) for f in files)}")
    return wanted


def names_file(names, file):
    return file.parent.name in names or str(file.relative_to(HERE)) in names


def load(file, patterns):
    """The tests of one file, as a suite."""
    spec = importlib.util.spec_from_file_location(f"{file.parent.name}.{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns] or None
    return loader.loadTestsFromModule(module)


def main(arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    files, patterns = arguments[:split], arguments[split + 1 :]
    # A terminated run still stops its daemons: SIGTERM unwinds as an interrupt does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.path.insert(0, str(HERE))
    suite = unittest.TestSuite(load(file, patterns) for file in test_files(files))
    outcome = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    sys.exit(0 if outcome.wasSuccessful() else 1)


main(sys.argv[1:])
