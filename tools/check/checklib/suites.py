# SPDX-License-Identifier: GPL-2.0-only
"""Run suites: programs on this machine, and all suites of a test host in one boot of it. It
decides where what runs; it reads no results."""

import glob
import os
import subprocess

UNIT_TIMEOUT = 300
HOST_KERNELS = {
    "svm": ["6.1", "6.12"],
    "svm-bochs": ["6.1-cloud"],
    "vmx": ["6.1-cloud", "6.12-cloud"],
}
STOCK_GUESTS = "tools/selftests/e2e/vm_run_stock.py"
# Against hangs only: a suite that boots stock guests takes minutes on a busy machine.
SUITE_TIMEOUT = {"svm": 600, "svm-bochs": 1500, "vmx": 1500}
HOST_TIMEOUT = {"svm": 1500, "svm-bochs": 2700, "vmx": 2700}


def unit_programs():
    return sorted(glob.glob("build/bin/unit-*") + glob.glob("build/bin/fuzz-*"))


def host_programs(host, wanted):
    """What runs in a host: the test programs, then the end-to-end scripts, for most of which the
    hosts under Bochs are too slow."""
    found = sorted(glob.glob("build/bin/test-*"))
    found += sorted(glob.glob("tools/selftests/e2e/*.py" if host == "svm" else STOCK_GUESTS))
    return [path for path in found if wanted in path]


def run_program(path):
    """Run a program here; return its output and status, 124 when it took too long."""
    try:
        done = subprocess.run([path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=UNIT_TIMEOUT)
        return done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), 124


def run_host(host, kver, programs, log):
    """Run @programs in one boot; return output, the lab's own words, and its status. The output
    can be watched in @log while it grows."""
    command = ["tools/lab/lab", "run", host, "--kernel", kver, "--timeout",
               str(HOST_TIMEOUT[host]), "--", "tools/selftests/run", str(SUITE_TIMEOUT[host]),
               *programs]
    with open(log, "wb") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.PIPE)
    with open(log, errors="replace") as output:
        return output.read(), done.stderr.decode(errors="replace"), done.returncode
