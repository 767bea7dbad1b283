#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the lab learns of a host that hangs from QEMU's monitor, and from one that is silent."""

import json
import os
import socket
import sys
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../lab")]

import ktap                                     # noqa: E402
from labkit import monitor                      # noqa: E402

suite = ktap.Suite()

REGISTERS = """\r
CPU#{0}\r
RAX=0000000000000000 RBX=0000000000000001 RCX=0000000000000000 RDX=0000000000000000\r
RIP=ffffffff81a592e{0} RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r
CR0=80050033 CR2=00007f5fa1c9a000 CR3=0000000002a10000 CR4=00750ef0\r
"""
EARLY = "EIP=0000b7b9 EFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n"
LAPIC = "dumping local APIC state for CPU {0}\r\n\r\nISR\t (none)\r\nIRR\t 3{0} 251\r\n\r\nAPR\r\n"


def qemu(channel, answers):
    """A monitor: greets, reports an event, and answers each command by the first of @answers, with the
    processor's number in it. As QEMU, it remembers no processor from one command to the next."""
    with channel, channel.makefile("rw") as stream:
        print(json.dumps({"QMP": {"version": {}}}), file=stream, flush=True)
        for line in stream:
            command = json.loads(line)
            print(json.dumps({"event": "STOP"}), file=stream)
            words = command["arguments"].get("command-line", command["execute"])
            number = command["arguments"].get("cpu-index", 0)
            found = [answer for start, answer in answers if words.startswith(start)]
            if not found:
                return
            print(json.dumps(found[0]).replace("{0}", str(number)), file=stream, flush=True)


def look(processors, answers):
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=qemu, args=(theirs, answers))
    thread.start()
    with ours:
        text = monitor.Monitor(ours).look(processors)
        ours.shutdown(socket.SHUT_RDWR)
    thread.join()
    return text


READY = [("qmp_capabilities", {"return": {}})]
ALL = [*READY, ("info registers", {"return": REGISTERS}), ("info lapic", {"return": LAPIC})]


@suite.case
def where_processors_are(t):
    text = look(2, ALL)
    t.contains(text, "CR3=0000000002a10000")
    t.equal(monitor.summary(text),
            [f"processor {n}: RIP=ffffffff81a592e{n} RFL=00000246 CPL=0 II=0 A20=1 SMM=0 HLT=1 "
             f"ISR (none) IRR 3{n} 251" for n in range(2)])


@suite.case
def in_32_bit_mode(t):
    t.equal(monitor.summary(f"processor 0\n{EARLY}"),
            ["processor 0: EIP=0000b7b9 EFL=00000246 CPL=0 II=0 A20=1 SMM=0 HLT=1"])


@suite.case
def an_error_is_told(t):
    answers = [*READY, ("info", {"error": {"class": "GenericError", "desc": "no such thing"}})]
    t.equal(monitor.summary(look(2, answers)), ["processor 0", "no answer: no such thing"])
    where, why = monitor.summary(look(2, [*READY, ALL[1], answers[-1]]))
    t.contains(where, "RIP=ffffffff81a592e0")
    t.equal(why, "no answer: no such thing")


@suite.case
def the_emulator_goes(t):
    t.equal(monitor.summary(look(2, READY)), ["processor 0", "no answer: the monitor is closed"])
    t.equal(monitor.summary(look(2, [])), ["no answer: the monitor is closed"])


@suite.case
def the_emulator_hangs(t):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asked = monitor.Monitor(ours)
        ours.settimeout(0.1)
        t.equal(monitor.summary(asked.look(2)), ["no answer: timed out"])


suite.main()
