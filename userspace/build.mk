# SPDX-License-Identifier: GPL-2.0-only
#
# What the userspace half is made of: libhvm (static and shared), the vm command, the examples.
# Compile rules are the top Makefile's.

LIBHVM_SONAME := libhvm.so.1
LIBHVM_VERSION := 1.0
LIBHVM_SOURCES := $(wildcard userspace/libhvm/*.c userspace/libhvm/insn/*.c)
LIBHVM_HEADERS := libhvm.h access.h walk.h insn/insn.h

VM_SOURCES := $(wildcard userspace/vm/*.c userspace/vmm/*.c userspace/gdb/*.c userspace/hw/*.c userspace/boot/*.c)

LIBS += $(BUILD)/lib/libhvm.a $(BUILD)/lib/$(LIBHVM_SONAME) $(BUILD)/lib/libhvm.so
PROGRAMS += $(BUILD)/bin/vm $(BUILD)/bin/example-guest

# The executor looks at the kernel's 64-bit types through the C library's, as the kernel does.
$(BUILD)/obj/userspace/%.o: UCFLAGS += -fno-strict-aliasing
$(BUILD)/obj/userspace/hw/%.o: UCFLAGS += -I$(BUILD)/obj/userspace/hw

$(BUILD)/lib/libhvm.a: $(LIBHVM_SOURCES:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lib/$(LIBHVM_SONAME): $(LIBHVM_SOURCES:%.c=$(BUILD)/obj/%.pic.o) \
	userspace/libhvm/libhvm.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(q)$(CC) -shared -Wl,-soname,$(LIBHVM_SONAME) -Wl,--no-undefined \
		-Wl,--version-script=userspace/libhvm/libhvm.map -o $@ $(filter %.o,$^)

$(BUILD)/lib/libhvm.so: $(BUILD)/lib/$(LIBHVM_SONAME)
	$(q)ln -sf $(LIBHVM_SONAME) $@

# The table is compiled to a C array.
$(BUILD)/obj/userspace/hw/dsdt.hex: userspace/hw/dsdt.asl
	@mkdir -p $(@D)
	$(call say,IASL,$<)
	$(q)iasl -we -p $(@:.hex=) -tc $< >$(@:.hex=.log) 2>&1 || { cat $(@:.hex=.log); false; }

$(BUILD)/obj/userspace/hw/acpi.o $(BUILD)/obj/userspace/hw/acpi.asan.o: \
	$(BUILD)/obj/userspace/hw/dsdt.hex

$(BUILD)/bin/vm: $(VM_SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/lib/libhvm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(q)$(CC) $(ULDFLAGS) -o $@ $^ -lseccomp -lhttp_parser -ljson-c -lpthread

$(BUILD)/bin/example-guest: $(BUILD)/obj/userspace/examples/guest.o $(BUILD)/lib/libhvm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(q)$(CC) $(ULDFLAGS) -o $@ $^

# The file for pkg-config names the places, so it is made here and not kept in build/.
install-userspace: $(LIBS) $(BUILD)/bin/vm
	$(call say,INSTALL,$(DESTDIR)$(prefix))
	$(q)install -D -m 755 $(BUILD)/bin/vm $(DESTDIR)$(prefix)/bin/vm
	$(q)install -D -m 644 $(BUILD)/lib/libhvm.a $(DESTDIR)$(libdir)/libhvm.a
	$(q)install -D -m 644 $(BUILD)/lib/$(LIBHVM_SONAME) $(DESTDIR)$(libdir)/$(LIBHVM_SONAME)
	$(q)ln -sf $(LIBHVM_SONAME) $(DESTDIR)$(libdir)/libhvm.so
	$(q)install -d $(DESTDIR)$(libdir)/pkgconfig
	$(q)sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' \
		-e 's|@version@|$(LIBHVM_VERSION)|' userspace/libhvm/libhvm.pc.in \
		>$(DESTDIR)$(libdir)/pkgconfig/libhvm.pc
	$(q)for header in $(LIBHVM_HEADERS); do install -D -m 644 userspace/libhvm/$$header \
		$(DESTDIR)$(prefix)/include/hvm/$$header || exit 1; done
	$(q)install -D -m 644 include/uapi/linux/hvm.h $(DESTDIR)$(prefix)/include/hvm/linux/hvm.h
	$(q)for page in Documentation/man/*.[13]; do install -D -m 644 $$page \
		$(DESTDIR)$(prefix)/share/man/man$${page##*.}/$${page##*/} || exit 1; done
	$(q)install -D -m 644 -t $(DESTDIR)$(prefix)/share/doc/hvm/examples userspace/examples/guest.c
	$(q)install -m 755 -t $(DESTDIR)$(prefix)/share/doc/hvm/examples userspace/examples/guest.py
	$(q)[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig
