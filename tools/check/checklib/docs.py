# SPDX-License-Identifier: GPL-2.0-only
"""Documentation: the uapi header documents every structure and field and names every errno that
tests expect, api.rst names every ioctl, libhvm.3 every function of the library, and house.rst every
source file. Each case is (name, list of what is wrong)."""

import errno
import re

from . import source

UAPI = "include/uapi/linux/hvm.h"
API = "Documentation/api.rst"
LIBRARY = ["userspace/libhvm/libhvm.h", "userspace/libhvm/access.h"]
MANUAL = "Documentation/man/libhvm.3"
STRUCT = re.compile(r"(?:/\*\*(?P<doc>(?:(?!\*/).)*)\*/\s*)?^(?P<kind>struct|union) (?P<name>\w+) \{"
                    r"(?P<body>.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"(\w+)\s*(?:\[[^\]]*\])*\s*;")
IOCTL = re.compile(r"^#define\s+(HVM_\w+)\s+_IO[RW]*\(", re.MULTILINE)
FUNCTION = re.compile(r"^\w[^\n(]*\b(hvm_\w+)\(", re.MULTILINE)
RESERVED = re.compile(r"(reserved|padding)\d*")    # said once for all: must be zero
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
TESTS = "tools/selftests/kernel/"
ERRNO = re.compile(r"\bE[A-Z0-9]+\b")
# Not of /dev/vm: delete_module() answers the one, reading /dev/kmsg the other.
FOREIGN_ERRNOS = {"EWOULDBLOCK", "EPIPE"}
HOUSE = "Documentation/house.rst"
LAYOUT = re.compile(r"^Layout\n-+\n\n::\n\n(.*?)^\S", re.MULTILINE | re.DOTALL)


def check_struct(found):
    name, doc = found.group("name"), found.group("doc") or ""
    if f"{found.group('kind')} {name}" not in doc:
        return [f"{UAPI}: {name}: no kernel-doc"]
    fields = FIELD.findall(COMMENT.sub("", found.group("body")))
    return [f"{UAPI}: {name}: field {field} is not documented" for field in fields
            if not RESERVED.fullmatch(field) and not re.search(rf"@(?:\w+\.)*{field}:", doc)]


def check_ioctls(names):
    if not source.exists(API):
        return [f"{API} does not exist"]
    text = source.text(API)
    return [f"{API}: {name} is not named" for name in names
            if not re.search(rf"\b{name}\b", text)]


def check_errnos():
    """A test may expect nothing that the manual does not speak of."""
    named = set(ERRNO.findall(source.text(UAPI))) | FOREIGN_ERRNOS
    return [f"{path}: {name} is not in {UAPI}" for path in source.c_files(TESTS)
            for name in sorted(set(ERRNO.findall(COMMENT.sub("", source.text(path)))) - named)
            if hasattr(errno, name)]


def rooms():
    """{directory: what house.rst says of it}: a word that ends with a slash opens a room, which
    goes on as long as lines are indented deeper."""
    found = LAYOUT.search(source.text(HOUSE))
    said, opened = {}, []
    for line in found.group(1).splitlines() if found else ():
        words = line.split()
        indent = len(line) - len(line.lstrip())
        while words and opened and opened[-1][0] >= indent:
            opened.pop()
        if words and words[0].endswith("/"):
            opened.append((indent, (opened[-1][1] if opened else "") + words[0]))
            said[opened[-1][1]] = words[1:]
        elif opened:
            said[opened[-1][1]] += words
    return said


def check_house():
    said = rooms()
    wrong = []
    for path in source.c_files("kernel/", "userspace/"):
        room, _, name = path.rpartition("/")
        stem = name.removesuffix(".c")
        words = {word.strip(",;:.()").removesuffix(".c") for word in said.get(room + "/", ())}
        if name.endswith(".c") and stem not in words:
            wrong.append(f"{HOUSE}: {path} is not named in the line of {room}/")
    return wrong


def check_manual(headers):
    text = source.text(MANUAL)
    return [f"{MANUAL}: {name}() of {header} is not in its synopsis" for header in headers
            for name in FUNCTION.findall(source.text(header))
            if not re.search(rf'^\.BI "[^"]*\b{name}\(', text, re.MULTILINE)]


def cases():
    yield "libhvm.3 has every function of the library", check_manual(LIBRARY)
    if not source.exists(UAPI):
        return
    text = source.text(UAPI)
    for found in STRUCT.finditer(text):
        yield f"{found.group('name')} is documented", check_struct(found)
    yield "api.rst names every ioctl", check_ioctls(IOCTL.findall(text))
    yield "hvm.h names every errno that tests expect", check_errnos()
    yield "house.rst names every source file", check_house()
