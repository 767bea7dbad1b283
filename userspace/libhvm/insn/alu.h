/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic with the processor's flags: values in, value and RFLAGS out. It
 * knows nothing of operands, memory or instructions. Flags the manuals leave
 * undefined are given what Intel processors give where that is known and are
 * otherwise left alone (SDM volume 1, "EFLAGS Cross-Reference").
 */
#ifndef LIBHVM_INSN_ALU_H
#define LIBHVM_INSN_ALU_H

#include <stdbool.h>
#include <stdint.h>

#define FLAG_CF		0x0001u
#define FLAG_PF		0x0004u
#define FLAG_AF		0x0010u
#define FLAG_ZF		0x0040u
#define FLAG_SF		0x0080u
#define FLAG_DF		0x0400u
#define FLAG_OF		0x0800u
#define FLAG_IOPL	0x3000u
#define FLAG_VM		0x20000u
#define FLAGS_ARITH	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* All ones over @size bytes (1 to 8). */
static inline uint64_t size_mask(unsigned int size)
{
	return ~0ull >> (64 - 8 * size);
}

static inline uint64_t sign_extend(uint64_t value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

/**
 * alu_binary() - ADD, OR, ADC, SBB, AND, SUB, XOR, CMP
 * @op: enum insn_alu_op
 * @size: operand size in bytes: 1, 2, 4, 8
 * @a: first operand, the destination
 * @b: second operand
 * @flags: RFLAGS, read for the carry and updated
 *
 * Return: the result, truncated to @size; for CMP the difference.
 */
uint64_t alu_binary(unsigned int op, unsigned int size, uint64_t a, uint64_t b, uint64_t *flags);

/**
 * alu_unary() - NOT, NEG, INC, DEC
 * @op: enum insn_unary_op
 * @size: operand size in bytes
 * @a: operand
 * @flags: RFLAGS
 */
uint64_t alu_unary(unsigned int op, unsigned int size, uint64_t a, uint64_t *flags);

/**
 * alu_shift() - shifts and rotates
 * @op: enum insn_shift_op
 * @size: operand size in bytes
 * @a: operand
 * @count: as given; masked here as the processor does
 * @flags: RFLAGS
 */
uint64_t alu_shift(unsigned int op, unsigned int size, uint64_t a, unsigned int count,
		   uint64_t *flags);

/**
 * alu_shift_double() - SHLD, SHRD
 * @op: enum insn_double_op
 * @size: 2, 4 or 8
 * @a: the operand that is shifted
 * @fill: where the bits shifted in come from
 * @count: as given. A 16-bit operand shifted by more than 16 has no defined
 *	result; here it is the operand unchanged
 * @flags: RFLAGS
 */
uint64_t alu_shift_double(unsigned int op, unsigned int size, uint64_t a, uint64_t fill,
			  unsigned int count, uint64_t *flags);

/**
 * alu_scan() - BSF, BSR, TZCNT, LZCNT, POPCNT
 * @op: enum insn_scan_op
 * @size: 2, 4 or 8
 * @a: operand
 * @flags: RFLAGS
 * @result: the count; not touched when BSF or BSR finds no bit
 *
 * Return: false when the destination keeps its value.
 */
bool alu_scan(unsigned int op, unsigned int size, uint64_t a, uint64_t *flags, uint64_t *result);

/**
 * alu_multiply() - the double-width product
 * @is_signed: IMUL rather than MUL
 * @size: operand size in bytes
 * @a: one factor
 * @b: the other
 * @low: lower half of the product
 * @high: upper half
 * @flags: RFLAGS: CF and OF say that the upper half matters
 */
void alu_multiply(bool is_signed, unsigned int size, uint64_t a, uint64_t b, uint64_t *low,
		  uint64_t *high, uint64_t *flags);

/**
 * alu_divide() - divide a double-width number
 * @is_signed: IDIV rather than DIV
 * @size: divisor size in bytes
 * @low: lower half of the dividend; replaced by the quotient
 * @high: upper half; replaced by the remainder
 * @divisor: divisor
 *
 * Return: false for a divide error (#DE); then nothing is changed.
 */
bool alu_divide(bool is_signed, unsigned int size, uint64_t *low, uint64_t *high,
		uint64_t divisor);

/**
 * alu_condition() - is a condition of Jcc, SETcc, CMOVcc true
 * @condition: low nibble of the opcode
 * @flags: RFLAGS
 */
bool alu_condition(unsigned int condition, uint64_t flags);

#endif
