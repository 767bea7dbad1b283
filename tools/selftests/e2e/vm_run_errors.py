#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bad input on the command line of `vm run`: one line that says what is wrong, status 1 or, for
usage, 2, and nothing left behind."""

import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../lib"))

import ktap                     # noqa: E402
from baremetal import Files, exit_with, multiboot, run    # noqa: E402

KERNEL = os.path.join(os.environ.get("LAB_KERNELS", "build/kernels"), "6.1/vmlinuz")
suite = ktap.Suite()
files = Files()
good = files.write(multiboot(exit_with(1)))


def refused(t, status, word, *arguments, **options):
    """Expect this status and one line with this word."""
    got, output, error = run(*arguments, **options)
    if got != status or output or error.count("\n") != 1 or not error.startswith("vm: "):
        t.fail(f"{arguments}: status {got}, output {output!r}, error {error!r}")
    t.contains(error, word)


@suite.case
def usage(t):
    for arguments in ((), ("--kernel",), ("--kernel", good, "--cpus", "x"), ("--what",),
                      ("--kernel", good, "stray"), ("--kernel", good, "--memory", "12Q")):
        refused(t, 2, "", *arguments)


@suite.case
def no_command(t):
    for arguments in ([], ["walk"]):
        done = subprocess.run(["vm", *arguments], capture_output=True)
        t.equal(done.returncode, 2)
        t.equal(done.stdout, b"")


@suite.case
def help_is_not_an_error(t):
    for arguments in (["help"], ["--help"], ["run", "--help"]):
        done = subprocess.run(["vm", *arguments], capture_output=True)
        t.equal((done.returncode, done.stderr), (0, b""))
        t.contains(done.stdout, b"vm run --kernel IMAGE")


@suite.case
def kernel_that_cannot_be_read(t):
    refused(t, 1, "cannot be opened", "--kernel", "/nonexistent")
    refused(t, 1, "not a regular file", "--kernel", "/tmp")
    refused(t, 1, "is empty", "--kernel", files.write(b""))
    refused(t, 1, "not an image", "--kernel", files.write(b"#!/bin/sh\n"))
    fifo = os.path.join(files.directory.name, "fifo")
    os.mkfifo(fifo)
    refused(t, 1, "not a regular file", "--kernel", fifo)


@suite.case
def truncated_linux(t):
    with open(KERNEL, "rb") as file:
        head = file.read(1 << 20)
    for length in (600, 0x4000, 1 << 20):
        refused(t, 1, "truncated", "--kernel", files.write(head[:length]))


@suite.case
def hostile_linux(t):
    with open(KERNEL, "rb") as file:
        image = file.read()
    for offset, value, word in ((0x260, b"\xff" * 4, "--memory"), (0x206, b"\x00\x02", "64-bit"),
                                (0x1F4, b"\xff" * 4, "truncated")):
        bad = image[:offset] + value + image[offset + len(value):]
        refused(t, 1, word, "--kernel", files.write(bad))


@suite.case
def kernel_without_room(t):
    refused(t, 1, "--memory", "--kernel", KERNEL, "--memory", "16M")


@suite.case
def initrd_that_does_not_fit(t):
    path = files.write(b"")
    os.truncate(path, 400 << 20)
    refused(t, 1, "does not fit", "--kernel", KERNEL, "--initrd", path, "--memory", "256M")
    refused(t, 1, "cannot be opened", "--kernel", KERNEL, "--initrd", "/nonexistent")
    refused(t, 1, "is empty", "--kernel", KERNEL, "--initrd", files.write(b""))


@suite.case
def files_of_the_wrong_protocol(t):
    refused(t, 1, "--initrd", "--kernel", KERNEL, "--module", good)
    refused(t, 1, "--module", "--kernel", good, "--initrd", good)


@suite.case
def impossible_memory(t):
    for size in ("0", "1M", "2049K", "100T", "16777215T"):
        refused(t, 1, "--memory", "--kernel", good, "--memory", size)
    # Within the command's own limits, but not within this processor's addresses.
    refused(t, 1, "--memory", "--kernel", good, "--memory", "63T")


@suite.case
def impossible_cpus(t):
    refused(t, 1, "--cpus", "--kernel", good, "--cpus", "1025")
    refused(t, 2, "--cpus", "--kernel", good, "--cpus", "0")


@suite.case
def debug_exit_on_a_device(t):
    refused(t, 1, "--debug-exit", "--kernel", good, "--debug-exit", "0x3f8")


@suite.case
def long_command_line(t):
    refused(t, 1, "--append", "--kernel", KERNEL, "--append", "x" * 3000)
    refused(t, 1, "--append", "--kernel", good, "--append", "x" * 70000)


@suite.case
def hostile_multiboot(t):
    refused(t, 1, "not in memory", "--kernel",
            files.write(struct.pack("<8I", 0x1BADB002, 1 << 16, -(0x1BADB002 + (1 << 16)) %
                                    (1 << 32), 0x100000, 0x100000, 0, 0, 0xFFFFFFF0)))


@suite.case
def no_device(t):
    done = subprocess.run(["unshare", "-m", "sh", "-c",
                           f"mount -t tmpfs none /dev && exec vm run --kernel {good}"],
                          stdin=subprocess.DEVNULL, capture_output=True)
    t.equal(done.returncode, 1)
    t.equal(done.stderr.count(b"\n"), 1)
    t.contains(done.stderr, b"load the module")


@suite.case
def no_permission(t):
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "vm", "run", "--kernel", good],
                          stdin=subprocess.DEVNULL, capture_output=True)
    t.equal(done.returncode, 1)
    t.equal(done.stderr.count(b"\n"), 1)
    t.contains(done.stderr, b"permission")


@suite.case
def another_device(t):
    done = subprocess.run(["unshare", "-m", "sh", "-c",
                           f"mount --bind /dev/null /dev/vm && exec vm run --kernel {good}"],
                          stdin=subprocess.DEVNULL, capture_output=True)
    t.equal(done.returncode, 1)
    t.contains(done.stderr, b"another version")


@suite.case
def too_many_open_files(t):
    done = subprocess.run(["sh", "-c", f"ulimit -n 6; exec vm run --kernel {good}"],
                          stdin=subprocess.DEVNULL, capture_output=True)
    t.equal(done.returncode, 1)
    t.equal(done.stderr.count(b"\n"), 1)


@suite.case
def nothing_is_left(t):
    listed = subprocess.run(["pgrep", "-f", "vm run"], capture_output=True)
    t.equal(listed.stdout, b"")


suite.main()
