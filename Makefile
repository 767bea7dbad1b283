# SPDX-License-Identifier: GPL-2.0-only
#
# Builds and tests everything; `make help` lists what it does. All output goes to build/. This file
# has the module, the lab and the tests; what the programs are made of is in the build.mk of their
# own directories.

SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

TREE := $(CURDIR)
BUILD := build
KVERS := 6.1 6.1-cloud 6.12 6.12-cloud
KVER ?= $(KVERS)
# Where `make install` puts things, below DESTDIR.
PREFIX ?= /usr/local
prefix ?= $(PREFIX)
libdir ?= $(prefix)/lib
DESTDIR ?=
# As the user wrote it, dollars and all.
override export CMD := $(value CMD)

q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

# ---- the programs -----------------------------------------------------------------------------

CC := gcc
CLANG := clang
AR := ar
UCFLAGS := -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes \
	-Iinclude/uapi -Iuserspace -Iuserspace/libhvm -D_GNU_SOURCE
UDEPFLAGS = -MMD -MP -MF $(@:.o=.d)
ULDFLAGS :=
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# The fragments add to these what `make` shall build.
PROGRAMS :=
LIBS :=

-include userspace/build.mk
-include tools/selftests/build.mk
-include tools/bench/build.mk

# The kinds of object that every fragment can ask for: plain, for a shared library, sanitized.
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(q)$(CC) $(UCFLAGS) $(UDEPFLAGS) -c -o $@ $<

$(BUILD)/obj/%.pic.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,"$< (shared)")
	$(q)$(CC) $(UCFLAGS) $(UDEPFLAGS) -fPIC -c -o $@ $<

$(BUILD)/obj/%.asan.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,"$< (sanitized)")
	$(q)$(CC) $(UCFLAGS) $(SANITIZE) $(UDEPFLAGS) -c -o $@ $<

-include $(shell [ ! -d $(BUILD)/obj ] || find $(BUILD)/obj -name '*.d')

# ---- the module -------------------------------------------------------------------------------

KSOURCES := $(shell [ ! -d kernel ] || find kernel -name '*.[chS]' -o -name Kbuild) \
	include/uapi/linux/hvm.h
MODULES := $(KVER:%=$(BUILD)/kernel/%/hvm.ko)

# The kernel's build writes beside its sources: give it a directory of links to ours.
$(BUILD)/kernel/%/hvm.ko: $(KSOURCES) tools/lab/build-module $(wildcard tools/lab/hold/*) | setup
	$(call say,MODULE,$*)
	$(q)tools/lab/build-module $* $(KFLAGS)

# Another build of a kernel has another name, which its modules must carry.
$(KVERS:%=$(BUILD)/kernel/%/hvm.ko): $(BUILD)/kernel/%/hvm.ko: $(BUILD)/kernels/%/release
$(BUILD)/kernels/%/release: | setup ;

# ---- what a user asks for -----------------------------------------------------------------------

.PHONY: all setup module programs help clean distclean load unload run bench soak
.PHONY: install install-userspace install-module
.PHONY: check check-sparse check-unit check-run check-svm check-svm-bochs check-vmx check-style check-debug
.PHONY: guest

all: programs module

setup:
	@tools/lab/setup

module: $(MODULES)

programs: setup
	@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j2) build-programs

.PHONY: build-programs
build-programs: $(LIBS) $(PROGRAMS)

guest: $(BUILD)/guest/initrd.cpio
all: guest

# An initramfs with a shell, for tests to append their own files to.
$(BUILD)/guest/initrd.cpio: tools/lab/guest-initrd tools/lab/guest-init | setup
	$(call say,GUEST,$@)
	$(q)tools/lab/guest-initrd $@

# ONLY=text runs the suites whose name has it; KVER chooses the host kernels.
CHECK = @tools/check/check $(if $(ONLY),--only "$(ONLY)") \
	$(if $(filter command line environment,$(origin KVER)),$(KVER:%=--kernel %))

check-style check-sparse: check-%: setup
	$(CHECK) $*

check-unit: programs
	$(CHECK) unit

check-run check-svm-bochs check-vmx: check-%: all
	$(CHECK) $*

# A quick look, unless one says what to look at.
check-svm: all
	$(CHECK) $(if $(findstring --,$(CHECK)),,--quick) svm

# On a kernel that watches itself, which is built here first.
check-debug: programs
	@tools/lab/debug-kernel
	@$(MAKE) module KVER=6.1-debug
	@tools/check/check svm --kernel 6.1-debug --only "$(or $(ONLY),/test-)"

check: all
	@tools/check/check all

# For `run` alone, make ends with the status of the command in the guest and not with its own 2.
ifneq ($(filter run,$(MAKECMDGOALS)),)
MAKE_STATUS := $(BUILD)/obj/tools/lab/make-status.so
-load $(MAKE_STATUS)(make_status_gmk_setup)

$(MAKE_STATUS): tools/lab/make-status.c
	@mkdir -p $(@D)
	@$(CC) $(filter-out -D_GNU_SOURCE,$(UCFLAGS)) -shared -fPIC -o $@ $<
endif

run: setup
	@STATUS_FILE=$(BUILD)/lab/status.$(shell echo $$PPID) \
		KVER="$(if $(filter command line environment,$(origin KVER)),$(KVER))" GUEST="$(GUEST)" \
		MEMORY="$(MEMORY)" CPUS="$(CPUS)" tools/lab/run-guest "$(HOST)" "$$CMD"

bench: all
	@tools/bench/run $(if $(JSON),--json "$(JSON)")

soak: all
	@tools/check/soak

load: setup
	@tools/lab/load

unload:
	@! grep -qs '^hvm ' /proc/modules || rmmod hvm

# A packager calls the parts, which need no set-up when the packages are there.
install: setup
	@$(MAKE) install-userspace
	@$(MAKE) install-module

install-module:
	@tools/lab/install-module "$(DESTDIR)"

clean:
	rm -rf $(BUILD)/obj $(BUILD)/bin $(BUILD)/lib $(BUILD)/kernel $(BUILD)/guest $(BUILD)/lab \
		$(BUILD)/in-tree

distclean:
	rm -rf $(BUILD)

help:
	@cat tools/lab/help.txt
