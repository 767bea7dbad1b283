#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the lab reads from Bochs's own log: the reason for which it ended itself."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../lab")]

import ktap                         # noqa: E402
from labkit.bochs import reason     # noqa: E402

suite = ktap.Suite()

REGISTERS = "00005466508104i[CPU0  ] | RSP_EFFECTIVE=0\n"
FAULT = "00005466508104p[CPU0  ] >>PANIC<< exception(): 3rd (14) exception with no resolution\n"
OTHER = "00005466508104p[APIC0 ] >>PANIC<< acknowledged an interrupt, but INTR=0\n"


def says(*lines):
    with tempfile.NamedTemporaryFile("w") as log:
        log.writelines(lines)
        log.flush()
        return reason(log.name)


@suite.case
def a_reason_among_other_lines(t):
    t.equal(says(REGISTERS, FAULT, REGISTERS), "exception(): 3rd (14) exception with no resolution")


@suite.case
def the_last_reason(t):
    t.equal(says(FAULT, OTHER), "acknowledged an interrupt, but INTR=0")


@suite.case
def no_reason(t):
    t.equal(says(REGISTERS), None)
    t.equal(says(), None)


@suite.case
def no_log(t):
    t.equal(reason("/nonexistent/bochs.log"), None)


suite.main()
