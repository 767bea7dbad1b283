# SPDX-License-Identifier: GPL-2.0-only
"""What a test host boots: the kernel, its drivers, a small initramfs around tools/lab/init, and
for Bochs the CD. Parts that do not change from run to run are kept under build/lab/cache, under
the hash of what went into them."""

import contextlib
import hashlib
import lzma
import os
import shlex
import shutil
import struct
import subprocess
import tempfile

BUSYBOX = "/bin/busybox"
DRIVERS = {
    "svm": ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"],
    "bochs": ["ata_piix", "sr_mod", "isofs", "overlay"],
}
PROGRAMS = ("agent", "pulse")    # of ours, linked statically
CACHE_KEPT = 24

# Words for every host kernel. A host that dies must not come back as if nothing had been. The
# initcalls and self-tests left out cost seconds and are not what is tested here.
APPEND = ["loglevel=5", "printk.devkmsg=on", "panic=-1", "oops=panic", "cryptomgr.notests",
          "initcall_blacklist=load_system_certificate_list,trace_eval_init"]


class LabError(Exception):
    """Something the lab cannot do; the message is the one line to print."""


class Kernel:
    """A host kernel: one of build/kernels by name, a directory of that form, or a bare image."""

    def __init__(self, build, name):
        self.name = name
        if os.path.isfile(name):
            self.image, self.modules, self.release, self.dir = name, None, None, None
            return
        self.dir = name if os.path.isdir(name) else os.path.join(build, "kernels", name)
        self.name = os.path.basename(os.path.normpath(self.dir))
        self.image = os.path.join(self.dir, "vmlinuz")
        if not os.path.exists(self.image):
            raise LabError(f"no kernel '{name}': `make setup` fetches those it knows")
        with open(os.path.join(self.dir, "release")) as release:
            self.release = release.read().strip()
        self.modules = os.path.join(self.dir, "lib", "modules", self.release)

    def module_files(self, names):
        """The files to load for modules @names, in order, without those that are built in."""
        if not self.modules:
            return []
        files = []
        for name in names:
            shown = subprocess.run(
                ["/sbin/modprobe", "-d", self.dir, "-S", self.release, "--show-depends", name],
                capture_output=True, text=True)
            if shown.returncode:
                raise LabError(f"kernel {self.name} has no module {name}")
            for line in shown.stdout.splitlines():
                word, _, path = line.strip().partition(" ")
                path = path.split(" ")[0]
                if word == "insmod" and path not in files:
                    files.append(path)
        return files


def read_module(path):
    if path.endswith(".xz"):
        with lzma.open(path) as module:
            return module.read()
    with open(path, "rb") as module:
        return module.read()


def unpack_payload(image):
    """The ELF kernel inside the bzImage @image (Documentation/x86/boot.rst), or None when its
    packing is not one that is quick to undo here."""
    header, = struct.unpack_from("4s", image, 0x202)
    if header != b"HdrS":
        return None
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (image[0x1f1] + 1) * 512 + offset
    payload = image[start:start + length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return subprocess.run(["zstd", "-dcq"], input=payload[:-4], capture_output=True,
                              check=True).stdout
    return None


def direct_image(cache, path):
    """A kernel that an emulator can enter without unpacking it first, which takes it seconds."""
    stamp = repr((os.path.realpath(path), os.stat(path).st_mtime_ns)).encode()

    def write(new):
        kernel = unpack_payload(read(path))
        with open(new, "wb") as out:
            out.write(kernel or b"")

    unpacked = cache.get("vmlinux", [stamp], write)
    return unpacked if os.path.getsize(unpacked) else path


class Cpio:
    """Write an archive of the form that the kernel unpacks at boot ("newc")."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.inode = 0
        self.made = set()

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        self._padded(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self._padded(data)

    def _padded(self, data):
        self.out.write(data + b"\0" * (-len(data) % 4))

    def directory(self, name):
        if name and name not in self.made:
            self.directory(os.path.dirname(name))
            self.made.add(name)
            self._entry(name, 0o040755)

    def file(self, name, data, mode=0o644):
        self.directory(os.path.dirname(name))
        self._entry(name, 0o100000 | mode, data)

    def symlink(self, name, target):
        self.directory(os.path.dirname(name))
        self._entry(name, 0o120777, target.encode())

    def device(self, name, major, minor):
        self.directory(os.path.dirname(name))
        self._entry(name, 0o020600, device=(major, minor))

    def close(self):
        self._entry("TRAILER!!!", 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        self.out.close()


def read(path):
    with open(path, "rb") as data:
        return data.read()


class Cache:
    def __init__(self, build):
        self.dir = os.path.join(build, "lab", "cache")
        os.makedirs(self.dir, exist_ok=True)

    def get(self, kind, inputs, make):
        """The file @make(path) wrote for @inputs (byte strings), made now if it is not there."""
        digest = hashlib.sha256()
        for part in inputs:
            digest.update(hashlib.sha256(part).digest())
        path = os.path.join(self.dir, f"{kind}-{digest.hexdigest()[:20]}")
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            return path
        with tempfile.TemporaryDirectory(prefix="cache-", dir=os.path.dirname(self.dir)) as place:
            new = os.path.join(place, kind)
            make(new)
            os.rename(new, path)
        self._trim()
        return path

    def _trim(self):
        """Forget what was not asked for lately. Other runs make and forget files meanwhile."""
        entries = []
        for entry in os.scandir(self.dir):
            with contextlib.suppress(FileNotFoundError):
                entries.append((entry.stat().st_mtime, entry.path))
        for _, path in sorted(entries)[:-CACHE_KEPT]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def build_static(cache, source):
    name = os.path.basename(source).removesuffix(".c")

    def compile_to(path):
        result = subprocess.run(["gcc", "-std=gnu11", "-O2", "-static", "-s", "-o", path, source],
                                capture_output=True, text=True)
        if result.returncode:
            raise LabError(f"cannot compile {source}: {result.stderr.strip()}")
    return cache.get(name, [read(source)], compile_to)


def applets():
    return subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True,
                          check=True).stdout.split()


def base_initramfs(cache, lab_dir, kernel, kind):
    """The part of the initramfs that only depends on the kernel and the kind of host."""
    programs = {name: read(build_static(cache, os.path.join(lab_dir, f"{name}.c")))
                for name in PROGRAMS}
    init = os.path.join(lab_dir, "init")
    files = kernel.module_files(DRIVERS[kind])

    def write(path):
        cpio = Cpio(path)
        for name in ("proc", "sys", "cd", "lower", "over", "root", "lab"):
            cpio.directory(name)
        cpio.device("dev/console", 5, 1)
        cpio.file("bin/busybox", read(BUSYBOX), 0o755)
        for applet in applets():
            if applet != "busybox":
                cpio.symlink(f"bin/{applet}", "busybox")
        cpio.file("init", read(init), 0o755)
        for name, content in programs.items():
            cpio.file(f"lab/{name}", content, 0o755)
        names = []
        for module in files:
            names.append(os.path.basename(module).removesuffix(".xz"))
            cpio.file(f"lab/modules/{names[-1]}", read_module(module))
        cpio.file("lab/modules/order", "".join(f"{name}\n" for name in names).encode())
        cpio.close()

    stamps = [repr((path, os.stat(path).st_mtime_ns)).encode() for path in [BUSYBOX, *files]]
    return cache.get(f"initramfs-{kind}", [read(init), *programs.values(), read(__file__), *stamps], write)


def run_initramfs(path, base, settings):
    """Write to @path the base and behind it what this run alone needs."""
    shutil.copyfile(base, path)
    cpio = Cpio(path + ".run")
    conf = "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items())
    cpio.file("lab/conf", conf.encode())
    cpio.close()
    with open(path, "ab") as whole:
        whole.write(read(path + ".run"))
    os.unlink(path + ".run")
