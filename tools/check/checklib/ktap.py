# SPDX-License-Identifier: GPL-2.0-only
"""Read KTAP: sum the cases of many suites, name those that failed or were skipped, and take a
suite that crashed, ran short or printed nothing for the failure it is."""

import re

RESULT = re.compile(r"^( *)(ok|not ok) \d+ *(?:- *)?(.*)$")
PLAN = re.compile(r"^( *)1\.\.(\d+)(?: *# *SKIP *(.*))?$", re.IGNORECASE)
SKIP = re.compile(r"# *SKIP\b *(.*)$", re.IGNORECASE)
SUITE = re.compile(r"^# suite (\S+)$")
ENDED = re.compile(r"^# suite-status (\d+)$")
DIAGNOSTICS = 20


class Totals:
    """What ran, over all suites."""

    def __init__(self):
        self.passed = 0
        self.failed = []     # (name, lines that say why)
        self.skipped = []    # (name, reason)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return (f"{self.passed} passed, {len(self.failed)} failed, "
                f"{len(self.skipped)} skipped")

    def good(self):
        return self.passed > 0 and not self.failed


class Suite:
    """The results of one test program."""

    def __init__(self, name, totals):
        self.name = name
        self.totals = totals
        self.planned = None
        self.seen = 0
        self.failures = 0
        self.skipped_whole = False
        self.child_depth = 0
        self.notes = []

    def line(self, text):
        plan, result = PLAN.match(text), RESULT.match(text)
        if plan:
            self._plan(plan)
        elif result:
            self._result(result)
        elif text.strip() and not text.startswith("KTAP version"):
            self.notes = [*self.notes, text][-DIAGNOSTICS:]

    def _plan(self, plan):
        if plan.group(1):
            return
        self.planned = int(plan.group(2))
        if not self.planned and plan.group(3) is not None:
            self.skipped_whole = True
            self.totals.skipped.append((self.name, plan.group(3)))

    def _result(self, result):
        """Count a case. One that sums the deeper cases before it is only counted if it failed
        and none of them did."""
        depth = len(result.group(1))
        is_sum = depth < self.child_depth
        self.child_depth = depth
        if not depth:
            self.seen += 1
        name = f"{self.name}: {SKIP.sub('', result.group(3)).strip()}"
        skip = SKIP.search(result.group(3))
        if result.group(2) == "not ok":
            if not is_sum or not self.failures:
                self.fail(name)
        elif skip and not is_sum:
            self.totals.skipped.append((name, skip.group(1)))
        elif not is_sum:
            self.totals.passed += 1
        self.notes = []

    def fail(self, name):
        self.failures += 1
        self.totals.failed.append((name, self.notes))

    def end(self, status):
        """The program has ended with @status (None: it was not seen to end)."""
        if status is None:
            self.fail(f"{self.name}: did not end")
        elif status in (124, 137):
            self.fail(f"{self.name}: ended after its time was up (status {status})")
        elif self.skipped_whole:
            return
        elif self.planned is None:
            self.fail(f"{self.name}: printed no plan (status {status})")
        elif self.seen != self.planned:
            self.fail(f"{self.name}: ran {self.seen} of {self.planned} cases (status {status})")
        elif status and not self.failures:
            self.fail(f"{self.name}: status {status} though no case failed")


def read_one(name, text, status):
    """Totals of the output @text of one program."""
    totals = Totals()
    suite = Suite(name, totals)
    for line in text.splitlines():
        suite.line(line)
    suite.end(status)
    return totals


def read_many(prefix, text):
    """Totals of output in which `# suite NAME` and `# suite-status N` frame each program."""
    totals, suite = Totals(), None
    for line in text.splitlines():
        start, ended = SUITE.match(line), ENDED.match(line)
        if start:
            if suite:
                suite.end(None)
            suite = Suite(f"{prefix}{start.group(1)}", totals)
        elif ended and suite:
            suite.end(int(ended.group(1)))
            suite = None
        elif suite:
            suite.line(line)
    if suite:
        suite.end(None)
    return totals
