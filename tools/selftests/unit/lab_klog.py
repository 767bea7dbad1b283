#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The lab's judge of a host's log: it names each kind of trouble, in the kernels' own words, and
nothing else. Logs grow while they are read."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../lab")]

import ktap                                             # noqa: E402
from labkit.klog import OURS_MAX, REPORTS, KernelLog    # noqa: E402
from labkit.qemu import dies_booting                    # noqa: E402

suite = ktap.Suite()

BOOTED = "[    1.697148] lab: booted\n"
# A line of each kind, as kernels print them, and how the verdict begins.
TROUBLE = [
    ("lab: FAIL: cannot load hvm.ko", "cannot load hvm.ko"),
    ("Kernel panic - not syncing: Fatal exception", "host panic: not syncing"),
    ("BUG: KASAN: use-after-free in hvm_run+0x1/0x2 [hvm]", "KASAN report: use-after-free"),
    ("BUG: KFENCE: out-of-bounds read in hvm_run+0x1/0x2", "KFENCE report: out-of-bounds"),
    ("UBSAN: shift-out-of-bounds in kernel/cpu/run.c:1:2", "UBSAN report: shift"),
    ("Oops: 0000 [#1] PREEMPT SMP NOPTI", "host Oops: Oops"),
    ("general protection fault, maybe for address 0x0: 0000 [#1] SMP", "host Oops: general"),
    ("kernel BUG at mm/slub.c:419!", "host BUG: mm/slub.c"),
    ("BUG: unable to handle page fault for address: ffff8880", "host BUG: unable"),
    ("BUG: sleeping function called from invalid context at a.c:1", "host BUG: sleeping"),
    ("watchdog: BUG: soft lockup - CPU#2 stuck for 21s! [vm:149]", "host BUG: soft lockup"),
    ("[ BUG: Invalid wait context ]", "host BUG: Invalid wait context"),
    ("watchdog: Watchdog detected hard LOCKUP on cpu 1", "host hang: Watchdog detected"),
    ("Watchdog detected hard LOCKUP on cpu 1", "host hang: Watchdog detected"),
    ("WARNING: possible circular locking dependency detected", "lockdep report: possible"),
    ("WARNING: suspicious RCU usage", "lockdep report: suspicious RCU usage"),
    ("WARNING: CPU: 1 PID: 26 at kernel/sched/core.c:8365 f+0x93/0x230", "host WARN: CPU: 1"),
    ("unchecked MSR access error: RDMSR from 0x123", "host WARN: unchecked MSR"),
    ("rcu: INFO: rcu_preempt self-detected stall on CPU", "host stall: rcu: INFO: rcu_preempt self"),
    ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "host stall: rcu: INFO"),
    ("INFO: task vm:149 blocked for more than 120 seconds.", "host hang: task vm:149"),
    ("kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", "memory leak"),
]
HARMLESS = [
    "hvm: AMD-V, 40-bit guest addresses",
    "hrtimer: interrupt took 47308440 ns",
    "rcu: Hierarchical RCU implementation.",
    "clocksource: Long readout interval, skipping watchdog check",
    "ACPI: bus type PCI registered",
    "Modules linked in: hvm(OE) overlay(E)",
    "virtio_ring: module verification failed: signature and/or required key missing - tainting kernel",
]


def line(text, seconds=2):
    return f"[{seconds:5}.000001] {text}\n"


def verdict(text, hands_over=False):
    with tempfile.NamedTemporaryFile("w") as log:
        log.write(text)
        log.flush()
        return KernelLog(log.name, hands_over).look()


@suite.case
def names_trouble(t):
    for text, expected in TROUBLE:
        found = verdict(BOOTED + line("before") + line(text) + line("behind"))
        t.true((found or "").startswith(expected), f"{text!r} is {found!r}")


@suite.case
def every_kind_has_a_line(t):
    kinds = {name for _, name in REPORTS if name != "lab"}
    t.equal(kinds - {expected.split(":")[0] for _, expected in TROUBLE}, set())


@suite.case
def leaves_the_rest_alone(t):
    for text in HARMLESS:
        t.equal(verdict(BOOTED + line(text)), None)


@suite.case
def words_within_a_line_are_none(t):
    for text, _ in TROUBLE:
        if "[#" not in text:
            t.equal(verdict(BOOTED + line("a process said: " + text)), None)


@suite.case
def before_the_boot_only_a_panic_counts(t):
    t.equal(verdict(line("WARNING: CPU: 0 PID: 1 at a.c:1") + BOOTED), None)
    t.true(verdict(line("Kernel panic - not syncing: VFS")) is not None, "the panic is not seen")


@suite.case
def the_first_report_counts(t):
    found = verdict(BOOTED + line("WARNING: CPU: 1 PID: 2 at a.c:1") + line("kernel BUG at b.c:2!"))
    t.true(found.startswith("host WARN"), found)


@suite.case
def a_line_in_two_pieces(t):
    with tempfile.NamedTemporaryFile("w") as log:
        judge = KernelLog(log.name)
        for piece in (BOOTED + "[    3.000001] kernel B", "UG at mm/slub.c:1", "!\n"):
            t.equal(judge.verdict, None)
            log.write(piece)
            log.flush()
            judge.look()
        t.true(judge.verdict.startswith("host BUG"), judge.verdict)


@suite.case
def the_module_fills_the_log(t):
    few = line("hvm: said") * OURS_MAX
    t.equal(verdict(BOOTED + few), None)
    t.true((verdict(BOOTED + few + line("hvm: said")) or "").startswith("log flood"), "no flood")


@suite.case
def another_kernel_takes_over(t):
    """The crash on purpose is none; what the next kernel says and its trouble are seen."""
    crash = line("Kernel panic - not syncing: sysrq triggered crash", 30)
    text = (BOOTED + crash + line("Booting", 0) + line("lab: booted", 1) + line("lab: > hello", 2) +
            line("lab: STATUS 3", 2))
    with tempfile.NamedTemporaryFile("w") as log:
        log.write(text)
        log.flush()
        judge = KernelLog(log.name, hands_over=True)
        t.equal((judge.look(), judge.next_says, judge.next_status), (None, ["hello"], 3))
    with tempfile.NamedTemporaryFile("w") as log:
        log.write(BOOTED + crash + line("Booting", 0))
        log.flush()
        judge = KernelLog(log.name, hands_over=True)
        judge.look()
        t.equal((judge.booted, judge.ever_booted), (False, True))
    t.true(verdict(text + line("kernel BUG at a.c:1!", 3), True) is not None, "not judged any more")
    t.true(verdict(BOOTED + crash) is not None, "a crash that nobody wanted passes")


@suite.case
def a_breakpoint_while_booting(t):
    """QEMU's fault if the kernel's init has said nothing yet; else it may be one of ours."""
    oops = "Oops: int3: 0000 [#1] PREEMPT SMP NOPTI"

    def dies(*lines):
        return dies_booting("".join(lines).encode().splitlines())

    t.true(dies(line("before", 1), line(oops, 3)), "the first kernel's boot")
    t.true(dies(line(oops.removeprefix("Oops: "), 3)), "6.1 says it so")
    t.true(dies(BOOTED, line("lab: leaving", 30), line("before", 1), line(oops, 3)), "the next one's")
    t.true(not dies(BOOTED, line(oops, 3)), "a kernel that was up")
    t.true(not dies(BOOTED, line("lab: > hello", 2), line(oops, 2)), "a next kernel that was up")
    t.true(not dies(line("before", 1), BOOTED), "no breakpoint")
    t.true(not dies(line("kernel BUG at a.c:1!", 1)), "another trouble")


suite.main()
