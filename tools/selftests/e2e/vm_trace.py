#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a guest does, seen with the tools that people have: trace-cmd and perf. They find the
module's events, record them, and can read their formats."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                                     # noqa: E402
from baremetal import TIMEOUT, Files, exit_with, multiboot    # noqa: E402

suite = ktap.Suite()
files = Files()

CPUIDS = 500
STATUS = 7
# XOR EAX, EAX; CPUID; and as many more as ESI says, for CPUID takes the other registers.
IMAGE = files.write(multiboot(b"\xbe" + CPUIDS.to_bytes(4, "little") +
                              b"\x31\xc0\x0f\xa2\x4e\x75\xf9" + exit_with(3)))
EVENTS = "/sys/kernel/tracing/events/hvm"
RUN = ["vm", "run", "--kernel", IMAGE]


def use(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=TIMEOUT, cwd=files.directory.name)
    return done.returncode, done.stdout.decode(errors="replace")


def events():
    return sorted(name for name in os.listdir(EVENTS) if os.path.isdir(f"{EVENTS}/{name}"))


# Names of tasks would have the kernel rewrite its scheduler while it runs (test-trace.c).
TRACE = ["trace-cmd", "record", "-q", "-o", "trace.dat", "-O", "norecord-cmd", "-e", "hvm"]


def exits(text):
    """The reasons of the exits that a tool's report has."""
    return re.findall(r"hvm_exit: +vcpu 0 reason (\w+) rip 0x1000", text)
# Without what it knows of all processes, which takes it minutes where the processor is emulated.
RECORD = ["perf", "record", "-q", "-a", "-B", "-N", "--synth=no", "-o", "perf.data", "-e",
          "hvm:hvm_exit", "--"]


@suite.case
def trace_cmd_records_and_reads(t):
    """All events of a run: what was asked of the module, and each exit with its reason."""
    status, said = use(*TRACE, *RUN)
    t.equal((status, said), (0, ""))
    status, report = use("trace-cmd", "report", "-i", "trace.dat")
    t.equal((status, "FAILED TO PARSE" in report), (0, False))
    t.equal(exits(report).count("cpuid"), CPUIDS)
    for line in ("hvm_ioctl: +CREATE_VCPU ret [0-9]+", "hvm_entry: +vcpu 0 rip 0x100020",
                 "hvm_fault: +vcpu 0 gpa 0x100020 access x outcome fetched"):
        t.true(re.search(line, report), f"no line has {line!r}: {report[:2000]}")


@suite.case
def perf_lists_counts_and_reads(t):
    status, listed = use("perf", "list", "--raw-dump", "tracepoint")
    t.equal((status, [name for name in events() if f"hvm:{name}" not in listed.split()]), (0, []))
    # The guest's own status is the last thing perf gives back.
    status, said = use("perf", "stat", "-a", "-x", ",", "-e", "hvm:hvm_exit", "--", *RUN)
    counted = re.search(r"(?m)^(\d+),,hvm:hvm_exit,", said)
    t.equal(status, STATUS)
    t.true(counted and int(counted[1]) > CPUIDS, said)
    status, said = use(*RECORD, *RUN)
    t.equal(status, STATUS)
    status, said = use("perf", "script", "-i", "perf.data")
    t.equal((status, exits(said).count("cpuid")), (0, CPUIDS))


suite.main()
