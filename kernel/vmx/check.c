// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which register made the processor refuse an entry: the checks of SDM "Checking and Loading Guest
 * State", done once more after the fact, in the order of that chapter, for the state a vCPU can
 * have here (unrestricted guest, never in SMM, always active). A wrong answer here costs a
 * debugging user some time and nobody else anything.
 */
#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>

#include "vmx.h"

#define RFLAGS_RESERVED		(~0x3f7fd7ULL)
#define RFLAGS_FIXED		2ULL
#define PDPTE_RESERVED		0x1e6ULL

#define TYPE_CODE		8
#define TYPE_DOWN		4
#define TYPE_WRITE		2
#define TYPE_ACCESSED		1
#define TYPE_TSS16_BUSY		3
#define TYPE_TSS_BUSY		11
#define TYPE_LDT		2

#define V86_RIGHTS		0xf3
#define V86_LIMIT		0xffff

struct guest {
	u64 cr0, cr3, cr4, efer, rip, rflags;
	u32 entry, blocking, event;
	bool long_mode, code64, v86;
};

static void read_guest(struct guest *g)
{
	g->cr0 = vmcs_read(VMCS_GUEST_CR0);
	g->cr3 = vmcs_read(VMCS_GUEST_CR3);
	g->cr4 = vmcs_read(VMCS_GUEST_CR4);
	g->efer = vmcs_read(VMCS_GUEST_EFER);
	g->rip = vmcs_read(VMCS_GUEST_RIP);
	g->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	g->entry = vmcs_read(VMCS_ENTRY_CONTROLS);
	g->blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	g->long_mode = g->entry & VMX_ENTRY_IA32E;
	g->code64 = g->long_mode && vmcs_read(VMCS_GUEST_RIGHTS(HVM_CS)) & VMX_RIGHTS_L;
	g->v86 = g->rflags & X86_EFLAGS_VM;
}

/* --- control registers -------------------------------------------------------- */

static bool cr0_ok(const struct guest *g)
{
	if ((g->cr0 & X86_CR0_PG) && !(g->cr0 & X86_CR0_PE))
		return false;
	return !(g->cr0 >> 32) && (g->cr0 & X86_CR0_PG || !g->long_mode);
}

static bool cr3_ok(const struct guest *g)
{
	return !(g->cr3 >> boot_cpu_data.x86_phys_bits);
}

static bool cr4_ok(const struct guest *g)
{
	u64 allowed = vmx_caps.cr4_owned | vmx_caps.cr4_fixed | X86_CR4_MCE;

	if (g->cr4 & ~allowed)
		return false;
	return g->long_mode ? g->cr4 & X86_CR4_PAE : !(g->cr4 & X86_CR4_PCIDE);
}

static bool efer_ok(const struct guest *g)
{
	bool lma = g->efer & EFER_LMA, lme = g->efer & EFER_LME;

	if (g->efer & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
		return false;
	return lma == g->long_mode && (!(g->cr0 & X86_CR0_PG) || lma == lme);
}

static bool debug_ok(void)
{
	return !(vmcs_read(VMCS_GUEST_DR7) >> 32) &&
	       !(vmcs_read(VMCS_GUEST_DEBUGCTL) & ~(u64)DEBUGCTLMSR_BTF);
}

static bool msrs_ok(void)
{
	return vmx_canonical(vmcs_read(VMCS_GUEST_SYSENTER_ESP)) &&
	       vmx_canonical(vmcs_read(VMCS_GUEST_SYSENTER_EIP));
}

/* --- segments ------------------------------------------------------------------- */

static u32 rights_of(unsigned int index)
{
	return vmcs_read(VMCS_GUEST_RIGHTS(index));
}

static u32 dpl_of(unsigned int index)
{
	return rights_of(index) >> HVM_SEG_DPL_SHIFT & 3;
}

/* Page granularity only for limits that end a page, and the other way round. */
static bool limit_ok(unsigned int index)
{
	u32 limit = vmcs_read(VMCS_GUEST_LIMIT(index));

	if ((limit & 0xfff) != 0xfff && rights_of(index) & VMX_RIGHTS_G)
		return false;
	return !(limit & 0xfff00000) || rights_of(index) & VMX_RIGHTS_G;
}

static bool rights_reserved_ok(u32 rights)
{
	return !(rights & 0xf00) && !(rights >> 17);
}

static bool v86_ok(unsigned int index)
{
	return vmcs_read(VMCS_GUEST_BASE(index)) == vmcs_read(VMCS_GUEST_SELECTOR(index)) << 4 &&
	       vmcs_read(VMCS_GUEST_LIMIT(index)) == V86_LIMIT && rights_of(index) == V86_RIGHTS;
}

static bool usable_ok(unsigned int index)
{
	u32 rights = rights_of(index);

	return rights & HVM_SEG_S && rights & HVM_SEG_P && rights & TYPE_ACCESSED &&
	       rights_reserved_ok(rights) && limit_ok(index);
}

static bool cs_type_ok(const struct guest *g)
{
	u32 type = rights_of(HVM_CS) & HVM_SEG_TYPE;

	if (type == (TYPE_WRITE | TYPE_ACCESSED))
		return dpl_of(HVM_CS) == 0;
	if (!(type & TYPE_CODE))
		return false;
	/* Conforming code runs with at most the caller's rights. */
	if (type & TYPE_DOWN)
		return dpl_of(HVM_CS) <= dpl_of(HVM_SS);
	return dpl_of(HVM_CS) == dpl_of(HVM_SS);
}

static bool cs_ok(const struct guest *g)
{
	u32 rights = rights_of(HVM_CS);

	if (g->v86)
		return v86_ok(HVM_CS);
	if (rights & VMX_RIGHTS_UNUSABLE || vmcs_read(VMCS_GUEST_BASE(HVM_CS)) >> 32)
		return false;
	return usable_ok(HVM_CS) && cs_type_ok(g) && !(g->code64 && rights & VMX_RIGHTS_DB);
}

static bool ss_ok(const struct guest *g)
{
	u32 rights = rights_of(HVM_SS), type = rights & HVM_SEG_TYPE;

	if (g->v86)
		return v86_ok(HVM_SS);
	/* Data where CS is, and real mode, are privilege level 0. */
	if (((rights_of(HVM_CS) & HVM_SEG_TYPE) == 3 || !(g->cr0 & X86_CR0_PE)) && dpl_of(HVM_SS))
		return false;
	if (rights & VMX_RIGHTS_UNUSABLE)
		return true;
	if (vmcs_read(VMCS_GUEST_BASE(HVM_SS)) >> 32)
		return false;
	return usable_ok(HVM_SS) && (type | TYPE_DOWN) == (TYPE_DOWN | TYPE_WRITE | TYPE_ACCESSED);
}

static bool data_ok(const struct guest *g, unsigned int index)
{
	u64 base = vmcs_read(VMCS_GUEST_BASE(index));
	u32 rights = rights_of(index);

	if (g->v86)
		return v86_ok(index);
	if (index == HVM_FS || index == HVM_GS) {
		if (!vmx_canonical(base))
			return false;
	} else if (!(rights & VMX_RIGHTS_UNUSABLE) && base >> 32) {
		return false;
	}
	if (rights & VMX_RIGHTS_UNUSABLE)
		return true;
	/* Code has to be readable. */
	return usable_ok(index) && (!(rights & TYPE_CODE) || rights & TYPE_WRITE);
}

static bool all_data_ok(const struct guest *g)
{
	return data_ok(g, HVM_ES) && data_ok(g, HVM_DS) && data_ok(g, HVM_FS) && data_ok(g, HVM_GS);
}

static bool system_ok(unsigned int index)
{
	u32 rights = rights_of(index);

	return !(rights & HVM_SEG_S) && rights & HVM_SEG_P && rights_reserved_ok(rights) &&
	       limit_ok(index) && vmx_canonical(vmcs_read(VMCS_GUEST_BASE(index))) &&
	       !(vmcs_read(VMCS_GUEST_SELECTOR(index)) & 4);
}

static bool ldtr_ok(void)
{
	u32 rights = rights_of(HVM_LDTR);

	return rights & VMX_RIGHTS_UNUSABLE ||
	       (system_ok(HVM_LDTR) && (rights & HVM_SEG_TYPE) == TYPE_LDT);
}

static bool tr_ok(const struct guest *g)
{
	u32 rights = rights_of(HVM_TR), type = rights & HVM_SEG_TYPE;

	if (rights & VMX_RIGHTS_UNUSABLE || !system_ok(HVM_TR))
		return false;
	return type == TYPE_TSS_BUSY || (type == TYPE_TSS16_BUSY && !g->long_mode);
}

static bool tables_ok(void)
{
	return vmx_canonical(vmcs_read(VMCS_GUEST_GDTR_BASE)) &&
	       vmx_canonical(vmcs_read(VMCS_GUEST_IDTR_BASE)) &&
	       !(vmcs_read(VMCS_GUEST_GDTR_LIMIT) >> 16) &&
	       !(vmcs_read(VMCS_GUEST_IDTR_LIMIT) >> 16);
}

/* --- the rest -------------------------------------------------------------------- */

static bool rip_ok(const struct guest *g)
{
	if (!g->code64)
		return !(g->rip >> 32);
	return vmx_canonical(g->rip);
}

static bool rflags_ok(const struct guest *g)
{
	if (g->rflags & RFLAGS_RESERVED || !(g->rflags & RFLAGS_FIXED))
		return false;
	return !g->v86 || (!g->long_mode && g->cr0 & X86_CR0_PE);
}

static bool blocking_ok(const struct guest *g)
{
	u32 shadow = g->blocking & VMX_SHADOWS;

	return shadow != VMX_SHADOWS && (!(shadow & VMX_SHADOW_STI) || g->rflags & X86_EFLAGS_IF);
}

static bool pdpte_ok(const struct guest *g)
{
	u64 entry;
	int i;

	if (!(g->cr0 & X86_CR0_PG) || !(g->cr4 & X86_CR4_PAE) || g->long_mode)
		return true;
	for (i = 0; i < 4; i++) {
		entry = vmcs_read(VMCS_GUEST_PDPTE(i));
		if (entry & 1 && (entry & PDPTE_RESERVED || entry >> boot_cpu_data.x86_phys_bits))
			return false;
	}
	return true;
}

/**
 * vmx_check_state - find the register that an entry failed for
 *
 * Return: enum hvm_invalid_field
 * Context: the VMCS is current
 */
enum hvm_invalid_field vmx_check_state(void)
{
	struct guest g;

	read_guest(&g);
	if (!cr0_ok(&g))
		return HVM_INVALID_CR0;
	if (!cr4_ok(&g))
		return HVM_INVALID_CR4;
	if (!cr3_ok(&g))
		return HVM_INVALID_CR3;
	if (!debug_ok())
		return HVM_INVALID_DEBUG;
	if (!msrs_ok())
		return HVM_INVALID_MSR;
	if (!efer_ok(&g))
		return HVM_INVALID_EFER;
	if (!rflags_ok(&g))
		return HVM_INVALID_RFLAGS;
	if (!cs_ok(&g))
		return HVM_INVALID_CS;
	if (!ss_ok(&g))
		return HVM_INVALID_SS;
	if (!all_data_ok(&g))
		return HVM_INVALID_DATA_SEGMENT;
	if (!ldtr_ok())
		return HVM_INVALID_LDTR;
	if (!tr_ok(&g))
		return HVM_INVALID_TR;
	if (!tables_ok())
		return HVM_INVALID_GDTR_IDTR;
	if (!rip_ok(&g))
		return HVM_INVALID_RIP;
	if (!pdpte_ok(&g))
		return HVM_INVALID_PDPTE;
	return blocking_ok(&g) ? HVM_INVALID_UNKNOWN : HVM_INVALID_EVENT;
}
