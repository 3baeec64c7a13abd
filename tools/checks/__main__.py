"""Runs the checks of the project and counts them; see tools/test."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from counts import Counts
from steps import EVENTS, GROUPS, REPOSITORY, shut_down_bazel, steps_of


def main(groups):
    unknown = set(groups) - set(GROUPS)
    if unknown:
        sys.exit(f"no group of checks is called {', '.join(sorted(unknown))}: there are {' '.join(GROUPS)}")
    try:
        outcomes = [(step, *outcome_of(step)) for step in steps_of(groups or GROUPS)]
    finally:
        shut_down_bazel()
    total = sum((counted for _, counted, _ in outcomes), Counts())
    print_summary(outcomes)
    print(total)
    return 1 if total.failed else 0


def outcome_of(step):
    """Runs a step, or says why it is skipped; returns its counts and that reason."""
    reason = step.reason_to_skip()
    if reason:
        return Counts(skipped=1), reason
    print(f"\n==> {step.name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        events = Path(scratch) / "events"
        command = [str(part).replace(EVENTS, str(events)) for part in step.command]
        code, output = run(command, {**os.environ, **step.environment})
        counted = step.read(code, events.read_text() if events.exists() else output)
    print(f"<== {step.name}: {counted} in {time.monotonic() - started:.0f} s", flush=True)
    return counted, None


def run(command, environment):
    """Runs a command, shows its output as it comes, and returns exit code and output."""
    lines = []
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def print_summary(outcomes):
    print("\nSummary")
    for step, counted, reason in outcomes:
        verdict = f"skipped: {reason}" if reason else counted
        print(f"  {step.name:24} {verdict}")


sys.exit(main(sys.argv[1:]))
