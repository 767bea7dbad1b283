# SPDX-License-Identifier: GPL-2.0-only
"""Judge a host kernel's log: name the first report in it that makes a run a failure, whatever the
command returned. It knows kernels' words for trouble and nothing about emulators or commands."""

import re

STAMP = rb"\[ *\d+\.\d+\](?:\[[^\]]*\])? "
SECONDS = re.compile(rb"^\[ *(\d+)\.\d+\]")

# What the kernel prints, and what it is called in the one line that the lab prints.
REPORTS = [
    (rb"lab: FAIL: (.*)", "lab"),
    (rb"Kernel panic - (.*)", "host panic"),
    (rb"BUG: KASAN: (.*)", "KASAN report"),
    (rb"BUG: KFENCE: (.*)", "KFENCE report"),
    (rb"UBSAN: (.*)", "UBSAN report"),
    (rb"(.*\[#\d+\].*)", "host Oops"),
    (rb"kernel BUG at (.*)", "host BUG"),
    (rb"(?:watchdog: )?(?:\[ )?BUG: (.*)", "host BUG"),
    (rb"(?:watchdog: )?(Watchdog detected hard LOCKUP.*)", "host hang"),
    (rb"WARNING: (possible .*|inconsistent lock state.*|suspicious RCU usage.*|bad unlock .*"
     rb"|held lock freed.*|lock held when .*|Nested lock .*|SOFTIRQ.*|HARDIRQ.*)", "lockdep report"),
    (rb"WARNING: (CPU.*)", "host WARN"),
    (rb"(unchecked MSR access error.*)", "host WARN"),
    (rb"(rcu: INFO: .*detected .*stall.*)", "host stall"),
    (rb"INFO: (task .* blocked for more than .*)", "host hang"),
    (rb"(Memory: .*kmemleak.*|kmemleak: \d+ new suspected.*)", "memory leak"),
]
PATTERNS = [(re.compile(b"^" + STAMP + pattern), name) for pattern, name in REPORTS]
BOOTED = re.compile(b"^" + STAMP + rb"lab: booted")
PANIC = re.compile(b"^" + STAMP + rb"Kernel panic - ")
# How a host crashes on purpose, and what the kernel that takes over has to say.
CRASH = re.compile(b"^" + STAMP + rb"Kernel panic - not syncing: sysrq triggered crash")
SAYS = re.compile(b"^" + STAMP + rb"lab: > (.*)")
STATUS = re.compile(b"^" + STAMP + rb"lab: STATUS (\d+)")
# What the module itself says: more than its loads and refusals is a guest that fills the log.
OURS = re.compile(b"^" + STAMP + rb"hvm: ")
OURS_MAX = 100


class KernelLog:
    """Follow a log file while it grows; with @hands_over, across a crash on purpose and the boot of
    the kernel that comes next."""

    def __init__(self, path, hands_over=False):
        self.path = path
        self.hands_over = hands_over
        self.next_says = []
        self.next_status = None
        self.seconds = 0
        self.offset = 0
        self.rest = b""
        self.verdict = None
        self.ours = 0
        self.booted = False         # which the kernel that comes next takes back
        self.ever_booted = False
        self.panicked = False

    def _new_lines(self):
        try:
            with open(self.path, "rb") as log:
                log.seek(self.offset)
                data = log.read()
        except FileNotFoundError:
            data = b""
        self.offset += len(data)
        *lines, self.rest = (self.rest + data).replace(b"\r", b"").split(b"\n")
        return lines

    def _follow_next(self, line):
        """Note what the next kernel says, whose time begins anew; return whether the line is the
        crash that hands over to it."""
        if stamp := SECONDS.match(line):
            seconds = int(stamp.group(1))
            self.booted = self.booted and not (seconds == 0 < self.seconds)
            self.seconds = seconds
        if says := SAYS.match(line):
            self.next_says.append(says.group(1).decode(errors="replace"))
        if status := STATUS.match(line):
            self.next_status = int(status.group(1))
        return bool(CRASH.match(line))

    def _judge(self, line):
        """Before init runs only a panic counts: the rest is between a stock kernel and emulator."""
        if self.hands_over and self._follow_next(line):
            return
        self.panicked = self.panicked or bool(PANIC.match(line))
        self.booted = self.booted or bool(BOOTED.match(line))
        self.ever_booted = self.ever_booted or self.booted
        if self.verdict or not (self.booted or self.panicked):
            return
        self._count(line)
        for pattern, name in PATTERNS:
            found = pattern.match(line)
            if found:
                what = found.group(1).decode(errors="replace").strip()
                self.verdict = f"{name}: {what}" if name != "lab" else what
                return

    def _count(self, line):
        self.ours += bool(OURS.match(line))
        if self.ours > OURS_MAX:
            self.verdict = f"log flood: more than {OURS_MAX} lines of the module"

    def look(self):
        """Read what is new; return the verdict so far (None: nothing is wrong)."""
        for line in self._new_lines():
            self._judge(line)
        return self.verdict

    def tail(self, count):
        try:
            with open(self.path, "rb") as log:
                lines = log.read().replace(b"\r", b"").split(b"\n")
        except FileNotFoundError:
            return []
        return [line.decode(errors="replace") for line in lines if line.strip()][-count:]
