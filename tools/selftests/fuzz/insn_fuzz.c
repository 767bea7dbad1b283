// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the decoder and executor: any bytes, in any mode, with any registers
 * and segments, and callbacks that fault and refuse. What must hold: bounded
 * reads and calls, sane addresses and sizes, no trace of an instruction that did
 * not happen.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "insn/exec.h"
#include "insn/insn.h"

#define CONTROL		32u	/* bytes of input before the instruction's */
#define MAX_CALLS	(3 * INSN_MAX_REPEAT + 64)

const unsigned int fuzz_inputs = 60000;

struct fuzz_cpu {
	struct insn_cpu cpu;
	struct hvm_segment seg[6];
	uint64_t gpr[16];
	uint8_t xmm[16][16];
	uint8_t ymm_high[16][16];
	const uint8_t *code;
	size_t code_size;
	uint64_t random;
	unsigned int calls;
	unsigned int refuse_at;
	enum insn_status refusal;
};

static struct fuzz_cpu *of_cpu(struct insn_cpu *cpu)
{
	return (struct fuzz_cpu *)((char *)cpu - offsetof(struct fuzz_cpu, cpu));
}

static uint64_t next(struct fuzz_cpu *f)
{
	f->random = f->random * 6364136223846793005ull + 1442695040888963407ull;
	return f->random ^ f->random >> 29;
}

static enum insn_status one_call(struct fuzz_cpu *f, uint64_t gva, unsigned int size)
{
	FUZZ_ASSERT(size >= 1 && size <= INSN_MAX_ACCESS);
	if (insn_cpu_mode(&f->cpu) == INSN_MODE_64)
		FUZZ_ASSERT(is_canonical(&f->cpu, gva));
	else
		FUZZ_ASSERT(gva <= 0xffffffff);
	FUZZ_ASSERT(f->calls++ < MAX_CALLS);
	if (f->calls != f->refuse_at)
		return INSN_OK;
	if (f->refusal == INSN_EXCEPTION)
		return insn_page_fault(&f->cpu, gva, 2);
	return f->refusal;
}

static enum insn_status fuzz_read(struct insn_cpu *cpu, uint64_t gva, void *buf,
				  unsigned int size, enum insn_access access)
{
	struct fuzz_cpu *f = of_cpu(cpu);
	uint64_t offset = gva - (cpu->seg[INSN_SEG_CS].base + cpu->rip);
	uint8_t *bytes = buf;

	FUZZ_ASSERT(access != INSN_WRITE);
	if (access == INSN_FETCH && size <= f->code_size && offset <= f->code_size - size) {
		memcpy(buf, f->code + offset, size);
		return one_call(f, gva, size);
	}
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)next(f);
	return one_call(f, gva, size);
}

static enum insn_status fuzz_write(struct insn_cpu *cpu, uint64_t gva, const void *buf,
				   unsigned int size)
{
	uint8_t copy[INSN_MAX_ACCESS];

	memcpy(copy, buf, size <= sizeof(copy) ? size : 0);
	return one_call(of_cpu(cpu), gva, size);
}

static enum insn_status fuzz_probe(struct insn_cpu *cpu, uint64_t gva, unsigned int size)
{
	return one_call(of_cpu(cpu), gva, size);
}

static enum insn_status fuzz_in(struct insn_cpu *cpu, uint16_t port, unsigned int size,
				uint32_t *value)
{
	struct fuzz_cpu *f = of_cpu(cpu);

	FUZZ_ASSERT(size == 1 || size == 2 || size == 4);
	*value = (uint32_t)next(f) ^ port;
	return one_call(f, 0, size);
}

static enum insn_status fuzz_out(struct insn_cpu *cpu, uint16_t port, unsigned int size,
				 uint32_t value)
{
	(void)port;
	FUZZ_ASSERT(size == 1 || size == 2 || size == 4);
	FUZZ_ASSERT(size == 4 || value >> (8 * size) == 0);
	return one_call(of_cpu(cpu), 0, size);
}

static const struct insn_ops fuzz_ops = {
	.read = fuzz_read, .write = fuzz_write, .probe = fuzz_probe,
	.io_in = fuzz_in, .io_out = fuzz_out,
};

static void prepare(struct fuzz_cpu *f, const uint8_t *control)
{
	static const enum insn_status refusals[] = {
		INSN_EXCEPTION, INSN_STOP, INSN_UNSUPPORTED, INSN_EXCEPTION,
	};
	uint64_t bits;

	memset(f, 0, sizeof(*f));
	memcpy(&f->random, control, 8);
	memcpy(&bits, control + 8, 8);
	f->refuse_at = bits & 1 ? 1 + (bits >> 1 & 7) : 0;
	f->refusal = refusals[bits >> 4 & 3];
	for (unsigned int i = 0; i < 16; i++)
		f->gpr[i] = bits >> (8 + i) & 1 ? next(f) : next(f) & 0xffff;
	for (unsigned int i = 0; i < 6; i++) {
		f->seg[i].base = bits >> 24 & 1 ? next(f) & 0xffffffff : 0;
		f->seg[i].limit = bits >> 25 & 1 ? (uint32_t)next(f) : 0xffffffff;
		f->seg[i].attributes = bits >> 26 & 1 ? (uint16_t)next(f) : HVM_SEG_P | 3;
		f->seg[i].selector = (uint16_t)next(f);
	}
	f->cpu = (struct insn_cpu){
		.ops = &fuzz_ops, .gpr = f->gpr, .seg = f->seg,
		.xmm = bits >> 27 & 1 ? f->xmm : NULL,
		.ymm_high = bits >> 28 & 1 ? f->ymm_high : NULL,
		.rip = bits >> 29 & 1 ? next(f) : next(f) & 0xffff,
		.rflags = 2 | (next(f) & (FLAGS_ARITH | FLAG_DF | FLAG_IOPL | FLAG_VM)),
		.cr0 = control[16], .cr4 = bits >> 32 & 0xffffff,
		.efer = bits >> 30 & 1 ? EFER_LMA : 0,
		.cpl = bits >> 56 & 3, .io_checked = bits >> 58 & 1, .io_size = bits >> 59 & 7,
		.io_port = control[17],
	};
	f->seg[INSN_SEG_CS].attributes |= bits >> 31 & 1 ? HVM_SEG_L : 0;
}

static bool same(const struct insn *a, const struct insn *b)
{
	return a->op == b->op && a->sub == b->sub && a->mode == b->mode &&
	       a->length == b->length && a->size == b->size && a->mem_size == b->mem_size &&
	       a->addr_size == b->addr_size && a->seg == b->seg && a->reg == b->reg &&
	       a->rm == b->rm && a->base == b->base && a->index == b->index &&
	       a->scale == b->scale && a->flags == b->flags && a->disp == b->disp &&
	       a->imm == b->imm;
}

/*
 * Fifteen bytes and more may be decoded in a shorter way than the bare
 * instruction: the results must be the same, whatever follows. One byte less than
 * the instruction has is too short.
 */
static void check_length(const struct fuzz_cpu *f, enum insn_mode mode)
{
	struct insn_exception exception;
	enum insn_status status;
	struct insn insn, again;

	status = insn_decode(f->code, f->code_size, mode, &insn, &exception);
	if (status == INSN_SHORT)
		FUZZ_ASSERT(f->code_size < INSN_MAX_LENGTH);
	if (status != INSN_OK)
		return;
	FUZZ_ASSERT(insn.length >= 1 && insn.length <= INSN_MAX_LENGTH);
	FUZZ_ASSERT(insn.length <= f->code_size);
	FUZZ_ASSERT(insn_decode(f->code, insn.length, mode, &again, &exception) == INSN_OK);
	FUZZ_ASSERT(same(&insn, &again));
	FUZZ_ASSERT(insn_decode(f->code, insn.length - 1, mode, &again, &exception) == INSN_SHORT);
}

static bool may_do_a_part(const struct insn *insn)
{
	return insn->op >= OP_MOVS && insn->op <= OP_OUTS;
}

static void check_step(struct fuzz_cpu *f, size_t given)
{
	struct fuzz_cpu before = *f;
	uint8_t bytes[INSN_MAX_LENGTH];
	enum insn_status status;
	struct insn insn;
	char line[200];

	memcpy(bytes, f->code, given);
	insn.length = 0;
	status = insn_step(&f->cpu, bytes, &given, &insn);
	FUZZ_ASSERT(status != INSN_SHORT && given <= INSN_MAX_LENGTH);
	FUZZ_ASSERT(f->cpu.rip == before.cpu.rip);
	FUZZ_ASSERT(!((f->cpu.rflags ^ before.cpu.rflags) & ~(uint64_t)FLAGS_ARITH));
	if (status != INSN_OK && status != INSN_AGAIN && !(insn.length && may_do_a_part(&insn))) {
		FUZZ_ASSERT(!memcmp(f->gpr, before.gpr, sizeof(f->gpr)));
		FUZZ_ASSERT(!memcmp(f->xmm, before.xmm, sizeof(f->xmm)));
		FUZZ_ASSERT(f->cpu.rflags == before.cpu.rflags);
	}
	insn_describe(line, sizeof(line), bytes, given, &f->cpu);
	FUZZ_ASSERT(strlen(line) > 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_cpu f;
	size_t given;

	if (size < CONTROL)
		return 0;
	prepare(&f, data);
	f.code = data + CONTROL;
	f.code_size = size - CONTROL;
	for (enum insn_mode mode = INSN_MODE_16; mode <= INSN_MODE_64; mode++)
		check_length(&f, mode);
	given = f.code_size < INSN_MAX_LENGTH ? f.code_size : INSN_MAX_LENGTH;
	check_step(&f, data[20] & 1 ? given : 0);
	return 0;
}
