#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The lab's cache of what its hosts boot: made once, kept while it is asked for, and shared by runs
that work side by side."""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
LAB = os.path.join(HERE, "../../lab")
sys.path[:0] = [os.path.join(HERE, "../lib"), LAB]

import ktap                                     # noqa: E402
from labkit.image import CACHE_KEPT, Cache      # noqa: E402

suite = ktap.Suite()

# One of several runs: each has an entry of its own after the other, all in one directory.
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from labkit.image import Cache
cache = Cache(sys.argv[2])
for n in range(300):
    cache.get("part", [sys.argv[3].encode(), str(n).encode()], lambda path: open(path, "w").close())
"""


def writer(made):
    def write(path):
        made.append(path)
        with open(path, "w") as out:
            out.write("content")
    return write


@suite.case
def made_once(t):
    with tempfile.TemporaryDirectory() as build:
        cache, made = Cache(build), []
        path = cache.get("part", [b"input"], writer(made))
        t.equal(cache.get("part", [b"input"], writer(made)), path)
        t.equal(len(made), 1)
        with open(path) as content:
            t.equal(content.read(), "content")


@suite.case
def another_input_is_another_file(t):
    with tempfile.TemporaryDirectory() as build:
        cache, made = Cache(build), []
        inputs = [b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"ab", b"c", b""]
        t.equal(len({cache.get("part", parts, writer(made)) for parts in inputs}), len(inputs))


@suite.case
def what_fails_to_be_made_is_not_there(t):
    def fail(path):
        writer([])(path)
        raise ValueError

    with tempfile.TemporaryDirectory() as build:
        cache, made = Cache(build), []
        try:
            cache.get("part", [b"input"], fail)
            t.fail("the failure is not told")
        except ValueError:
            pass
        t.equal(os.listdir(os.path.join(build, "lab")), ["cache"])
        cache.get("part", [b"input"], writer(made))
        t.equal(len(made), 1)


@suite.case
def forgets_what_was_not_asked_for_lately(t):
    with tempfile.TemporaryDirectory() as build:
        cache, made = Cache(build), []
        first = cache.get("part", [b"first"], writer(made))
        os.utime(first, (1, 1))
        paths = [cache.get("part", [str(n).encode()], writer(made)) for n in range(CACHE_KEPT)]
        t.true(not os.path.exists(first), "the oldest is still there")
        t.true(all(map(os.path.exists, paths)), "a newer one is gone")
        t.equal(cache.get("part", [b"first"], writer(made)), first)
        t.equal(len(made), CACHE_KEPT + 2)


@suite.case
def runs_side_by_side(t):
    with tempfile.TemporaryDirectory() as build:
        runs = [subprocess.Popen([sys.executable, "-B", "-c", RUN, LAB, build, str(n)],
                                 stderr=subprocess.PIPE, text=True) for n in range(4)]
        for run in runs:
            _, error = run.communicate(timeout=60)
            t.equal((run.returncode, error), (0, ""))


suite.main()
