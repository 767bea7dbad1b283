// SPDX-License-Identifier: MIT
/*
 * A vCPU's file descriptor and run page: creating, running, stopping, state, and words for exits.
 * Finishing the accesses that exits stand for is access.c.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handle.h"
#include "libhvm.h"

static_assert(sizeof(struct hvm_run) <= 4096, "the run page is one page");

int hvm_vcpu_create(struct hvm_vcpu *vcpu, int vm, uint32_t apic_id)
{
	struct hvm_create_vcpu arg = { .size = sizeof(arg), .apic_id = apic_id };
	int fd = handle_ioctl(vm, HVM_CREATE_VCPU, &arg);
	void *page;

	if (fd < 0)
		return fd;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, HVM_RUN_OFFSET);
	if (page == MAP_FAILED) {
		int error = errno;

		close(fd);
		return -error;
	}
	*vcpu = (struct hvm_vcpu){ .fd = fd, .apic_id = apic_id, .run = page };
	return 0;
}

void hvm_vcpu_destroy(struct hvm_vcpu *vcpu)
{
	munmap(vcpu->run, 4096);
	close(vcpu->fd);
	*vcpu = (struct hvm_vcpu){ .fd = -1 };
}

int hvm_vcpu_run(struct hvm_vcpu *vcpu)
{
	return ioctl(vcpu->fd, HVM_RUN, 0) < 0 ? -errno : 0;
}

int hvm_vcpu_stop(struct hvm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->stop, 1, __ATOMIC_SEQ_CST);
	return hvm_kick(vcpu->fd);
}

int hvm_vcpu_get_state(const struct hvm_vcpu *vcpu, struct hvm_state *state, uint32_t mask)
{
	state->size = sizeof(*state);
	state->mask = mask;
	return handle_ioctl(vcpu->fd, HVM_GET_STATE, state);
}

int hvm_vcpu_set_state(const struct hvm_vcpu *vcpu, struct hvm_state *state, uint32_t mask)
{
	state->size = sizeof(*state);
	state->mask = mask;
	return handle_ioctl(vcpu->fd, HVM_SET_STATE, state);
}

int hvm_vcpu_inject(const struct hvm_vcpu *vcpu, const struct hvm_event *event)
{
	struct hvm_inject arg = { .size = sizeof(arg), .event = *event };

	return handle_ioctl(vcpu->fd, HVM_INJECT, &arg);
}

int hvm_vcpu_debug(const struct hvm_vcpu *vcpu, struct hvm_debug *debug)
{
	debug->size = sizeof(*debug);
	return handle_ioctl(vcpu->fd, HVM_DEBUG, debug);
}

const char *hvm_exit_name(uint32_t reason)
{
	static const char *const names[HVM_EXIT_REASONS] = {
		[HVM_EXIT_NONE] = "none",
		[HVM_EXIT_STOPPED] = "stopped",
		[HVM_EXIT_PIO] = "port access",
		[HVM_EXIT_MEMORY] = "memory access",
		[HVM_EXIT_FAULT] = "memory fault",
		[HVM_EXIT_MSR] = "MSR access",
		[HVM_EXIT_APIC] = "local APIC access",
		[HVM_EXIT_EOI] = "end of interrupt",
		[HVM_EXIT_INTWINDOW] = "interrupt window",
		[HVM_EXIT_SHUTDOWN] = "shutdown",
		[HVM_EXIT_INVALID_STATE] = "invalid state",
		[HVM_EXIT_UNSUPPORTED] = "unsupported",
		[HVM_EXIT_DEBUG] = "debug",
	};

	return reason < HVM_EXIT_REASONS ? names[reason] : "unknown";
}

static const char *invalid_name(uint32_t field)
{
	static const char *const names[] = {
		[HVM_INVALID_UNKNOWN] = "unknown",
		[HVM_INVALID_CR0] = "CR0",
		[HVM_INVALID_CR3] = "CR3",
		[HVM_INVALID_CR4] = "CR4",
		[HVM_INVALID_EFER] = "EFER",
		[HVM_INVALID_RFLAGS] = "RFLAGS",
		[HVM_INVALID_RIP] = "RIP",
		[HVM_INVALID_CS] = "CS",
		[HVM_INVALID_SS] = "SS",
		[HVM_INVALID_DATA_SEGMENT] = "a data segment",
		[HVM_INVALID_LDTR] = "LDTR",
		[HVM_INVALID_TR] = "TR",
		[HVM_INVALID_GDTR_IDTR] = "GDTR or IDTR",
		[HVM_INVALID_DEBUG] = "a debug register",
		[HVM_INVALID_PDPTE] = "a PDPTE",
		[HVM_INVALID_EVENT] = "the event to inject",
		[HVM_INVALID_MSR] = "an MSR",
	};

	return field < sizeof(names) / sizeof(names[0]) ? names[field] : "unknown";
}

static const char *access_name(uint32_t access)
{
	if (access & HVM_ACCESS_EXEC)
		return "execution";
	return access & HVM_ACCESS_WRITE ? "write" : "read";
}

static void describe_unsupported(char *buf, size_t size, const struct hvm_run *run)
{
	uint64_t detail = run->unsupported.detail;

	switch (run->unsupported.what) {
	case HVM_UNSUPPORTED_EXIT:
		snprintf(buf, size, "the processor's exit 0x%" PRIx64 " is not supported", detail);
		break;
	case HVM_UNSUPPORTED_TASK_SWITCH:
		snprintf(buf, size, "hardware task switch to selector 0x%" PRIx64
			 " is not supported", detail);
		break;
	case HVM_UNSUPPORTED_EVENT_MEMORY:
		snprintf(buf, size, "an interrupt or exception was delivered through guest address"
			 " 0x%" PRIx64 ", where there is no memory", detail);
		break;
	default:
		snprintf(buf, size, "unsupported (%u, 0x%" PRIx64 ")", run->unsupported.what,
			 detail);
	}
}

static void describe_event(char *buf, size_t size, const struct hvm_run *run)
{
	switch (run->reason) {
	case HVM_EXIT_PIO:
		snprintf(buf, size, "%s of %u bytes at port 0x%x",
			 run->pio.flags & HVM_PIO_IN ? "read" : "write", run->pio.bytes,
			 run->pio.port);
		break;
	case HVM_EXIT_MEMORY:
		snprintf(buf, size, "%s at guest address 0x%" PRIx64 ", where there is no memory",
			 access_name(run->memory.access), (uint64_t)run->memory.gpa);
		break;
	case HVM_EXIT_FAULT:
		snprintf(buf, size, "%s at guest address 0x%" PRIx64
			 ": the memory behind it cannot be had (errno %d)",
			 access_name(run->memory.access), (uint64_t)run->memory.gpa,
			 run->memory.error);
		break;
	case HVM_EXIT_MSR:
		snprintf(buf, size, "%s of MSR 0x%x", run->msr.write ? "write" : "read",
			 run->msr.index);
		break;
	case HVM_EXIT_APIC:
		snprintf(buf, size, "%s of the local APIC's register 0x%x",
			 run->apic.write ? "write" : "read", run->apic.offset);
		break;
	case HVM_EXIT_SHUTDOWN:
		snprintf(buf, size, "triple fault");
		break;
	case HVM_EXIT_INVALID_STATE:
		snprintf(buf, size, "the processor refuses the state: %s",
			 invalid_name(run->invalid.field));
		break;
	case HVM_EXIT_UNSUPPORTED:
		describe_unsupported(buf, size, run);
		break;
	default:
		snprintf(buf, size, "%s", hvm_exit_name(run->reason));
	}
}

const char *hvm_describe_exit(char *buf, size_t size, const struct hvm_run *run)
{
	char event[128];

	describe_event(event, sizeof(event), run);
	snprintf(buf, size, "%s, at RIP 0x%" PRIx64, event, (uint64_t)run->rip);
	return buf;
}
