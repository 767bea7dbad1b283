# SPDX-License-Identifier: GPL-2.0-only
"""The svm host: QEMU's own translation of a processor with AMD-V, no hardware needed. Builds its
command line and knows its faults; it runs nothing itself."""

import re
import socket
import subprocess

from .image import APPEND, LabError, direct_image
from .monitor import Monitor, summary

PROGRAM = "qemu-system-x86_64"
OLDEST = (7, 2, 15)
ASSERTION = b"qemu_mutex_iothread_locked"
SAID = re.compile(rb"^\[ *(\d+)\.\d+\] (lab: )?(.*)")
BREAKPOINT = re.compile(rb"(Oops: )?int3: 0000 \[#1\]")


def check_version():
    """Older ones ignore nested paging while the guest's own paging is off."""
    try:
        shown = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise LabError(f"no {PROGRAM}: `make setup` installs it") from None
    version = tuple(int(part) for part in re.search(r"(\d+)\.(\d+)\.(\d+)", shown).groups())
    if version < OLDEST:
        raise LabError(f"QEMU {'.'.join(map(str, version))} is too old, nested paging is broken "
                       f"before {'.'.join(map(str, OLDEST))}: install Debian 12's newest")


def dies_booting(log):
    """Did a kernel take a breakpoint that it had patched away, before its init said anything? Of two
    that followed each other, the time of the second one is smaller."""
    last = None
    for said in filter(None, map(SAID.match, log)):
        seconds = int(said.group(1))
        if said.group(2):
            last = seconds
        elif BREAKPOINT.match(said.group(3)):
            return last is None or seconds < last
    return False


class Qemu:
    kind = "svm"
    driver_kind = "svm"
    bulky = ["initramfs"]
    logs = ["kernel.log", "emulator.log", "processors.log"]
    # Of a kernel that is up in five seconds where nothing else runs; one that watches itself is slow.
    boot_timeout = 600

    def __init__(self, options, kernel, run):
        check_version()
        self.options = options
        self.kernel = kernel
        self.run = run
        self.image = None
        self.single = options.icount
        self.repeated = False
        self.monitor = None
        self.channel_path = "/dev/lab-channel"

    def spare_processor(self):
        """Is there one that runs no guest? Whenever a processor restores x87 state, QEMU rewrites
        flags of the first one that say whether it is in a guest and on nested paging, and an entry
        or exit that the first one makes meanwhile is half lost."""
        return self.options.smp > 1

    def _all_processors(self):
        return self.options.smp + self.spare_processor()

    def processors(self):
        """The list of those that run the command, "" for all."""
        return f"1-{self.options.smp}" if self.spare_processor() else ""

    def prepare(self, make_initramfs, tree):
        packed = self.options.packed
        self.image = self.kernel.image if packed else direct_image(tree["cache"], self.kernel.image)
        make_initramfs(self.run.file("initramfs"))

    def _accel(self):
        if self.options.icount:
            return ["-accel", "tcg", "-icount", "shift=0,sleep=off"]
        return ["-accel", f"tcg,thread={'single' if self.single else 'multi'}"]

    def _command(self, channel, monitor):
        options = self.options
        append = ["console=ttyS0", *APPEND, *options.append]
        by_hand = ["-monitor", f"unix:{options.monitor},server=on,wait=off"]
        return [
            PROGRAM, "-M", "q35", *self._accel(), "-cpu", options.cpu or "max,+svm",
            "-smp", str(self._all_processors()), "-m", str(options.memory),
            "-nodefaults", "-nographic",
            "-no-reboot", "-serial", f"file:{self.run.file('kernel.log')}",
            "-kernel", self.image, "-initrd", self.run.file("initramfs"),
            "-append", " ".join(append),
            "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,"
                       "multidevs=remap",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=lab,fd={channel}",
            "-device", "virtserialport,chardev=lab,name=lab",
            "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
            *(by_hand if options.monitor else []),
        ]

    def start(self, prepare_child):
        """Start the emulator; return the process and the lab's end of the channel."""
        channel, its_channel = socket.socketpair()
        monitor, its_monitor = socket.socketpair()
        with its_channel, its_monitor, open(self.run.file("emulator.log"), "wb") as log:
            fds = [its_channel.fileno(), its_monitor.fileno()]
            process = subprocess.Popen(
                self._command(*fds), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=fds, start_new_session=True, preexec_fn=prepare_child)
        self.monitor = Monitor(monitor)
        return process, channel.detach()

    def examine(self):
        """The host hangs: lines that tell where its processors are. All of it goes to a file."""
        text = self.monitor.look(self._all_processors())
        with open(self.run.file("processors.log"), "w") as log:
            log.write(text)
        return summary(text)

    def known_fault(self, boot_hung):
        """QEMU's own bugs, the last of which one thread for all processors does not have."""
        hit = dies_booting(self.run.lines("kernel.log"))
        if (hit or boot_hung) and not self.repeated:
            self.repeated = True
            what = "had the host's kernel take a breakpoint that was patched away" if hit else \
                   "did not get through the boot of the host's kernel"
            return f"QEMU {what}; repeating"
        hit = any(ASSERTION in line for line in self.run.lines("emulator.log"))
        if hit and not self.single:
            self.single = True
            return "QEMU died of its own assertion (qemu_mutex_iothread_locked); " \
                   "repeating on one thread"
        return None

    def last_words(self):
        return self.run.last_line("emulator.log")
