#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`vm run` as a process: its terminal, its threads and their names, its cage, its memory, signals."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../lib"))

import ktap                     # noqa: E402
from baremetal import (HLT, IN8, OUT8, SELF, TIMEOUT, Files, exit_with, mov_edx, multiboot,  # noqa: E402
                       out, power_off)
from wait import wait_until     # noqa: E402

PRIVATE_MAX_KIB = 1536
suite = ktap.Suite()
files = Files()

READY = out(0x3F8, ord("R"))
LOOP = files.write(multiboot(READY + SELF))
HALTED = files.write(multiboot(READY + HLT + SELF))
# Echo every byte that arrives.
WAIT = mov_edx(0x3FD) + b"\xec\xa8\x01\x74\xfb" + mov_edx(0x3F8) + IN8 + OUT8
ECHO = files.write(multiboot(READY + WAIT + b"\xeb" + struct.pack("b", -len(WAIT) - 2)))
# Characters without a pause.
NOISY = files.write(multiboot(READY + b"\xee\xeb\xfd"))
# Somewhat more than a pipe takes, each character when there is room, then the end.
SEND = mov_edx(0x3FD) + b"\xec\xa8\x20\x74\xfb" + mov_edx(0x3F8) + OUT8 + b"\x49"
MUCH = files.write(multiboot(READY + b"\xb9" + struct.pack("<I", 64000) + SEND + b"\x75" +
                             struct.pack("b", -len(SEND) - 2) + power_off()))
LEAVES = files.write(multiboot(READY + exit_with(2)))


class Terminal:
    """`vm run` on a terminal of its own."""

    def __init__(self, *arguments, size=None):
        self.master, self.slave = pty.openpty()
        if size:
            fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(["vm", "run", *arguments], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave,
                                        start_new_session=True)

    def read(self, count=1):
        """At least @count bytes, or what comes in a long time."""
        data = b""
        while len(data) < count:
            if not select.select([self.master], [], [], TIMEOUT)[0]:
                break
            data += os.read(self.master, 4096)
        return data

    def write(self, data):
        os.write(self.master, data)

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO)

    def end(self):
        status = self.process.wait(TIMEOUT)
        after = termios.tcgetattr(self.slave)
        os.close(self.master)
        os.close(self.slave)
        return status, after == self.before


def start(image, *options):
    """A running guest that has said it is ready."""
    vm = subprocess.Popen(["vm", "run", "--kernel", image, *options], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    vm.stdout.read(1)
    return vm


def end(vm):
    vm.kill()
    vm.communicate()


def proc(pid, name):
    with open(f"/proc/{pid}/{name}") as file:
        return file.read()


def is_full(pipe):
    """Does it hold as much as a pipe takes in small pieces?"""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"    "))[0] > 61440


def field(pid, file, name):
    for line in proc(pid, file).splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    return None


@suite.case
def escape_leaves(t):
    terminal = Terminal("--kernel", LOOP)
    t.equal(terminal.read(), b"R")
    t.true(terminal.is_raw(), "the terminal is not raw")
    terminal.write(b"\x01x")
    t.equal(terminal.end(), (8, True))


@suite.case
def escape_leaves_a_halted_guest(t):
    terminal = Terminal("--kernel", HALTED)
    terminal.read()
    terminal.write(b"\x01")
    time.sleep(0.2)
    terminal.write(b"x")
    t.equal(terminal.end(), (8, True))


@suite.case
def escape_leaves_behind_much_input(t):
    terminal = Terminal("--kernel", LOOP)
    terminal.read()
    for _ in range(20):
        terminal.write(b"y" * 200)
    terminal.write(b"\x01x")
    t.equal(terminal.end(), (8, True))


@suite.case
def escape_leaves_a_noisy_guest(t):
    terminal = Terminal("--kernel", NOISY)
    terminal.read()
    terminal.write(b"\x01x")
    while terminal.process.poll() is None:
        if select.select([terminal.master], [], [], 0.1)[0]:
            os.read(terminal.master, 65536)
    t.equal(terminal.end(), (8, True))


@suite.case
def escape_twice_sends_it(t):
    terminal = Terminal("--kernel", ECHO)
    terminal.read()
    terminal.write(b"a\x01\x01\x03\x01qb")
    # Unknown letters behind the escape are dropped; Ctrl-c is the guest's.
    t.equal(terminal.read(4), b"a\x01\x03b")
    terminal.write(b"\x01x")
    t.equal(terminal.end(), (8, True))


@suite.case
def terminal_restored_after_every_end(t):
    terminal = Terminal("--kernel", LEAVES)
    t.equal(terminal.end(), (5, True))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        terminal = Terminal("--kernel", LOOP)
        terminal.read()
        terminal.process.send_signal(number)
        t.equal(terminal.end(), (-number, True))


@suite.case
def terminal_restored_after_a_crash(t):
    for number in (signal.SIGSEGV, signal.SIGQUIT):
        terminal = Terminal("--kernel", LOOP)
        terminal.read()
        terminal.process.send_signal(number)
        t.equal(terminal.end(), (-number, True))


@suite.case
def raw_again_after_a_stop(t):
    terminal = Terminal("--kernel", ECHO)
    terminal.read()
    terminal.process.send_signal(signal.SIGSTOP)
    termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)
    terminal.process.send_signal(signal.SIGCONT)
    wait_until(terminal.is_raw, TIMEOUT)
    terminal.write(b"k")
    t.equal(terminal.read(), b"k")
    terminal.write(b"\x01x")
    t.equal(terminal.end(), (8, True))


@suite.case
def signals_end_it(t):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        vm = start(LOOP)
        vm.send_signal(number)
        t.equal(vm.wait(TIMEOUT), -number)
        end(vm)


@suite.case
def ignored_signals_stay_ignored(t):
    vm = subprocess.Popen(["vm", "run", "--kernel", ECHO], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    vm.stdout.read(1)
    vm.send_signal(signal.SIGHUP)
    vm.stdin.write(b"k")
    vm.stdin.flush()
    t.equal(vm.stdout.read(1), b"k")
    vm.send_signal(signal.SIGTERM)
    t.equal(vm.wait(TIMEOUT), -signal.SIGTERM)
    end(vm)


@suite.case
def a_reader_that_is_stuck_holds_nothing_up(t):
    vm = subprocess.Popen(["vm", "run", "--kernel", MUCH], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, bufsize=0)
    while not is_full(vm.stdout):
        time.sleep(0.1)
    vm.send_signal(signal.SIGTERM)
    # The guest may have ended by itself before, and only its last words were waiting.
    status = vm.wait(TIMEOUT)
    t.true(status in (0, -signal.SIGTERM), f"status {status}")
    end(vm)


def module_is_unused():
    with open("/sys/module/hvm/refcnt") as file:
        return file.read() == "0\n"


@suite.case
def kill_leaves_nothing(t):
    for image in (LOOP, HALTED):
        vm = start(image, "--cpus", "3")
        vm.kill()
        t.equal(vm.wait(TIMEOUT), -signal.SIGKILL)
        end(vm)
    # Nobody holds a file of the module's any more, or not for long.
    wait_until(module_is_unused, TIMEOUT)


@suite.case
def threads_have_names(t):
    vm = start(LOOP, "--cpus", "3", "--name", "webserver-7")
    names = sorted(proc(f"{vm.pid}/task/{task}", "comm").strip()
                   for task in os.listdir(f"/proc/{vm.pid}/task"))
    t.equal(names, ["vm:webserv/cpu0", "vm:webserv/cpu1", "vm:webserv/cpu2", "vm:webserver-7"])
    end(vm)


@suite.case
def name_without_a_name(t):
    vm = start(LOOP)
    t.equal(proc(vm.pid, "comm").strip(), f"vm:{vm.pid}")
    end(vm)


@suite.case
def cage_is_closed(t):
    vm = start(LOOP, "--cpus", "2")
    for task in os.listdir(f"/proc/{vm.pid}/task"):
        t.equal(field(f"{vm.pid}/task/{task}", "status", "Seccomp"), "2")
        t.equal(field(f"{vm.pid}/task/{task}", "status", "NoNewPrivs"), "1")
    end(vm)


@suite.case
def private_memory(t):
    vm = start(LOOP, "--memory", "512M")
    private, skip = 0, False
    for line in proc(vm.pid, "smaps").splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            first, last = (int(part, 16) for part in words[0].split("-"))
            skip = last - first >= 512 << 20
        elif words[0] in ("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:") and not skip:
            private += int(words[1])
    print(f"# private memory: {private} KiB")
    t.true(0 < private <= PRIVATE_MAX_KIB, f"{private} KiB")
    end(vm)


@suite.case
def idle_guest_uses_no_processor(t):
    vm = start(HALTED)
    time.sleep(1)
    before = proc(vm.pid, "stat").rsplit(")", 1)[1].split()
    time.sleep(2)
    after = proc(vm.pid, "stat").rsplit(")", 1)[1].split()
    used = sum(int(after[i]) - int(before[i]) for i in (11, 12))
    t.true(used <= 20, f"{used} of 200 ticks")
    end(vm)


suite.main()
