#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's own kernels boot by the 64-bit protocol to a command; the one script that also runs on
the Bochs hosts."""

import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                 # noqa: E402
from content import eight_under_load        # noqa: E402
from stock import SUCCESS, boot, kernel     # noqa: E402

suite = ktap.Suite()

# Of the host's time; each is 400 million instructions.
LOAD_SECONDS = int(os.environ.get("LOAD_SECONDS", "2"))


def boots_to_a_command(t, version):
    status, output, error = boot(kernel(version), "uname -r; nproc; cat /proc/cmdline",
                                 "console=ttyS0 quiet panic=-1")
    t.equal((status, error), (SUCCESS, ""))
    t.true(re.search(rb"(?m)^6\.\d+\.\d+\S*\r?\n1\r?\nconsole=ttyS0 quiet panic=-1\r?$",
                     output), repr(output))


@suite.case
def linux_6_1_boots_to_a_command(t):
    boots_to_a_command(t, "6.1")


@suite.case
def linux_6_12_boots_to_a_command(t):
    boots_to_a_command(t, "6.12")


# vm_run_smp.py has more of it, for hosts that are faster; each VT-x host takes the kernel it has.
if os.environ.get("LAB_HOST") == "vmx":
    @suite.case
    def eight_processors_under_load(t):
        eight_under_load(t, os.environ["LAB_KVER"].removesuffix("-cloud"), LOAD_SECONDS)


suite.main()
