#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Where `make run` boots its guest: what tools/lab/load --possible says of machines of all kinds, and
what tools/lab/run-guest makes of it. The machines are a few files, and what run-guest calls are
scripts that note how they were called."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
LAB = os.path.join(HERE, "../../lab")
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap     # noqa: E402

MODULES = f"lib/modules/{os.uname().release}"
# A stock machine that can load hvm.ko.
MACHINE = {
    "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme svm npt\n",
    "proc/modules": "ext4 983040 1 - Live 0x0000000000000000\n",
    "proc/sys/kernel/modules_disabled": "0\n",
    "proc/self/status": "Name:\tsed\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n",
    "proc/self/uid_map": "         0          0 4294967295\n",
    "sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
    "sys/module/module/parameters/sig_enforce": "N\n",
    f"{MODULES}/modules.dep": "",
}
NO_CAPABILITY = "Uid:\t0\t0\t0\t0\nCapEff:\t000001fffffeffff\n"
OTHER_USER = "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n"
HVM = "hvm 262144 0 - Live 0x0000000000000000 (OE)\n"
KVM = "kvm_amd 155648 0 - Live 0x0\nkvm 1142784 1 kvm_amd, Live 0x0\n"
NOT_LOADED = "the kernel does not let this root load a module"
OWNED = "owns the processor"
UNSIGNED = "takes only signed modules"

# In place of everything that run-guest calls.
FAKE = """#!/bin/sh
echo "${0##*/}" "$@" >>"$CALLS"
case ${0##*/}$1 in
make*) echo "  CC  what is built" ;;
load--loaded) [ -n "$LOADED" ] ;;
load--possible) [ -z "$WHY" ] || { echo "$WHY"; exit 1; } ;;
rmmodhvm) [ -z "$IN_USE" ] || { echo "rmmod: hvm is in use" >&2; exit 1; } ;;
load) [ -z "$ERROR" ] || { echo "load: $ERROR" >&2; exit 1; } ;;
guest-status* | labrun) exit "$STATUS" ;;
esac
"""
CALLED = ("lab", "load", "guest-initrd", "guest-status")
suite = ktap.Suite()


class Tree:
    """A tree with some of the lab's scripts in it, and fakes of the others."""

    def __init__(self, *scripts):
        self.directory = tempfile.TemporaryDirectory()
        self.path = self.directory.name
        for name in scripts:
            self.write(f"tools/lab/{name}", "")
            shutil.copy(os.path.join(LAB, name), self.at(f"tools/lab/{name}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def at(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), "w") as file:
            file.write(text)

    def fake(self, name):
        self.write(name, FAKE)
        os.chmod(self.at(name), 0o755)

    def run(self, name, *arguments, **environment):
        """Status, output and error output."""
        done = subprocess.run([self.at(f"tools/lab/{name}"), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, **environment})
        return done.returncode, done.stdout, done.stderr


def possible(t, why, files=None, signed=None):
    """Ask about MACHINE with other contents of some files (None: without the file) and hvm.ko built.
    It is said to be possible if @why is empty, and otherwise not, in one line with these words."""
    with Tree("load") as tree:
        for name, text in {**MACHINE, **(files or {})}.items():
            if text is not None:
                tree.write(f"machine/{name}", text)
        if signed is not None:
            tree.write("build/kernel/native/hvm.ko", signed)
        status, output, error = tree.run("load", "--possible", tree.at("machine"))
    t.equal((status, error), (1 if why else 0, ""))
    t.contains(output, why)
    t.equal(output.count("\n"), 1 if why else 0)
    t.true(": " not in output, f"not only the reason: {output!r}")


@suite.case
def possible_on_a_stock_machine(t):
    possible(t, "")
    possible(t, "", files={"proc/cpuinfo": "flags\t\t: fpu vmx ept\n"})
    possible(t, "", files={"proc/self/uid_map": None})
    possible(t, "", files={"sys/kernel/security/lockdown": None})


@suite.case
def no_virtualization(t):
    why = "neither VT-x nor AMD-V"
    possible(t, why, files={"proc/cpuinfo": "flags\t\t: fpu vme svm_lock xvmx\n"})
    possible(t, why, files={"proc/cpuinfo": None})


@suite.case
def no_modules(t):
    possible(t, "built without modules", files={"proc/modules": None})
    possible(t, "modules are not here", files={f"{MODULES}/modules.dep": None})


@suite.case
def modules_disabled(t):
    possible(t, "takes no more modules", files={"proc/sys/kernel/modules_disabled": "1\n"})


@suite.case
def not_root(t):
    possible(t, "only root", files={"proc/self/status": OTHER_USER})


@suite.case
def root_without_the_capability(t):
    possible(t, NOT_LOADED, files={"proc/self/status": NO_CAPABILITY})
    possible(t, NOT_LOADED, files={"proc/self/uid_map": "         0       1000          1\n"})


@suite.case
def kvm_is_loaded(t):
    """Also without a guest: Debian loads it wherever the processor has what it wants."""
    possible(t, OWNED, files={"proc/modules": KVM, "sys/module/kvm/refcnt": "1\n"})


@suite.case
def kvm_is_built_in(t):
    possible(t, "built into this kernel", files={"sys/module/kvm/parameters/halt_poll_ns": "0\n"})


@suite.case
def locked_down(t):
    for mode in "none [integrity] confidentiality\n", "none integrity [confidentiality]\n":
        files = {"sys/kernel/security/lockdown": mode}
        possible(t, UNSIGNED, files=files)
        possible(t, UNSIGNED, files=files, signed="\x7fELF")
        possible(t, "", files=files, signed="\x7fELF~Module signature appended~\n")
    possible(t, UNSIGNED, files={"sys/module/module/parameters/sig_enforce": "Y\n"})


@suite.case
def hvm_is_loaded_already(t):
    """Then nothing is to be loaded, and nobody has to be root who may open the device."""
    files = {"proc/modules": HVM, "proc/self/status": OTHER_USER}
    possible(t, "", files={**files, "dev/vm": ""})
    possible(t, "only root", files=files)


def make_run(t, host, status=0, **environment):
    """Run run-guest; its status, its words, and whom it called, each behind a line's end."""
    with Tree("run-guest") as tree:
        for name in CALLED:
            tree.fake(f"tools/lab/{name}")
        for name in "make", "rmmod":
            tree.fake(f"bin/{name}")
        calls = tree.at("calls")
        got, output, error = tree.run(
            "run-guest", host, "true", CALLS=calls, STATUS_FILE=tree.at("status"), KVER="",
            PATH=f"{tree.at('bin')}:{os.environ['PATH']}",
            **{"LOADED": "", "WHY": "", "ERROR": "", "IN_USE": "",
               "STATUS": str(status), **environment})
        t.equal(output, "")
        with open(calls) as file:
            return got, error, "\n" + file.read()


def is_emulated(t, host, words, calls, why):
    """An emulated host ran the guest, one line names it and @why, and nothing stayed loaded here."""
    t.equal([line.split(":")[1].strip() for line in words.splitlines() if "emulated" in line], [why])
    t.contains(words, f"on the emulated host {host} ")
    t.contains(calls, f"\nlab run {host} ")
    t.true("\nrmmod" not in calls, f"unloads what is not there: {calls}")


def is_native(t, calls, unloads):
    t.contains(calls, "\nguest-status command vm run")
    t.true("\nlab run" not in calls, f"an emulated host: {calls}")
    t.equal(calls.count("\nrmmod hvm\n"), int(unloads))


@suite.case
def runs_here_where_it_can(t):
    for host in "", "native":
        status, _, calls = make_run(t, host, 7)
        t.equal(status, 7)
        is_native(t, calls, True)


@suite.case
def leaves_loaded_what_was_loaded(t):
    for host in "", "native":
        status, _, calls = make_run(t, host, LOADED="yes")
        t.equal(status, 0)
        is_native(t, calls, False)
        t.true("\nload\n" not in calls, f"loads it again: {calls}")


@suite.case
def leaves_loaded_what_others_use(t):
    status, words, calls = make_run(t, "", 7, IN_USE="yes")
    t.equal(status, 7)
    is_native(t, calls, True)
    t.contains(words, "hvm.ko stays loaded: others use it")


@suite.case
def says_why_it_does_not_run_here(t):
    status, words, calls = make_run(t, "", 7, WHY="KVM is in the way")
    t.equal(status, 7)
    is_emulated(t, "svm", words, calls, "KVM is in the way")
    t.true("\nload\n" not in calls, f"tries to load it: {calls}")


@suite.case
def goes_on_where_loading_fails(t):
    """What nobody could tell beforehand: load says it, in a line of its own."""
    status, words, calls = make_run(t, "", 7, ERROR="not like that")
    t.equal(status, 7)
    t.contains(words, "load: not like that\n")
    is_emulated(t, "svm", words, calls, "hvm.ko cannot be loaded here")


@suite.case
def an_explicit_host_is_not_replaced(t):
    status, words, calls = make_run(t, "native", WHY="KVM is in the way", ERROR="KVM is loaded")
    t.equal(status, 1)
    t.contains(words, "load: KVM is loaded\n")
    t.true("\nguest-status" not in calls and "\nlab run" not in calls, f"a guest: {calls}")
    for host in "svm", "svm-bochs", "vmx":
        status, words, calls = make_run(t, host, 7)
        t.equal(status, 7)
        is_emulated(t, host, words, calls, "no hardware virtualization used")
        t.true("\nload" not in calls, f"asks whether it can: {calls}")


@suite.case
def refuses_an_unknown_host(t):
    with Tree("run-guest") as tree:
        status, output, error = tree.run("run-guest", "kvm", "true")
        t.equal((status, output, error.count("\n")), (2, "", 1))
        t.contains(error, "not 'kvm'")


suite.main()
