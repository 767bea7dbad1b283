# SPDX-License-Identifier: GPL-2.0-only
#
# The benchmark: build/bin/bench.

BENCH_OBJS := $(addprefix $(BUILD)/obj/tools/bench/,main.o cases.o hvm.o kvm.o guest.o)

PROGRAMS += $(BUILD)/bin/bench

$(BUILD)/obj/tools/bench/guest.o: tools/bench/guest.S tools/bench/layout.h
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(q)$(CC) -c -o $@ $<

$(BUILD)/bin/bench: $(BENCH_OBJS) $(BUILD)/lib/libhvm.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(q)$(CC) -o $@ $^
