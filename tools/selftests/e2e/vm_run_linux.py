#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stock Linux guests in more ways than one: booted by PVH, used at a terminal, ended by power-off
and reboot."""

import lzma
import os
import pty
import select
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                                             # noqa: E402
from baremetal import TIMEOUT, run                                      # noqa: E402
from stock import BOOT_TIMEOUT, boot, files, initrd, kernel             # noqa: E402

suite = ktap.Suite()


def vmlinux(path):
    """The ELF file inside a bzImage."""
    with open(path, "rb") as file:
        image = file.read()
    start = (image[0x1F1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    length = struct.unpack_from("<I", image, 0x24C)[0]
    # The last four bytes are the length of the content.
    return lzma.decompress(image[start:start + length - 4])


@suite.case
def linux_by_pvh_powers_off(t):
    image = files.write(vmlinux(kernel("6.1")))
    status, output, error = boot(image, "echo loader $(cat /proc/sys/kernel/bootloader_type);"
                                        "poweroff -f; sleep 100")
    t.equal((status, error), (0, ""))
    # What the kernel calls itself when it was entered by PVH under no Xen.
    t.contains(output, b"loader %d" % 0xb0)


@suite.case
def linux_panics_and_reboots(t):
    status, output, error = run("--kernel", kernel("6.1"), "--append",
                                "console=ttyS0 quiet panic=-1", timeout=BOOT_TIMEOUT)
    t.equal((status, error), (4, ""))
    t.contains(output, b"VFS: Unable to mount root fs")


def read_to_the_end(master):
    """What is left of the output on a terminal that nobody has open any more."""
    data = b""
    try:
        while piece := os.read(master, 4096):
            data += piece
    except OSError:
        pass
    return data


@suite.case
def shell_on_a_terminal(t):
    """Type a command at the guest's shell, and let it power off; the size arrives as environment."""
    master, slave = pty.openpty()
    subprocess.run(["stty", "rows", "33", "cols", "99"], stdin=slave, check=True)
    vm = subprocess.Popen(["vm", "run", "--kernel", kernel("6.1"), "--initrd", initrd(),
                           "--append", "console=ttyS0 quiet"], stdin=slave, stdout=slave,
                          stderr=slave, start_new_session=True)
    os.close(slave)
    seen, sent, deadline = b"", False, time.monotonic() + BOOT_TIMEOUT
    while time.monotonic() < deadline and vm.poll() is None:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            seen += os.read(master, 4096)
        except OSError:
            break
        # The shell may ask the terminal for the cursor's place right behind its prompt.
        if not sent and b" # " in seen:
            os.write(master, b"echo size $LINES $((COLUMNS + 1)); poweroff -f\r")
            sent = True
    if vm.poll() is None and time.monotonic() >= deadline:
        vm.kill()
    t.equal(vm.wait(TIMEOUT), 0)
    seen += read_to_the_end(master)
    t.contains(seen, b"size 33 100")


suite.main()
