/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A processor's state as a debugger wants it: gdb's registers, addresses through the guest's own
 * tables. The processor does not run meanwhile.
 */
#ifndef VMM_GDBSTATE_H
#define VMM_GDBSTATE_H

#include "gdb/registers.h"
#include "libhvm.h"
#include "vmm/memory.h"

/**
 * gdbstate_get() - read the registers
 * @vcpu: the processor
 * @xsave: room for its xsave block, or NULL
 * @bytes: of that
 * @r: filled in
 *
 * Return: 0 or a negative errno.
 */
int gdbstate_get(const struct hvm_vcpu *vcpu, uint8_t *xsave, uint32_t bytes,
		 struct gdb_registers *r);

/**
 * gdbstate_set() - write them; segment and control registers are left as they are
 * @vcpu: the processor
 * @xsave: as for gdbstate_get()
 * @bytes: likewise
 * @r: the registers
 */
int gdbstate_set(const struct hvm_vcpu *vcpu, uint8_t *xsave, uint32_t bytes,
		 const struct gdb_registers *r);

/**
 * gdbstate_translate() - from an address the guest's kernel sees to a guest physical one
 * @vcpu: the processor whose tables count
 * @memory: guest RAM
 * @phys_bits: width of guest physical addresses
 * @gva: linear address
 * @gpa: the answer
 *
 * Rights do not matter: a debugger reads and writes whatever is mapped.
 *
 * Return: 0, or -EFAULT: not mapped.
 */
int gdbstate_translate(const struct hvm_vcpu *vcpu, struct memory *memory, uint8_t phys_bits,
		       uint64_t gva, uint64_t *gpa);

/**
 * gdbstate_code() - the first byte of the next instruction, behind an operand size prefix
 * @vcpu: the processor
 * @memory: guest RAM
 * @phys_bits: width of guest physical addresses
 * @opcode: filled in
 *
 * Return: 0 or -EFAULT.
 */
int gdbstate_code(const struct hvm_vcpu *vcpu, struct memory *memory, uint8_t phys_bits,
		  uint8_t *opcode);

#endif
