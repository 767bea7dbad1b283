#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The directory of a lab run: what two boots write into it, and what is kept of it beside others."""

import os
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../lab")]

import ktap                                     # noqa: E402
from labkit import qemu                         # noqa: E402
from labkit.rundir import KEPT, RunDir          # noqa: E402

suite = ktap.Suite()


def write(run, name, text):
    with open(run.file(name), "w") as file:
        file.write(text)


def end(run, age):
    """As if the lab that made it had ended, so many seconds ago."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    write(run, "pid", str(gone.pid))
    os.utime(run.path, (0, 1000000 - age))


def host(build):
    """A svm host that is not started, so that no emulator is needed."""
    made = qemu.Qemu.__new__(qemu.Qemu)
    made.run, made.repeated, made.single = RunDir(build, "svm"), False, False
    return made


@suite.case
def lines_of_a_file(t):
    with tempfile.TemporaryDirectory() as build:
        run = RunDir(build, "svm")
        t.equal(run.lines("kernel.log"), [])
        t.equal(run.last_line("emulator.log"), "no message")
        write(run, "emulator.log", "first\n last \n\n")
        t.equal(run.lines("emulator.log"), [b"first", b" last ", b""])
        t.equal(run.last_line("emulator.log"), "last")


@suite.case
def a_second_boot_begins_anew(t):
    with tempfile.TemporaryDirectory() as build:
        run = RunDir(build, "svm")
        run.set_aside(["kernel.log", "emulator.log"])
        t.equal(os.listdir(run.path), ["pid"])
        write(run, "kernel.log", "panic\n")
        write(run, "initramfs", "for both boots")
        run.set_aside(["kernel.log", "emulator.log"])
        t.equal(run.lines("kernel.log"), [])
        t.equal(run.lines("kernel.log.first"), [b"panic"])
        t.equal(run.lines("initramfs"), [b"for both boots"])


@suite.case
def so_many_are_kept(t):
    with tempfile.TemporaryDirectory() as build:
        ended = [RunDir(build, "svm") for _ in range(KEPT + 3)]
        for age, run in enumerate(ended):
            end(run, age)
        going = RunDir(build, "svm")
        os.utime(going.path, (0, 0))
        write(going, "initramfs", "much")
        going.keep(["initramfs", "host.iso"])
        t.equal([os.path.exists(run.path) for run in ended], [True] * KEPT + [False] * 3)
        t.equal(os.listdir(going.path), ["pid"])


@suite.case
def one_that_goes_meanwhile(t):
    """Another run removes its directory between its being found and being looked at."""
    with tempfile.TemporaryDirectory() as build:
        ended, own = RunDir(build, "svm"), RunDir(build, "svm")
        own.remove()

        def gone_then(path):
            ended.remove()
            return RunDir._alive(path)
        watching = types.SimpleNamespace(root=ended.root, _alive=gone_then)
        t.equal(RunDir._ended(watching), [])


@suite.case
def a_boot_that_hung_is_done_again_once(t):
    with tempfile.TemporaryDirectory() as build:
        made = host(build)
        t.equal(made.known_fault(False), None)
        t.contains(made.known_fault(True), "did not get through the boot")
        t.equal(made.known_fault(True), None)


@suite.case
def an_assertion_goes_on_one_thread_once(t):
    with tempfile.TemporaryDirectory() as build:
        made = host(build)
        write(made.run, "emulator.log", f"x\nAssertion {qemu.ASSERTION.decode()} failed\n")
        t.contains(made.known_fault(False), "one thread")
        t.true(made.single, "not on one thread")
        t.equal(made.known_fault(False), None)


suite.main()
