# SPDX-License-Identifier: GPL-2.0-only
"""Documentation: the uapi header documents every structure and field and names every errno that
tests expect, and api.rst names every ioctl. Each case is (name, list of what is wrong)."""

import errno
import re

from . import source

UAPI = "include/uapi/linux/hvm.h"
API = "Documentation/api.rst"
STRUCT = re.compile(r"(?:/\*\*(?P<doc>(?:(?!\*/).)*)\*/\s*)?^(?P<kind>struct|union) (?P<name>\w+) \{"
                    r"(?P<body>.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"(\w+)\s*(?:\[[^\]]*\])*\s*;")
IOCTL = re.compile(r"^#define\s+(HVM_\w+)\s+_IO[RW]*\(", re.MULTILINE)
RESERVED = re.compile(r"(reserved|padding)\d*")    # said once for all: must be zero
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
TESTS = "tools/selftests/kernel/"
ERRNO = re.compile(r"\bE[A-Z0-9]+\b")
# Not of /dev/vm: delete_module() answers the one, reading /dev/kmsg the other.
FOREIGN_ERRNOS = {"EWOULDBLOCK", "EPIPE"}


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


def cases():
    if not source.exists(UAPI):
        return
    text = source.text(UAPI)
    for found in STRUCT.finditer(text):
        yield f"{found.group('name')} is documented", check_struct(found)
    yield "api.rst names every ioctl", check_ioctls(IOCTL.findall(text))
    yield "hvm.h names every errno that tests expect", check_errnos()
