#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Give this host to another kernel while guests run on all its processors.

usage: leave.py kexec|crash KERNEL INITRD
"""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

from baremetal import Files, SELF, multiboot, out   # noqa: E402

STI = b"\xfb"    # or Bochs would let none of the host's interrupts in (Documentation/caveats.rst)
# What a kernel needs to get on with what a crash leaves behind (Documentation/admin-guide/kdump).
AFTER_CRASH = "--append=nr_cpus=1 irqpoll reset_devices"


def start_guest(image):
    """One that never exits by itself, and says when it has begun."""
    guest = subprocess.Popen(["vm", "run", "--kernel", image],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if guest.stdout.read(1) != b"R":
        raise RuntimeError("the guest does not start")


def main():
    how, kernel, initrd = sys.argv[1:]
    crash = how == "crash"
    subprocess.run(["kexec", "-p" if crash else "-l", kernel, f"--initrd={initrd}",
                    "--reuse-cmdline", *([AFTER_CRASH] if crash else [])], check=True)
    files = Files()
    image = files.write(multiboot(out(0x3F8, ord("R")) + STI + SELF))
    for _ in os.sched_getaffinity(0):
        start_guest(image)
    if crash:
        with open("/proc/sysrq-trigger", "w") as trigger:
            trigger.write("c")
    subprocess.run(["kexec", "-e"], check=True)


sys.exit(main())
