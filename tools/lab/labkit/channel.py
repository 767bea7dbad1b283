# SPDX-License-Identifier: GPL-2.0-only
"""The lab's end of the channel to the agent in a test host (tools/lab/agent.c has the frames):
hands over the command, relays standard input and output, and learns the exit status."""

import fcntl
import os
import select
import signal
import struct
import sys
import termios
import tty

HELLO = b"\n#hvm-lab-agent\n"
FRAME_MAX = 4096
INPUT_MAX = 1024
RUN_LAST, RUN_TTY = 1, 2
ESCAPE = 0x1d  # Ctrl-]


class Escape(Exception):
    """The user asked to leave."""


def window_size():
    try:
        packed = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
        rows, columns = struct.unpack("HHHH", packed)[:2]
        return rows or 24, columns or 80
    except OSError:
        return 24, 80


class Channel:
    def __init__(self, fd, command):
        self.fd = fd
        self.command = command
        self.tty = os.isatty(0) and os.isatty(1)
        self.buffer = b""
        self.greeted = False
        self.status = None
        self.input_open = True
        self.input_allowed = False
        self.input_used = False
        self.saved_tty = None
        self.resized = False

    def __enter__(self):
        if self.tty:
            self.saved_tty = termios.tcgetattr(0)
            signal.signal(signal.SIGWINCH, self._on_resize)
        return self

    def __exit__(self, *_):
        if self.saved_tty:
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved_tty)

    def _on_resize(self, *_):
        self.resized = True

    def _send(self, kind, data=b""):
        frame = kind + struct.pack("<H", len(data)) + data
        while frame:
            frame = frame[os.write(self.fd, frame):]

    def _send_command(self):
        data = b"".join(os.fsencode(word) + b"\0" for word in self.command)
        flags = RUN_TTY if self.tty else 0
        room = FRAME_MAX - 5
        pieces = [data[at:at + room] for at in range(0, len(data), room)]
        for index, piece in enumerate(pieces):
            last = RUN_LAST if index == len(pieces) - 1 else 0
            self._send(b"R", struct.pack("<BHH", flags | last, *window_size()) + piece)
        if self.tty:
            tty.setraw(0)
        self.input_allowed = True

    def _relay_input(self):
        data = os.read(0, INPUT_MAX)
        if not data:
            self._send(b"E")
            self.input_open = False
            return
        if self.tty and ESCAPE in data:
            raise Escape
        self.input_used = True
        self.input_allowed = False
        self._send(b"I", data)

    def _frame(self, kind, data):
        if kind == b"O":
            write_out(1, data)
        elif kind == b"e":
            write_out(2, data)
        elif kind == b"A":
            self.input_allowed = True
        elif kind == b"X":
            self.status = data[0]

    def _frames(self):
        if not self.greeted:
            at = self.buffer.find(HELLO)
            if at < 0:
                self.buffer = self.buffer[-len(HELLO):]
                return
            self.buffer = self.buffer[at + len(HELLO):]
            self.greeted = True
            self._send_command()
        while len(self.buffer) >= 3:
            end = 3 + struct.unpack_from("<H", self.buffer, 1)[0]
            if len(self.buffer) < end:
                return
            kind, data = self.buffer[:1], self.buffer[3:end]
            self.buffer = self.buffer[end:]
            self._frame(kind, data)

    def turn(self, timeout):
        """Relay what there is, waiting at most @timeout seconds. False: the channel has closed."""
        if self.resized and self.greeted:
            self.resized = False
            self._send(b"W", struct.pack("<HH", *window_size()))
        wanted = [self.fd]
        if self.greeted and self.input_open and self.input_allowed and self.status is None:
            wanted.append(0)
        ready = select.select(wanted, [], [], timeout)[0]
        if self.fd in ready:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.buffer += data
            self._frames()
        if 0 in ready:
            self._relay_input()
        return True

    def drain(self):
        """Take what the host still said before its emulator ended."""
        while self.status is None and select.select([self.fd], [], [], 0)[0]:
            if not self.turn(0):
                return


def write_out(fd, data):
    while data:
        try:
            data = data[os.write(fd, data):]
        except BlockingIOError:
            select.select([], [fd], [])
        except BrokenPipeError:
            sys.exit(141)
