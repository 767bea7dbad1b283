# SPDX-License-Identifier: GPL-2.0-only
"""The files of the tree, as the checks of the source see them."""

import functools
import subprocess


@functools.lru_cache
def tracked():
    """Every file that is, or is about to be, in git."""
    shown = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           capture_output=True, text=True, check=True).stdout
    return sorted(path for path in set(shown.splitlines()) if exists(path))


def exists(path):
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False


@functools.lru_cache
def text(path):
    with open(path, errors="replace") as file:
        return file.read()


def lines(path):
    return text(path).splitlines()


def c_files(*tops):
    return [path for path in tracked()
            if path.endswith((".c", ".h", ".S")) and (not tops or path.startswith(tops))]
