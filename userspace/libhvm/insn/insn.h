/* SPDX-License-Identifier: MIT */
/*
 * The x86 decoder and executor: takes the instruction that made a virtual
 * processor leave its guest (an access to a device's memory, to the local APIC
 * page, a string port access) and carries it out on the registers and through
 * the callbacks it is given. It is pure: no file, no thread, no allocation, no
 * state of its own. It executes data movement and arithmetic only; control
 * transfers, segment loads, x87 and system instructions are answered with
 * INSN_UNSUPPORTED. It does not walk page tables: the callbacks take guest
 * linear addresses, and walk.h translates those.
 *
 * Manuals: SDM volume 2 (instruction format and reference), APM volume 3.
 */
#ifndef LIBHVM_INSN_H
#define LIBHVM_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/hvm.h>

/* The longest instruction the architecture allows. */
#define INSN_MAX_LENGTH		15
/* Iterations of a repeated string instruction that one call executes. */
#define INSN_MAX_REPEAT		4096
/* The largest single memory access a callback is asked for, in bytes. */
#define INSN_MAX_ACCESS		32

/**
 * enum insn_mode - how instruction bytes are read
 * @INSN_MODE_16: 16-bit operands and addresses by default
 * @INSN_MODE_32: 32-bit operands and addresses by default
 * @INSN_MODE_64: 64-bit mode
 */
enum insn_mode {
	INSN_MODE_16,
	INSN_MODE_32,
	INSN_MODE_64,
};

/**
 * enum insn_status - the outcome of decoding or executing
 * @INSN_OK: done; execution goes on at RIP plus the instruction's length
 * @INSN_AGAIN: a repeated string instruction did part of its work; registers
 *	are up to date and RIP stays: run the same instruction again
 * @INSN_EXCEPTION: raise &insn_cpu.exception; RIP stays
 * @INSN_SHORT: more bytes are needed to decode (decoder only)
 * @INSN_UNSUPPORTED: not an instruction this executor knows; nothing changed
 * @INSN_STOP: a callback cannot answer now; the instruction did not happen
 *	(iterations of a string instruction before this one did)
 */
enum insn_status {
	INSN_OK,
	INSN_AGAIN,
	INSN_EXCEPTION,
	INSN_SHORT,
	INSN_UNSUPPORTED,
	INSN_STOP,
};

/* Exception vectors the executor raises. */
enum insn_vector {
	INSN_DE = 0,
	INSN_UD = 6,
	INSN_NM = 7,
	INSN_SS = 12,
	INSN_GP = 13,
	INSN_PF = 14,
};

/**
 * enum insn_access - why memory is touched
 * @INSN_READ: a load
 * @INSN_WRITE: a store
 * @INSN_MODIFY: a load that a store to the same bytes follows: faults as a
 *	store does
 * @INSN_FETCH: instruction bytes
 */
enum insn_access {
	INSN_READ,
	INSN_WRITE,
	INSN_MODIFY,
	INSN_FETCH,
};

/* Index of a segment register, in the order of instruction encodings. */
enum insn_seg_index {
	INSN_SEG_ES,
	INSN_SEG_CS,
	INSN_SEG_SS,
	INSN_SEG_DS,
	INSN_SEG_FS,
	INSN_SEG_GS,
	INSN_SEG_COUNT,
};

/* Index of a general register, in the order of instruction encodings. */
enum insn_gpr_index {
	INSN_RAX,
	INSN_RCX,
	INSN_RDX,
	INSN_RBX,
	INSN_RSP,
	INSN_RBP,
	INSN_RSI,
	INSN_RDI,
	INSN_GPR_COUNT = 16,
};

/**
 * struct insn_exception - an exception to inject
 * @vector: enum insn_vector
 * @has_error: whether the vector pushes an error code in the current mode
 * @error: the error code
 * @cr2: for #PF, the linear address that CR2 is to hold
 */
struct insn_exception {
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint64_t cr2;
};

struct insn_cpu;

/**
 * struct insn_ops - what the instruction reaches outside its registers
 * @read: load @size bytes (at most INSN_MAX_ACCESS) at linear address @gva
 * @write: store likewise
 * @probe: check that a store to the bytes would not fault, without touching
 *	them; called before a port whose value goes to memory is read. Optional.
 * @io_in: read a port; @size is 1, 2 or 4, the value zero-extended
 * @io_out: write a port
 *
 * Every callback returns INSN_OK; INSN_EXCEPTION after filling
 * &insn_cpu.exception (insn_page_fault() helps); INSN_STOP; or
 * INSN_UNSUPPORTED. Each memory operand is one call of the operand's exact
 * size, a read-modify-write one @read with INSN_MODIFY and one @write. An
 * access may cross a page: translate both pages before touching either, so that
 * a fault leaves nothing half done. @io_in and @io_out may be NULL where no
 * port instruction can arrive. A locked instruction makes the same calls: it is
 * atomic to other virtual processors only as far as the callbacks are.
 */
struct insn_ops {
	enum insn_status (*read)(struct insn_cpu *cpu, uint64_t gva, void *buf,
				 unsigned int size, enum insn_access access);
	enum insn_status (*write)(struct insn_cpu *cpu, uint64_t gva, const void *buf,
				  unsigned int size);
	enum insn_status (*probe)(struct insn_cpu *cpu, uint64_t gva, unsigned int size);
	enum insn_status (*io_in)(struct insn_cpu *cpu, uint16_t port, unsigned int size,
				  uint32_t *value);
	enum insn_status (*io_out)(struct insn_cpu *cpu, uint16_t port, unsigned int size,
				   uint32_t value);
};

/**
 * struct insn_cpu - the processor state an instruction works on
 * @ops: where memory and ports are; the caller embeds this struct and finds
 *	itself with container_of()
 * @gpr: sixteen general registers in encoding order, &hvm_run.gpr for one;
 *	changed by execution
 * @seg: six segment registers in encoding order, &hvm_run.seg; only read. 64-bit code needs the
 *	attributes of CS and the bases of FS and GS only
 * @xmm: sixteen 16-byte registers (as in an XSAVE image), or NULL: then
 *	instructions with vector registers are unsupported
 * @ymm_high: upper halves of the sixteen YMM registers, or NULL: then VEX
 *	encodings are unsupported
 * @rip: address of the instruction; never changed
 * @rflags: changed by execution
 * @cr0: PE selects the mode, TS and EM guard vector registers
 * @cr4: LA57 sets the canonical width, OSFXSR and OSXSAVE guard vectors
 * @efer: LMA selects the mode
 * @cpl: current privilege level, 0 to 3
 * @no_selectors: @seg has none: storing one is INSN_UNSUPPORTED
 * @io_checked: hardware has allowed @io_size bytes at @io_port to this
 *	instruction; otherwise a port access with CPL above IOPL is #GP, because
 *	the permission bitmap is not read here. Bytes fetched after the exit may
 *	differ from those the hardware saw, so the port is named.
 * @io_size: see @io_checked
 * @io_port: see @io_checked
 * @exception: filled when INSN_EXCEPTION is returned
 */
struct insn_cpu {
	const struct insn_ops *ops;
	uint64_t *gpr;
	const struct hvm_segment *seg;
	uint8_t (*xmm)[16];
	uint8_t (*ymm_high)[16];
	uint64_t rip;
	uint64_t rflags;
	uint64_t cr0;
	uint64_t cr4;
	uint64_t efer;
	uint8_t cpl;
	bool no_selectors;
	bool io_checked;
	uint8_t io_size;
	uint16_t io_port;
	struct insn_exception exception;
};

/* Bits of &insn.flags. */
#define INSN_F_MEM		0x0001u	/* the r/m operand is in memory */
#define INSN_F_TO_REG		0x0004u	/* the result goes to the reg operand */
#define INSN_F_IMM		0x0002u	/* the second operand is &insn.imm */
#define INSN_F_LOCK		0x0008u
#define INSN_F_REP		0x0010u	/* F3 */
#define INSN_F_REPNE		0x0020u	/* F2 */
#define INSN_F_ALIGNED		0x0040u	/* memory must be aligned to its size */
#define INSN_F_VEX		0x0080u
#define INSN_F_CL		0x0100u	/* the count is in CL */

/* &insn.base and &insn.index beyond the general registers. */
#define INSN_BASE_RIP		0x10u
#define INSN_BASE_NONE		0xffu

/**
 * struct insn - one decoded instruction
 * @op: what to do (enum insn_op, private to the executor)
 * @sub: which of its kind: the arithmetic operation, condition or shift
 * @mode: enum insn_mode it was decoded for
 * @length: bytes, 1 to INSN_MAX_LENGTH
 * @size: operand size in bytes
 * @mem_size: size of the r/m operand where it differs from @size
 * @addr_size: 2, 4 or 8
 * @seg: segment of the memory operand
 * @reg: register operand; 16 to 19 are AH, CH, DH, BH
 * @rm: register in the place of the memory operand, numbered likewise
 * @base: base register of the address, INSN_BASE_RIP or INSN_BASE_NONE
 * @index: index register or INSN_BASE_NONE
 * @scale: shift of the index, 0 to 3
 * @flags: INSN_F_ bits
 * @disp: displacement or absolute offset
 * @imm: immediate, sign-extended
 */
struct insn {
	uint8_t op;
	uint8_t sub;
	uint8_t mode;
	uint8_t length;
	uint8_t size;
	uint8_t mem_size;
	uint8_t addr_size;
	uint8_t seg;
	uint8_t reg;
	uint8_t rm;
	uint8_t base;
	uint8_t index;
	uint8_t scale;
	uint16_t flags;
	uint64_t disp;
	uint64_t imm;
};

/**
 * insn_decode() - decode one instruction
 * @bytes: the instruction, from its first byte
 * @n: how many bytes are there; any number, what follows the instruction is
 *	not looked at
 * @mode: how to read them
 * @insn: the result; its contents are unspecified unless INSN_OK is returned
 * @exception: filled for INSN_EXCEPTION
 *
 * Return: INSN_OK; INSN_SHORT when the @n bytes end before the instruction
 * does; INSN_EXCEPTION for #UD (a LOCK prefix that may not be there, a register
 * where memory must be) and #GP (more than 15 bytes); INSN_UNSUPPORTED.
 */
enum insn_status insn_decode(const uint8_t *bytes, size_t n, enum insn_mode mode,
			     struct insn *insn, struct insn_exception *exception);

/**
 * insn_execute() - carry out one decoded instruction
 * @cpu: the state it works on, as it was at the instruction's first byte
 * @insn: the result of insn_decode() for @cpu's mode
 *
 * Registers and flags change only when INSN_OK or INSN_AGAIN is returned, or
 * for the finished iterations of a string instruction. At most
 * INSN_MAX_REPEAT iterations are executed by one call. RIP, RF and the trap
 * flag's debug exception are the caller's. Alignment checking (#AC), protection
 * keys and linear-address masking are not done.
 *
 * Return: enum insn_status, never INSN_SHORT.
 */
enum insn_status insn_execute(struct insn_cpu *cpu, const struct insn *insn);

/**
 * insn_step() - fetch what is missing, decode and execute
 * @cpu: the state to work on
 * @bytes: room for INSN_MAX_LENGTH bytes, the first @n of them as the hardware
 *	delivered them; what had to be fetched is added, for insn_describe()
 * @n: how many bytes are there, 0 to INSN_MAX_LENGTH; raised by what is fetched
 * @insn: the decoded instruction, for its length; length is 0 when the bytes
 *	could not be decoded
 *
 * Bytes the hardware did not deliver are read through &insn_ops.read with
 * INSN_FETCH, a page at a time, and no further page than the instruction
 * reaches into.
 *
 * Return: enum insn_status, never INSN_SHORT.
 */
enum insn_status insn_step(struct insn_cpu *cpu, uint8_t *bytes, size_t *n, struct insn *insn);

/**
 * insn_fetch() - read instruction bytes at RIP
 * @cpu: the processor
 * @bytes: room for INSN_MAX_LENGTH bytes, of which @have are already there
 * @have: number of bytes present; raised by what was read
 *
 * Reads to the end of the page the next byte lies in, no further.
 *
 * Return: INSN_OK when at least one byte was added; INSN_EXCEPTION when the code
 * segment's limit or the page stops it.
 */
enum insn_status insn_fetch(struct insn_cpu *cpu, uint8_t *bytes, size_t *have);

/**
 * insn_plain_store() - what a plain store stores, and where
 * @cpu: the state it works on
 * @insn: the result of insn_decode() for 64-bit mode
 * @gva: linear address of the operand
 * @value: what is stored, from bit 0 on
 *
 * Return: true when all that @insn does is to store the low &insn.size bytes of @value to memory;
 * whether @gva is canonical is not looked at.
 */
bool insn_plain_store(struct insn_cpu *cpu, const struct insn *insn, uint64_t *gva,
		      uint64_t *value);

/**
 * insn_cpu_mode() - the decoding mode of a processor
 * @cpu: EFER, RFLAGS, CR0 and the code segment are looked at
 */
enum insn_mode insn_cpu_mode(const struct insn_cpu *cpu);

/**
 * insn_page_fault() - describe a page fault for a callback to return
 * @cpu: the processor
 * @gva: faulting linear address
 * @error: page-fault error code
 *
 * Return: INSN_EXCEPTION.
 */
enum insn_status insn_page_fault(struct insn_cpu *cpu, uint64_t gva, uint32_t error);

/**
 * insn_describe() - one line about bytes that could not be executed
 * @buf: where the line goes, always terminated
 * @size: its size
 * @bytes: the instruction bytes
 * @n: how many; at most INSN_MAX_LENGTH are shown
 * @cpu: the processor, for its mode and RIP
 *
 * Return: @buf.
 */
const char *insn_describe(char *buf, size_t size, const uint8_t *bytes, size_t n,
			  const struct insn_cpu *cpu);

#endif
