# SPDX-License-Identifier: GPL-2.0-only
"""KTAP for the end-to-end tests: a list of cases, one line of result for each.

    suite = ktap.Suite()

    @suite.case
    def adds(t):
        t.equal(1 + 1, 2)

    suite.main()

A case fails by an expectation that does not hold or by any exception; it is skipped by t.skip().
A script called with arguments runs only the cases whose names contain one of them.
"""

import sys
import traceback


class Skip(Exception):
    """Raised by Case.skip()."""


class Case:
    """What a running case records."""

    def __init__(self):
        self.failures = []

    def fail(self, text):
        """Record a failure and go on."""
        frame = sys._getframe(1)
        while frame.f_globals.get("__name__") == __name__:
            frame = frame.f_back
        self.failures.append(f"line {frame.f_lineno}: {text}")

    def true(self, value, text):
        if not value:
            self.fail(text)

    def equal(self, left, right):
        if left != right:
            self.fail(f"{left!r} is not {right!r}")

    def contains(self, text, part):
        if part not in text:
            self.fail(f"{part!r} is not in {text!r}")

    def skip(self, reason):
        raise Skip(reason)


class Suite:
    """Cases in the order of their definition."""

    def __init__(self):
        self.cases = []

    def case(self, function):
        self.cases.append(function)
        return function

    def run_case(self, number, function):
        name = function.__name__
        case = Case()
        try:
            function(case)
        except Skip as skip:
            print(f"ok {number} {name} # SKIP {skip}", flush=True)
            return True
        except Exception:
            case.failures += traceback.format_exc().splitlines()
        for line in case.failures:
            for part in line.splitlines():
                print(f"# {part}")
        print(f"{'not ok' if case.failures else 'ok'} {number} {name}", flush=True)
        return not case.failures

    def main(self):
        wanted = [function for function in self.cases
                  if len(sys.argv) < 2 or any(part in function.__name__ for part in sys.argv[1:])]
        print(f"KTAP version 1\n1..{len(wanted)}", flush=True)
        results = [self.run_case(number, function) for number, function in enumerate(wanted, 1)]
        sys.exit(0 if results and all(results) else 1)
