// SPDX-License-Identifier: MIT
/*
 * From bytes to struct insn: prefixes, opcode, ModRM and SIB, displacement,
 * immediate (SDM volume 2, "Instruction Format"). The bytes are the guest's and
 * are trusted for nothing: every read is bounded by what is there and by the
 * architecture's 15 bytes. What the operation then does is execute.c's business;
 * plain.c is a shorter way for the commonest instructions.
 */
#include <string.h>

#include "insn.h"
#include "table.h"

#define NO_OVERRIDE	0xff

/*
 * The decoder's place and what the prefixes said.
 * vex_l: VEX.L, vector length 256; vex_v: VEX.vvvv was not all ones
 */
struct decoder {
	const uint8_t *p;
	const uint8_t *start;
	const uint8_t *end;
	struct insn *insn;
	struct insn_exception *exception;
	uint32_t flags;
	uint8_t mode;
	uint8_t rex;
	uint8_t override;
	uint8_t repeat;
	bool size66;
	bool addr67;
	bool lock;
	bool vex;
	bool vex_l;
	bool vex_v;
};

static enum insn_status invalid(const struct decoder *d)
{
	*d->exception = (struct insn_exception){ .vector = INSN_UD };
	return INSN_EXCEPTION;
}

/* The bytes are used up: an overlong instruction, or too few were given. */
static enum insn_status ran_out(const struct decoder *d)
{
	if (d->end - d->start < INSN_MAX_LENGTH)
		return INSN_SHORT;
	*d->exception = (struct insn_exception){ .vector = INSN_GP, .has_error = true };
	return INSN_EXCEPTION;
}

static inline bool take(struct decoder *d, uint8_t *byte)
{
	if (d->p == d->end)
		return false;
	*byte = *d->p++;
	return true;
}

/* Read a little-endian number of 1, 2, 4 or 8 bytes and sign-extend it. */
static inline bool take_signed(struct decoder *d, unsigned int size, uint64_t *value)
{
	uint64_t v = 0;

	if ((size_t)(d->end - d->p) < size)
		return false;
	switch (size) {
	case 1:
		v = (uint64_t)(int8_t)*d->p;
		break;
	case 2:
		v = (uint64_t)(int16_t)(d->p[0] | d->p[1] << 8);
		break;
	case 4: {
		int32_t dword;

		memcpy(&dword, d->p, 4);
		v = (uint64_t)dword;
		break;
	}
	default:
		memcpy(&v, d->p, 8);
	}
	d->p += size;
	*value = v;
	return true;
}

static void legacy_prefix(struct decoder *d, uint8_t byte)
{
	d->rex = 0;
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* Without meaning in 64-bit mode: FS or GS named before stays. */
		if (d->mode != INSN_MODE_64)
			d->override = (byte >> 3) & 3;
		break;
	case 0x64:
	case 0x65:
		d->override = byte - 0x64 + INSN_SEG_FS;
		break;
	case 0x66:
		d->size66 = true;
		break;
	case 0x67:
		d->addr67 = true;
		break;
	case 0xf0:
		d->lock = true;
		break;
	default:
		d->repeat = byte;
	}
}

/* Which instruction of a row the 66, F3 and F2 prefixes pick. */
static unsigned int prefix_row(const struct decoder *d)
{
	if (d->repeat)
		return d->repeat == 0xf3 ? 2 : 3;
	return d->size66;
}

static enum insn_status escape(struct decoder *d, const struct insn_opcode **opcode)
{
	uint8_t byte;

	if (!take(d, &byte))
		return ran_out(d);
	if (byte != 0x38) {
		*opcode = &insn_map_0f[byte];
		return INSN_OK;
	}
	if (!take(d, &byte))
		return ran_out(d);
	*opcode = insn_map_0f38(byte, prefix_row(d));
	return INSN_OK;
}

/* VEX, two or three bytes (SDM volume 2, "The VEX Prefix"). */
static enum insn_status vex(struct decoder *d, uint8_t first, const struct insn_opcode **opcode)
{
	static const uint8_t repeat_of[4] = { 0, 0, 0xf3, 0xf2 };
	uint8_t b1, b2, byte;

	if (!take(d, &b1))
		return ran_out(d);
	if (d->mode != INSN_MODE_64 && b1 < 0xc0)
		return INSN_UNSUPPORTED;
	if (d->size66 || d->repeat || d->lock || d->rex)
		return invalid(d);
	b2 = b1;
	d->rex = ~b1 >> 5 & REX_R;
	if (first == 0xc4) {
		if (!take(d, &b2))
			return ran_out(d);
		d->rex = (~b1 >> 5 & (REX_R | REX_X | REX_B)) | (b2 & 0x80 ? REX_W : 0);
		if ((b1 & 0x1f) != 1)
			return INSN_UNSUPPORTED;
	}
	if (d->mode != INSN_MODE_64)
		d->rex = 0;
	d->vex = true;
	d->vex_l = b2 & 0x04;
	d->vex_v = (b2 & 0x78) != 0x78;
	d->size66 = (b2 & 3) == 1;
	d->repeat = repeat_of[b2 & 3];
	if (!take(d, &byte))
		return ran_out(d);
	*opcode = &insn_map_0f[byte];
	return INSN_OK;
}

/* Prefixes and opcode bytes, up to the ModRM byte. */
static inline enum insn_status opcode_bytes(struct decoder *d, const struct insn_opcode **opcode)
{
	uint8_t byte;

	for (;;) {
		if (!take(d, &byte))
			return ran_out(d);
		*opcode = &insn_map_one[byte];
		if (!((*opcode)->flags & T_PREFIX))
			return INSN_OK;
		if (byte == 0x0f)
			return escape(d, opcode);
		if ((byte & 0xfe) == 0xc4)
			return vex(d, byte, opcode);
		if ((byte & 0xf0) != 0x40)
			legacy_prefix(d, byte);
		else if (d->mode == INSN_MODE_64)
			d->rex = byte;
		else
			return INSN_UNSUPPORTED;
	}
}

/* Follow a row and then a group to the operation itself. */
static enum insn_status resolve(struct decoder *d, const struct insn_opcode **opcode)
{
	if (d->flags & T_PREFIXED) {
		*opcode = &insn_rows[(*opcode)->sub][prefix_row(d)];
		d->flags |= (*opcode)->flags;
	}
	if (d->flags & T_GROUP) {
		if (d->p == d->end)
			return ran_out(d);
		*opcode = &insn_groups[(*opcode)->sub][*d->p >> 3 & 7];
		d->flags |= (*opcode)->flags;
	}
	if ((d->flags & T_NEED66) && (prefix_row(d) != 1))
		return INSN_UNSUPPORTED;
	if ((d->flags & T_ONLY64) && d->mode != INSN_MODE_64)
		return INSN_UNSUPPORTED;
	if ((d->flags & T_NO64) && d->mode == INSN_MODE_64)
		return invalid(d);
	return INSN_OK;
}

/* The memory size of a vector instruction is its operand size. */
static enum insn_status vector_size(struct decoder *d)
{
	unsigned int log2 = d->flags >> T_V_SHIFT;

	if (d->vex && (d->vex_v || (d->vex_l && log2 != T_V16 >> T_V_SHIFT)))
		return d->vex_v ? INSN_UNSUPPORTED : invalid(d);
	if (log2)
		d->insn->size = 1u << log2 << d->vex_l;
	else
		d->insn->size = d->rex & REX_W ? 8 : 4;
	d->insn->mem_size = d->insn->size;
	return INSN_OK;
}

static inline enum insn_status operand_size(struct decoder *d)
{
	/* By mode, then by the presence of the 66 prefix. */
	static const uint8_t sizes[3][2] = { { 2, 4 }, { 4, 2 }, { 4, 2 } };
	struct insn *insn = d->insn;

	if (d->flags & T_VECTOR)
		return vector_size(d);
	if (d->vex)
		return INSN_UNSUPPORTED;
	if (d->flags & T_BYTE)
		insn->size = 1;
	else if ((d->rex & REX_W) && !(d->flags & T_MAX32))
		insn->size = 8;
	else
		insn->size = sizes[d->mode][d->size66];
	if ((d->flags & T_STACK64) && d->mode == INSN_MODE_64 && insn->size == 4)
		insn->size = 8;
	if (d->flags & T_MEM8)
		insn->mem_size = 1;
	else if (d->flags & T_MEM16)
		insn->mem_size = 2;
	else if ((d->flags & T_MEM32) && insn->size == 8)
		insn->mem_size = 4;
	else
		insn->mem_size = insn->size;
	return INSN_OK;
}

/* SPL, BPL, SIL and DIL need a REX prefix; without one it is AH, CH, DH, BH. */
static inline uint8_t byte_register(const struct decoder *d, unsigned int number)
{
	return !d->rex && number >= 4 ? number + 12 : number;
}

static inline bool displacement(struct decoder *d, unsigned int mod, unsigned int full)
{
	if (mod == 0)
		return true;
	return take_signed(d, mod == 1 ? 1 : full, &d->insn->disp);
}

/* 16-bit addressing: SDM volume 2, table of "16-Bit Addressing Forms". */
static enum insn_status address16(struct decoder *d, unsigned int mod, unsigned int rm)
{
	static const uint8_t base[8] = {
		INSN_RBX, INSN_RBX, INSN_RBP, INSN_RBP, INSN_RSI, INSN_RDI, INSN_RBP, INSN_RBX,
	};
	static const uint8_t index[8] = {
		INSN_RSI, INSN_RDI, INSN_RSI, INSN_RDI,
		INSN_BASE_NONE, INSN_BASE_NONE, INSN_BASE_NONE, INSN_BASE_NONE,
	};
	struct insn *insn = d->insn;

	if (mod == 0 && rm == 6) {
		mod = 2;
	} else {
		insn->base = base[rm];
		insn->index = index[rm];
		insn->seg = insn->base == INSN_RBP ? INSN_SEG_SS : INSN_SEG_DS;
	}
	return displacement(d, mod, 2) ? INSN_OK : ran_out(d);
}

/* Read the SIB byte; true in @absolute when a bare displacement follows. */
static inline bool take_sib(struct decoder *d, unsigned int mod, bool *absolute)
{
	struct insn *insn = d->insn;
	uint8_t sib, index;

	if (!take(d, &sib))
		return false;
	index = (sib >> 3 & 7) | (d->rex & REX_X) << 2;
	if (index != 4) {
		insn->index = index;
		insn->scale = sib >> 6;
	}
	*absolute = mod == 0 && (sib & 7) == 5;
	if (!*absolute)
		insn->base = (sib & 7) | (d->rex & REX_B) << 3;
	return true;
}

static inline enum insn_status address32(struct decoder *d, unsigned int mod, unsigned int rm)
{
	struct insn *insn = d->insn;
	bool absolute = false;

	if (rm == 4) {
		if (!take_sib(d, mod, &absolute))
			return ran_out(d);
	} else if (rm == 5 && mod == 0) {
		absolute = true;
		if (d->mode == INSN_MODE_64)
			insn->base = INSN_BASE_RIP;
	} else {
		insn->base = rm | (d->rex & REX_B) << 3;
	}
	if (insn->base == INSN_RSP || insn->base == INSN_RBP)
		insn->seg = INSN_SEG_SS;
	return displacement(d, absolute ? 2 : mod, 4) ? INSN_OK : ran_out(d);
}

static inline enum insn_status modrm(struct decoder *d)
{
	struct insn *insn = d->insn;
	unsigned int mod, reg, rm;
	uint8_t byte;

	if (!take(d, &byte))
		return ran_out(d);
	mod = byte >> 6;
	rm = byte & 7;
	reg = (byte >> 3 & 7) | (d->rex & REX_R) << 1;
	insn->reg = d->flags & T_BYTE ? byte_register(d, reg) : reg;
	if (mod == 3) {
		if (d->flags & T_MEM_ONLY)
			return d->flags & T_VECTOR ? INSN_UNSUPPORTED : invalid(d);
		rm |= (d->rex & REX_B) << 3;
		insn->rm = d->flags & (T_BYTE | T_MEM8) ? byte_register(d, rm) : rm;
		return INSN_OK;
	}
	insn->flags |= INSN_F_MEM;
	if (insn->addr_size == 2)
		return address16(d, mod, rm);
	return address32(d, mod, rm);
}

static inline enum insn_status immediate(struct decoder *d)
{
	struct insn *insn = d->insn;
	unsigned int size = 1;

	if (d->flags & T_MOFFS) {
		insn->flags |= INSN_F_MEM;
		if (!take_signed(d, insn->addr_size, &insn->disp))
			return ran_out(d);
		return INSN_OK;
	}
	if (d->flags & T_CL)
		insn->flags |= INSN_F_CL;
	if (d->flags & T_ONE) {
		insn->flags |= INSN_F_IMM;
		insn->imm = 1;
	}
	if (!(d->flags & (T_IMM8 | T_IMMZ)))
		return INSN_OK;
	if (!(d->flags & T_IMM8))
		size = insn->size == 8 ? 4 : insn->size;
	insn->flags |= INSN_F_IMM;
	return take_signed(d, size, &insn->imm) ? INSN_OK : ran_out(d);
}

/* What prefixes mean once the operation and its operands are known. */
static inline enum insn_status apply_prefixes(struct decoder *d)
{
	struct insn *insn = d->insn;

	if (d->lock) {
		if (!(d->flags & T_LOCK) || !(insn->flags & INSN_F_MEM))
			return invalid(d);
		insn->flags |= INSN_F_LOCK;
	}
	/* In 64-bit mode only FS and GS mean anything. */
	if (d->override != NO_OVERRIDE &&
	    (d->mode != INSN_MODE_64 || d->override >= INSN_SEG_FS))
		insn->seg = d->override;
	if (d->flags & T_TO_REG)
		insn->flags |= INSN_F_TO_REG;
	if (d->flags & T_ALIGNED)
		insn->flags |= INSN_F_ALIGNED;
	if (d->vex)
		insn->flags |= INSN_F_VEX;
	if ((d->flags & T_STRING) && d->repeat)
		insn->flags |= d->repeat == 0xf3 ? INSN_F_REP : INSN_F_REPNE;
	insn->length = d->p - d->start;
	return INSN_OK;
}

static inline void operands_init(struct decoder *d, const struct insn_opcode *opcode)
{
	static const uint8_t addr_sizes[3][2] = { { 2, 4 }, { 4, 2 }, { 8, 4 } };
	struct insn *insn = d->insn;

	insn->op = opcode->op;
	insn->sub = opcode->sub;
	insn->mode = d->mode;
	insn->addr_size = addr_sizes[d->mode][d->addr67];
	insn->seg = INSN_SEG_DS;
	insn->reg = INSN_RAX;
	insn->rm = INSN_RAX;
	insn->base = INSN_BASE_NONE;
	insn->index = INSN_BASE_NONE;
	insn->scale = 0;
	insn->flags = 0;
	insn->disp = 0;
	insn->imm = 0;
}

/* The long way: any mode, any prefix, any number of bytes. */
static enum insn_status
decode_any(const uint8_t *bytes, size_t n, enum insn_mode mode, struct insn *insn,
	   struct insn_exception *exception)
{
	struct decoder d = {
		.p = bytes, .start = bytes,
		.end = bytes + (n < INSN_MAX_LENGTH ? n : INSN_MAX_LENGTH),
		.insn = insn, .exception = exception, .mode = mode, .override = NO_OVERRIDE,
	};
	const struct insn_opcode *opcode;
	enum insn_status status;

	status = opcode_bytes(&d, &opcode);
	if (status)
		return status;
	d.flags = opcode->flags;
	if (d.flags & (T_PREFIXED | T_GROUP | T_ONLY64 | T_NO64)) {
		status = resolve(&d, &opcode);
		if (status)
			return status;
	}
	if (opcode->op == OP_UNSUPPORTED)
		return INSN_UNSUPPORTED;
	operands_init(&d, opcode);
	status = operand_size(&d);
	if (status)
		return status;
	if (d.flags & T_MODRM) {
		status = modrm(&d);
		if (status)
			return status;
	}
	if (d.flags & (T_IMM8 | T_IMMZ | T_MOFFS | T_CL | T_ONE)) {
		status = immediate(&d);
		if (status)
			return status;
	}
	return apply_prefixes(&d);
}

enum insn_status insn_decode(const uint8_t *bytes, size_t n, enum insn_mode mode,
			     struct insn *insn, struct insn_exception *exception)
{
	if (mode == INSN_MODE_64 && n >= INSN_MAX_LENGTH &&
	    insn_decode_plain(bytes, insn))
		return INSN_OK;
	return decode_any(bytes, n, mode, insn, exception);
}
