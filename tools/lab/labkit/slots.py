# SPDX-License-Identifier: GPL-2.0-only
"""A limit on emulators that run at the same time: beyond two for each processor every run only
makes all others late, and time limits strike. A run holds a slot from start to end."""

import fcntl
import os
import time


class Slots:
    def __init__(self, build, waiting):
        """@waiting is called once if no slot is free."""
        self.dir = os.path.join(build, "lab", "slots")
        os.makedirs(self.dir, exist_ok=True)
        self.waiting = waiting
        self.held = None

    def _try(self):
        for number in range(2 * (os.cpu_count() or 1)):
            path = os.path.join(self.dir, str(number))
            slot = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.held = slot
                return True
            except BlockingIOError:
                os.close(slot)
        return False

    def _queue(self):
        """Stand in line: only the first in it looks for a slot, so that nobody is overtaken."""
        line = os.open(os.path.join(self.dir, "line"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._try():
                return line
        except BlockingIOError:
            pass
        self.waiting()
        fcntl.flock(line, fcntl.LOCK_EX)
        while not self.held and not self._try():
            time.sleep(0.2)
        return line

    def __enter__(self):
        os.close(self._queue())
        return self

    def __exit__(self, *_):
        os.close(self.held)
