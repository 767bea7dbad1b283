# SPDX-License-Identifier: GPL-2.0-only
#
# What the userspace half is made of: libhvm (static and shared), the vm command, the examples.
# Compile rules are the top Makefile's.

LIBHVM_SONAME := libhvm.so.1
LIBHVM_VERSION := 1.0
LIBHVM_SOURCES := $(wildcard userspace/libhvm/*.c userspace/libhvm/insn/*.c)
LIBHVM_HEADERS := libhvm.h access.h walk.h insn/insn.h

VM_SOURCES := $(wildcard userspace/vm/*.c userspace/vmm/*.c userspace/hw/*.c userspace/boot/*.c)

LIBS += $(BUILD)/lib/libhvm.a $(BUILD)/lib/$(LIBHVM_SONAME) $(BUILD)/lib/libhvm.so \
	$(BUILD)/lib/pkgconfig/libhvm.pc
PROGRAMS += $(BUILD)/bin/vm $(BUILD)/bin/example-guest
INSTALL_TARGETS += install-userspace

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

$(BUILD)/lib/pkgconfig/libhvm.pc: userspace/libhvm/libhvm.pc.in
	@mkdir -p $(@D)
	$(q)sed -e 's|@prefix@|$(prefix)|' -e 's|@version@|$(LIBHVM_VERSION)|' $< > $@

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
	$(q)$(CC) $(ULDFLAGS) -o $@ $^ -lseccomp -lpthread

$(BUILD)/bin/example-guest: $(BUILD)/obj/userspace/examples/guest.o $(BUILD)/lib/libhvm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(q)$(CC) $(ULDFLAGS) -o $@ $^

.PHONY: install-userspace
install-userspace: $(LIBS) $(BUILD)/bin/vm
	install -D -m 755 $(BUILD)/bin/vm $(DESTDIR)$(prefix)/bin/vm
	install -D -m 644 $(BUILD)/lib/libhvm.a $(DESTDIR)$(prefix)/lib/libhvm.a
	install -D -m 755 $(BUILD)/lib/$(LIBHVM_SONAME) $(DESTDIR)$(prefix)/lib/$(LIBHVM_SONAME)
	ln -sf $(LIBHVM_SONAME) $(DESTDIR)$(prefix)/lib/libhvm.so
	install -D -m 644 $(BUILD)/lib/pkgconfig/libhvm.pc \
		$(DESTDIR)$(prefix)/lib/pkgconfig/libhvm.pc
	for header in $(LIBHVM_HEADERS); do install -D -m 644 userspace/libhvm/$$header \
		$(DESTDIR)$(prefix)/include/hvm/$$header || exit 1; done
	install -D -m 644 include/uapi/linux/hvm.h $(DESTDIR)$(prefix)/include/hvm/linux/hvm.h
	install -D -m 644 Documentation/man/libhvm.3 $(DESTDIR)$(prefix)/share/man/man3/libhvm.3
	install -D -m 644 Documentation/man/vm-run.1 $(DESTDIR)$(prefix)/share/man/man1/vm-run.1
	install -D -m 644 Documentation/man/vm.1 $(DESTDIR)$(prefix)/share/man/man1/vm.1
