# SPDX-License-Identifier: GPL-2.0-only
#
# The C test programs that run on the building machine: unit tests and fuzzers of the pure rooms,
# compiled with the address and undefined-behaviour sanitizers. Tests that need /dev/vm do not
# belong into these two tables.
#
# To add a unit test: write tools/selftests/unit/NAME.c (its main uses lib/ktap.h), add NAME to
# UNIT_TESTS and list in unit_NAME the other sources it is made of. It becomes build/bin/unit-NAME.
#
# To add a fuzzer: write tools/selftests/fuzz/NAME_fuzz.c with LLVMFuzzerTestOneInput(), add NAME to
# FUZZERS and list in fuzz_NAME the sources it drives. It becomes build/bin/fuzz-NAME, which runs a
# bounded random corpus that is the same every time and prints KTAP; `make libfuzz` builds
# build/bin/libfuzz-NAME with clang's own driver, for as long a run as one likes.

insn_sources := $(addprefix userspace/libhvm/insn/,alu.c cpu.c decode.c execute.c plain.c string.c table.c \
	vector.c)

UNIT_TESTS += insn_decode
unit_insn_decode := $(insn_sources)

UNIT_TESTS += insn_exec
unit_insn_exec := $(insn_sources)

UNIT_TESTS += insn_string
unit_insn_string := $(insn_sources)

UNIT_TESTS += insn_native
unit_insn_native := tools/selftests/unit/insn_run_native.c $(insn_sources)

UNIT_TESTS += walk_tables
unit_walk_tables := userspace/libhvm/walk.c

# The interrupt rooms of the kernel, against a shim in place of the kernel's headers: those that do
# not exist here are empty files, for the shim is included before anything.
lapic_sources := $(addprefix kernel/irq/,irq.c lapic.c msi.c register.c state.c timer.c vapic.c) \
	$(addprefix tools/selftests/unit/,kernel_shim.c lapic_fixture.c)
lapic_empty := $(addprefix $(BUILD)/shim/,$(addprefix linux/,atomic.h bitops.h bits.h build_bug.h \
	cache.h compiler.h cpumask.h hash.h hrtimer.h ktime.h list.h math64.h minmax.h nospec.h rculist.h \
	rcupdate.h rcuwait.h slab.h spinlock.h tracepoint.h) trace/define_trace.h asm/msr.h asm/tsc.h)
lapic_flags := -include tools/selftests/unit/kernel_shim.h -I$(BUILD)/shim -Ikernel \
	-Wno-unused-parameter -Wno-sign-compare

UNIT_TESTS += lapic_core
unit_lapic_core := $(lapic_sources)

UNIT_TESTS += lapic_registers
unit_lapic_registers := $(lapic_sources)

UNIT_TESTS += lapic_timer
unit_lapic_timer := $(lapic_sources)

UNIT_TESTS += lapic_delivery
unit_lapic_delivery := $(lapic_sources)

UNIT_TESTS += lapic_state
unit_lapic_state := $(lapic_sources)

UNIT_TESTS += lapic_vapic
unit_lapic_vapic := $(lapic_sources)

UNIT_TESTS += lapic_race
unit_lapic_race := $(lapic_sources)

# The second-level tables of the kernel, with tdp_port_user.h in place of its pages.
tdp_sources := $(addprefix kernel/tdp/,age.c map.c walk.c zap.c) \
	tools/selftests/unit/tdp_fixture.c

UNIT_TESTS += tdp_tables
unit_tdp_tables := $(tdp_sources)

UNIT_TESTS += tdp_model
unit_tdp_model := $(tdp_sources) tools/selftests/unit/tdp_steps.c

# The pure files of the policy room, with pure_shim.h for the kernel's names of integer types.
policy_flags := -include tools/selftests/unit/pure_shim.h

UNIT_TESTS += cpuid_leaf
unit_cpuid_leaf := kernel/cpu/leaf.c

UNIT_TESTS += clock_scale
unit_clock_scale := kernel/cpu/scale.c

UNIT_TESTS += memory_type
unit_memory_type := kernel/cpu/mtrr.c

policy_objects := $(patsubst %,$(BUILD)/obj/kernel/cpu/%.asan.o,leaf scale mtrr)
$(policy_objects): UCFLAGS += $(policy_flags)

boot_sources := $(wildcard userspace/boot/*.c) userspace/vmm/memory.c userspace/vmm/failure.c \
	userspace/libhvm/device.c

UNIT_TESTS += libhvm_access
unit_libhvm_access := userspace/libhvm/access.c userspace/libhvm/walk.c $(insn_sources)

UNIT_TESTS += vmm_config
unit_vmm_config := userspace/vmm/config.c userspace/vmm/failure.c

gdb_sources := $(wildcard userspace/gdb/*.c)

UNIT_TESTS += gdb_stub
unit_gdb_stub := $(gdb_sources)

UNIT_TESTS += vmm_pause
unit_vmm_pause := userspace/vmm/pause.c
$(BUILD)/bin/unit-vmm_pause: ULDLIBS += -lpthread

UNIT_TESTS += vmm_bus
unit_vmm_bus := userspace/vmm/bus.c

UNIT_TESTS += vmm_sandbox
unit_vmm_sandbox := userspace/vmm/sandbox.c
$(BUILD)/bin/unit-vmm_sandbox: ULDLIBS += -lseccomp

UNIT_TESTS += vmm_control
unit_vmm_control := $(addprefix userspace/vmm/,control.c socket.c loop.c failure.c) \
	userspace/libhvm/device.c
$(BUILD)/bin/unit-vmm_control: ULDLIBS += -lhttp_parser -pthread

UNIT_TESTS += vm_table
unit_vm_table := userspace/vm/table.c
$(BUILD)/bin/unit-vm_table: ULDLIBS += -ljson-c

UNIT_TESTS += vmm_cpuid
unit_vmm_cpuid := userspace/vmm/cpuid.c

UNIT_TESTS += hw_serial
unit_hw_serial := userspace/hw/serial.c userspace/vmm/bus.c

UNIT_TESTS += hw_ioapic
unit_hw_ioapic := userspace/hw/ioapic.c userspace/vmm/bus.c

UNIT_TESTS += hw_acpi
unit_hw_acpi := userspace/hw/acpi.c userspace/hw/rtc.c userspace/vmm/bus.c userspace/vmm/memory.c \
	userspace/vmm/failure.c userspace/libhvm/device.c

UNIT_TESTS += boot_images
unit_boot_images := tools/selftests/unit/boot_fixture.c $(boot_sources)

FUZZERS += insn
fuzz_insn := $(insn_sources)

FUZZERS += gdb
fuzz_gdb := $(gdb_sources)

FUZZERS += walk
fuzz_walk := userspace/libhvm/walk.c

FUZZERS += boot
fuzz_boot := tools/selftests/unit/boot_fixture.c $(boot_sources)

FUZZERS += tdp
fuzz_tdp := $(tdp_sources) tools/selftests/unit/tdp_steps.c

# What `make install` leaves, and parts of the lab, are looked at by scripts, next to the unit tests and
# run like them.
PROGRAMS += $(addprefix $(BUILD)/bin/unit-,install lab_bochs lab_cache lab_klog lab_load \
					     lab_monitor lab_rundir)

$(BUILD)/bin/unit-%: tools/selftests/unit/%.py
	@mkdir -p $(@D)
	$(q)ln -sf ../../$< $@

selftest_objects = $(patsubst %.c,$(BUILD)/obj/%.asan.o,$(1))

define unit_test_rule
PROGRAMS += $(BUILD)/bin/unit-$(1)
$(BUILD)/bin/unit-$(1): $(call selftest_objects,tools/selftests/unit/$(1).c $(unit_$(1)))
endef

define fuzzer_rule
PROGRAMS += $(BUILD)/bin/fuzz-$(1)
$(BUILD)/bin/fuzz-$(1): $(call selftest_objects,tools/selftests/fuzz/$(1)_fuzz.c \
	tools/selftests/fuzz/driver.c $(fuzz_$(1)))
$(BUILD)/bin/libfuzz-$(1): tools/selftests/fuzz/$(1)_fuzz.c $(fuzz_$(1))
endef

$(foreach name,$(UNIT_TESTS),$(eval $(call unit_test_rule,$(name))))
$(foreach name,$(FUZZERS),$(eval $(call fuzzer_rule,$(name))))

$(BUILD)/obj/tools/selftests/%.o: UCFLAGS += -Itools/selftests/lib

$(call selftest_objects,$(tdp_sources) $(wildcard tools/selftests/unit/tdp_*.c) \
	tools/selftests/fuzz/tdp_fuzz.c): UCFLAGS += -Itools/selftests/unit -Ikernel/tdp

$(call selftest_objects,tools/selftests/fuzz/boot_fuzz.c): UCFLAGS += -Itools/selftests/unit

lapic_objects := $(call selftest_objects,$(lapic_sources) $(wildcard tools/selftests/unit/lapic_*.c))

$(lapic_objects): UCFLAGS += $(lapic_flags)
$(lapic_objects): $(lapic_empty)

$(lapic_empty):
	@mkdir -p $(@D)
	@touch $@

link_selftest = $(q)$(CC) $(SANITIZE) $(ULDFLAGS) -o $@ $^ $(ULDLIBS)

$(BUILD)/bin/unit-%:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(link_selftest)

$(BUILD)/bin/fuzz-%:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(link_selftest)

$(BUILD)/bin/libfuzz-%: UCFLAGS += -Itools/selftests/lib -Itools/selftests/unit -Ikernel/tdp
$(BUILD)/bin/libfuzz-%:
	@mkdir -p $(@D)
	$(call say,CLANG,$@)
	$(q)$(CLANG) $(UCFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^

.PHONY: libfuzz
libfuzz: $(FUZZERS:%=$(BUILD)/bin/libfuzz-%)

# Tests that drive /dev/vm: tools/selftests/kernel/test-NAME.c and the little guest of lib/guest.c
# become build/bin/test-NAME, which runs in the lab's hosts.

KERNEL_TESTS += lapic
KERNEL_TESTS += ipi smp storm move
$(addprefix $(BUILD)/bin/test-,ipi smp storm move): $(addprefix $(BUILD)/obj/tools/selftests/lib/,team.o task.o)
KERNEL_TESTS += exits events debug
$(addprefix $(BUILD)/bin/test-,args bad-guest debug events exits mem mem-stress stats): \
	$(BUILD)/obj/tools/selftests/lib/task.o
KERNEL_TESTS += clock cpuid msr args
$(addprefix $(BUILD)/bin/test-,clock cpuid msr args): $(BUILD)/obj/tools/selftests/lib/step.o
KERNEL_TESTS += pv steal
$(addprefix $(BUILD)/bin/test-,pv steal): $(BUILD)/obj/tools/selftests/lib/step.o
$(addprefix $(BUILD)/bin/test-,clock pv steal): $(addprefix $(BUILD)/obj/tools/selftests/lib/,runner.o task.o)
$(BUILD)/bin/test-args: $(BUILD)/obj/tools/selftests/lib/event.o
KERNEL_TESTS += mem mem-args mem-stress charge paging
KERNEL_TESTS += bad-state bad-guest run-page stats trace
$(addprefix $(BUILD)/bin/test-,mem pv smp stats steal): $(BUILD)/obj/tools/selftests/lib/counters.o
KERNEL_TESTS += library
$(BUILD)/bin/test-library: $(BUILD)/obj/tools/selftests/lib/step.o $(BUILD)/lib/libhvm.a
# A library stands behind what needs it.
$(BUILD)/bin/test-library: ULDLIBS += $(BUILD)/lib/libhvm.a
KERNEL_TESTS += host
$(BUILD)/bin/test-host: $(addprefix $(BUILD)/obj/tools/selftests/lib/,actor.o dress.o task.o vectors.o)
KERNEL_TESTS += ioeventfd irqfd
$(addprefix $(BUILD)/bin/test-,ioeventfd irqfd): $(addprefix $(BUILD)/obj/tools/selftests/lib/,event.o module.o runner.o \
	task.o)
KERNEL_TESTS += life
KERNEL_TESTS += sleep
$(BUILD)/bin/test-sleep: $(addprefix $(BUILD)/obj/tools/selftests/lib/,module.o runner.o task.o)
$(BUILD)/bin/test-sleep: ULDFLAGS += -static
KERNEL_TESTS += nmi stress rival
$(BUILD)/bin/test-rival: $(addprefix $(BUILD)/obj/tools/selftests/lib/,module.o runner.o task.o)
$(addprefix $(BUILD)/bin/test-,life stress): \
	$(addprefix $(BUILD)/obj/tools/selftests/lib/,module.o runner.o task.o)
$(BUILD)/bin/test-stress: $(BUILD)/obj/tools/selftests/lib/event.o
$(BUILD)/bin/test-nmi: $(addprefix $(BUILD)/obj/tools/selftests/lib/,runner.o task.o)
$(addprefix $(BUILD)/bin/test-,charge life smp): $(addprefix $(BUILD)/obj/tools/selftests/lib/,cgroup.o task.o)

define kernel_test_rule
PROGRAMS += $(BUILD)/bin/test-$(1)
$(BUILD)/bin/test-$(1): $(addprefix $(BUILD)/obj/tools/selftests/,kernel/test-$(1).o lib/guest.o \
	lib/robot.o lib/file.o)
endef

$(foreach name,$(KERNEL_TESTS),$(eval $(call kernel_test_rule,$(name))))

$(BUILD)/bin/test-%:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(q)$(CC) $(ULDFLAGS) -o $@ $^ $(ULDLIBS) -pthread
