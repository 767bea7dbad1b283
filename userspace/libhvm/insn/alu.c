// SPDX-License-Identifier: MIT
/*
 * Arithmetic with flags: see alu.h. Everything here is a function of its
 * arguments. The differential unit test runs the same operations on the real
 * processor and compares.
 */
#include "alu.h"
#include "table.h"

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 s128;

static inline uint64_t msb(unsigned int size)
{
	return 1ull << (8 * size - 1);
}

static inline uint64_t flag_if(bool condition, uint64_t flag)
{
	return condition ? flag : 0;
}

/* PF, ZF and SF of a result that is already truncated to @size. */
static inline uint64_t result_flags(unsigned int size, uint64_t result)
{
	return flag_if(!__builtin_parity((uint8_t)result), FLAG_PF) |
	       flag_if(!result, FLAG_ZF) | flag_if(result & msb(size), FLAG_SF);
}

static inline void set_flags(uint64_t *flags, uint64_t mask, uint64_t value)
{
	*flags = (*flags & ~mask) | value;
}

static uint64_t add(unsigned int size, uint64_t a, uint64_t b, bool carry, uint64_t *flags)
{
	uint64_t sum = (a + b + carry) & size_mask(size);
	uint64_t carries = (a & b) | ((a | b) & ~sum);

	set_flags(flags, FLAGS_ARITH,
		  result_flags(size, sum) | flag_if(carries & msb(size), FLAG_CF) |
		  flag_if((a ^ sum) & (b ^ sum) & msb(size), FLAG_OF) |
		  ((a ^ b ^ sum) & FLAG_AF));
	return sum;
}

static uint64_t subtract(unsigned int size, uint64_t a, uint64_t b, bool borrow, uint64_t *flags)
{
	uint64_t difference = (a - b - borrow) & size_mask(size);
	uint64_t borrows = (~a & b) | ((~a | b) & difference);

	set_flags(flags, FLAGS_ARITH,
		  result_flags(size, difference) | flag_if(borrows & msb(size), FLAG_CF) |
		  flag_if((a ^ b) & (a ^ difference) & msb(size), FLAG_OF) |
		  ((a ^ b ^ difference) & FLAG_AF));
	return difference;
}

static uint64_t logic(unsigned int size, uint64_t result, uint64_t *flags)
{
	set_flags(flags, FLAGS_ARITH, result_flags(size, result));
	return result;
}

uint64_t alu_binary(unsigned int op, unsigned int size, uint64_t a, uint64_t b, uint64_t *flags)
{
	bool carry = *flags & FLAG_CF;

	a &= size_mask(size);
	b &= size_mask(size);
	switch (op) {
	case ALU_ADD:
		return add(size, a, b, false, flags);
	case ALU_ADC:
		return add(size, a, b, carry, flags);
	case ALU_SBB:
		return subtract(size, a, b, carry, flags);
	case ALU_OR:
		return logic(size, a | b, flags);
	case ALU_AND:
		return logic(size, a & b, flags);
	case ALU_XOR:
		return logic(size, a ^ b, flags);
	default:
		return subtract(size, a, b, false, flags);
	}
}

uint64_t alu_unary(unsigned int op, unsigned int size, uint64_t a, uint64_t *flags)
{
	uint64_t carry = *flags & FLAG_CF;
	uint64_t result;

	a &= size_mask(size);
	switch (op) {
	case UNARY_NOT:
		return ~a & size_mask(size);
	case UNARY_NEG:
		return subtract(size, 0, a, false, flags);
	case UNARY_INC:
		result = add(size, a, 1, false, flags);
		break;
	default:
		result = subtract(size, a, 1, false, flags);
	}
	/* INC and DEC leave the carry alone. */
	set_flags(flags, FLAG_CF, carry);
	return result;
}

static inline uint64_t rotate_left(uint64_t a, unsigned int bits, unsigned int count)
{
	uint64_t mask = size_mask(bits / 8);

	if (!count)
		return a;
	return ((a << count) | (a >> (bits - count))) & mask;
}

static uint64_t rotate(unsigned int op, unsigned int size, uint64_t a, unsigned int count,
		       uint64_t *flags)
{
	unsigned int bits = 8 * size, n = count % bits;
	uint64_t carry, overflow;

	if (op == SHIFT_ROL) {
		a = rotate_left(a, bits, n);
		carry = a & 1;
		overflow = (a >> (bits - 1) & 1) ^ carry;
	} else {
		a = rotate_left(a, bits, (bits - n) % bits);
		carry = a >> (bits - 1) & 1;
		overflow = carry ^ (a >> (bits - 2) & 1);
	}
	set_flags(flags, FLAG_CF | FLAG_OF, carry | flag_if(overflow, FLAG_OF));
	return a;
}

/* Rotate through the carry, one bit at a time: at most 63 rounds. */
static uint64_t rotate_carry(unsigned int op, unsigned int size, uint64_t a, unsigned int count,
			     uint64_t *flags)
{
	uint64_t carry = *flags & FLAG_CF, out, overflow;
	unsigned int bits = 8 * size;

	count %= bits + 1;
	if (!count)
		return a;
	while (count--) {
		if (op == SHIFT_RCL) {
			out = a >> (bits - 1) & 1;
			a = (a << 1 | carry) & size_mask(size);
		} else {
			out = a & 1;
			a = a >> 1 | carry << (bits - 1);
		}
		carry = out;
	}
	overflow = a >> (bits - 1) & 1;
	overflow ^= op == SHIFT_RCL ? carry : a >> (bits - 2) & 1;
	set_flags(flags, FLAG_CF | FLAG_OF, carry | flag_if(overflow, FLAG_OF));
	return a;
}

static uint64_t shift_left(unsigned int size, uint64_t a, unsigned int count, uint64_t *flags)
{
	unsigned int bits = 8 * size;
	uint64_t carry = count <= bits ? a >> (bits - count) & 1 : 0;
	uint64_t result = (a << count) & size_mask(size);
	uint64_t overflow = (result >> (bits - 1) & 1) ^ carry;

	set_flags(flags, FLAGS_ARITH & ~FLAG_AF,
		  result_flags(size, result) | carry | flag_if(overflow, FLAG_OF));
	return result;
}

static uint64_t shift_right(unsigned int op, unsigned int size, uint64_t a, unsigned int count,
			    uint64_t *flags)
{
	bool overflow = op == SHIFT_SHR && (a & msb(size));
	uint64_t wide = op == SHIFT_SAR ? sign_extend(a, size) : a;
	uint64_t before, result;

	before = (uint64_t)((int64_t)wide >> (count - 1));
	if (op == SHIFT_SHR)
		before = wide >> (count - 1);
	result = op == SHIFT_SAR ? (uint64_t)((int64_t)wide >> count) : wide >> count;
	result &= size_mask(size);
	set_flags(flags, FLAGS_ARITH & ~FLAG_AF,
		  result_flags(size, result) | (before & 1) | flag_if(overflow, FLAG_OF));
	return result;
}

uint64_t alu_shift(unsigned int op, unsigned int size, uint64_t a, unsigned int count,
		   uint64_t *flags)
{
	count &= size == 8 ? 63 : 31;
	a &= size_mask(size);
	if (!count)
		return a;
	switch (op) {
	case SHIFT_ROL:
	case SHIFT_ROR:
		return rotate(op, size, a, count, flags);
	case SHIFT_RCL:
	case SHIFT_RCR:
		return rotate_carry(op, size, a, count, flags);
	case SHIFT_SHR:
	case SHIFT_SAR:
		return shift_right(op, size, a, count, flags);
	default:
		return shift_left(size, a, count, flags);
	}
}

uint64_t alu_shift_double(unsigned int op, unsigned int size, uint64_t a, uint64_t fill,
			  unsigned int count, uint64_t *flags)
{
	unsigned int bits = 8 * size;
	uint64_t result, carry;

	count &= size == 8 ? 63 : 31;
	a &= size_mask(size);
	fill &= size_mask(size);
	if (!count || count > bits)
		return a;
	if (op == DOUBLE_LEFT) {
		carry = a >> (bits - count) & 1;
		result = (count < 64 ? a << count : 0) | fill >> (bits - count);
	} else {
		carry = a >> (count - 1) & 1;
		result = a >> count | fill << (bits - count);
	}
	result &= size_mask(size);
	set_flags(flags, FLAGS_ARITH & ~FLAG_AF,
		  result_flags(size, result) | carry |
		  flag_if((result ^ a) & msb(size), FLAG_OF));
	return result;
}

bool alu_scan(unsigned int op, unsigned int size, uint64_t a, uint64_t *flags, uint64_t *result)
{
	unsigned int bits = 8 * size;

	a &= size_mask(size);
	switch (op) {
	case SCAN_BSF:
	case SCAN_BSR:
		set_flags(flags, FLAG_ZF, flag_if(!a, FLAG_ZF));
		if (a)
			*result = op == SCAN_BSF ? __builtin_ctzll(a) : 63 - __builtin_clzll(a);
		return a;
	case SCAN_TZCNT:
		*result = a ? (unsigned int)__builtin_ctzll(a) : bits;
		set_flags(flags, FLAG_CF | FLAG_ZF,
			  flag_if(!a, FLAG_CF) | flag_if(!*result, FLAG_ZF));
		return true;
	case SCAN_LZCNT:
		*result = a ? __builtin_clzll(a) - (64 - bits) : bits;
		set_flags(flags, FLAG_CF | FLAG_ZF,
			  flag_if(!a, FLAG_CF) | flag_if(!*result, FLAG_ZF));
		return true;
	default:
		*result = __builtin_popcountll(a);
		set_flags(flags, FLAGS_ARITH, flag_if(!a, FLAG_ZF));
		return true;
	}
}

void alu_multiply(bool is_signed, unsigned int size, uint64_t a, uint64_t b, uint64_t *low,
		  uint64_t *high, uint64_t *flags)
{
	unsigned int bits = 8 * size;
	bool overflow;
	u128 product;

	if (is_signed)
		product = (u128)((s128)(int64_t)sign_extend(a, size) *
				 (int64_t)sign_extend(b, size));
	else
		product = (u128)(a & size_mask(size)) * (b & size_mask(size));
	*low = (uint64_t)product & size_mask(size);
	*high = (uint64_t)(product >> bits) & size_mask(size);
	overflow = is_signed ? *high != (*low & msb(size) ? size_mask(size) : 0) : *high != 0;
	set_flags(flags, FLAG_CF | FLAG_OF, flag_if(overflow, FLAG_CF | FLAG_OF));
}

static bool divide_unsigned(unsigned int size, u128 dividend, uint64_t divisor, uint64_t *low,
			    uint64_t *high)
{
	if (!divisor || dividend / divisor > size_mask(size))
		return false;
	*low = (uint64_t)(dividend / divisor);
	*high = (uint64_t)(dividend % divisor);
	return true;
}

/* Divide the magnitudes and restore the signs: no overflow is undefined then. */
static bool divide_signed(unsigned int size, u128 dividend, uint64_t divisor, uint64_t *low,
			  uint64_t *high)
{
	bool negative = dividend >> (16 * size - 1) & 1;
	bool opposite = negative != !!(divisor & msb(size));
	uint64_t magnitude, limit;
	u128 quotient, remainder;

	if (negative)
		dividend = -dividend & (size == 8 ? ~(u128)0 : (((u128)1 << 16 * size) - 1));
	magnitude = divisor & msb(size) ? -divisor & size_mask(size) : divisor;
	limit = opposite ? msb(size) : msb(size) - 1;
	if (!magnitude || dividend / magnitude > limit)
		return false;
	quotient = dividend / magnitude;
	remainder = dividend % magnitude;
	*low = (uint64_t)(opposite ? -quotient : quotient) & size_mask(size);
	*high = (uint64_t)(negative ? -remainder : remainder) & size_mask(size);
	return true;
}

bool alu_divide(bool is_signed, unsigned int size, uint64_t *low, uint64_t *high, uint64_t divisor)
{
	uint64_t mask = size_mask(size);
	u128 dividend = (u128)(*high & mask) << 8 * size | (*low & mask);

	divisor &= mask;
	if (is_signed)
		return divide_signed(size, dividend, divisor, low, high);
	return divide_unsigned(size, dividend, divisor, low, high);
}

bool alu_condition(unsigned int condition, uint64_t flags)
{
	bool less = !(flags & FLAG_SF) != !(flags & FLAG_OF);
	bool result;

	switch (condition >> 1) {
	case 0:
		result = flags & FLAG_OF;
		break;
	case 1:
		result = flags & FLAG_CF;
		break;
	case 2:
		result = flags & FLAG_ZF;
		break;
	case 3:
		result = flags & (FLAG_CF | FLAG_ZF);
		break;
	case 4:
		result = flags & FLAG_SF;
		break;
	case 5:
		result = flags & FLAG_PF;
		break;
	case 6:
		result = less;
		break;
	default:
		result = less || (flags & FLAG_ZF);
	}
	return result != (condition & 1);
}
