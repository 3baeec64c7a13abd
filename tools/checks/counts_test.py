"""Tests of counts.py: nothing that failed may be counted as passed."""

import json
import unittest

import counts
from counts import Counts

CARGO = """
running 2 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""


def events(*statuses):
    return "\n".join(json.dumps({"testSummary": {"overallStatus": status}}) for status in statuses)


# reader, exit code, output, what it means
CASES = [
    (counts.of_exit_code, 0, "", Counts(1, 0)),
    (counts.of_exit_code, 2, "", Counts(0, 1)),
    (counts.of_cargo_test, 101, CARGO, Counts(5, 1, 1)),
    (counts.of_cargo_test, 101, "error: could not compile", Counts(0, 1)),
    (counts.of_unittest, 0, "Ran 7 tests in 1.2s\n\nOK\n", Counts(7, 0)),
    (counts.of_unittest, 0, "Ran 1 test in 1.2s\n\nOK (skipped=1)\n", Counts(0, 0, 1)),
    (counts.of_unittest, 1, "Ran 7 tests in 1s\n\nFAILED (failures=1, errors=2, skipped=1)\n", Counts(3, 3, 1)),
    (counts.of_unittest, 1, "Ran 0 tests in 1s\n\nFAILED (errors=1)\n", Counts(0, 1)),
    (counts.of_unittest, 1, "Traceback", Counts(0, 1)),
    (counts.of_build_events, 3, events("PASSED", "FAILED", "TIMEOUT", "NO_STATUS"), Counts(1, 3)),
    (counts.of_build_events, 0, events("PASSED", "FLAKY"), Counts(2, 0)),
    (counts.of_build_events, 1, "", Counts(0, 1)),
]


class CountsTest(unittest.TestCase):
    def test_output_is_read_as_it_is_meant(self):
        for reader, exit_code, output, expected in CASES:
            with self.subTest(reader=reader.__name__, output=output):
                self.assertEqual(reader(exit_code, output), expected)

    def test_closing_line_names_skipped_only_where_there_are_any(self):
        self.assertEqual(str(Counts(3, 0)), "3 passed, 0 failed")
        self.assertEqual(str(Counts(3, 1, 2)), "3 passed, 1 failed, 2 skipped")


if __name__ == "__main__":
    unittest.main()
