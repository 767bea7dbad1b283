#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `make install-userspace` leaves, as its users see it: the files and their places, what
pkg-config says, and programs compiled against them. All in a directory that goes away."""

import glob
import os
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

import ktap     # noqa: E402

TREE = os.path.realpath(os.path.join(HERE, "../../.."))
LIBDIR = "/usr/lib/triplet"
FILES = {
    "bin/vm": 0o755,
    "lib/triplet/libhvm.a": 0o644,
    "lib/triplet/libhvm.so.1": 0o644,
    "lib/triplet/pkgconfig/libhvm.pc": 0o644,
    "include/hvm/libhvm.h": 0o644,
    "include/hvm/access.h": 0o644,
    "include/hvm/walk.h": 0o644,
    "include/hvm/insn/insn.h": 0o644,
    "include/hvm/linux/hvm.h": 0o644,
    "share/man/man1/vm.1": 0o644,
    "share/man/man1/vm-run.1": 0o644,
    "share/man/man1/vm-stats.1": 0o644,
    "share/man/man3/libhvm.3": 0o644,
    "share/doc/hvm/examples/guest.c": 0o644,
    "share/doc/hvm/examples/guest.py": 0o755,
}
PROGRAM = r"""
#include <errno.h>
#include <stdio.h>
#include <access.h>

int main(void)
{
	printf("%s; %d\n", hvm_open_hint(-EACCES), hvm_open("/nowhere/vm"));
	return hvm_exit_name(HVM_EXIT_PIO) == NULL;
}
"""
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
suite = ktap.Suite()
root = tempfile.TemporaryDirectory()


def run(*command, **environment):
    """Status and output of a command, in an environment that says nothing about a make above."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120,
                          stderr=subprocess.STDOUT, cwd=TREE, env={**clean, **environment})
    return done.returncode, done.stdout.decode()


def install(place, *words):
    return run("make", "-s", "install-userspace", f"DESTDIR={place}", *words)


def pkg_config(*words):
    status, text = run("pkg-config", *words, "libhvm", PKG_CONFIG_SYSROOT_DIR=root.name,
                       PKG_CONFIG_LIBDIR=f"{root.name}{LIBDIR}/pkgconfig")
    return text.split() if not status else [text]


def compile_program(name, *words):
    """Compile PROGRAM; the path of the result, and what the compiler said."""
    source, program = (os.path.join(root.name, name + end) for end in (".c", ""))
    with open(source, "w") as file:
        file.write(PROGRAM)
    _status, text = run("gcc", *WARNINGS, source, "-o", program, *pkg_config("--cflags"), *words)
    return program, text


def check_program(t, program, **environment):
    status, text = run(program, **environment)
    t.equal(status, 0)
    t.true(text.endswith("; -2\n"), f"it says {text!r}")


@suite.case
def installs(t):
    t.equal(install(root.name, "PREFIX=/usr", f"libdir={LIBDIR}"),
            (0, f"  INSTALL  {root.name}/usr\n"))


@suite.case
def every_file_is_in_place(t):
    found = {}
    for directory, _, names in os.walk(os.path.join(root.name, "usr")):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                found[os.path.relpath(path, root.name + "/usr")] = \
                    stat.S_IMODE(os.stat(path).st_mode)
    t.equal(found, FILES)
    t.equal(os.readlink(f"{root.name}{LIBDIR}/libhvm.so"), "libhvm.so.1")


@suite.case
def every_manual_is_installed(t):
    pages = glob.glob(os.path.join(TREE, "Documentation/man/*"))
    names = {os.path.basename(path) for path in FILES}
    t.equal([page for page in pages if os.path.basename(page) not in names], [])


@suite.case
def pkg_config_names_the_places(t):
    t.equal(pkg_config("--cflags"), [f"-I{root.name}/usr/include/hvm"])
    t.equal(pkg_config("--libs"), [f"-L{root.name}{LIBDIR}", "-lhvm"])
    t.equal(pkg_config("--modversion"), ["1.0"])
    t.equal(pkg_config("--variable=prefix"), [root.name + "/usr"])


@suite.case
def the_places_follow_the_prefix(t):
    with tempfile.TemporaryDirectory() as other:
        t.equal(install(other, "PREFIX=/opt/hvm")[0], 0)
        with open(os.path.join(other, "opt/hvm/lib/pkgconfig/libhvm.pc")) as file:
            text = file.read()
        t.contains(text, "prefix=/opt/hvm\nlibdir=/opt/hvm/lib\n")
        t.true("@" not in text, "something is not filled in")
        t.equal(os.listdir(other), ["opt"])


@suite.case
def every_header_stands_alone(t):
    for path in FILES:
        if path.startswith("include/"):
            name = path[len("include/hvm/"):]
            for language in ("-xc", "-std=c11", *WARNINGS), ("-xc++", "-Wall", "-Werror"):
                t.equal(run("clang", *language, "-fsyntax-only", "-include", name,
                            *pkg_config("--cflags"), "/dev/null"), (0, ""))


@suite.case
def a_program_links_the_shared_library(t):
    program, said = compile_program("shared", *pkg_config("--libs"))
    t.equal(said, "")
    t.contains(run("objdump", "-p", program)[1], "libhvm.so.1")
    check_program(t, program, LD_LIBRARY_PATH=root.name + LIBDIR)


@suite.case
def a_program_links_the_static_library(t):
    program, said = compile_program("static", "-static", *pkg_config("--libs", "--static"))
    t.equal(said, "")
    t.true("NEEDED" not in run("objdump", "-p", program)[1], "it needs a shared library")
    check_program(t, program)


@suite.case
def the_example_compiles_where_it_lies(t):
    example = os.path.join(root.name, "usr/share/doc/hvm/examples/guest.c")
    t.equal(run("gcc", "-Wall", "-Werror", example, "-o", os.path.join(root.name, "guest"),
                *pkg_config("--cflags", "--libs")), (0, ""))


@suite.case
def the_installed_vm_runs(t):
    status, text = run(os.path.join(root.name, "usr/bin/vm"))
    t.equal(status, 2)
    t.contains(text, "usage: vm")


suite.main()
