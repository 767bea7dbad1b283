# SPDX-License-Identifier: GPL-2.0-only
"""The directory of one run: made under build/lab, removed when the run went well, kept for a look
when it did not. Only so many failed ones are kept; runs that are still going are left alone."""

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

    def last_line(self, name):
        with open(self.file(name), "rb") as log:
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def keep(self, bulky):
        """Keep the directory without its @bulky files, and drop the oldest beyond the limit."""
        for name in bulky:
            if os.path.exists(self.file(name)):
                os.unlink(self.file(name))
        old = sorted((entry for entry in os.scandir(self.root) if not self._alive(entry.path)),
                     key=lambda entry: entry.stat().st_mtime)
        for entry in old[:-KEPT]:
            shutil.rmtree(entry.path, ignore_errors=True)

    @staticmethod
    def _alive(path):
        try:
            with open(os.path.join(path, "pid")) as pid:
                os.kill(int(pid.read()), 0)
            return True
        except (OSError, ValueError):
            return False
