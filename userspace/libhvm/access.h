/* SPDX-License-Identifier: MIT */
/*
 * Finishes the accesses that the kernel hands out: port accesses, accesses to device memory and
 * to the local APIC's page. It brings together the run page, the guest's page tables (walk.h) and
 * the instruction executor (insn.h); what memory and devices there are is the caller's to say.
 */
#ifndef LIBHVM_ACCESS_H
#define LIBHVM_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libhvm.h"

#ifdef __cplusplus
extern "C" {
#endif

#include "insn/insn.h"
#include "walk.h"

struct hvm_access;

/* Levels of the deepest page tables. */
#define HVM_ACCESS_LEVELS	5

/**
 * struct hvm_access_memo - how the bytes of the last instruction were found
 * @count: table entries on the way, 0: nothing is known
 * @cs: attributes of CS at the time
 * @cr3: CR3; what else the way depends on is in &hvm_access.cpu
 * @code: the first byte, in this process
 * @at: the entries, in this process
 * @entry: what they held
 */
struct hvm_access_memo {
	uint8_t count;
	uint16_t cs;
	uint64_t cr3;
	const uint8_t *code;
	const uint64_t *at[HVM_ACCESS_LEVELS];
	uint64_t entry[HVM_ACCESS_LEVELS];
};

/**
 * struct hvm_access_ops - what the guest reaches
 * @ram: where @bytes bytes of guest memory at @gpa lie in this process; NULL when they are not all
 *	memory, or for @write not writable. They never cross a page.
 * @read: read device memory: 1 to 32 bytes that do not cross a page; 0 or a negative errno
 * @write: write device memory, likewise
 * @in: read a port: 1, 2 or 4 bytes, @value zero-extended; 0 or a negative errno
 * @out: write a port, likewise
 * @ram_stays: where @ram found memory for reading, it stays, readable, as long as the access lives:
 *	an instruction that comes again is then recognised without asking @ram again
 *
 * An errno stops the instruction before it changes anything (but finished iterations of a string
 * instruction stay), and is what hvm_access_finish() returns.
 */
struct hvm_access_ops {
	void *(*ram)(struct hvm_access *access, uint64_t gpa, uint64_t bytes, bool write);
	int (*read)(struct hvm_access *access, uint64_t gpa, void *data, unsigned int bytes);
	int (*write)(struct hvm_access *access, uint64_t gpa, const void *data,
		     unsigned int bytes);
	int (*in)(struct hvm_access *access, uint16_t port, unsigned int bytes, uint32_t *value);
	int (*out)(struct hvm_access *access, uint16_t port, unsigned int bytes, uint32_t value);
	bool ram_stays;
};

/**
 * struct hvm_access - one vCPU's accesses; the caller embeds it and finds itself by container_of
 * @ops: the guest's memory and devices
 * @vcpu: the vCPU
 * @xsave: room for its xsave block; without it, vector instructions are not executed
 * @xsave_bytes: its size, &hvm_get_info.xsave_bytes
 * @cpu: private, as all that follows: the executor's view of the run page
 * @paging: the registers of the last page-table walk
 * @memory: where the walk reads
 * @insn: the last instruction
 * @bytes: its bytes
 * @n: how many are known
 * @memo: how @bytes were found, if they are the whole of what RIP may need
 * @noting: @memo is being filled in
 * @hint: the linear address that is known to lie at the exit's gpa
 * @hinted: @hint holds
 * @error: errno of a callback
 */
struct hvm_access {
	const struct hvm_access_ops *ops;
	struct hvm_vcpu *vcpu;
	uint8_t *xsave;
	uint32_t xsave_bytes;
	struct insn_cpu cpu;
	struct walk_paging paging;
	struct walk_memory memory;
	struct insn insn;
	uint8_t bytes[INSN_MAX_LENGTH + 1];
	size_t n;
	struct hvm_access_memo memo;
	uint64_t hint;
	bool noting;
	bool hinted;
	int error;
};

/**
 * hvm_access_init() - prepare to finish a vCPU's accesses
 * @access: filled in; must not move afterwards
 * @ops: the guest's memory and devices
 * @vcpu: the vCPU, as created
 * @info: of the device, for the width of addresses and the size of the xsave block
 *
 * Return: 0 or -ENOMEM.
 */
int hvm_access_init(struct hvm_access *access, const struct hvm_access_ops *ops,
		    struct hvm_vcpu *vcpu, const struct hvm_get_info *info);

/**
 * hvm_access_deinit() - release what hvm_access_init() took
 * @access: the vCPU's
 */
void hvm_access_deinit(struct hvm_access *access);

/**
 * hvm_access_finish() - carry out the instruction of the last exit
 * @access: the vCPU's; its exit is HVM_EXIT_PIO, _MEMORY or _APIC
 *
 * Afterwards the vCPU can be run: the instruction is complete, or raises the exception it must, or
 * (a long string instruction, so that interrupts come in between) is left where the next run takes
 * it up.
 * A locked instruction is not atomic to other vCPUs.
 *
 * Return: 0; -EOPNOTSUPP: an instruction that is not known here, or one at an address without
 * memory (hvm_access_describe() tells which); an errno of a callback or of /dev/vm; -EINVAL:
 * another exit. Context: the vCPU's thread.
 */
int hvm_access_finish(struct hvm_access *access);

/**
 * hvm_access_describe() - one line about the instruction of the last hvm_access_finish()
 * @access: the vCPU's
 * @buf: where it goes, always terminated
 * @size: its size
 *
 * Return: @buf.
 */
const char *hvm_access_describe(const struct hvm_access *access, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
