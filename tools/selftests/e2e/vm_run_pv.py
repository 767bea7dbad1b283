#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A stock Linux guest uses the paravirtual interface: its own log says so, the time that is stolen
from it shows where it shows time, and the host counts what it asks for."""

import contextlib
import glob
import json
import os
import re
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                 # noqa: E402
from baremetal import TIMEOUT               # noqa: E402
from stock import SUCCESS, boot, kernel     # noqa: E402

suite = ktap.Suite()

# Both processors are busy until one of them has been robbed of a tick: the eighth number of the
# first line of /proc/stat.
BUSY = """busy() {
	while read -r _ _ _ _ _ _ _ _ steal _ < /proc/stat && [ $steal = 0 ]; do :; done
}
busy & busy; wait; dmesg; echo steal $steal"""


STRESS = "/usr/bin/stress-ng"
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"


@contextlib.contextmanager
def one_processor():
    """What is started meanwhile shares one of the host's."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Watcher(threading.Thread):
    """Asks for a guest's counters until the guest has ended; keeps the last answer."""

    def __init__(self, name):
        super().__init__()
        self.name_of_guest = name
        self.ended = threading.Event()
        self.last = None

    def run(self):
        while not self.ended.wait(0.5):
            done = subprocess.run(["vm", "stats", "--once", "--json", self.name_of_guest],
                                  capture_output=True, timeout=TIMEOUT)
            if not done.returncode:
                self.last = json.loads(done.stdout)

    def end(self):
        """The sums of the counters over all vCPUs."""
        self.ended.set()
        self.join()
        sums = {}
        for vcpu in self.last["vcpus"] if self.last else ():
            for name, count in vcpu["counters"].items():
                sums[name] = sums.get(name, 0) + count
        return sums


@suite.case
def linux_finds_it_all_and_sees_its_time_stolen(t):
    with one_processor():
        status, output, error = boot(kernel("6.1"), BUSY, "console=ttyS0 quiet panic=-1",
                                     "--cpus", "2")
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


def clocks(output):
    """What a guest that shows its flags may take for a clock: its own TSC only where that never
    stops and never changes."""
    flags = re.search(rb"(?m)^flags\s*:(.*)$", output)
    steady = flags and {b"constant_tsc", b"nonstop_tsc"} <= set(flags[1].split())
    return [b"kvm-clock", b"tsc"] if steady else [b"kvm-clock"]


@suite.case
def linux_asks_for_it(t):
    """An interrupt for several processors (an NMI, for their backtraces) is a hypercall; a
    processor that shall flush its TLB and is away finds a mark; interrupts end by the flag, and
    most do; time is the host's."""
    watcher = Watcher("asks")
    watcher.start()
    try:
        with one_processor():
            status, output, error = boot(
                kernel("6.1"), f"{STRESS} --malloc 1 --malloc-pthreads 4 --malloc-thresh 4096 "
                "--temp-path /tmp --timeout 8s; echo l >/proc/sysrq-trigger; sleep 2; dmesg; "
                f"cat {CLOCK}; grep -m 1 flags /proc/cpuinfo",
                "console=ttyS0 quiet panic=-1", "--cpus", "4", "--name", "asks",
                programs=[STRESS])
    finally:
        counters = watcher.end()
    t.equal((status, error), (SUCCESS, ""))
    for cpu in range(4):
        t.contains(output, b"NMI backtrace for cpu %d" % cpu)
    for name in ("exit_hypercall", "pv_flushes"):
        t.true(counters.get(name, 0) > 0, f"{name} is {counters.get(name)}: {output[-600:]}")
    ends, taken = (counters.get(name, 0) for name in ("pv_eois", "inject_interrupt"))
    t.true(taken / 2 < ends <= taken, f"{ends} of {taken} interrupts ended by the flag")
    taken = re.search(rb"(?m)^(kvm-clock|tsc|hpet|acpi_pm|jiffies|refined-jiffies)\r?$", output)
    t.true(taken and taken[1] in clocks(output), f"the clock is {taken}")


suite.main()
