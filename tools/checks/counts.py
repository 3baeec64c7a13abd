"""Reads from a tool's own output how many tests passed, failed and were skipped."""

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def judged_by(self, exit_code):
        """These counts, corrected where the exit code knows of a failure that they do not name."""
        return self + Counts(failed=1) if exit_code != 0 and self.failed == 0 else self


def of_exit_code(exit_code, output):
    """For tools that only say yes or no: the step is one test."""
    return Counts(passed=1) if exit_code == 0 else Counts(failed=1)


def of_cargo_test(exit_code, output):
    """Sums the result line of every test binary; an ignored test is a skipped one."""
    results = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", output, re.MULTILINE)
    return sum((Counts(*map(int, result)) for result in results), Counts()).judged_by(exit_code)


def of_unittest(exit_code, output):
    """Reads the last lines of Python's unittest: `Ran 7 tests in 1.2s` and `FAILED (errors=1, skipped=2)`."""
    ran = sum(int(count) for count in re.findall(r"^Ran (\d+) tests? in ", output, re.MULTILINE))
    verdicts = re.findall(r"^(?:OK|FAILED) \((.*)\)$", output, re.MULTILINE)
    named = dict(re.findall(r"([a-z ]+)=(\d+)", verdicts[-1])) if verdicts else {}
    count = {name.strip(): int(number) for name, number in named.items()}
    skipped = count.get("skipped", 0)
    # An error while setting up a class or module fails without a test having run.
    failed = count.get("failures", 0) + count.get("errors", 0) + count.get("unexpected successes", 0)
    return Counts(max(ran - failed - skipped, 0), failed, skipped).judged_by(exit_code)


def of_build_events(exit_code, events):
    """Counts the tests that a build event file (one JSON document a line) tells of."""
    counts = Counts()
    for line in events.splitlines():
        summary = json.loads(line).get("testSummary")
        if summary:
            passed = summary["overallStatus"] in ("PASSED", "FLAKY")
            counts += Counts(passed=1) if passed else Counts(failed=1)
    return counts.judged_by(exit_code)
