# SPDX-License-Identifier: GPL-2.0-only
"""Bare-metal guests of a few instructions as multiboot images, and `vm run` on them."""

import os
import struct
import subprocess
import tempfile

BASE = 0x100000
CODE = BASE + 0x20
MAGIC = 0x1BADB002
TIMEOUT = 240


def u32(value):
    return struct.pack("<I", value & 0xFFFFFFFF)


# Instructions of 32-bit code.
def mov_eax(value):
    return b"\xb8" + u32(value)


def mov_ecx(value):
    return b"\xb9" + u32(value)


def mov_edx(value):
    return b"\xba" + u32(value)


def mov_esi(value):
    return b"\xbe" + u32(value)


def mov_edi(value):
    return b"\xbf" + u32(value)


def load_eax(address):
    return b"\xa1" + u32(address)


def store_eax(address):
    return b"\xa3" + u32(address)


IN8, OUT8, OUT16, OUT32 = b"\xec", b"\xee", b"\x66\xef", b"\xef"
IN16, IN32 = b"\x66\xed", b"\xed"
HLT, SELF, CLD, UD2 = b"\xf4", b"\xeb\xfe", b"\xfc", b"\x0f\x0b"
REP_OUTSB = b"\xf3\x6e"


def out(port, value, kind=OUT8):
    return mov_edx(port) + mov_eax(value) + kind


def exit_with_eax(port=0xF4):
    """End with status 2 * EAX + 1, of which the low eight bits count."""
    return mov_edx(port) + OUT32 + SELF


def exit_with(value, port=0xF4):
    return out(port, value) + SELF


def power_off():
    return out(0x600, 5 << 2 | 0x20) + SELF


def multiboot(code, data=b""):
    """A multiboot image with header addresses: @code is entered, @data follows it at DATA()."""
    flags = 1 << 16
    header = struct.pack("<8I", MAGIC, flags, -(MAGIC + flags) & 0xFFFFFFFF, BASE, BASE, 0, 0,
                         CODE)
    return header + code + data


def elf(code):
    """The same as an ELF file, its header inside the one segment."""
    body = struct.pack("<3I", MAGIC, 0, -MAGIC & 0xFFFFFFFF).ljust(0x20, b"\0") + code
    offset = 0x1000
    head = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, CODE, 52, 0, 0, 52,
                       32, 1, 0, 0, 0)
    segment = struct.pack("<8I", 1, offset, BASE, BASE, len(body), len(body), 7, 4096)
    return (head + segment).ljust(offset, b"\0") + body


class Files:
    """Temporary files for the images of a script; gone when it ends."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="e2e-")
        self.count = 0

    def write(self, data, name=None):
        self.count += 1
        path = os.path.join(self.directory.name, name or f"file{self.count}")
        with open(path, "wb") as file:
            file.write(data)
        return path


def run(*arguments, stdin=b"", timeout=TIMEOUT, **options):
    """`vm run` to its end: status, standard output, standard error."""
    done = subprocess.run(["vm", "run", *arguments], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, **options)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")
