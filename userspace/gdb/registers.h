/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a 64-bit x86 processor as gdb numbers and packs them, and the description it
 * reads that from (gdb's manual, "Target Descriptions" and "i386 Features"). Pure.
 */
#ifndef GDB_REGISTERS_H
#define GDB_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_CONTROLS	6

/**
 * struct gdb_registers - all of them, in gdb's order, as they go over the wire
 * @gpr: RAX RBX RCX RDX RSI RDI RBP RSP R8 to R15
 * @rip: instruction pointer
 * @rflags: flags
 * @seg: selectors: CS SS DS ES FS GS; written in vain
 * @st: x87 stack
 * @fp: FCTRL FSTAT FTAG FISEG FIOFF FOSEG FOOFF FOP
 * @xmm: lower halves of the vector registers
 * @mxcsr: their control
 * @base: FS and GS
 * @ymmh: upper halves
 * @control: CR0 CR2 CR3 CR4 CR8 EFER; written in vain
 */
struct gdb_registers {
	uint64_t gpr[16];
	uint64_t rip;
	uint32_t rflags;
	uint32_t seg[6];
	uint8_t st[8][10];
	uint32_t fp[8];
	uint8_t xmm[16][16];
	uint32_t mxcsr;
	uint64_t base[2];
	uint8_t ymmh[16][16];
	uint64_t control[GDB_CONTROLS];
} __attribute__((packed));

/**
 * gdb_register() - where a register lies
 * @number: gdb's number
 * @offset: in struct gdb_registers
 * @bytes: its size
 *
 * Return: whether there is such a register.
 */
bool gdb_register(unsigned int number, size_t *offset, size_t *bytes);

/**
 * gdb_description() - the target description, XML
 * @text: where it goes
 * @size: room there
 *
 * Return: its length, less than @size; 0: it does not fit.
 */
size_t gdb_description(char *text, size_t size);

#endif
