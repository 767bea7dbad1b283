#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A stock Linux guest uses the paravirtual interface: its own log says so, and the time that is
stolen from it shows where it shows time."""

import glob
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                 # noqa: E402
from stock import SUCCESS, boot, kernel     # noqa: E402

suite = ktap.Suite()

# Both processors are busy until one of them has been robbed of a tick: the eighth number of the
# first line of /proc/stat.
BUSY = """busy() {
	while read -r _ _ _ _ _ _ _ _ steal _ < /proc/stat && [ $steal = 0 ]; do :; done
}
busy & busy; wait; dmesg; echo steal $steal"""


@suite.case
def linux_finds_it_all_and_sees_its_time_stolen(t):
    cpu = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        status, output, error = boot(kernel("6.1"), BUSY, "console=ttyS0 quiet panic=-1",
                                     "--cpus", "2")
    finally:
        os.sched_setaffinity(0, before)
    t.equal((status, error), (SUCCESS, ""))
    t.contains(output, b"kvm-clock: Using msrs 4b564d01 and 4b564d00")
    t.contains(output, b"kvm-guest: setup PV IPIs")
    t.contains(output, b"kvm-guest: KVM setup pv remote TLB flush")
    t.true(re.search(rb"(?m)^steal [1-9]", output), repr(output[-200:]))


def module(version, name):
    """The path of a stock kernel's module."""
    return glob.glob(os.path.join(os.path.dirname(kernel(version)), "lib/modules/*/kernel",
                                  name))[0]


@suite.case
def linux_sets_the_registers_that_say_nothing_in_its_log(t):
    """PV_EOI, and POLL_CONTROL where its driver is told to look around before it halts."""
    msr = module("6.1", "arch/x86/kernel/msr.ko")
    status, output, error = boot(
        kernel("6.1"), f"""insmod {msr} || exit
for index in {0x4b564d04} {0x4b564d05}; do
	dd if=/dev/cpu/0/msr bs=8 count=1 iflag=skip_bytes skip=$index 2>/dev/null | od -A n -t x8
done""", "console=ttyS0 quiet panic=-1 cpuidle_haltpoll.force=1", programs=[msr])
    t.equal((status, error), (SUCCESS, ""))
    values = [int(line, 16) for line in re.findall(rb"(?m)^ ([0-9a-f]{16})\r?$", output)]
    t.equal([value & 1 for value in values], [1, 0])


suite.main()
