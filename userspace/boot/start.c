// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start state of the first processor. The selectors 10h and 18h are those the Linux protocol
 * names; the others leave it to the loader.
 *
 * Manuals: SDM volume 3, "Segment Descriptors" and "4-Level Paging"; Linux
 * Documentation/x86/boot.rst, "64-bit Boot Protocol"; Multiboot Specification, "Machine state".
 */
#include <errno.h>
#include <string.h>

#include "boot/start.h"

#define SELECTOR_CODE	0x10
#define SELECTOR_DATA	0x18
#define SELECTOR_TASK	0x20
#define GDT_ENTRIES	6

#define CR0_PE		(1ULL << 0)
#define CR0_ET		(1ULL << 4)
#define CR0_NE		(1ULL << 5)
#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define RFLAGS_FIXED	2ULL

#define ENTRY_PRESENT	1ULL
#define ENTRY_WRITE	2ULL
#define ENTRY_LARGE	(1ULL << 7)
#define TABLE_ENTRIES	512
#define DIRECTORIES	4	/* one a GiB */

#define ATTR_CODE	(HVM_SEG_P | HVM_SEG_S | 0xb | HVM_SEG_G)
#define ATTR_DATA	(HVM_SEG_P | HVM_SEG_S | 0x3 | HVM_SEG_G | HVM_SEG_DB)
#define ATTR_TASK	(HVM_SEG_P | 0xb)

/* A descriptor with base 0: limit in pages, attributes as in struct hvm_segment. */
static uint64_t descriptor(uint16_t attributes)
{
	uint64_t limit = attributes & HVM_SEG_G ? 0xfffff : 0x67;

	return (limit & 0xffff) | (limit >> 16) << 48 | (uint64_t)(attributes & 0xff) << 40 |
	       (uint64_t)(attributes >> 8 & 0xf) << 52;
}

static uint16_t code_attributes(bool long_mode)
{
	return ATTR_CODE | (long_mode ? HVM_SEG_L : HVM_SEG_DB);
}

static int put_page_tables(const struct memory *memory)
{
	uint64_t top[TABLE_ENTRIES] = { 0 }, pointers[TABLE_ENTRIES] = { 0 };
	uint64_t directory[TABLE_ENTRIES];
	const uint64_t flags = ENTRY_PRESENT | ENTRY_WRITE;

	top[0] = (BOOT_PAGE_TABLES + 0x1000) | flags;
	if (memory_write(memory, BOOT_PAGE_TABLES, top, sizeof(top)) < 0)
		return -EFAULT;
	for (uint64_t i = 0; i < DIRECTORIES; i++) {
		uint64_t at = BOOT_PAGE_TABLES + 0x2000 + i * 0x1000;

		pointers[i] = at | flags;
		for (uint64_t n = 0; n < TABLE_ENTRIES; n++)
			directory[n] = (i << 30) | (n << 21) | flags | ENTRY_LARGE;
		if (memory_write(memory, at, directory, sizeof(directory)) < 0)
			return -EFAULT;
	}
	return memory_write(memory, BOOT_PAGE_TABLES + 0x1000, pointers, sizeof(pointers));
}

int start_tables(const struct memory *memory, bool long_mode)
{
	const uint64_t gdt[GDT_ENTRIES] = {
		[SELECTOR_CODE / 8] = descriptor(code_attributes(long_mode)),
		[SELECTOR_DATA / 8] = descriptor(ATTR_DATA),
		[SELECTOR_TASK / 8] = descriptor(ATTR_TASK),
	};

	if (put_page_tables(memory) < 0)
		return -EFAULT;
	return memory_write(memory, BOOT_GDT, gdt, sizeof(gdt));
}

static void set_segments(struct hvm_state_segments *s, bool long_mode)
{
	const struct hvm_segment data = {
		.limit = 0xffffffff,
		.selector = SELECTOR_DATA,
		.attributes = ATTR_DATA,
	};

	for (unsigned int i = HVM_ES; i <= HVM_GS; i++)
		s->seg[i] = data;
	s->seg[HVM_CS] = (struct hvm_segment){
		.limit = 0xffffffff,
		.selector = SELECTOR_CODE,
		.attributes = code_attributes(long_mode),
	};
	s->seg[HVM_TR] = (struct hvm_segment){
		.limit = 0x67,
		.selector = SELECTOR_TASK,
		.attributes = ATTR_TASK,
	};
	s->seg[HVM_LDTR] = (struct hvm_segment){ .attributes = HVM_SEG_UNUSABLE };
	s->gdt = (struct hvm_dtable){ .base = BOOT_GDT, .limit = GDT_ENTRIES * 8 - 1 };
	s->idt = (struct hvm_dtable){ .base = 0, .limit = 0 };
}

void start_state(struct hvm_state *state, const struct boot_start *start)
{
	struct hvm_state_control *control = &state->control;

	memset(&state->gpr, 0, sizeof(state->gpr));
	state->gpr.gpr[HVM_RAX] = start->rax;
	state->gpr.gpr[HVM_RBX] = start->rbx;
	state->gpr.gpr[HVM_RSI] = start->rsi;
	state->gpr.rip = start->rip;
	state->gpr.rflags = RFLAGS_FIXED;
	set_segments(&state->segments, start->long_mode);
	control->cr0 = CR0_PE | CR0_ET;
	if (!start->long_mode)
		return;
	control->cr0 |= CR0_NE | CR0_PG;
	control->cr3 = BOOT_PAGE_TABLES;
	control->cr4 |= CR4_PAE;
	control->efer |= EFER_LME | EFER_LMA;
}
