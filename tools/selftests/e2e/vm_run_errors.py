#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bad input on the command line of `vm run`: one line that says what is wrong, status 1 or, for
usage, 2, and nothing left behind."""

import glob
import os
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../lib"))

import ktap                     # noqa: E402
from baremetal import HLT, Files, exit_with, multiboot, run    # noqa: E402

KERNEL = os.path.join(os.environ.get("LAB_KERNELS", "build/kernels"), "6.1/vmlinuz")
suite = ktap.Suite()
files = Files()
good = files.write(multiboot(exit_with(1)))
RUNTIME = os.path.join(files.directory.name, "runtime")
AGAIN = "copy or build it again"


def refused(t, status, words, *arguments):
    """Expect this status and one line with these words (one text, or several)."""
    got, output, error = run(*arguments)
    if got != status or output or error.count("\n") != 1 or not error.startswith("vm: "):
        t.fail(f"{arguments}: status {got}, output {output!r}, error {error!r}")
    for text in (words,) if isinstance(words, str) else words:
        t.contains(error, text)


def refused_below(t, word, *command):
    """The same of a command that calls `vm run`, with status 1."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    t.equal((done.returncode, done.stdout), (1, b""))
    t.equal(done.stderr.count(b"\n"), 1)
    t.true(done.stderr.startswith(b"vm: "), f"{done.stderr!r}")
    t.contains(done.stderr.decode(), word)


def sockets():
    """The control sockets in all places where these guests may have put one."""
    places = "/run", os.environ.get("XDG_RUNTIME_DIR") or "/run", RUNTIME
    return {path for place in places for path in glob.glob(f"{place}/vm/*.sock")}


SOCKETS_BEFORE = sockets()


@suite.case
def usage(t):
    for word, *arguments in (
            ("give --kernel IMAGE",),
            ("--kernel needs a value", "--kernel"),
            ("--cpus x is not a number of processors", "--kernel", good, "--cpus", "x"),
            ("unknown word '--what'", "--what"),
            ("unknown word 'stray'", "--kernel", good, "stray"),
            ("--memory 12Q is not a size", "--kernel", good, "--memory", "12Q")):
        refused(t, 2, word, *arguments)


@suite.case
def no_command(t):
    for words, *arguments in ((b"usage: vm COMMAND",), (b"unknown command 'walk'", "walk")):
        done = subprocess.run(["vm", *arguments], capture_output=True)
        t.equal((done.returncode, done.stdout), (2, b""))
        t.contains(done.stderr, words)


@suite.case
def help_is_not_an_error(t):
    for arguments in (["help"], ["--help"], ["run", "--help"]):
        done = subprocess.run(["vm", *arguments], capture_output=True)
        t.equal((done.returncode, done.stderr), (0, b""))
        t.contains(done.stdout, b"vm run --kernel IMAGE")


@suite.case
def kernel_that_cannot_be_read(t):
    refused(t, 1, ("cannot be opened: No such file", "name a file that you may read"),
            "--kernel", "/nonexistent")
    refused(t, 1, ("is empty", AGAIN), "--kernel", files.write(b""))
    refused(t, 1, "not an image", "--kernel", files.write(b"#!/bin/sh\n"))
    fifo = os.path.join(files.directory.name, "fifo")
    os.mkfifo(fifo)
    for path in "/tmp", fifo:
        refused(t, 1, ("not a regular file", "name one, or copy"), "--kernel", path)


@suite.case
def truncated_linux(t):
    with open(KERNEL, "rb") as file:
        head = file.read(1 << 20)
    for length in (600, 0x4000, 1 << 20):
        refused(t, 1, ("truncated", AGAIN), "--kernel", files.write(head[:length]))


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
    refused(t, 1, "/nonexistent cannot be opened", "--kernel", KERNEL, "--initrd", "/nonexistent")
    refused(t, 1, ("is empty", AGAIN), "--kernel", KERNEL, "--initrd", files.write(b""))


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
    refused_below(t, "load the module", "unshare", "-m", "sh", "-c",
                  f"mount -t tmpfs none /dev && exec vm run --kernel {good}")


@suite.case
def no_permission(t):
    refused_below(t, "get permission on it", "setpriv", "--reuid=65534", "--regid=65534",
                  "--clear-groups", "vm", "run", "--kernel", good)


@suite.case
def another_device(t):
    refused_below(t, "another version", "unshare", "-m", "sh", "-c",
                  f"mount --bind /dev/null /dev/vm && exec vm run --kernel {good}")


@suite.case
def too_many_open_files(t):
    refused_below(t, "oo many open files", "sh", "-c", f"ulimit -n 6; exec vm run --kernel {good}")


def wait_for(condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


@suite.case
def nothing_is_left(t):
    """Nor of a guest that is ended, whose socket is there to be seen before that."""
    os.mkdir(RUNTIME, 0o700)
    sleeps = files.write(multiboot(HLT))
    for runtime in "/run", RUNTIME:
        before = sockets()
        with subprocess.Popen(["vm", "run", "--kernel", sleeps], stdin=subprocess.DEVNULL,
                              env={**os.environ, "XDG_RUNTIME_DIR": runtime}) as vm:
            t.true(wait_for(lambda before=before: sockets() - before), f"no socket in {runtime}")
            vm.terminate()
    t.equal(sockets() - SOCKETS_BEFORE, set())
    t.equal(subprocess.run(["pgrep", "-f", "vm run"], capture_output=True).stdout, b"")


suite.main()
