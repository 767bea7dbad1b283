/* SPDX-License-Identifier: MIT */
/*
 * The guest's own page tables: from a linear address to a guest physical one,
 * with the access rights on the way, in every paging mode. Pure: guest memory
 * is read through a callback, and nothing is remembered between calls (no TLB).
 * It does not know of nested paging, segments or canonical addresses.
 *
 * Manuals: SDM volume 3, "Paging"; APM volume 2, "Page Translation and
 * Protection".
 */
#ifndef LIBHVM_WALK_H
#define LIBHVM_WALK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Kind of access, and the page-fault error code: the same bits. WALK_PRESENT
 * and WALK_RESERVED occur only in error codes.
 */
#define WALK_PRESENT	0x01u	/* a right was missing, not the page */
#define WALK_WRITE	0x02u
#define WALK_USER	0x04u	/* at CPL 3 */
#define WALK_RESERVED	0x08u	/* a reserved bit is set in an entry */
#define WALK_FETCH	0x10u

/**
 * enum walk_status - the outcome of a translation
 * @WALK_OK: translated
 * @WALK_FAULT: the guest gets a page fault with &walk_result.error
 * @WALK_UNREADABLE: &walk_result.gpa, a page-table entry, is not memory
 */
enum walk_status {
	WALK_OK,
	WALK_FAULT,
	WALK_UNREADABLE,
};

/**
 * struct walk_paging - the registers that govern paging
 * @cr0: PG and WP are looked at
 * @cr3: the root
 * @cr4: PSE, PAE, LA57, SMEP, SMAP
 * @efer: LMA, NXE
 * @pdpte: the four entries a processor in PAE mode holds, or NULL to read them
 *	from memory at each walk
 * @phys_bits: width of guest physical addresses, 32 to 52
 * @ac: RFLAGS.AC, which suspends SMAP
 *
 * Protection keys are not evaluated.
 */
struct walk_paging {
	uint64_t cr0;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t efer;
	const uint64_t *pdpte;
	uint8_t phys_bits;
	bool ac;
};

/**
 * struct walk_memory - where the tables are; the caller embeds this
 * @read: read @size bytes (4 or 8, aligned to their size) at @gpa; false where
 *	there is no memory. The value must be read in one piece.
 * @update: replace @old by @value if @old is still there, atomically; false when
 *	it is not or the memory cannot be written. NULL: accessed and dirty bits
 *	are left as they are.
 */
struct walk_memory {
	bool (*read)(struct walk_memory *memory, uint64_t gpa, void *entry, unsigned int size);
	bool (*update)(struct walk_memory *memory, uint64_t gpa, uint64_t old, uint64_t value,
		       unsigned int size);
};

/**
 * struct walk_result - what a translation found
 * @gpa: guest physical address of the byte asked for
 * @page_size: size of the page that maps it, in bytes; 4 GiB without paging
 * @error: the error code of a fault
 */
struct walk_result {
	uint64_t gpa;
	uint64_t page_size;
	uint32_t error;
};

/**
 * walk_gva() - translate one linear address
 * @paging: the registers
 * @memory: guest memory
 * @gva: linear address; canonical in 64-bit mode (checked by the caller)
 * @access: WALK_WRITE, WALK_USER, WALK_FETCH or 0
 * @result: where the answer goes
 *
 * Accessed and dirty bits are set, where &walk_memory.update allows, once the
 * access is known to be permitted. An entry that changes under the walk leaves
 * its bits to the next access.
 *
 * Return: enum walk_status.
 */
enum walk_status walk_gva(const struct walk_paging *paging, struct walk_memory *memory,
			  uint64_t gva, unsigned int access, struct walk_result *result);

/**
 * walk_range() - translate an access that may cross into the next page
 * @paging: the registers
 * @memory: guest memory
 * @gva: linear address of the first byte
 * @size: bytes, 1 to 4096
 * @access: as for walk_gva()
 * @results: the first page's answer and, when the access crosses, the second's
 * @fault_gva: for WALK_FAULT, the address that goes into CR2
 * @first: bytes that lie in the first page; the rest, if any, is in the second
 *
 * Return: enum walk_status; both pages are translated or none counts.
 */
enum walk_status walk_range(const struct walk_paging *paging, struct walk_memory *memory,
			    uint64_t gva, unsigned int size, unsigned int access,
			    struct walk_result results[2], uint64_t *fault_gva,
			    unsigned int *first);

#endif
