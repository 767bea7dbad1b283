// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers. Hardware finishes nearly every access to them; what is left are writes to the
 * bits it has to share with the host. Not here: CR8 (irq/lapic.c), XCR0 (fpu.c), and how a value
 * gets into the hardware (the backend).
 */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>

#include "control.h"
#include "vcpu.h"

#define CR0_RESERVED	(~(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			   X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			   X86_CR0_PG))
#define CR0_PDPTE	(X86_CR0_CD | X86_CR0_NW | X86_CR0_PG)
#define CR4_ALWAYS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)
#define CR4_PDPTE	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)
#define PDPTE_PRESENT	1ULL
/* SDM "PDPTE Registers": bits 2:1 and 8:5 of a present entry, and all above the address. */
#define PDPTE_RESERVED	0x1e6ULL

/* CR4 bits that come with a feature. */
static const struct {
	u16 feature;
	u64 bit;
} cr4_features[] = {
	{ X86_FEATURE_UMIP, X86_CR4_UMIP },
	{ X86_FEATURE_LA57, X86_CR4_LA57 },
	{ X86_FEATURE_FSGSBASE, X86_CR4_FSGSBASE },
	{ X86_FEATURE_PCID, X86_CR4_PCIDE },
	{ X86_FEATURE_XSAVE, X86_CR4_OSXSAVE },
	{ X86_FEATURE_SMEP, X86_CR4_SMEP },
	{ X86_FEATURE_SMAP, X86_CR4_SMAP },
	{ X86_FEATURE_PKU, X86_CR4_PKE },
};

static u64 cr4_allowed(void)
{
	u64 allowed = CR4_ALWAYS;
	int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (boot_cpu_has(cr4_features[i].feature))
			allowed |= cr4_features[i].bit;
	return allowed;
}

static bool cr0_valid(u64 cr0)
{
	if (cr0 & CR0_RESERVED)
		return false;
	if ((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE))
		return false;
	return !(cr0 & X86_CR0_NW) || (cr0 & X86_CR0_CD);
}

/**
 * hvm_control_efer_valid - whether EFER has only bits that a guest may set
 * @efer: the value
 */
bool hvm_control_efer_valid(u64 efer)
{
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;

	if (boot_cpu_has(X86_FEATURE_FXSR_OPT))
		allowed |= EFER_FFXSR;
	return !(efer & ~allowed);
}

/**
 * hvm_control_valid - whether each register of a control block is right by itself
 * @control: the block
 */
bool hvm_control_valid(const struct hvm_state_control *control)
{
	return cr0_valid(control->cr0) && !(control->cr4 & ~cr4_allowed()) &&
	       !(control->cr8 & ~0xfULL) && hvm_control_efer_valid(control->efer) &&
	       !(control->cr3 >> 52) && hvm_fpu_xcr0_valid(control->xcr0);
}

static bool pdpte_valid(u64 pdpte)
{
	return !(pdpte & PDPTE_PRESENT) ||
	       (!(pdpte & PDPTE_RESERVED) && !(pdpte >> boot_cpu_data.x86_phys_bits));
}

/* PAE paging: the processor holds four entries, reloaded by certain control register writes. */
static bool load_pdptes(struct hvm_vcpu *vcpu, struct hvm_hw_state *state)
{
	gpa_t table = state->cr3 & 0xffffffe0ULL;
	int i;

	if (hvm_mem_read(&vcpu->vm->mem, table, state->pdpte, sizeof(state->pdpte)))
		return false;
	for (i = 0; i < ARRAY_SIZE(state->pdpte); i++)
		if (!pdpte_valid(state->pdpte[i]))
			return false;
	return true;
}

static bool uses_pdptes(const struct hvm_hw_state *state)
{
	return state->cr0 & X86_CR0_PG && state->cr4 & X86_CR4_PAE && !(state->efer & EFER_LMA);
}

/* SDM "Initializing IA-32e Mode": paging on with EFER.LME set turns long mode on, and off again. */
static bool switch_long_mode(struct hvm_hw_state *state, u64 cr0)
{
	if (!(cr0 & X86_CR0_PG)) {
		if (state->efer & EFER_LMA && state->segments.seg[HVM_CS].attributes & HVM_SEG_L)
			return false;
		state->efer &= ~EFER_LMA;
		return !(state->cr4 & X86_CR4_PCIDE);
	}
	if (!(state->efer & EFER_LME))
		return true;
	if (!(state->cr4 & X86_CR4_PAE) || state->segments.seg[HVM_CS].attributes & HVM_SEG_L)
		return false;
	state->efer |= EFER_LMA;
	return true;
}

static bool set_cr0(struct hvm_vcpu *vcpu, struct hvm_hw_state *state, u64 value)
{
	u64 changed = value ^ state->cr0;

	value |= X86_CR0_ET;
	if (!cr0_valid(value))
		return false;
	if (changed & X86_CR0_PG && !switch_long_mode(state, value))
		return false;
	state->cr0 = value;
	return !(changed & CR0_PDPTE) || !uses_pdptes(state) || load_pdptes(vcpu, state);
}

static bool set_cr4(struct hvm_vcpu *vcpu, struct hvm_hw_state *state, u64 value)
{
	u64 changed = value ^ state->cr4;

	if (value & ~cr4_allowed())
		return false;
	if (state->efer & EFER_LMA) {
		if (changed & X86_CR4_LA57 || !(value & X86_CR4_PAE))
			return false;
	} else if (value & X86_CR4_PCIDE) {
		return false;
	}
	if (changed & value & X86_CR4_PCIDE && state->cr3 & 0xfff)
		return false;
	state->cr4 = value;
	return !(changed & CR4_PDPTE) || !uses_pdptes(state) || load_pdptes(vcpu, state);
}

/**
 * hvm_control_write - a guest's MOV to CR0 or CR4 that the hardware did not finish
 * @vcpu: the vCPU, its lock held, loaded
 * @nr: 0 or 4
 * @value: the guest's value
 *
 * Return: false: the guest gets #GP(0) (SDM "MOV—Move to/from Control Registers")
 * Context: process, interrupts on: guest memory may be read
 */
bool hvm_control_write(struct hvm_vcpu *vcpu, u8 nr, u64 value)
{
	struct hvm_hw_state state;
	const u32 mask = HVM_STATE_CONTROL | HVM_STATE_SEGMENTS;
	bool ok;

	hvm_backend->get_state(vcpu->hw, mask, &state);
	ok = nr == 0 ? set_cr0(vcpu, &state, value) :
	     nr == 4 && set_cr4(vcpu, &state, value);
	if (!ok)
		return false;
	hvm_backend->set_state(vcpu->hw, HVM_STATE_CONTROL, &state);
	vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	return true;
}
