#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`vm run --gdb`: gdb itself on a small guest and on a stock kernel, and peers that are no gdb."""

import lzma
import os
import socket
import stat
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap                                                             # noqa: E402
from baremetal import (BASE, CODE, SELF, TIMEOUT, exit_with, mov_eax, multiboot, out,  # noqa: E402
                       store_eax)
from stock import BOOT_TIMEOUT, files, kernel                           # noqa: E402

suite = ktap.Suite()

DATA = BASE + 0x1000
# What is executed before the breakpoint.
BEFORE = b"\x90\x90" + mov_eax(0x11223344) + store_eax(DATA) + b"\x90"
STOP = CODE + len(BEFORE)
ENDS = files.write(multiboot(BEFORE + b"\x90" + exit_with(3)))
LOOP = files.write(multiboot(b"\x90" * 4 + b"\x43\xeb\xfd"))
SAYS = files.write(multiboot(out(0x3F8, ord("R")) + SELF))


class Machine:
    """A guest with a debugger's socket."""

    def __init__(self, image, *options, option="--gdb"):
        files.count += 1
        self.path = os.path.join(files.directory.name, f"gdb{files.count}")
        self.vm = subprocess.Popen(["vm", "run", "--kernel", image, option, self.path, *options],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        end = time.monotonic() + TIMEOUT
        while not os.path.exists(self.path) and self.vm.poll() is None and time.monotonic() < end:
            time.sleep(0.05)

    def gdb(self, *commands, before=()):
        """gdb's words about @commands, after connecting."""
        words = ["set confirm off", "set pagination off", f"set remotetimeout {TIMEOUT}",
                 *before, f"target remote {self.path}", *commands]
        done = subprocess.run(["gdb", "-nx", "-q", "-batch",
                               *(part for word in words for part in ("-ex", word))],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=BOOT_TIMEOUT)
        return done.stdout.decode(errors="replace")

    def connect(self):
        return Peer(self.path)

    def wait(self):
        status = self.vm.wait(TIMEOUT)
        self.vm.communicate()
        return status

    def end(self):
        self.vm.kill()
        self.vm.communicate()


class Peer:
    """Somebody who speaks the protocol by hand."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                self.socket.connect(path)
                break
            except (ConnectionRefusedError, FileNotFoundError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def raw(self, data):
        self.socket.sendall(data)

    def send(self, content):
        self.raw(b"$%s#%02x" % (content, sum(content) & 0xFF))

    def receive(self):
        """The next packet's content, or None when the other side has closed."""
        data = b""
        while not (b"#" in data and len(data.split(b"#", 1)[1]) >= 2):
            try:
                part = self.socket.recv(1)
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return data[data.index(b"$") + 1:data.index(b"#")]

    def ask(self, content):
        self.send(content)
        return self.receive()

    def close(self):
        self.socket.close()


@suite.case
def gdb_on_a_small_guest(t):
    """Steps, a breakpoint in memory and a watchpoint, registers, memory, threads, detach."""
    machine = Machine(ENDS, "--cpus", "2")
    said = machine.gdb(
        "info threads", "p/x $rip", "stepi", "stepi", "p/x $rip",
        f"watch *(int *){DATA:#x}", "continue", f"x/xw {DATA:#x}", "delete",
        f"break *{STOP:#x}", "continue", "p/x $rip", "p/x $rax", f"x/xb {STOP:#x}",
        "set $rbx = 0x1122334455", "p/x $rbx", "set $xmm1.v4_int32[2] = 77",
        "set $ymm1.v8_int32[6] = 88", "p $ymm1.v8_int32", "p $mxcsr", f"set *(char *){DATA + 9:#x} = 0x5a",
        f"x/xb {DATA + 9:#x}", "p/x $cr0 & 1", "detach")
    for part in (" 1 ", "Thread 2", f"$1 = {CODE:#x}", f"$2 = {CODE + 2:#x}",
                 "New value = 287454020", f"{DATA:#x}:\t0x11223344", f"$3 = {STOP:#x}",
                 "$4 = 0x11223344", f"{STOP:#x}:\t0x90", "$5 = 0x1122334455",
                 "$6 = {0, 0, 77, 0, 0, 0, 88, 0}", f"{DATA + 9:#x}:\t0x5a", "$8 = 0x1"):
        if part not in said:
            t.fail(f"{part!r} is not in what gdb said:\n{said}")
    t.equal(machine.wait(), 7)


def vmlinux(path):
    """The ELF file inside a bzImage."""
    with open(path, "rb") as file:
        image = file.read()
    start = (image[0x1F1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    length = struct.unpack_from("<I", image, 0x24C)[0]
    # The last four bytes are the length of the content.
    packed = image[start:start + length - 4]
    if packed[:4] != b"\x28\xb5\x2f\xfd":
        return lzma.decompress(packed)
    return subprocess.run(["zstd", "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout


def section(path, name):
    """Where a section of an ELF file is."""
    listing = subprocess.run(["objdump", "-h", path], stdout=subprocess.PIPE, check=True)
    for line in listing.stdout.decode().splitlines():
        words = line.split()
        if len(words) > 3 and words[1] == name:
            return int(words[3], 16)
    return None


def running_symbols(*names):
    """Where the kernel that runs here has @names, as it was linked."""
    found = {}
    with open("/proc/kallsyms") as file:
        for line in file:
            words = line.split()
            if words[2] in (*names, "_text"):
                found[words[2]] = int(words[0], 16)
    slide = found["_text"] - 0xFFFFFFFF81000000
    return {name: found[name] - slide for name in names}


def with_symbols(path, places):
    """The ELF file of a kernel with symbols, a dictionary of (section, kind) by name."""
    bare = files.write(vmlinux(path))
    found = running_symbols(*places)
    options = []
    for name, (part, kind) in places.items():
        options += ["--add-symbol",
                    f"{name}={part}:{found[name] - section(bare, part):#x},{kind},global"]
    subprocess.run(["objcopy", *options, bare, bare + ".sym"], check=True)
    return bare + ".sym"


@suite.case
def hbreak_start_kernel(t):
    """A stock kernel with its symbols, taken from the host, which runs the same one: where its
    first processor begins, memory by its addresses, and where the second one begins."""
    if os.environ.get("LAB_HOST") != "svm":
        t.skip("an interpreted host takes too long")
    path = kernel(os.environ["LAB_KVER"])
    image = with_symbols(path, {"start_kernel": (".init.text", "function"),
                                "boot_command_line": (".init.data", "object"),
                                "start_secondary": (".text", "function")})
    machine = Machine(path, "--append", "console=ttyS0 nokaslr pci=off", "--cpus", "2")
    said = machine.gdb("hbreak start_kernel", "continue", "p/x $rip", "p/x $cs",
                       "x/2xb $rip", "delete", "stepi", "p $rip != $1",
                       "x/s (char *)&boot_command_line", "hbreak start_secondary", "continue",
                       "info threads", "p/x $rip", "thread 1", "p $rip != $4", "kill",
                       before=(f"file {image}", "set trust-readonly-sections on"))
    for part in ("in start_kernel ()", "$1 = 0xffffffff8", "$3 = 1",
                 "\"console=ttyS0 nokaslr pci=off", "in start_secondary ()", "* 2 ",
                 "$4 = 0xffffffff8", "$5 = 1"):
        if part not in said:
            t.fail(f"{part!r} is not in what gdb said:\n{said}")
    t.equal(machine.wait(), 8)


@suite.case
def socket_is_private(t):
    machine = Machine(LOOP)
    t.equal(stat.S_IMODE(os.stat(machine.path).st_mode), 0o600)
    machine.end()
    # Nobody listens there any more: the next one takes its place; a file is left alone.
    again = subprocess.Popen(["vm", "run", "--kernel", ENDS, "--gdb-nowait", machine.path],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    t.equal((again.wait(TIMEOUT), again.communicate()[1]), (7, b""))
    path = files.write(b"precious")
    done = subprocess.run(["vm", "run", "--kernel", ENDS, "--gdb", path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT)
    t.equal(done.returncode, 1)
    t.contains(done.stderr, b"no socket can be made there")
    with open(path, "rb") as file:
        t.equal(file.read(), b"precious")


@suite.case
def ctrl_c_and_detach(t):
    machine = Machine(LOOP, "--cpus", "2")
    peer = machine.connect()
    t.equal(peer.ask(b"?"), b"T05thread:1;")
    peer.send(b"vCont;c")
    peer.raw(b"\x03")
    t.equal(peer.receive(), b"T02thread:1;")
    first, end = peer.ask(b"p1"), time.monotonic() + TIMEOUT
    while peer.ask(b"p1") == first and time.monotonic() < end:
        peer.send(b"vCont;c")
        time.sleep(0.2)
        peer.raw(b"\x03")
        t.equal(peer.receive(), b"T02thread:1;")
    t.true(peer.ask(b"p1") != first, "the guest did not run")
    # A stop that is asked for twice, and one while nothing runs.
    peer.raw(b"\x03\x03")
    t.equal(peer.ask(b"D"), b"OK")
    t.equal(peer.receive(), None)
    t.true(machine.vm.poll() is None, "the guest has ended")
    machine.end()


@suite.case
def steps_one_thread_only(t):
    machine = Machine(LOOP, "--cpus", "2")
    peer = machine.connect()
    for length in range(1, 4):
        t.equal(peer.ask(b"vCont;s:1"), b"T05thread:1;")
        t.equal(peer.ask(b"p10"), struct.pack("<Q", CODE + length).hex().encode())
    # The other waits for its start: a step that does not come, until it is called off.
    peer.send(b"vCont;s:2")
    peer.raw(b"\x03")
    t.equal(peer.receive()[:3], b"T02")
    peer.close()
    machine.end()


@suite.case
def two_at_once(t):
    machine = Machine(LOOP)
    peer = machine.connect()
    t.equal(peer.ask(b"qC"), b"QC1")
    second = machine.connect()
    t.contains(second.receive() or b"", b"another debugger")
    t.equal(second.receive(), None)
    t.equal(peer.ask(b"qC"), b"QC1")
    peer.close()
    third = machine.connect()
    t.equal(third.ask(b"qC"), b"QC1")
    third.close()
    machine.end()


@suite.case
def garbage_and_huge_packets(t):
    machine = Machine(LOOP)
    peer = machine.connect()
    peer.raw(bytes(byte for byte in range(256) if byte not in b"$\x03") * 40)
    peer.raw(b"$qC#00")
    t.equal(peer.ask(b"qC"), b"QC1")
    for packet in (b"m0,ffffffffffffffff", b"mdead", b"Z0,,", b"vCont;", b"P", b"G00", b"Hg99",
                   b"X0,10:1"):
        t.equal(peer.ask(packet)[:1], b"E")
    t.equal(peer.ask(b"mffffffff00000000,8")[:1], b"E")
    t.equal(peer.ask(b"Z1,1,1"), b"OK")
    t.equal(peer.ask(b"Z2,3,4")[:1], b"E")
    try:
        peer.raw(b"$" + b"a" * 100000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    while peer.receive() is not None:
        pass
    again = machine.connect()
    t.equal(again.ask(b"qC"), b"QC1")
    again.close()
    machine.end()


@suite.case
def memory_that_ends(t):
    """A read across the end of RAM brings what is there; one behind it, or a write, is refused."""
    machine = Machine(LOOP, "--memory", "64M")
    peer = machine.connect()
    t.equal(peer.ask(b"M3fffffc,4:01020304"), b"OK")
    t.equal(peer.ask(b"m3fffffc,10"), b"01020304")
    t.equal(peer.ask(b"m4000000,1")[:1], b"E")
    t.equal(peer.ask(b"M4000000,1:00")[:1], b"E")
    peer.close()
    machine.end()


@suite.case
def disconnects_mid_step(t):
    """Whatever it held is gone with it: the guest runs, and its code is its own again."""
    machine = Machine(ENDS)
    peer = machine.connect()
    t.equal(peer.ask(b"Z0,%x,1" % STOP), b"OK")
    t.equal(peer.ask(b"Z1,%x,1" % (STOP + 1)), b"OK")
    peer.send(b"vCont;s:1")
    peer.close()
    t.equal(machine.wait(), 7)


@suite.case
def unread_answers(t):
    """Asked for more than a socket holds, and never read."""
    machine = Machine(LOOP)
    peer = machine.connect()
    try:
        for _ in range(200):
            peer.send(b"m%x,2000" % BASE)
    except (BrokenPipeError, ConnectionResetError):
        pass
    peer.close()
    again = machine.connect()
    t.equal(again.ask(b"qC"), b"QC1")
    again.close()
    machine.end()


@suite.case
def runs_at_once_without_waiting(t):
    machine = Machine(SAYS, option="--gdb-nowait")
    t.equal(machine.vm.stdout.read(1), b"R")
    peer = machine.connect()
    t.equal(peer.ask(b"?"), b"T05thread:1;")
    t.equal(peer.ask(b"k"), b"OK")
    t.equal(machine.wait(), 8)


@suite.case
def tells_the_end(t):
    machine = Machine(ENDS)
    peer = machine.connect()
    peer.send(b"vCont;c")
    t.equal(peer.receive(), b"W07")
    t.equal(peer.receive(), None)
    t.equal(machine.wait(), 7)


@suite.case
def breakpoints_of_the_guest_itself(t):
    """An INT3 that gdb did not set goes to the guest, which has no handler for it."""
    machine = Machine(files.write(multiboot(b"\x90\xcc" + SELF)))
    peer = machine.connect()
    t.equal(peer.ask(b"Z0,%x,1" % (CODE + 2)), b"OK")
    t.equal(peer.ask(b"m%x,3" % CODE), b"90cceb")
    peer.send(b"vCont;c")
    t.equal(peer.receive(), b"W06")
    t.equal(machine.wait(), 6)


suite.main()
