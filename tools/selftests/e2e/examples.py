#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The examples: the small C guest, the same from Python, and what they say without a device."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap     # noqa: E402

TREE = os.path.join(HERE, "../../..")
suite = ktap.Suite()


def output_of(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout.decode()


@suite.case
def c_guest(t):
    t.equal(output_of("example-guest"), (0, "4\n"))


@suite.case
def python_guest(t):
    t.equal(output_of(os.path.join(TREE, "userspace/examples/guest.py")), (0, "4\n"))


@suite.case
def c_guest_is_short(t):
    with open(os.path.join(TREE, "userspace/examples/guest.c")) as file:
        t.true(len(file.readlines()) <= 64, "the example has grown")


@suite.case
def without_a_device(t):
    status, text = output_of("unshare", "-m", "sh", "-c",
                             "mount -t tmpfs none /dev && exec example-guest")
    t.equal(status, 1)
    t.contains(text, "/dev/vm")


suite.main()
