# SPDX-License-Identifier: GPL-2.0-only
"""Stock guests that have to be content: a load for them, and what their kernels must not say."""

import os
import re

from stock import BOOT_TIMEOUT, SUCCESS, boot, kernel

APPEND = "console=ttyS0 quiet panic=-1 pci=off"
STRESS = "/usr/bin/stress-ng"
# Processors, timers, interrupts between processors (which all of membarrier, tlb-shootdown and
# changes of affinity bring), memory.
LOAD = ("--cpu 2 --timer 2 --timer-freq 1000 --membarrier 2 --tlb-shootdown 1 --affinity 1 "
        "--switch 2 --schedpolicy 1 --vm 2 --vm-bytes 32M --temp-path /tmp")
# Bochs's processor has not all the instructions that stress-ng takes it to have: without those.
LOAD += " --cpu-method int64 --vm-method flip" if os.environ.get("LAB_HOST") == "vmx" else ""
# What a kernel says that got no processor time, or wrong time.
TROUBLE = re.compile(rb"lockup|stall|hung|clocksource.*(unstable|watchdog|skew)|BUG|WARNING: CPU|"
                     rb"Call Trace|rcu: INFO|(?i:unexpected|spurious) interrupt")
# It was away for long, saw that, and drew no conclusion.
AWAY = re.compile(rb"clocksource: Long readout interval, skipping watchdog check")

# Of a host that does not trust its TSC the guest's is no better, and a guest may find that out.
with open("/sys/devices/system/clocksource/clocksource0/available_clocksource") as sources:
    EXCUSED = re.compile(rb"\0" if "tsc" in sources.read().split() else
                         rb"clocksource: .*'tsc'|tsc: Marking TSC unstable")


def boot_content(t, version, command, *options, **more):
    """Boot to @command, which succeeds, and a kernel that has nothing to complain of."""
    status, output, error = boot(kernel(version), f"{command}\nstatus=$?; dmesg; exit $status",
                                 APPEND, *options, **more)
    t.equal((status, error), (SUCCESS, ""))
    for line in output.splitlines():
        if TROUBLE.search(line) and not EXCUSED.search(line) and not AWAY.search(line):
            t.fail(f"the guest says: {line!r}")
    return output


def eight_under_load(t, version, seconds):
    """Eight processors, on which all stressors run to their end."""
    output = boot_content(t, version, f"echo processors $(nproc)\n"
                          f"{STRESS} {LOAD} --timeout {seconds}s && echo load done",
                          "--cpus", "8", programs=[STRESS], timeout=BOOT_TIMEOUT + 3 * seconds)
    t.contains(output, b"processors 8")
    t.contains(output, b"load done")
