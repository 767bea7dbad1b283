# SPDX-License-Identifier: GPL-2.0-only
"""The directory of one run: made under build/lab, removed when the run went well, kept for a look
when it did not. Only so many failed ones are kept; runs that are still going are left alone."""

import contextlib
import os
import shutil
import tempfile

KEPT = 12


class RunDir:
    def __init__(self, build, host):
        self.root = os.path.join(build, "lab", "runs")
        os.makedirs(self.root, exist_ok=True)
        self.path = tempfile.mkdtemp(prefix=f"{host}-", dir=self.root)
        with open(self.file("pid"), "w") as pid:
            pid.write(str(os.getpid()))

    def file(self, name):
        return os.path.join(self.path, name)

    def lines(self, name):
        """What a file has, which the emulator may not have come to make."""
        try:
            with open(self.file(name), "rb") as log:
                return log.read().splitlines()
        except FileNotFoundError:
            return []

    def last_line(self, name):
        lines = [line for line in self.lines(name) if line.strip()]
        return lines[-1].decode(errors="replace").strip() if lines else "no message"

    def set_aside(self, logs):
        """Keep what an earlier boot has written into its @logs, and have the next one begin anew."""
        for name in logs:
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.file(name), self.file(f"{name}.first"))

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def keep(self, bulky):
        """Keep the directory without its @bulky files, and drop the oldest beyond the limit."""
        for name in bulky:
            if os.path.exists(self.file(name)):
                os.unlink(self.file(name))
        for path in self._ended()[:-KEPT]:
            shutil.rmtree(path, ignore_errors=True)

    def _ended(self):
        """Directories of runs that have ended, the oldest first. Other runs remove theirs."""
        found = []
        for entry in os.scandir(self.root):
            with contextlib.suppress(FileNotFoundError):
                if not self._alive(entry.path):
                    found.append((entry.stat().st_mtime, entry.path))
        return [path for _, path in sorted(found)]

    @staticmethod
    def _alive(path):
        try:
            with open(os.path.join(path, "pid")) as pid:
                os.kill(int(pid.read()), 0)
            return True
        except (OSError, ValueError):
            return False
