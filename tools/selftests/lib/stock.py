# SPDX-License-Identifier: GPL-2.0-only
"""Debian's own kernels as guests of `vm run`."""

import os
import re
import subprocess

from baremetal import Files, run

HERE = os.path.dirname(os.path.realpath(__file__))
TREE = os.path.join(HERE, "../../..")
KERNELS = os.environ.get("LAB_KERNELS", os.path.join(TREE, "build/kernels"))
# Seconds. Where the processor is interpreted a boot takes minutes.
BOOT_TIMEOUT = 400 if os.environ.get("LAB_HOST") == "svm" else 1200
# What tools/lab/guest-init writes to the debug-exit port for a command that succeeds.
SUCCESS = 255
files = Files()


def initrd(command=None, programs=()):
    """One with a shell, which runs @command, and with @programs of this machine; returns its
    path."""
    path = os.path.join(files.directory.name, f"initrd{files.count}")
    files.count += 1
    subprocess.run([os.path.join(TREE, "tools/lab/guest-initrd"), path, *filter(None, [command]),
                    *programs],
                   check=True)
    return path


def kernel(version):
    return os.path.join(KERNELS, version, "vmlinuz")


def met_its_own_breakpoint(output):
    """Whether the emulator went on executing a breakpoint that the guest's kernel had put into its
    code, and taken out again (Documentation/caveats.rst)."""
    return os.environ.get("LAB_HOST") == "svm" and re.search(rb"int3: 0000 \[#1\]", output)


def boot(image, command, append="console=ttyS0 quiet panic=-1", *options, programs=(),
         timeout=BOOT_TIMEOUT):
    """Boot to @command; returns status, standard output, standard error. One that the emulator is
    taken to have spoilt is repeated, once and not in silence: a fault of ours could look the same."""
    args = ("--kernel", image, "--initrd", initrd(command, programs), "--append", append, *options)
    result = run(*args, timeout=timeout)
    if met_its_own_breakpoint(result[1]):
        print("# the guest died of an int3 of its own kernel's (caveats.rst), once more", flush=True)
        result = run(*args, timeout=timeout)
    return result
