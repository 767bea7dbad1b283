# SPDX-License-Identifier: GPL-2.0-only
"""Style: checkpatch, a licence line and a paragraph on top of every file, functions and files of
bounded length, nothing left for later. Each case is (name, list of what is wrong)."""

import hashlib
import os
import re
import subprocess

from . import source

CHECKPATCH = "build/linux-parts/scripts/checkpatch.pl"
CACHE = "build/check/checkpatch"
LINE_MAX = 100
FUNCTION_MAX = 70
FILE_MAX = 900
# A table of small cases grows in length and not in depth.
TEST_FILE_MAX = 1000
# The whole ABI with its manual: programs include one header.
ABI_FILE_MAX = 1100
# Types of complaint that do not fit: the tree is not a patch, locks are explained in the
# kernel-doc of what they are in, and userspace is not the kernel.
IGNORED = ["FILE_PATH_CHANGES", "LINUX_VERSION_CODE", "CONFIG_DESCRIPTION", "EMAIL_SUBJECT",
           "COMMIT_MESSAGE", "MACRO_ARG_REUSE", "UNCOMMENTED_DEFINITION",
           "EMBEDDED_FUNCTION_NAME", "CONSTANT_COMPARISON"]
IGNORED_USERSPACE = ["PREFER_KERNEL_TYPES", "CONSIDER_KSTRTO", "SSCANF_TO_KSTRTO", "AVOID_EXTERNS",
                     "PREFER_FALLTHROUGH", "PREFER_PACKED", "PREFER_ALIGNED", "PREFER_PRINTF",
                     "PREFER_SCANF", "STRCPY", "NEW_TYPEDEFS", "ENOSYS", "USLEEP_RANGE", "VOLATILE",
                     "BIT_MACRO", "ARRAY_SIZE", "CAMELCASE", "PREFER_DEFINED_ATTRIBUTE_MACRO",
                     "SPLIT_STRING", "CONST_STRUCT", "MACRO_WITH_FLOW_CONTROL",
                     "UNSPECIFIED_INT", "MEMORY_BARRIER"]
# A header for userspace has no BIT().
IGNORED_UAPI = ["BIT_MACRO"]
# Operands of asm goto that stand in a macro's arguments look like a division.
EXCEPTIONS = {"kernel/vmx/host.c": ["SPACING"], "kernel/vmx/vmcs.h": ["SPACING"],
              "kernel/trace.h": ["COMPLEX_MACRO", "OPEN_ENDED_LINE", "PARENTHESIS_ALIGNMENT"]}
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$)}])/(work|home/\w+)/")
NO_LICENCE = (".gitignore", ".txt", ".dtb", ".json", "LICENSE", "COPYING", "README")
SELF = "tools/check/checklib/style.py"


def licence_of(path):
    if path == "include/uapi/linux/hvm.h":
        return "GPL-2.0-only WITH Linux-syscall-note"
    return "MIT" if path.startswith("userspace/libhvm/") else "GPL-2.0-only"


def check_licence(path):
    if path.endswith(NO_LICENCE) or "LICENSES/" in path:
        return []
    head = "\n".join(source.lines(path)[:3])
    found = re.search(r"SPDX-License-Identifier: ([^*\n]*?) *(\*/|-->)?$", head, re.MULTILINE)
    if not found:
        return [f"{path}: no SPDX line"]
    if found.group(1).strip("() ") != licence_of(path):
        return [f"{path}: licence {found.group(1)}, not {licence_of(path)}"]
    return []


def check_paragraph(path):
    """Behind the licence line, a comment with a sentence comes before everything else."""
    rest = source.text(path).partition("\n")[2].lstrip()
    comment = rest.partition("*/")[0] if rest.startswith("/*") else ""
    return [] if "." in comment else [f"{path}: no paragraph that says what the file is for"]


def check_left_over(path):
    if path == SELF:
        return []
    found = [f"{path}:{number}: {line.strip()}"
             for number, line in enumerate(source.lines(path), 1)
             if LEFT_OVER.search(line) or MACHINE_PATH.search(line)]
    return found


def function_lengths(path):
    """(name, lines) of each function body: from a `{` in the first column to its `}`."""
    name, start = "", None
    for number, line in enumerate(source.lines(path), 1):
        if line.startswith("{") and start is None:
            start = number
        elif line.startswith("}") and start is not None:
            yield name, number - start - 1
            start = None
        elif start is None and re.match(r"[a-z].*\(", line):
            name = re.search(r"(\w+)\s*\(", line).group(1)


def file_max(path):
    if path.startswith("include/uapi/"):
        return ABI_FILE_MAX
    return TEST_FILE_MAX if "/test-" in path else FILE_MAX


def check_lengths(path):
    wrong = [f"{path}: {name}() has {count} lines" for name, count in function_lengths(path)
             if count > FUNCTION_MAX]
    if len(source.lines(path)) > file_max(path):
        wrong.append(f"{path}: {len(source.lines(path))} lines")
    return wrong


def checkpatch_once(path):
    ignored = IGNORED + ([] if path.startswith("kernel/") else
                         IGNORED_UAPI if path.startswith("include/") else IGNORED_USERSPACE)
    ignored = ignored + EXCEPTIONS.get(path, [])
    up = os.path.relpath(".", CACHE)    # it leaves a file where it runs
    done = subprocess.run(
        ["perl", os.path.join(up, CHECKPATCH), "--no-tree", "--strict", "--terse", "--no-summary", "--show-types",
         f"--max-line-length={LINE_MAX}", "--ignore", ",".join(ignored), "-f",
         os.path.join(up, path)], capture_output=True, text=True, cwd=CACHE)
    # 1: it found something, and says what.
    if done.returncode not in (0, 1) or bool(done.returncode) != bool(done.stdout.strip()):
        raise RuntimeError(f"checkpatch failed on {path}: {done.stderr.strip()}")
    return [line.removeprefix(up + "/") for line in done.stdout.splitlines() if line.strip()]


def check_checkpatch(path):
    """checkpatch takes long; what it said of the same bytes before still holds."""
    with open(path, "rb") as file, open(__file__, "rb") as rules:
        key = hashlib.sha256(path.encode() + file.read() + rules.read()).hexdigest()
    kept = os.path.join(CACHE, key)
    if not os.path.exists(kept):
        os.makedirs(CACHE, exist_ok=True)
        said = checkpatch_once(path)
        with open(kept, "w") as result:
            result.write("\n".join(said))
    with open(kept) as result:
        return result.read().splitlines()


def cases():
    code = source.c_files()
    for path in code:
        yield f"checkpatch {path}", check_checkpatch(path)
    for name, check, files in (
            ("licence line", check_licence, source.tracked()),
            ("opening paragraph", check_paragraph, code),
            ("nothing left for later, no machine's paths", check_left_over, source.tracked()),
            ("length of functions and files", check_lengths, code)):
        yield name, [wrong for path in files for wrong in check(path)]
