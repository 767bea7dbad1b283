// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: VMCALL and VMMCALL by the convention of the signature at CPUID leaf 40000000h. Number
 * in RAX, arguments in RBX, RCX, RDX, RSI; outside of 64-bit code the low halves; answer in RAX.
 */
#include "cpuid.h"
#include "pv.h"
#include "vcpu.h"

enum hypercall {
	CALL_SEND_IPI = 10,
};

/* Errors are part of the contract, whatever numbers the host's own have. */
#define CALL_EPERM	1
#define CALL_EINVAL	22
#define CALL_ENOSYS	1000

#define IPI_VECTOR	0xffULL
#define IPI_MODE_SHIFT	8
#define IPI_MODE	(7ULL << IPI_MODE_SHIFT)

/**
 * struct call - a hypercall
 * @nr: which
 * @args: its arguments
 * @bits: width of the registers, 32 or 64
 */
struct call {
	u64 nr;
	u64 args[4];
	unsigned int bits;
};

static u32 send_word(struct hvm_irq *irq, struct hvm_irq_message *message, unsigned long ids,
		     u64 first)
{
	unsigned int bit;
	u32 count = 0;

	for_each_set_bit(bit, &ids, BITS_PER_LONG) {
		if (first + bit > HVM_MAX_APIC_ID)
			break;
		message->destination = first + bit;
		count += hvm_irq_deliver(irq, NULL, message);
	}
	return count;
}

/*
 * Two words of a bitmap of APIC ids that begins with the id in the third argument; the fourth is a
 * vector and a delivery mode as in the ICR: fixed or NMI. Answers how many took it.
 */
static u64 send_ipi(struct hvm_vcpu *vcpu, const struct call *call)
{
	const u64 icr = call->args[3];
	struct hvm_irq_message message = {
		.vector = icr & IPI_VECTOR,
		.mode = (icr & IPI_MODE) >> IPI_MODE_SHIFT,
	};
	const u64 first = (u32)call->args[2];

	if (icr & ~(IPI_VECTOR | IPI_MODE) ||
	    (message.mode != HVM_IRQ_FIXED && message.mode != HVM_IRQ_NMI))
		return -CALL_EINVAL;
	return send_word(&vcpu->vm->irq, &message, call->args[0], first) +
	       send_word(&vcpu->vm->irq, &message, call->args[1], first + call->bits);
}

static u64 answer(struct hvm_vcpu *vcpu, const struct call *call)
{
	switch (call->nr) {
	case CALL_SEND_IPI:
		if (hvm_cpuid_has(vcpu, HVM_CPUID_PV_SEND_IPI))
			return send_ipi(vcpu, call);
		break;
	}
	return -CALL_ENOSYS;
}

/**
 * hvm_hypercall - VMCALL or VMMCALL
 * @vcpu: the vCPU
 * @exit: the exit
 *
 * User programs of the guest may call nothing. What CPUID does not announce answers as if it were
 * not there.
 *
 * Return: the answer for RAX
 * Context: any
 */
u64 hvm_hypercall(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	const u64 *gpr = vcpu->run->gpr;
	const u64 mask = exit->call.wide ? ~0ULL : ~0U;
	const struct call call = {
		.nr = READ_ONCE(gpr[HVM_RAX]) & mask,
		.args = {
			READ_ONCE(gpr[HVM_RBX]) & mask, READ_ONCE(gpr[HVM_RCX]) & mask,
			READ_ONCE(gpr[HVM_RDX]) & mask, READ_ONCE(gpr[HVM_RSI]) & mask,
		},
		.bits = exit->call.wide ? 64 : 32,
	};

	return (exit->call.cpl ? -CALL_EPERM : answer(vcpu, &call)) & mask;
}
