# SPDX-License-Identifier: GPL-2.0-only
"""Run suites: programs on this machine, and the suites of a test host in a few boots of it, which
run beside each other. It decides where what runs; it reads no results."""

import glob
import os
import subprocess

UNIT_TIMEOUT = 300
HOST_KERNELS = {
    "svm": ["6.1", "6.12"],
    "svm-bochs": ["6.1-cloud"],
    "vmx": ["6.1-cloud", "6.12-cloud"],
}
# Suites that run once more on a host's first kernel, with other words for the lab: a kernel that is
# preempted anywhere, has a huge page and uses 5-level paging itself; the processor's own APIC, where
# nothing has the processor run into an EPT violation on its way to a handler (caveats.rst); the least
# processor that there may be.
VARIANTS = {
    "svm": [("preempt=full", ["--packed", "--append", "preempt=full hugepagesz=1G hugepages=1"],
             ["test-host", "test-life", "test-mem", "test-move", "test-paging", "test-stress"]),
            ("two nodes", ["--append", "numa=fake=2"], ["test-mem", "test-mem-stress"])],
    "vmx": [("virtual_apic=1", ["--parameters", "virtual_apic=1"],
             ["test-events", "test-irqfd", "test-lapic", "test-pv", "test-stats"]),
            ("Ivy Bridge", ["--cpu", "corei7_ivy_bridge_3770k"],
             ["test-clock", "test-debug", "test-events", "test-exits", "test-lapic", "test-mem",
              "test-move"])],
}
# Processors that the module refuses, and the error and words it does so with.
REFUSALS = {
    "svm": [("6.1", "qemu64,-svm", "shows no AMD-V"),
            ("6.12", "max,+svm,-npt", "no nested paging")],
    "vmx": [("6.1-cloud", "core2_penryn_t9600", "no EPT"),
            ("6.1-cloud", "corei5_lynnfield_750", "no unrestricted guest")],
}
# Boots of their own, from which another kernel takes the host over: one way on VT-x, where each takes
# minutes; `make soak` takes both.
NEXT_KERNEL = {
    "svm": [("6.1", "kexec"), ("6.12", "kexec"), ("6.12", "crash")],
    "vmx": [("6.1-cloud", "crash")],
}
# Boots of their own, in which the host sleeps: (kernel, processors). With one of them a guest runs on
# the last processor that goes to sleep. Hosts under Bochs have no kernel that can test its sleep.
SLEEP = {
    "svm": [("6.1", 1), ("6.12", 1), ("6.12", 2)],
}
SLEEP_SUITE = "build/bin/test-sleep"
SPARSE_KERNELS = ["6.1", "6.12"]
# What `make run` has its guest do, and the status of that.
RUN_COMMAND, RUN_STATUS = "uname -r; nproc; exit 7", 7
# What a make that calls this tells those that it calls, and what chooses another guest or host.
FROM_MAKE = ("MAKE", "MFLAGS", "GNUMAKEFLAGS", "KVER", "GUEST", "MEMORY", "CPUS")
STOCK_GUESTS = "tools/selftests/e2e/vm_run_stock.py"
# Into how many boots the suites of a host are dealt, and what those that take longest weigh: about
# the seconds of one processor. It is only for an even deal: what is not named weighs little.
SHARES = {"svm": 2, "svm-bochs": 2, "vmx": 2}
USUAL_WEIGHT = 2
WEIGHTS = {
    "svm": {"vm_run_smp": 110, "vm_run_pv": 85, "vm_run_linux": 77, "vm_trace": 65,
            "vm_run_stock": 50, "vm_run_process": 40, "vm_run_gdb": 40, "vm_stats": 25,
            "vm_run_baremetal": 27, "vm_run_errors": 19, "test-life": 42, "test-mem": 9,
            "test-mem-stress": 20, "test-msr": 9, "examples": 8, "test-run-page": 7,
            "test-stress": 40},
    "svm-bochs": {"vm_run_stock": 150, "test-mem-stress": 60, "test-life": 60, "test-mem": 40},
    "vmx": {"vm_run_stock": 250, "test-mem-stress": 80, "test-life": 80, "test-mem": 60},
}
# What a quick look leaves out beside other kernels and other kinds of boots: guests that take longest.
SLOW = {"vm_run_gdb", "vm_run_linux", "vm_run_pv", "vm_run_smp", "vm_stats", "vm_trace"}
# For how long test-stress mixes everything, in milliseconds: in all of `make check`, and otherwise.
MIX_LONG, MIX_SHORT = 60000, 8000
# Of the stages of a whole run those that take longest begin first.
STAGE_WEIGHT = {"svm": 600, "svm-bochs": 1500, "vmx": 1500}
# Against hangs only: a suite that boots stock guests takes minutes on a busy machine.
SUITE_TIMEOUT = {"svm": 1200, "svm-bochs": 1500, "vmx": 1500}
HOST_TIMEOUT = {"svm": 3000, "svm-bochs": 3600, "vmx": 3600}
SINGLE_TIMEOUT = 900
# A kernel that watches itself takes its time.
DEBUG_FACTOR = 3
# The lab's status for an emulator that failed by itself, which says nothing of the host in it.
EMULATOR_DIED = 123


def unit_programs():
    return sorted(glob.glob("build/bin/unit-*") + glob.glob("build/bin/fuzz-*"))


def host_programs(host, wanted):
    """What runs in a host: the test programs, then the end-to-end scripts, for most of which the
    hosts under Bochs are too slow."""
    found = sorted(set(glob.glob("build/bin/test-*")) - {SLEEP_SUITE})
    found += sorted(glob.glob("tools/selftests/e2e/*.py" if host == "svm" else STOCK_GUESTS))
    return [path for path in found if wanted in path]


def host_variants(host, wanted):
    """(name, words for the lab, programs) for every boot beside the usual ones."""
    for variant, words, names in VARIANTS.get(host, []):
        programs = [f"build/bin/{name}" for name in names]
        programs = [path for path in programs if wanted in path]
        if programs:
            yield variant, words, programs


def name_of(path):
    return os.path.basename(path).removesuffix(".py")


def deal(host, programs):
    """Lists of programs, one for each boot: the heaviest first, always to the lightest list."""
    weights = WEIGHTS[host]
    shares = [[0, []] for _ in range(min(SHARES[host], len(programs)))]
    for path in sorted(programs, key=lambda path: -weights.get(name_of(path), USUAL_WEIGHT)):
        share = min(shares, key=lambda share: share[0])
        share[0] += weights.get(name_of(path), USUAL_WEIGHT)
        share[1].append(path)
    return [sorted(share[1], key=programs.index) for share in shares]


def single_boots(host):
    """(kernel, suite, command) for every boot that a suite has to itself."""
    lab = ["tools/lab/lab", "run", host, "--timeout", str(SINGLE_TIMEOUT), "--kernel"]
    for kver, cpu, words in REFUSALS.get(host, []):
        module = f"build/kernel/{kver}/hvm.ko"
        yield kver, f"refusal {cpu}", [*lab, kver, "--cpu", cpu, "--no-module", "--with", module,
                                       "--", "tools/selftests/refusal", module, words]
    for kver, how in NEXT_KERNEL.get(host, []):
        yield kver, f"next-kernel {how}", ["tools/selftests/next-kernel/run", host, kver, how]
    for kver, processors in SLEEP.get(host, []):
        yield kver, f"{name_of(SLEEP_SUITE)} {processors}", [*lab, kver, "--smp", str(processors),
                                                            "--", SLEEP_SUITE]


def run_program(path):
    """Run a program here; return its output and status, 124 when it took too long."""
    try:
        done = subprocess.run([path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=UNIT_TIMEOUT)
        return done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), 124


def run_sparse(kver):
    """Look at the module's sources; return what was said and the status."""
    done = subprocess.run(["tools/lab/build-module", kver, "--sparse"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode(errors="replace"), done.returncode


def run_boot(name, command, log):
    """Run @command, which boots a host, and once more where the emulator failed by itself; return
    output, the lab's own words, and the status. The output can be watched in @log while it
    grows."""
    for again in (True, False):
        with open(log, "wb") as output:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.PIPE)
        if done.returncode != EMULATOR_DIED or not again:
            break
        print(f"check: {name}: the emulator died of a signal, once more", flush=True)
    with open(log, errors="replace") as output:
        return output.read(), done.stderr.decode(errors="replace"), done.returncode


def run_guest(log):
    """`make run` on the svm host, as a user calls it; return as run_boot()."""
    unset = [f"--unset={name}" for name in os.environ if name.startswith(FROM_MAKE)]
    return run_boot("run", ["env", *unset, "make", "-s", "run", "HOST=svm", f"CMD={RUN_COMMAND}"],
                    log)


def guest_says():
    """What RUN_COMMAND prints: the guest's kernel is the one that was unpacked."""
    with open("build/kernels/6.1/release") as release:
        return f"{release.read().strip()}\n1\n"


def run_host(host, kver, programs, mix, log, more=()):
    """Run @programs in one boot, with @more words for the lab; return as run_boot()."""
    factor = DEBUG_FACTOR if kver.endswith("-debug") else 1
    command = ["tools/lab/lab", "run", host, "--kernel", kver, "--timeout",
               str(factor * HOST_TIMEOUT[host])]
    command += [*more, "--", "env", f"STRESS_MIX_MS={mix}", "tools/selftests/run",
                str(factor * SUITE_TIMEOUT[host]), *programs]
    return run_boot(f"{host} {kver}", command, log)
