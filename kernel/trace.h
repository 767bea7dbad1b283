/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of common code, in neutral terms: events/hvm/ of tracefs. Each is one NOP while it is
 * off; what an event shows is fetched only when it is on. vcpu is the APIC id; the guest is told by
 * the process.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hvm

#if !defined(HVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HVM_TRACE_H

#include <linux/tracepoint.h>

#include "backend.h"

/* So that tools which read the format find numbers in place of names. */
TRACE_DEFINE_ENUM(HVM_HW_INTR);
TRACE_DEFINE_ENUM(HVM_HW_WINDOW);
TRACE_DEFINE_ENUM(HVM_HW_DEADLINE);
TRACE_DEFINE_ENUM(HVM_HW_EOI);
TRACE_DEFINE_ENUM(HVM_HW_CPUID);
TRACE_DEFINE_ENUM(HVM_HW_HLT);
TRACE_DEFINE_ENUM(HVM_HW_HYPERCALL);
TRACE_DEFINE_ENUM(HVM_HW_MSR_READ);
TRACE_DEFINE_ENUM(HVM_HW_MSR_WRITE);
TRACE_DEFINE_ENUM(HVM_HW_PIO);
TRACE_DEFINE_ENUM(HVM_HW_TDP_FAULT);
TRACE_DEFINE_ENUM(HVM_HW_CR_WRITE);
TRACE_DEFINE_ENUM(HVM_HW_DR_ACCESS);
TRACE_DEFINE_ENUM(HVM_HW_XSETBV);
TRACE_DEFINE_ENUM(HVM_HW_EXCEPTION);
TRACE_DEFINE_ENUM(HVM_HW_UNDEFINED);
TRACE_DEFINE_ENUM(HVM_HW_PRIVILEGED);
TRACE_DEFINE_ENUM(HVM_HW_NOP);
TRACE_DEFINE_ENUM(HVM_HW_PAUSE);
TRACE_DEFINE_ENUM(HVM_HW_TASK_SWITCH);
TRACE_DEFINE_ENUM(HVM_HW_TRIPLE_FAULT);
TRACE_DEFINE_ENUM(HVM_HW_INVALID_STATE);
TRACE_DEFINE_ENUM(HVM_HW_UNKNOWN);
TRACE_DEFINE_ENUM(HVM_FAULT_FIXED);
TRACE_DEFINE_ENUM(HVM_FAULT_FETCHED);
TRACE_DEFINE_ENUM(HVM_FAULT_NO_RANGE);
TRACE_DEFINE_ENUM(HVM_FAULT_READONLY);
TRACE_DEFINE_ENUM(HVM_FAULT_HOST);
TRACE_DEFINE_ENUM(HVM_FAULT_ABSENT);
TRACE_DEFINE_ENUM(HVM_FAULT_SIGNAL);
TRACE_DEFINE_ENUM(HVM_FAULT_NOMEM);

#define hvm_trace_reasons							\
	{ HVM_HW_INTR,		"interrupt" },					\
	{ HVM_HW_WINDOW,	"window" },					\
	{ HVM_HW_DEADLINE,	"deadline" },					\
	{ HVM_HW_EOI,		"eoi" },					\
	{ HVM_HW_CPUID,		"cpuid" },					\
	{ HVM_HW_HLT,		"hlt" },					\
	{ HVM_HW_HYPERCALL,	"hypercall" },					\
	{ HVM_HW_MSR_READ,	"msr_read" },					\
	{ HVM_HW_MSR_WRITE,	"msr_write" },					\
	{ HVM_HW_PIO,		"pio" },					\
	{ HVM_HW_TDP_FAULT,	"fault" },					\
	{ HVM_HW_CR_WRITE,	"cr_write" },					\
	{ HVM_HW_DR_ACCESS,	"dr_access" },					\
	{ HVM_HW_XSETBV,	"xsetbv" },					\
	{ HVM_HW_EXCEPTION,	"exception" },					\
	{ HVM_HW_UNDEFINED,	"undefined" },					\
	{ HVM_HW_PRIVILEGED,	"privileged" },					\
	{ HVM_HW_NOP,		"nop" },					\
	{ HVM_HW_PAUSE,		"pause" },					\
	{ HVM_HW_TASK_SWITCH,	"task_switch" },				\
	{ HVM_HW_TRIPLE_FAULT,	"triple_fault" },				\
	{ HVM_HW_INVALID_STATE,	"invalid_state" },				\
	{ HVM_HW_UNKNOWN,	"unknown" }

#define hvm_trace_outcomes							\
	{ HVM_FAULT_FIXED,	"fixed" },					\
	{ HVM_FAULT_FETCHED,	"fetched" },					\
	{ HVM_FAULT_NO_RANGE,	"no_range" },					\
	{ HVM_FAULT_READONLY,	"readonly" },					\
	{ HVM_FAULT_HOST,	"host" },					\
	{ HVM_FAULT_ABSENT,	"absent" },					\
	{ HVM_FAULT_SIGNAL,	"signal" },					\
	{ HVM_FAULT_NOMEM,	"nomem" }

#define hvm_trace_events							\
	{ HVM_EVENT_INTR,	"interrupt" },					\
	{ HVM_EVENT_NMI,	"nmi" },					\
	{ HVM_EVENT_EXCEPTION,	"exception" },					\
	{ HVM_EVENT_SOFT_INTR,	"soft_interrupt" },				\
	{ HVM_EVENT_SOFT_EXCEPTION, "soft_exception" }

/* enum hvm_irq_mode. */
#define hvm_trace_modes		{ 0, "fixed" }, { 4, "nmi" }, { 5, "init" }, { 6, "sipi" }

#define hvm_trace_access							\
	{ HVM_ACCESS_READ, "r" }, { HVM_ACCESS_WRITE, "w" }, { HVM_ACCESS_EXEC, "x" }

/* The numbers of HVM_* of all fds. */
#define hvm_trace_ioctls							\
	{ 0x00, "GET_INFO" }, { 0x01, "GET_CPUID" }, { 0x02, "CREATE_VM" },	\
	{ 0x10, "CREATE_VCPU" }, { 0x11, "MAP" }, { 0x12, "UNMAP" },		\
	{ 0x14, "MSR_POLICY" }, { 0x15, "MSI" }, { 0x16, "IRQFD" },		\
	{ 0x17, "IOEVENTFD" }, { 0x18, "CLOCK" },				\
	{ 0x20, "SET_CPUID" }, { 0x21, "KICK" }, { 0x30, "RUN" },		\
	{ 0x31, "GET_STATE" }, { 0x32, "SET_STATE" }, { 0x33, "INJECT" },	\
	{ 0x34, "DEBUG" }

#ifndef HVM_TRACE_FETCH
#define HVM_TRACE_FETCH

/* Where the guest stands. */
static inline u64 hvm_trace_rip(struct hvm_hw *hw)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(hw, HVM_STATE_GPR, &state);
	return state.rip;
}

/* Two words that tell about an exit what its reason does not. */
static inline void hvm_trace_details(const struct hvm_hw *hw, const struct hvm_exit *exit,
				     u64 out[2])
{
	const struct hvm_run *run = hw->run;

	out[0] = 0;
	out[1] = 0;
	switch (exit->reason) {
	case HVM_HW_CPUID:		/* leaf, subleaf */
		out[0] = (u32)READ_ONCE(run->gpr[HVM_RAX]);
		out[1] = (u32)READ_ONCE(run->gpr[HVM_RCX]);
		break;
	case HVM_HW_HYPERCALL:		/* number, first argument */
		out[0] = READ_ONCE(run->gpr[HVM_RAX]);
		out[1] = READ_ONCE(run->gpr[HVM_RBX]);
		break;
	case HVM_HW_MSR_WRITE:		/* index, value */
		out[1] = (u32)READ_ONCE(run->gpr[HVM_RAX]) | READ_ONCE(run->gpr[HVM_RDX]) << 32;
		fallthrough;
	case HVM_HW_MSR_READ:		/* index */
		out[0] = (u32)READ_ONCE(run->gpr[HVM_RCX]);
		break;
	case HVM_HW_PIO:		/* port, bytes and HVM_PIO_* above them */
		out[0] = exit->pio.port;
		out[1] = exit->pio.bytes | exit->pio.flags << 8;
		break;
	case HVM_HW_TDP_FAULT:		/* address, HVM_ACCESS_* */
		out[0] = exit->memory.gpa;
		out[1] = exit->memory.access;
		break;
	case HVM_HW_CR_WRITE:		/* register, value */
		out[0] = exit->cr.nr;
		out[1] = exit->cr.value;
		break;
	case HVM_HW_EXCEPTION:		/* vector, error code */
		out[0] = exit->event.vector;
		out[1] = exit->event.error;
		break;
	case HVM_HW_EOI:		/* as enum hvm_hw_exit says */
	case HVM_HW_TASK_SWITCH:
	case HVM_HW_INVALID_STATE:
	case HVM_HW_UNKNOWN:
		out[0] = exit->raw;
		break;
	}
}

#endif /* HVM_TRACE_FETCH */

TRACE_EVENT(hvm_entry,
	TP_PROTO(u32 vcpu, struct hvm_hw *hw),
	TP_ARGS(vcpu, hw),
	TP_STRUCT__entry(
		__field(u64, rip)
		__field(u32, vcpu)
	),
	TP_fast_assign(
		__entry->rip = hvm_trace_rip(hw);
		__entry->vcpu = vcpu;
	),
	TP_printk("vcpu %u rip 0x%llx", __entry->vcpu, __entry->rip)
);

TRACE_EVENT(hvm_exit,
	TP_PROTO(u32 vcpu, struct hvm_hw *hw, const struct hvm_exit *exit),
	TP_ARGS(vcpu, hw, exit),
	TP_STRUCT__entry(
		__field(u64, rip)
		__array(u64, detail, 2)
		__field(u32, vcpu)
		__field(u16, reason)
		__field(u8, vectoring)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->rip = hvm_trace_rip(hw);
		hvm_trace_details(hw, exit, __entry->detail);
		__entry->vcpu = vcpu;
		__entry->reason = exit->reason;
		__entry->vectoring = exit->vectoring.type;
		__entry->vector = exit->vectoring.type ? exit->vectoring.vector : 0;
	),
	TP_printk("vcpu %u reason %s rip 0x%llx detail 0x%llx 0x%llx vectoring %u/%u",
		  __entry->vcpu, __print_symbolic(__entry->reason, hvm_trace_reasons),
		  __entry->rip, __entry->detail[0], __entry->detail[1], __entry->vectoring,
		  __entry->vector)
);

TRACE_EVENT(hvm_fault,
	TP_PROTO(u32 vcpu, const struct hvm_exit *exit, int outcome, int detail),
	TP_ARGS(vcpu, exit, outcome, detail),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u32, vcpu)
		__field(u32, access)
		__field(int, outcome)
		__field(int, detail)
	),
	TP_fast_assign(
		__entry->gpa = exit->memory.gpa;
		__entry->vcpu = vcpu;
		__entry->access = exit->memory.access;
		__entry->outcome = outcome;
		__entry->detail = detail;
	),
	TP_printk("vcpu %u gpa 0x%llx access %s outcome %s %d", __entry->vcpu, __entry->gpa,
		  __print_flags(__entry->access, "", hvm_trace_access),
		  __print_symbolic(__entry->outcome, hvm_trace_outcomes), __entry->detail)
);

TRACE_EVENT(hvm_inject,
	TP_PROTO(u32 vcpu, const struct hvm_event *event),
	TP_ARGS(vcpu, event),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, error)
		__field(u8, type)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->error = event->flags & HVM_EVENT_ERROR ? event->error : 0;
		__entry->type = event->type;
		__entry->vector = event->vector;
	),
	TP_printk("vcpu %u %s vector %u error 0x%x", __entry->vcpu,
		  __print_symbolic(__entry->type, hvm_trace_events), __entry->vector,
		  __entry->error)
);

TRACE_EVENT(hvm_irq,
	TP_PROTO(u32 vcpu, u8 mode, u8 vector, bool level),
	TP_ARGS(vcpu, mode, vector, level),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u8, mode)
		__field(u8, vector)
		__field(bool, level)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->mode = mode;
		__entry->vector = vector;
		__entry->level = level;
	),
	TP_printk("vcpu %u %s vector %u %s", __entry->vcpu,
		  __print_symbolic(__entry->mode, hvm_trace_modes), __entry->vector,
		  __entry->level ? "level" : "edge")
);

TRACE_EVENT(hvm_ioctl,
	TP_PROTO(unsigned int cmd, long ret),
	TP_ARGS(cmd, ret),
	TP_STRUCT__entry(
		__field(long, ret)
		__field(unsigned int, cmd)
	),
	TP_fast_assign(
		__entry->ret = ret;
		__entry->cmd = cmd;
	),
	TP_printk("%s ret %ld", __print_symbolic(__entry->cmd & 0xff, hvm_trace_ioctls),
		  __entry->ret)
);

#endif /* HVM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
