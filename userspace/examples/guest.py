#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The guest of guest.c driven by plain ioctls, without a library: twelve bytes of real-mode code
add two numbers and send the sum, as a digit, to a port. Offsets are those of <linux/hvm.h>."""

import ctypes
import fcntl
import mmap
import os
import struct

IOC = 0xB6 << 8
CREATE_VM, CREATE_VCPU, MAP, RUN = IOC | 0x02, IOC | 0x10, IOC | 0x11, IOC | 0x30
GET_STATE, SET_STATE, GPR, SEGMENTS = IOC | 0x31, IOC | 0x32, 1 << 0, 1 << 1
EXIT_PIO, COMPLETE = 2, 1
STATE_BYTES = 888      # struct hvm_state
RAX, RBX, RIP = 8, 8 + 3 * 8, 8 + 16 * 8        # in it
CS = 8 + 18 * 8 + 16    # base (8), limit (4), selector (2), attributes (2)
REASON, RUN_RAX = 8, 64     # in struct hvm_run

# mov dx, 3f8h; add al, bl; add al, '0'; out dx, al; mov al, 0ah; out dx, al; hlt
CODE = bytes.fromhex("baf803 00d8 0430 ee b00a ee f4")


def main():
    memory = mmap.mmap(-1, 8192)
    memory[0x1000:0x1000 + len(CODE)] = CODE
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))

    device = os.open("/dev/vm", os.O_RDWR)
    vm = fcntl.ioctl(device, CREATE_VM, bytearray(struct.pack("II", 8, 0)), True)
    fcntl.ioctl(vm, MAP, struct.pack("IIQQQiIQ", 48, 0, 0, 8192, address, 0, 0, 0))
    vcpu = fcntl.ioctl(vm, CREATE_VCPU, bytearray(struct.pack("IIII", 16, 0, 0, 0)), True)
    run = mmap.mmap(vcpu, 4096)

    state = bytearray(STATE_BYTES)
    struct.pack_into("II", state, 0, STATE_BYTES, GPR | SEGMENTS)
    fcntl.ioctl(vcpu, GET_STATE, state, True)
    struct.pack_into("Q", state, RAX, 2)
    struct.pack_into("Q", state, RBX, 2)
    struct.pack_into("Q", state, RIP, 0x1000)
    struct.pack_into("Q", state, CS, 0)
    struct.pack_into("H", state, CS + 12, 0)
    fcntl.ioctl(vcpu, SET_STATE, state, True)

    for _ in range(2):
        fcntl.ioctl(vcpu, RUN, 0)
        assert struct.unpack_from("I", run, REASON)[0] == EXIT_PIO
        print(chr(run[RUN_RAX]), end="")
        run[2] = COMPLETE


main()
