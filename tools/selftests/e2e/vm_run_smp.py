#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stock Linux guests with several processors: all of them come up, take interrupts whatever their
APIC ids, come and go while the guest runs, and stand a load. LOAD_SECONDS says how long a load."""

import os
import re
import resource
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                             # noqa: E402
from baremetal import Files, exit_with, multiboot, run  # noqa: E402
from content import boot_content, eight_under_load      # noqa: E402

suite = ktap.Suite()
files = Files()

# One host kernel sees the whole minute; the other is there for what differs between them.
KERNEL = os.environ.get("LAB_KVER", "6.1")
LOAD_SECONDS = int(os.environ.get("LOAD_SECONDS", "60" if KERNEL == "6.1" else "10"))


def limit_files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@suite.case
def as_many_as_there_may_be(t):
    """1,024 processors, more than files that a process usually may have open."""
    image = files.write(multiboot(exit_with(2)))
    status, _, error = run("--kernel", image, "--cpus", "1024", preexec_fn=limit_files(256, 4096))
    t.equal((status, error), (5, ""))


@suite.case
def more_than_files_allow(t):
    image = files.write(multiboot(exit_with(2)))
    status, _, error = run("--kernel", image, "--cpus", "1024", preexec_fn=limit_files(256, 256))
    t.equal(status, 1)
    t.contains(error, "of 1024 cannot be had (Too many open files): give fewer --cpus")
    t.equal(error.count("\n"), 1)


@suite.case
def eight_processors_under_load(t):
    """All stressors run to their end, and the guest's kernel and this host's, which are the same,
    are content."""
    eight_under_load(t, KERNEL, LOAD_SECONDS)


@suite.case
def processors_come_and_go(t):
    """Each of eight but the first is switched off and on again, twice in order, then all at once,
    while another one works. Not 6.12, whose fair servers have it warn now and then (caveats.rst)."""
    output = boot_content(t, "6.1", """
echo processors $(nproc)
cd /sys/devices/system/cpu
(while :; do :; done) & busy=$!
turn() { for n in $2; do echo $1 >cpu$n/online || exit; done; }
for round in 1 2; do
	for n in 1 2 3 4 5 6 7; do turn 0 $n; turn 1 $n; done
done
turn 0 "1 2 3 4 5 6 7"
echo left $(cat online)
turn 1 "7 5 3 1 2 4 6"
kill $busy
echo back $(cat online)
""", "--cpus", "8")
    t.contains(output, b"processors 8")
    t.contains(output, b"left 0\r\n" if b"left 0\r\n" in output else b"left 0\n")
    t.contains(output, b"back 0-7")


@suite.case
def interrupts_reach_large_ids(t):
    """The serial port's interrupt goes to a processor whose id takes more than eight bits: the
    kernel knows extended destination ids, or it would have left that processor out."""
    output = boot_content(t, "6.1", """
echo processors $(nproc), last id $(grep -w '^apicid' /proc/cpuinfo | tail -n1 | cut -d: -f2)
irq=$(grep ttyS0 /proc/interrupts | cut -d: -f1 | tr -d ' ')
echo 2 >/proc/irq/$irq/smp_affinity_list
for n in 1 2 3 4 5; do echo line $n; sleep 0.1; done
echo taken $(grep ttyS0 /proc/interrupts)
""", "--apic-ids", "0,300,1023")
    t.contains(output, b"processors 3, last id 1023")
    counts = re.search(rb"taken \d+: (\d+) (\d+) (\d+)", output)
    t.true(counts and int(counts[2]) == 0 and int(counts[3]) > 0, repr(counts and counts[0]))


suite.main()
