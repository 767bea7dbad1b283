# SPDX-License-Identifier: GPL-2.0-only
"""The files of a Bochs host: busybox and a shell, python3, this tree's programs and scripts with
the libraries they need, the guest kernels, KVM's modules to compare with, and what --with names.
Everything lies at the path it has on the building machine."""

import os
import re
import subprocess

from .image import BUSYBOX, applets, read_module

PYTHON = "/usr/bin/python3.11"
PYTHON_LIB = "/usr/lib/python3.11"
PYTHON_LEFT_OUT = {"test", "idlelib", "ensurepip", "tkinter", "lib2to3", "pydoc_data", "distutils",
                   "config-3.11-x86_64-linux-gnu", "dist-packages", "turtledemo", "unittest"}
# What guests are loaded with, and what finds its libraries.
LOADERS = ["/usr/bin/stress-ng", "/usr/bin/ldd"]
GUEST_KERNELS = ["6.1", "6.12"]
MODULES = ["kvm_intel", "kvm_amd", "msr"]
TREE_PARTS = ["build/bin", "build/lib", "build/guest", "tools", "userspace/examples"]
BUILDING_MACHINE_ONLY = ("unit-", "fuzz-", "libfuzz-")
MERGED = re.compile(r"^/(bin|sbin|lib|lib64)/")
LIBRARY = re.compile(r"(/\S+) \(0x")


def merged(path):
    """Debian's /bin, /sbin and /lib are links into /usr."""
    return MERGED.sub(r"/usr/\1/", path)


def files_below(top):
    for directory, _, names in os.walk(top):
        for name in names:
            yield os.path.join(directory, name)


def is_elf(path):
    with open(path, "rb") as start:
        return start.read(4) == b"\x7fELF"


def libraries(programs):
    """The shared libraries of @programs, by the paths where the loader will look."""
    found = set()
    if not programs:
        return found
    shown = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    for path in LIBRARY.findall(shown):
        found.add(path)
    return found


def python_files():
    if not os.path.exists(PYTHON):
        return {}
    files = {PYTHON: PYTHON, "/usr/bin/python3": PYTHON}
    for entry in os.scandir(PYTHON_LIB):
        if entry.name not in PYTHON_LEFT_OUT:
            files[entry.path] = entry.path
    return files


def tree_files(tree):
    files = {}
    for part in TREE_PARTS:
        for path in files_below(os.path.join(tree["tree"], part)):
            if "__pycache__" not in path and \
                    not os.path.basename(path).startswith(BUILDING_MACHINE_ONLY):
                files[path] = os.path.realpath(path)
    for name in GUEST_KERNELS:
        path = os.path.join(tree["build"], "kernels", name, "vmlinuz")
        if os.path.exists(path):
            files[path] = os.path.realpath(path)
            files[os.path.dirname(path) + "/release"] = os.path.dirname(path) + "/release"
    if tree["module"]:
        files[tree["module"]] = tree["module"]
    return files


def stage_modules(root, kernel):
    """KVM's modules, unpacked, and the index that lets `modprobe` find them."""
    if not kernel.modules:
        return
    for path in kernel.module_files(MODULES):
        relative = path[path.index("/lib/modules/") + 1:].removesuffix(".xz")
        target = os.path.join(root, "usr", relative)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as module:
            module.write(read_module(path))
    subprocess.run(["/sbin/depmod", "-b", root, kernel.release], check=True,
                   stderr=subprocess.DEVNULL)


def stage_skeleton(root):
    for name in ("proc", "sys", "dev", "tmp", "run", "root", "etc", "usr/bin", "usr/sbin",
                 "usr/lib", "usr/lib64", "var/tmp"):
        os.makedirs(os.path.join(root, name))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", os.path.join(root, name))
    for name in applets():
        if name not in ("busybox", "bash", "python3"):
            os.symlink("busybox", os.path.join(root, "usr/bin", name))
    for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("group", "root:x:0:\n")):
        with open(os.path.join(root, "etc", name), "w") as file:
            file.write(text)


def stage(root, kernel, extra, tree):
    """Make under @root what has to be made; return {path in the host: file here} for the rest."""
    stage_skeleton(root)
    stage_modules(root, kernel)
    files = {"/usr/bin/busybox": BUSYBOX, "/usr/bin/bash": "/bin/bash", **python_files(),
             **tree_files(tree)}
    for path in (*LOADERS, *extra):
        files[merged(os.path.abspath(path))] = os.path.realpath(path)
    programs = [path for path in files.values() if os.path.isfile(path) and is_elf(path)]
    programs += [path for path in files_below(PYTHON_LIB + "/lib-dynload") if path.endswith(".so")]
    for path in libraries(programs):
        files.setdefault(merged(path), os.path.realpath(path))
    return files
