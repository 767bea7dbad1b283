// SPDX-License-Identifier: MIT
/*
 * Loads and stores of XMM and YMM registers: compilers and memcpy() use them on
 * device memory. No arithmetic, no MMX, no EVEX; what is not a plain move is
 * unsupported already for the decoder.
 */
#include <string.h>

#include "exec.h"

#define HALF	8u
#define LANE	16u

/* SDM volume 2, "Exception Conditions of SSE / AVX Instructions", types 1 and 4. */
static enum insn_status vector_enabled(struct insn_cpu *cpu, const struct insn *insn)
{
	bool is_vex = insn->flags & INSN_F_VEX;

	if (!cpu->xmm || (is_vex && !cpu->ymm_high))
		return INSN_UNSUPPORTED;
	if (is_vex && (!(cpu->cr4 & CR4_OSXSAVE) || !(cpu->cr0 & CR0_PE) ||
		       (cpu->rflags & FLAG_VM)))
		return insn_raise(cpu, INSN_UD);
	if (!is_vex && (!(cpu->cr4 & CR4_OSFXSR) || (cpu->cr0 & CR0_EM)))
		return insn_raise(cpu, INSN_UD);
	if (cpu->cr0 & CR0_TS)
		return insn_raise(cpu, INSN_NM);
	return INSN_OK;
}

static enum insn_status vector_address(struct insn_cpu *cpu, const struct insn *insn,
				       enum insn_access access, uint64_t *gva)
{
	enum insn_status status = vector_enabled(cpu, insn);

	if (status)
		return status;
	status = linear_address(cpu, insn->mode, insn->seg, effective_address(cpu, insn),
				insn->size, access, gva);
	if (status)
		return status;
	if ((insn->flags & INSN_F_ALIGNED) && (*gva & (insn->size - 1)))
		return insn_raise(cpu, INSN_GP);
	return INSN_OK;
}

enum insn_status insn_exec_vload(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned int reg = insn->reg & 15;
	uint8_t value[2 * LANE] = { 0 };
	enum insn_status status;
	uint64_t gva;

	/* The VEX forms that keep a half take it from a third register. */
	if (insn->sub != VECTOR_WHOLE && (insn->flags & INSN_F_VEX))
		return INSN_UNSUPPORTED;
	status = vector_address(cpu, insn, INSN_READ, &gva);
	if (status)
		return status;
	status = cpu->ops->read(cpu, gva, value, insn->size, INSN_READ);
	if (status)
		return status;
	if (insn->sub == VECTOR_WHOLE)
		memcpy(cpu->xmm[reg], value, LANE);
	else
		memcpy(cpu->xmm[reg] + (insn->sub == VECTOR_HIGH ? HALF : 0), value, HALF);
	if (insn->flags & INSN_F_VEX)
		memcpy(cpu->ymm_high[reg], value + LANE, LANE);
	return INSN_OK;
}

enum insn_status insn_exec_vstore(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned int reg = insn->reg & 15;
	uint8_t value[2 * LANE] = { 0 };
	enum insn_status status;
	uint64_t gva;

	status = vector_address(cpu, insn, INSN_WRITE, &gva);
	if (status)
		return status;
	if (insn->sub == VECTOR_HIGH)
		memcpy(value, cpu->xmm[reg] + HALF, HALF);
	else
		memcpy(value, cpu->xmm[reg], LANE);
	if (insn->size == 2 * LANE)
		memcpy(value + LANE, cpu->ymm_high[reg], LANE);
	return cpu->ops->write(cpu, gva, value, insn->size);
}
