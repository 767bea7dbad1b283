// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread of a virtual processor: run, look at the exit, answer it through libhvm and the
 * buses, run again, until the machine ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "container_of.h"
#include "vmm/gdb.h"
#include "vmm/vcpu.h"

/* The deepest call, executing an instruction on a device, needs about 8 KiB. */
#define STACK_BYTES	(128 << 10)

/* A short wait for a device or another vCPU costs less than a sleep; a longer one is waste. */
#define HALT_POLL_NS	50000

/* SDM "Extended XAPIC (x2APIC)"; registers by their place in hvm_state_lapic::regs. */
#define APIC_BASE_X2APIC	(1ULL << 10)
#define APIC_ID			0x02
#define APIC_LDR		0x0d

/* --- what the guest reaches ------------------------------------------------ */

static struct vcpu_board *board_of(struct hvm_access *access)
{
	return container_of(access, struct vcpu, access)->board;
}

static void *access_ram(struct hvm_access *access, uint64_t gpa, uint64_t bytes, bool write)
{
	(void)write;
	return memory_at(board_of(access)->memory, gpa, bytes);
}

/* The largest piece a bus takes: a power of two, at most eight bytes. */
static unsigned int piece(unsigned int bytes)
{
	if (bytes >= 8)
		return 8;
	if (bytes >= 4)
		return 4;
	return bytes >= 2 ? 2 : 1;
}

static int access_read(struct hvm_access *access, uint64_t gpa, void *data, unsigned int bytes)
{
	uint8_t *to = data;

	while (bytes) {
		unsigned int n = piece(bytes);
		uint64_t value = bus_read(board_of(access)->mmio, gpa, n);

		memcpy(to, &value, n);
		gpa += n;
		to += n;
		bytes -= n;
	}
	return 0;
}

static int access_write(struct hvm_access *access, uint64_t gpa, const void *data,
			unsigned int bytes)
{
	const uint8_t *from = data;

	while (bytes) {
		unsigned int n = piece(bytes);
		uint64_t value = 0;

		memcpy(&value, from, n);
		bus_write(board_of(access)->mmio, gpa, n, value);
		gpa += n;
		from += n;
		bytes -= n;
	}
	return 0;
}

static int access_in(struct hvm_access *access, uint16_t port, unsigned int bytes,
		     uint32_t *value)
{
	*value = (uint32_t)bus_read(board_of(access)->ports, port, bytes);
	return 0;
}

static int access_out(struct hvm_access *access, uint16_t port, unsigned int bytes,
		      uint32_t value)
{
	bus_write(board_of(access)->ports, port, bytes, value);
	return 0;
}

static const struct hvm_access_ops access_ops = {
	.ram = access_ram,
	.read = access_read,
	.write = access_write,
	.in = access_in,
	.out = access_out,
	.ram_stays = true,
};

/* --- exits ------------------------------------------------------------------ */

static void end_stuck(struct vcpu *vcpu, int status, const char *why)
{
	char exit[192];

	hvm_describe_exit(exit, sizeof(exit), vcpu->handle.run);
	power_end(vcpu->board->power, status, "cpu %" PRIu32 "%s: %s", vcpu->handle.apic_id, why,
		  exit);
}

static void finish_access(struct vcpu *vcpu)
{
	const struct hvm_run *run = vcpu->handle.run;
	int ret = hvm_access_finish(&vcpu->access);
	char insn[128];

	if (!ret)
		return;
	if (ret != -EOPNOTSUPP) {
		power_end(vcpu->board->power, POWER_ERROR,
			  "cpu %" PRIu32 ": /dev/vm refuses what a %s needs: %s",
			  vcpu->handle.apic_id, hvm_exit_name(run->reason), strerror(-ret));
		return;
	}
	if (run->reason == HVM_EXIT_MEMORY && (run->memory.access & HVM_ACCESS_EXEC)) {
		end_stuck(vcpu, POWER_STUCK, "");
		return;
	}
	hvm_access_describe(&vcpu->access, insn, sizeof(insn));
	power_end(vcpu->board->power, POWER_STUCK,
		  "cpu %" PRIu32 ": an instruction on device memory is not supported: %s",
		  vcpu->handle.apic_id, insn);
}

static void handle_exit(struct vcpu *vcpu)
{
	const struct hvm_run *run = vcpu->handle.run;

	switch (run->reason) {
	case HVM_EXIT_PIO:
	case HVM_EXIT_MEMORY:
	case HVM_EXIT_APIC:
		finish_access(vcpu);
		break;
	case HVM_EXIT_EOI:
		ioapic_eoi(vcpu->board->ioapic, (uint8_t)run->eoi.vector);
		break;
	case HVM_EXIT_DEBUG:
		gdb_vcpu_stopped(vcpu->board->gdb, vcpu);
		break;
	case HVM_EXIT_STOPPED:
	case HVM_EXIT_INTWINDOW:
		break;
	case HVM_EXIT_FAULT:
		end_stuck(vcpu, POWER_ERROR, " has no memory");
		break;
	case HVM_EXIT_SHUTDOWN:
		end_stuck(vcpu, POWER_TRIPLE_FAULT, "");
		break;
	default:
		end_stuck(vcpu, POWER_STUCK, " cannot go on");
	}
}

/* An exit that was finished is taken over first, so that whoever looks finds no half of it. */
static void stand_still(struct vcpu *vcpu)
{
	if (vcpu->handle.run->complete)
		hvm_kick(vcpu->handle.fd);
	else
		pause_point(vcpu->board->pause, &vcpu->seat);
}

static void *run(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vcpu_board *board = vcpu->board;

	pthread_mutex_lock(&board->gate);
	pthread_mutex_unlock(&board->gate);
	for (;;) {
		int ret;

		if (pause_wanted(board->pause))
			stand_still(vcpu);
		if (__atomic_load_n(&vcpu->handle.run->stop, __ATOMIC_RELAXED))
			break;
		ret = hvm_vcpu_run(&vcpu->handle);
		if (ret == -EINTR)
			continue;
		if (ret < 0) {
			power_end(board->power, POWER_ERROR, "cpu %" PRIu32 ": /dev/vm: %s",
				  vcpu->handle.apic_id, strerror(-ret));
			break;
		}
		handle_exit(vcpu);
		/* What ended the machine has ended this processor too. */
		if (power_ended(board->power))
			break;
	}
	pause_leave(board->pause);
	return NULL;
}

/* --- life --------------------------------------------------------------------- */

const char *vcpu_thread_name(char buf[16], const char *name, uint32_t index)
{
	/* Numbers have four digits at most (CONFIG_MAX_CPUS). */
	int digits = snprintf(NULL, 0, "%" PRIu32, index % 10000);

	snprintf(buf, 16, "vm:%.*s/cpu%" PRIu32, 8 - digits, name, index % 10000);
	return buf;
}

int vcpu_create(struct vcpu *vcpu, struct vcpu_board *board, int vm, uint32_t apic_id,
		const struct hvm_get_info *info)
{
	int ret = hvm_vcpu_create(&vcpu->handle, vm, apic_id);

	if (ret < 0)
		return ret;
	vcpu->board = board;
	vcpu->handle.run->halt_poll_ns = HALT_POLL_NS;
	ret = hvm_access_init(&vcpu->access, &access_ops, &vcpu->handle, info);
	if (ret < 0)
		hvm_vcpu_destroy(&vcpu->handle);
	return ret;
}

int vcpu_use_x2apic(struct vcpu *vcpu)
{
	uint32_t id = vcpu->handle.apic_id;
	struct hvm_state state = { 0 };
	int ret = hvm_vcpu_get_state(&vcpu->handle, &state, HVM_STATE_LAPIC);

	if (ret < 0)
		return ret;
	state.lapic.base |= APIC_BASE_X2APIC;
	state.lapic.regs[APIC_ID] = id;
	state.lapic.regs[APIC_LDR] = (id >> 4) << 16 | 1U << (id & 15);
	return hvm_vcpu_set_state(&vcpu->handle, &state, HVM_STATE_LAPIC);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	hvm_access_deinit(&vcpu->access);
	hvm_vcpu_destroy(&vcpu->handle);
}

int vcpu_start(struct vcpu *vcpu)
{
	pthread_attr_t attr;
	char name[16];
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pause_enter(vcpu->board->pause);
	ret = pthread_create(&vcpu->thread, &attr, run, vcpu);
	pthread_attr_destroy(&attr);
	if (ret) {
		pause_leave(vcpu->board->pause);
		return -ret;
	}
	vcpu_thread_name(name, vcpu->board->name, vcpu->handle.apic_id);
	pthread_setname_np(vcpu->thread, name);
	return 0;
}

void vcpu_join(struct vcpu *vcpu)
{
	pthread_join(vcpu->thread, NULL);
}
