# SPDX-License-Identifier: GPL-2.0-only
"""The vmx and svm-bochs hosts: Bochs interprets a processor with VT-x, or with AMD-V and what QEMU
lacks of it. Writes its configuration and its boot CD; the CD also carries the host's files, for
Bochs shares none with the building machine."""

import math
import os
import pty
import shutil
import subprocess
import tty

from . import cdroot
from .image import APPEND, LabError

PROGRAM = "bochs"
MODELS = {"vmx": "corei7_skylake_x", "svm-bochs": "trinity_apu"}
ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"
LDLINUX = "/usr/lib/syslinux/modules/bios/ldlinux.c32"

# Instructions of a second of the host's time, which its TSC counts.
IPS = 400000000

# What stands in its log in front of the reason for which it ends itself.
PANIC = b">>PANIC<<"

CONFIG = """\
display_library: term
memory: guest={memory}, host={memory}
romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin
cpu: model={model}, count={smp}, ips={ips}, reset_on_triple_fault=0
clock: sync=none, time0=utc
ata0-master: type=cdrom, path={run}/host.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={run}/kernel.log
com2: enabled=1, mode=term, dev={channel}
log: {run}/bochs.log
panic: action=fatal
error: action=ignore
info: action=report
"""

ISOLINUX_CONFIG = """\
default linux
prompt 0
label linux
  kernel /linux
  append initrd=/initrd {append}
"""

# SeaBIOS brings ACPI tables for hot plug registers that Bochs does not have: reads of all ones
# there would eject every PCI device, so that driver is off. The frequencies that CPUID gives for the
# model are not those of Bochs's TSC and APIC timer: the kernel would set its timers by them, and take
# a thousand interrupts for each one that it wants.
BOCHS_APPEND = ["console=ttyS0,115200", "nokaslr", "tsc=reliable", f"tsc_early_khz={IPS // 1000}",
                "no_timer_check", "acpiphp.disable=1"]


def reason(path):
    """The last reason to end itself that Bochs wrote down in its log, or None. It begins one only
    when it has understood its configuration."""
    try:
        with open(path, "rb") as log:
            panics = [line for line in log if PANIC in line]
    except FileNotFoundError:
        return None
    return panics[-1].split(PANIC, 1)[1].decode(errors="replace").strip() if panics else None


class Bochs:
    driver_kind = "bochs"
    bulky = ["initramfs", "host.iso", "cd"]
    logs = ["kernel.log", "emulator.log", "bochs.log"]
    boot_timeout = math.inf     # it has shown no hang of its own there

    def __init__(self, options, kernel, run):
        if not shutil.which(PROGRAM):
            raise LabError(f"no {PROGRAM}: `make setup` installs it")
        self.options = options
        self.kernel = kernel
        self.run = run
        self.channel_path = "/dev/ttyS1"

    def processors(self):
        return ""

    def prepare(self, make_initramfs, tree):
        """Build the CD: boot loader, kernel, initramfs, and the host's files under root/."""
        make_initramfs(self.run.file("initramfs"))
        append = [*BOCHS_APPEND, *APPEND, *self.options.append]
        skeleton = self.run.file("cd")
        os.makedirs(os.path.join(skeleton, "isolinux"))
        for path in (ISOLINUX, LDLINUX):
            shutil.copy(path, os.path.join(skeleton, "isolinux"))
        with open(os.path.join(skeleton, "isolinux", "isolinux.cfg"), "w") as config:
            config.write(ISOLINUX_CONFIG.format(append=" ".join(append)))
        files = {"/": skeleton, "/linux": os.path.realpath(self.kernel.image),
                 "/initrd": self.run.file("initramfs")}
        root = cdroot.stage(os.path.join(skeleton, "root"), self.kernel, self.options.files, tree)
        files.update((f"/root{target}", source) for target, source in root.items())
        self._make_iso(files)
        shutil.rmtree(skeleton)
        os.unlink(self.run.file("initramfs"))

    def _make_iso(self, files):
        escape = str.maketrans({"\\": "\\\\", "=": "\\="})
        with open(self.run.file("files"), "w") as grafts:
            for target, source in files.items():
                grafts.write(f"{target.translate(escape)}={source.translate(escape)}\n")
        subprocess.run(
            ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", self.run.file("host.iso"),
             "-b", "isolinux/isolinux.bin", "-no-emul-boot", "-boot-load-size", "4",
             "-boot-info-table", "-graft-points", "-path-list", self.run.file("files")],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.unlink(self.run.file("files"))

    def _write_config(self, channel):
        options = self.options
        with open(self.run.file("bochsrc"), "w") as config:
            config.write(CONFIG.format(
                memory=options.memory, smp=options.smp, ips=IPS, run=self.run.path, channel=channel,
                model=options.cpu or MODELS[options.host]))
        with open(self.run.file("dbgrc"), "w") as commands:
            commands.write("c\n")

    def start(self, prepare_child):
        """Start the emulator; return the process and the lab's end of the channel."""
        master, slave = pty.openpty()
        tty.setraw(slave)
        self._write_config(os.ttyname(slave))
        with open(self.run.file("emulator.log"), "wb") as log:
            process = subprocess.Popen(
                [PROGRAM, "-q", "-f", self.run.file("bochsrc"), "-rc", self.run.file("dbgrc")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=prepare_child, env={**os.environ, "TERM": "vt100"})
        self.slave = slave  # held open, so that the channel does not hang up before Bochs opens it
        return process, master

    def examine(self):
        """Bochs tells its state to its own debugger only, which waits for a terminal."""
        return []

    def known_fault(self, _boot_hung):
        return None

    def last_words(self):
        """Why it ended itself stands in a log of its own; its output ends with where."""
        where = self.run.last_line("emulator.log")
        why = reason(self.run.file("bochs.log"))
        return f"{why}, at {where}" if why else where
