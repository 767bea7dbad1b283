# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's layers: an include may only point to the same room or a lower layer, the vendor
waist stays narrow, the whole stays small. Each case is (name, list of what is wrong)."""

import re

from . import source

GROUND, PURE, SERVICES, CPU, DOOR = 1, 2, 3, 4, 5
ROOMS = {"tdp": PURE, "irq": SERVICES, "io": SERVICES, "mem": SERVICES, "cpu": CPU}
BACKENDS = ("vmx", "svm")
# Headers of the ground layer, and what the plan puts there of other rooms.
GROUND_FILES = {"types.h", "backend.h", "compat.h", "stats.h", "trace.h", "uapi/linux/hvm.h",
                "cpu/request.h", "cpu/request.c", "tdp/format.h"}
BACKEND_REACH = PURE
WAIST_MAX = 24
# What lies between the plan's 10,000 and this is named in Documentation/caveats.rst: a commit that raises
# it says why.
LINES_MAX = 22900
INCLUDE = re.compile(r'^#\s*include\s+"([^"]+)"')
UNCONDITIONAL = re.compile(r"^#\s*(if|ifdef|ifndef|elif|else)\b")


def layer(path):
    """@path is relative to kernel/; None for a vendor backend, which stands outside."""
    room = path.split("/")[0] if "/" in path else ""
    if path in GROUND_FILES:
        return GROUND
    if room in BACKENDS:
        return None
    return ROOMS.get(room, DOOR)


def resolve(path, included):
    """An include names its file from kernel/ or beside the including file."""
    here = path.rsplit("/", 1)[0] + "/" if "/" in path else ""
    for candidate in (included, here + included):
        if source.exists("kernel/" + candidate):
            return candidate
    return None


def edges():
    for full in source.c_files("kernel/"):
        path = full.removeprefix("kernel/")
        for number, line in enumerate(source.lines(full), 1):
            found = INCLUDE.match(line)
            target = found and resolve(path, found.group(1))
            if target:
                yield path, number, target


def check_edge(path, target):
    """Return what is wrong with this include, or None."""
    room, other = path.split("/")[0], target.split("/")[0]
    upper, lower = layer(path), layer(target)
    if upper is None:
        if lower is None:
            return None if room == other else "one backend includes the other"
        return None if lower <= BACKEND_REACH else f"a backend includes layer {lower}"
    if lower is None:
        return "common code includes a backend"
    return f"layer {upper} includes layer {lower}" if lower > upper else None


# Owners embed their services, so the two structures everything hangs on may be seen from above
# and below; what they embed may not see them.
EMBEDDING = {"vm.h", "cpu/vcpu.h"}


def wrong_edges():
    for path, number, target in edges():
        why = check_edge(path, target)
        if why and not (target in EMBEDDING and path.endswith((".c", ".S")) or
                        target in EMBEDDING and path in EMBEDDING):
            yield f"kernel/{path}:{number}: includes {target}: {why}"


def header_cycle():
    graph = {}
    for path, _, target in edges():
        if path.endswith(".h"):
            graph.setdefault(path, set()).add(target)
    done, active = set(), []

    def visit(path):
        if path in active:
            return active[active.index(path):] + [path]
        if path in done:
            return None
        active.append(path)
        for target in sorted(graph.get(path, ())):
            cycle = visit(target)
            if cycle:
                return cycle
        active.pop()
        done.add(path)
        return None

    for path in sorted(graph):
        cycle = visit(path)
        if cycle:
            return [" -> ".join(cycle)]
    return []


def callbacks():
    text = source.text("kernel/backend.h")
    body = re.search(r"^struct hvm_backend(?:_ops)? \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    return len(re.findall(r"\(\*\w+\)\s*\(", body.group(1))) if body else 0


def check_waist():
    count = callbacks()
    if not count:
        return ["kernel/backend.h: no struct hvm_backend with callbacks found"]
    return [f"{count} callbacks, the limit is {WAIST_MAX}"] if count > WAIST_MAX else []


def check_size():
    count = sum(len(source.lines(path)) for path in source.c_files("kernel/"))
    return [f"{count} lines, the limit is {LINES_MAX}"] if count > LINES_MAX else []


def find(pattern, files):
    regex = re.compile(pattern)
    return [f"{path}:{number}: {line.strip()}" for path in files
            for number, line in enumerate(source.lines(path), 1) if regex.search(line)]


def cases():
    kernel = source.c_files("kernel/")
    if not kernel:
        return
    yield "includes point down", list(wrong_edges())
    yield "headers have no cycle", header_cycle()
    yield f"at most {WAIST_MAX} callbacks in the waist", check_waist()
    yield f"kernel/ has at most {LINES_MAX} lines", check_size()
    yield "LINUX_VERSION_CODE only in compat.h", find(
        r"\bLINUX_VERSION_CODE\b|\bKERNEL_VERSION\(",
        [path for path in kernel if path != "kernel/compat.h"])
    yield "no #if in .c files", find(UNCONDITIONAL.pattern,
                                     [path for path in kernel if path.endswith(".c")])
    yield "no EXPORT_SYMBOL", find(r"\bEXPORT_SYMBOL", kernel)
    yield "no WARN or BUG", find(r"\b(WARN(_ON)?(_ONCE)?|BUG(_ON)?)\(", kernel)
