# SPDX-License-Identifier: GPL-2.0-only
"""The parts of the lab: image (what a host boots), qemu and bochs (the emulators), channel (the
command's input and output), klog (what the host kernel's log says), rundir (files of one run)."""
