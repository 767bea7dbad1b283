// SPDX-License-Identifier: MIT
/*
 * What the executor asks about the processor rather than about an instruction:
 * its mode, its segments, its exceptions; fetching the bytes at RIP; and the
 * line that describes what could not be executed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exec.h"

#define PAGE_SIZE	4096u

/* Type bits of a code or data segment (SDM volume 3, "Segment Descriptors"). */
#define TYPE_RW		0x2u	/* data: writable; code: readable */
#define TYPE_DOWN	0x4u	/* data: expands down */
#define TYPE_CODE	0x8u

enum insn_mode insn_cpu_mode(const struct insn_cpu *cpu)
{
	uint16_t attr = cpu->seg[INSN_SEG_CS].attributes;

	if ((cpu->efer & EFER_LMA) && (attr & HVM_SEG_L))
		return INSN_MODE_64;
	if (!(cpu->cr0 & CR0_PE) || (cpu->rflags & FLAG_VM))
		return INSN_MODE_16;
	return attr & HVM_SEG_DB ? INSN_MODE_32 : INSN_MODE_16;
}

enum insn_status insn_raise(struct insn_cpu *cpu, enum insn_vector vector)
{
	cpu->exception = (struct insn_exception){
		.vector = vector,
		.has_error = vector >= INSN_SS && (cpu->cr0 & CR0_PE),
	};
	return INSN_EXCEPTION;
}

enum insn_status insn_page_fault(struct insn_cpu *cpu, uint64_t gva, uint32_t error)
{
	insn_raise(cpu, INSN_PF);
	cpu->exception.error = error;
	cpu->exception.cr2 = gva;
	return INSN_EXCEPTION;
}

/* May a segment be used this way (SDM volume 3, "Type Checking")? */
static bool type_allows(const struct insn_cpu *cpu, uint16_t attr, enum insn_access access)
{
	bool code = attr & TYPE_CODE;

	if (!(attr & HVM_SEG_P) || (attr & HVM_SEG_UNUSABLE))
		return false;
	if (!(cpu->cr0 & CR0_PE) || (cpu->rflags & FLAG_VM))
		return true;
	if (access == INSN_FETCH)
		return code;
	if (access == INSN_READ)
		return !code || (attr & TYPE_RW);
	return !code && (attr & TYPE_RW);
}

static bool within_limit(const struct hvm_segment *seg, uint64_t first, uint64_t last)
{
	uint64_t top = seg->attributes & HVM_SEG_DB ? 0xffffffff : 0xffff;

	if ((seg->attributes & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN)
		return first > seg->limit && last <= top;
	return last <= seg->limit;
}

static enum insn_status linear_segment(struct insn_cpu *cpu, unsigned int seg, uint64_t offset,
				       unsigned int size, enum insn_access access, uint64_t *gva)
{
	const struct hvm_segment *s = &cpu->seg[seg];

	*gva = (s->base + offset) & 0xffffffff;
	if (type_allows(cpu, s->attributes, access) &&
	    within_limit(s, offset, offset + size - 1))
		return INSN_OK;
	return insn_raise(cpu, seg == INSN_SEG_SS ? INSN_SS : INSN_GP);
}

enum insn_status insn_linear(struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
			     uint64_t offset, unsigned int size, enum insn_access access,
			     uint64_t *gva)
{
	if (mode != INSN_MODE_64)
		return linear_segment(cpu, seg, offset, size, access, gva);
	if (seg >= INSN_SEG_FS)
		offset += cpu->seg[seg].base;
	*gva = offset;
	if (is_canonical(cpu, offset) && is_canonical(cpu, offset + size - 1))
		return INSN_OK;
	return insn_raise(cpu, seg == INSN_SEG_SS ? INSN_SS : INSN_GP);
}

enum insn_status insn_load(struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
			   uint64_t offset, unsigned int size, enum insn_access access,
			   uint64_t *value)
{
	enum insn_status status;
	uint64_t gva;

	status = insn_linear(cpu, mode, seg, offset, size, access, &gva);
	return status ? status : cpu->ops->read(cpu, gva, value, size, access);
}

enum insn_status insn_store(struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
			    uint64_t offset, unsigned int size, uint64_t value)
{
	enum insn_status status;
	uint64_t gva;

	status = insn_linear(cpu, mode, seg, offset, size, INSN_WRITE, &gva);
	return status ? status : cpu->ops->write(cpu, gva, &value, size);
}

enum insn_status insn_fetch(struct insn_cpu *cpu, uint8_t *bytes, size_t *have)
{
	enum insn_mode mode = insn_cpu_mode(cpu);
	uint64_t offset = cpu->rip + *have, limit = cpu->seg[INSN_SEG_CS].limit, gva;
	enum insn_status status;
	size_t size;

	if (mode != INSN_MODE_64)
		offset &= 0xffffffff;
	if (*have >= INSN_MAX_LENGTH || (mode != INSN_MODE_64 && offset > limit))
		return insn_raise(cpu, INSN_GP);
	status = linear_address(cpu, mode, INSN_SEG_CS, offset, 1, INSN_FETCH, &gva);
	if (status)
		return status;
	size = PAGE_SIZE - (gva & (PAGE_SIZE - 1));
	if (size > INSN_MAX_LENGTH - *have)
		size = INSN_MAX_LENGTH - *have;
	if (mode != INSN_MODE_64 && size > limit - offset + 1)
		size = limit - offset + 1;
	status = cpu->ops->read(cpu, gva, bytes + *have, size, INSN_FETCH);
	if (status == INSN_OK)
		*have += size;
	return status;
}

enum insn_status insn_step(struct insn_cpu *cpu, uint8_t *bytes, size_t *n, struct insn *insn)
{
	enum insn_mode mode = insn_cpu_mode(cpu);
	struct insn_exception exception;
	enum insn_status status;

	/* As insn_decode() does, but without its detour. */
	if (mode == INSN_MODE_64 && *n >= INSN_MAX_LENGTH && insn_decode_plain(bytes, insn))
		return insn_execute(cpu, insn);
	/* Every round adds a byte or ends, and INSN_MAX_LENGTH are enough. */
	for (;;) {
		status = insn_decode(bytes, *n, mode, insn, &exception);
		if (status == INSN_OK)
			return insn_execute(cpu, insn);
		insn->length = 0;
		if (status != INSN_SHORT)
			break;
		status = insn_fetch(cpu, bytes, n);
		if (status)
			return status;
	}
	if (status == INSN_EXCEPTION)
		return insn_raise(cpu, exception.vector);
	return status;
}

const char *insn_describe(char *buf, size_t size, const uint8_t *bytes, size_t n,
			  const struct insn_cpu *cpu)
{
	static const char *const modes[] = { "16-bit", "32-bit", "64-bit" };
	char hex[3 * INSN_MAX_LENGTH + 1] = "";

	if (n > INSN_MAX_LENGTH)
		n = INSN_MAX_LENGTH;
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 3 * i, sizeof(hex) - 3 * i, " %02x", bytes[i]);
	snprintf(buf, size, "%s code at rip 0x%" PRIx64 ", cpl %u:%s",
		 modes[insn_cpu_mode(cpu)], cpu->rip, cpu->cpl, n ? hex : " (no bytes)");
	return buf;
}
