#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`vm run` on guests of a few instructions: exit statuses, devices, standard input and output."""

import fcntl
import os
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../lib"))

import ktap                     # noqa: E402
from baremetal import (CLD, CODE, IN8, IN32, OUT16, OUT32, OUT8, REP_OUTSB, SELF, TIMEOUT, UD2,  # noqa: E402
                       Files, elf, exit_with, exit_with_eax, load_eax, mov_eax, mov_ecx, mov_edx,
                       mov_esi, multiboot, out, power_off, run, store_eax, u32)

suite = ktap.Suite()
files = Files()


def boot(code, *options, stdin=b"", data=b""):
    return run("--kernel", files.write(multiboot(code, data)), *options, stdin=stdin)


@suite.case
def debug_exit_of_every_width(t):
    t.equal(boot(exit_with(0)), (1, b"", ""))
    t.equal(boot(exit_with(3)), (7, b"", ""))
    t.equal(boot(out(0xF4, 0x1234, OUT16) + SELF)[0], 0x1234 * 2 + 1 & 0xFF)
    t.equal(boot(out(0xF4, 0x81000011, OUT32) + SELF)[0], 0x23)
    t.equal(boot(exit_with(0x7F))[0], 255)
    t.equal(boot(exit_with(0xFF))[0], 255)


@suite.case
def debug_exit_on_another_port(t):
    code = exit_with(1, 0xF4)[:-2] + exit_with(2, 0x501)
    t.equal(boot(code, "--debug-exit", "0x501")[0], 5)


@suite.case
def power_off_ends_with_0(t):
    t.equal(boot(power_off()), (0, b"", ""))


@suite.case
def other_sleep_states_are_ignored(t):
    code = out(0x600, 3 << 2 | 0x20) + out(0x600, 5 << 2) + out(0x601, 0xFF) + exit_with(9)
    t.equal(boot(code)[0], 19)


@suite.case
def reset_ends_with_4(t):
    t.equal(boot(out(0xCF9, 2) + out(0xCF9, 6) + SELF), (4, b"", ""))


@suite.case
def triple_fault_ends_with_6(t):
    status, output, error = boot(UD2)
    t.equal(status, 6)
    t.contains(error, "triple fault, at RIP 0x100020")
    t.equal(error.count("\n"), 1)


@suite.case
def elf_image(t):
    t.equal(run("--kernel", files.write(elf(exit_with(4))))[0], 9)


@suite.case
def serial_output(t):
    text = b"one line\n\x00\xff and binary\n"
    code = b"".join(out(0x3F8, byte) for byte in text) + power_off()
    t.equal(boot(code), (0, text, ""))


@suite.case
def string_output(t):
    text = bytes(range(256)) * 8
    head = CLD + mov_edx(0x3F8) + mov_ecx(len(text))
    rest = REP_OUTSB + power_off()
    code = head + mov_esi(CODE + len(head) + 5 + len(rest)) + rest
    t.equal(boot(code, data=text), (0, text, ""))


# Wait for a byte: poll the line status, then read it into AL.
WAIT_BYTE = mov_edx(0x3FD) + b"\xec\xa8\x01\x74\xfb" + mov_edx(0x3F8) + IN8


@suite.case
def serial_input_from_a_pipe(t):
    echo = WAIT_BYTE + OUT8
    t.equal(boot(echo * 5 + power_off(), stdin=b"hello"), (0, b"hello", ""))


# More than vm reads at once. Without its FIFO the port has the whole of vm woken for each byte.
MUCH = bytes(i * 7 & 0xFF for i in range(1200))
SOME = MUCH[:200]


def echo_as_much_as(data):
    """Code that sends back as many bytes as @data has; EBX counts."""
    body = WAIT_BYTE + OUT8 + b"\x4b"
    return b"\xbb" + u32(len(data)) + body + b"\x75" + struct.pack("b", -len(body) - 2)


@suite.case
def input_arrives_complete_without_the_fifo(t):
    t.equal(boot(echo_as_much_as(SOME) + power_off(), stdin=SOME), (0, SOME, ""))


@suite.case
def much_input_arrives_complete_through_the_fifo(t):
    # Enabling the FIFO empties the receiver: the guest says when it has.
    code = out(0x3FA, 1) + out(0x3F8, ord(">")) + echo_as_much_as(MUCH) + power_off()
    with subprocess.Popen(["vm", "run", "--kernel", files.write(multiboot(code))],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as vm:
        t.equal(vm.stdout.read(1), b">")
        output = vm.communicate(MUCH, timeout=TIMEOUT)[0]
    t.equal((vm.returncode, output), (0, MUCH))


@suite.case
def input_from_a_file(t):
    path = files.write(b"abc")
    with open(path, "rb") as file:
        code = (WAIT_BYTE + OUT8) * 3 + power_off()
        done = subprocess.run(["vm", "run", "--kernel", files.write(multiboot(code))], stdin=file,
                              stdout=subprocess.PIPE, timeout=TIMEOUT)
    t.equal((done.returncode, done.stdout), (0, b"abc"))


@suite.case
def end_of_input_does_not_end_the_guest(t):
    # Count down for a while with standard input at its end, then leave.
    code = mov_ecx(2000000) + b"\x49\x75\xfd" + exit_with(1)
    t.equal(boot(code)[0], 3)


@suite.case
def all_standard_files_closed(t):
    path = files.write(multiboot(out(0x3F8, 0x41) + exit_with(5)))
    pid = os.fork()
    if not pid:
        os.closerange(0, 3)
        os.execvp("vm", ["vm", "run", "--kernel", path])
    t.equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 11)


@suite.case
def reader_goes_away(t):
    path = files.write(multiboot(out(0x3F8, 0x41) * 3000 + exit_with(6)))
    vm = subprocess.Popen(["vm", "run", "--kernel", path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE)
    vm.stdout.close()
    t.equal(vm.wait(TIMEOUT), 13)


@suite.case
def slow_reader_gets_everything(t):
    count = 9000
    # Poll the line status before each byte, as drivers do.
    body = mov_edx(0x3FD) + b"\xec\xa8\x20\x74\xfb" + out(0x3F8, 0x42) + b"\x4b"
    code = b"\xbb" + u32(count) + body + b"\x75" + struct.pack("b", -len(body) - 2)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    vm = subprocess.Popen(["vm", "run", "--kernel", files.write(multiboot(code + power_off()))],
                          stdin=subprocess.DEVNULL, stdout=writer)
    os.close(writer)
    time.sleep(1)
    with os.fdopen(reader, "rb") as file:
        t.equal(len(file.read()), count)
    t.equal(vm.wait(TIMEOUT), 0)


@suite.case
def nobody_answers_with_ones(t):
    # Each probe adds what is missing from all ones; the sum must be zero.
    code = b"\x31\xdb"
    for probe in (load_eax(0xD0000000), mov_edx(0x1234) + IN32, load_eax(0xFEDFFFFC)):
        code += probe + b"\xf7\xd0\x09\xc3"         # not eax; or ebx, eax
    code += store_eax(0xD0000000) + mov_edx(0x1234) + OUT32
    code += b"\x89\xd8" + exit_with_eax()
    t.equal(boot(code)[0], 1)


@suite.case
def ioapic_registers(t):
    code = mov_eax(1) + store_eax(0xFEC00000) + load_eax(0xFEC00010)
    code += b"\xc1\xe8\x10" + exit_with_eax()       # shr eax, 16
    t.equal(boot(code)[0], 23 * 2 + 1)


@suite.case
def read_modify_write_on_a_device(t):
    # The id register keeps bits 27:24: or dword [window], 05000000h, then read it back.
    code = mov_eax(0) + store_eax(0xFEC00000)
    code += b"\x81\x0d" + u32(0xFEC00010) + u32(0x05000000)
    code += load_eax(0xFEC00010) + b"\xc1\xe8\x18" + exit_with_eax()
    t.equal(boot(code)[0], 11)


@suite.case
def local_apic_page(t):
    # Version register, then write and read back the spurious-interrupt register.
    code = load_eax(0xFEE00030) + b"\x25\xff\x00\x00\x00" + b"\x89\xc3"
    code += mov_eax(0x1FF) + store_eax(0xFEE000F0) + load_eax(0xFEE000F0)
    code += b"\x3d" + u32(0x1FF) + b"\x75\x02" + b"\x89\xd8" + exit_with_eax()
    t.equal(boot(code)[0], 0x14 * 2 + 1)


@suite.case
def unsupported_instruction_is_named(t):
    status, _, error = boot(b"\xd9\x05" + u32(0xFEC00000) + SELF)      # fld dword
    t.equal(status, 10)
    t.contains(error, "d9 05 00 00 c0 fe")
    t.equal(error.count("\n"), 1)


@suite.case
def execution_without_memory(t):
    status, _, error = boot(mov_eax(0xD0000000) + b"\xff\xe0")
    t.equal(status, 10)
    t.contains(error, "execution at guest address 0xd0000000")


@suite.case
def multiboot_information(t):
    module = files.write(b"\x0bmodule", "module")
    # eax: loader's magic; ebx: information; its module's first byte is the status.
    code = b"\x3d" + u32(0x2BADB002) + b"\x74\x02" + SELF + b"\x8b\x43\x18\x8b\x00\x0f\xb6\x00"
    t.equal(boot(code + exit_with_eax(), "--module", module)[0], 23)


@suite.case
def command_line_reaches_the_guest(t):
    # Print the string at [ebx + 16].
    code = b"\x8b\x73\x10" + CLD + mov_edx(0x3F8)
    code += b"\xac\x84\xc0\x74\x03\xee\xeb\xf8" + power_off()
    status, output, _ = boot(code, "--append", "alpha=1 beta")
    t.equal(status, 0)
    t.true(output.endswith(b" alpha=1 beta"), repr(output))


@suite.case
def clock_shows_the_date(t):
    # Year and month, BCD, from the RTC.
    code = b"".join(out(0x70, index) + mov_edx(0x71) + IN8 + mov_edx(0x3F8) + OUT8
                    for index in (0x32, 9, 8)) + power_off()
    before = time.gmtime()
    status, output, _ = boot(code)
    t.equal(status, 0)
    t.equal(output.hex(), time.strftime("%Y%m", before))


@suite.case
def more_memory_than_the_hole(t):
    # Write above 4 GiB is not reachable from here; below the hole's start it is, beyond it is not.
    code = mov_eax(0x77) + store_eax(0xBFFFFFFC) + store_eax(0xC0000000)
    code += load_eax(0xBFFFFFFC) + b"\x3d" + u32(0x77) + b"\x75\xfe"
    code += load_eax(0xC0000000) + b"\x40" + exit_with_eax()
    t.equal(boot(code, "--memory", "5G")[0], 1)


suite.main()
