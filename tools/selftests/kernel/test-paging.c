// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's own page tables in the modes that no other test runs in: two levels, PAE, whose
 * pointers a VT-x processor (or the module for it) reads in advance, and five levels. The guest
 * writes its control registers and reads through the tables; the test makes these and changes them.
 * Four levels are what all other tests run on; second-level tables are test-mem's business.
 */
#include <sys/mman.h>

#include "guest.h"

#define PAGE		4096UL
#define NOWHERE		0x40000000UL	/* nothing is attached there */

/* Guest physical addresses: the test's tables, and two pages that differ. */
#define TABLE(n)	(0x30000UL + (n) * PAGE)
#define PAGE_A		0x40000UL
#define PAGE_B		0x41000UL
#define IN_A		0xa0a0a0a0U
#define IN_B		0xb1b1b1b1U

/* Where 32-bit guests see one of the two: in the last GiB, the last pointer's. */
#define WINDOW		0xc0000000UL

#define POINTER		0x001ULL	/* of PAE: present, all that there is */
#define ENTRY		0x003ULL	/* present, writable */
#define LARGE		0x083ULL	/* of 4 or 2 MiB */

#define CR0_FLAT	0x31ULL		/* PE, ET, NE */
#define CR0_CD		(1ULL << 30)
#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_MCE		(1ULL << 6)
#define CR4_PGE		(1ULL << 7)
#define CR4_LA57	(1ULL << 12)

#define GP		13
#define PF		14
#define PF_RESERVED	8

/*
 * A VT-x processor does not finish a write that changes CR0.CD or CR4.MCE: with these beside what
 * matters, the module does it, and reads the pointers of PAE.
 */
#define BY_MODULE	CR0_CD
#define BY_MODULE_CR4	CR4_MCE

/* --- a guest that takes one order after the other ------------------------------ */

enum order {
	ORDER_READ = 1,
	ORDER_WRITE,
	ORDER_CR0,
	ORDER_CR3,
	ORDER_CR4,
};

/* EAX: order, EBX: address, ECX: value, in and out. */
#define ORDERS(address, value, full)					\
	"9: out %al, $0x10;"						\
	"cmp $1, %eax; jne 1f; mov (" address "), " value ";"		\
	"1: cmp $2, %eax; jne 1f; mov " value ", (" address ");"	\
	"1: cmp $3, %eax; jne 1f; mov " full ", %cr0;"			\
	"1: cmp $4, %eax; jne 1f; mov " full ", %cr3;"			\
	"1: cmp $5, %eax; jne 1f; mov " full ", %cr4;"			\
	"1: jmp 9b"

/* An exception: EDI: its vector, EBP: its error code, ESI: CR2; and wait again. */
#define HANDLER_32(vector)						\
	"mov $" vector ", %edi; mov %cr2, %esi; pop %ebp; movl $0x10000, (%esp); iret"
#define HANDLER_64(vector)						\
	"mov $" vector ", %edi; mov %cr2, %rsi; pop %rbp; movq $0x10000, (%rsp); iretq"

extern const struct guest_code orders_32, gp_32, pf_32, orders_64, gp_64, pf_64;
GUEST_CODE("orders_32", "code32", ORDERS("%ebx", "%ecx", "%ecx"));
GUEST_CODE("gp_32", "code32", HANDLER_32("13"));
GUEST_CODE("pf_32", "code32", HANDLER_32("14"));
GUEST_CODE("orders_64", "code64", ORDERS("%rbx", "%ecx", "%rcx"));
GUEST_CODE("gp_64", "code64", HANDLER_64("13"));
GUEST_CODE("pf_64", "code64", HANDLER_64("14"));

static void put32(struct guest *g, uint64_t gpa, uint32_t value)
{
	memcpy(g->ram + gpa, &value, sizeof(value));
}

static void put64(struct guest *g, uint64_t gpa, uint64_t value)
{
	memcpy(g->ram + gpa, &value, sizeof(value));
}

static void gate_32(struct guest *g, unsigned int vector, const struct guest_code *code,
		    uint64_t gpa)
{
	memcpy(g->ram + gpa, code->text, code->bytes);
	put64(g, GUEST_IDT + vector * 8, (gpa & 0xffff) | GUEST_CS32 << 16 | 0x8e0000000000ULL |
					 (gpa >> 16) << 48);
}

/* Run it to where it waits. */
static bool waits(struct guest *g)
{
	int reason = guest_run(g);

	if (reason == HVM_EXIT_PIO)
		return true;
	KTAP_FAIL(g->t, "it does not start: %s", guest_reason(reason));
	guest_report(g);
	guest_close(g);
	return false;
}

/* A guest in protected mode without paging, and what its tables will lead to. */
static bool open_32(struct guest *g, struct ktap *t)
{
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	guest_protected(g, &orders_32);
	gate_32(g, GP, &gp_32, 0x11000);
	gate_32(g, PF, &pf_32, 0x12000);
	put32(g, PAGE_A, IN_A);
	put32(g, PAGE_B, IN_B);
	return waits(g);
}

/* An order; returns as guest_run(). */
static int start(struct guest *g, enum order what, uint64_t address, uint64_t value)
{
	g->run->gpr[HVM_RAX] = what;
	g->run->gpr[HVM_RBX] = address;
	g->run->gpr[HVM_RCX] = value;
	g->run->gpr[HVM_RDI] = 0;
	return guest_complete(g, 0);
}

/* An order that does not leave; returns the vector of the exception that came of it, 0: none. */
static unsigned int follow(struct guest *g, enum order what, uint64_t address, uint64_t value)
{
	int reason = start(g, what, address, value);

	if (reason == HVM_EXIT_PIO)
		return g->run->gpr[HVM_RDI];
	KTAP_FAIL(g->t, "order %d at 0x%llx, value 0x%llx: %s", what, (unsigned long long)address,
		  (unsigned long long)value, guest_reason(reason));
	guest_report(g);
	return 0;
}

/* What the guest reads; 0 and a failure where it cannot. */
static uint32_t read_at(struct guest *g, uint64_t address)
{
	unsigned int vector = follow(g, ORDER_READ, address, 0);

	if (!vector)
		return g->run->gpr[HVM_RCX];
	KTAP_FAIL(g->t, "reading 0x%llx: vector %u, error code 0x%llx", (unsigned long long)address,
		  vector, g->run->gpr[HVM_RBP]);
	return 0;
}

static void expect_page_fault(struct guest *g, uint64_t address, uint32_t error)
{
	KTAP_EQ(g->t, follow(g, ORDER_READ, address, 0), PF);
	KTAP_EQ(g->t, g->run->gpr[HVM_RSI], address);
	KTAP_EQ(g->t, g->run->gpr[HVM_RBP], error);
}

static void turn_on(struct guest *g, uint64_t cr3, uint64_t cr4, uint64_t cr0)
{
	KTAP_EQ(g->t, follow(g, ORDER_CR4, 0, cr4), 0);
	KTAP_EQ(g->t, follow(g, ORDER_CR3, 0, cr3), 0);
	KTAP_EQ(g->t, follow(g, ORDER_CR0, 0, CR0_FLAT | CR0_PG | cr0), 0);
}

static struct hvm_state_control control_of(struct guest *g)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_CONTROL, &state));
	return state.control;
}

/* --- two levels ----------------------------------------------------------------- */

/* The low 2 MiB one to one in small pages, the window, and behind it a page of 4 MiB. */
static void make_two_levels(struct guest *g)
{
	put32(g, TABLE(0), TABLE(1) | ENTRY);
	for (uint32_t i = 0; i < GUEST_RAM / PAGE; i++)
		put32(g, TABLE(1) + i * 4, i * PAGE | ENTRY);
	put32(g, TABLE(0) + 0x300 * 4, TABLE(2) | ENTRY);
	put32(g, TABLE(2), PAGE_A | ENTRY);
	put32(g, TABLE(0) + 0x301 * 4, LARGE);
}

static void two_levels(struct ktap *t, uint64_t cr0)
{
	static const uint64_t none[4];
	struct hvm_state_control control;
	struct guest g;

	if (!open_32(&g, t))
		return;
	make_two_levels(&g);
	turn_on(&g, TABLE(0), CR4_PSE, cr0);
	KTAP_EQ(t, read_at(&g, WINDOW), IN_A);
	KTAP_EQ(t, read_at(&g, WINDOW + 0x400000 + PAGE_B), IN_B);
	expect_page_fault(&g, WINDOW + PAGE, 0);

	put32(&g, TABLE(2), PAGE_B | ENTRY);
	KTAP_EQ(t, follow(&g, ORDER_CR3, 0, TABLE(0)), 0);
	KTAP_EQ(t, read_at(&g, WINDOW), IN_B);
	KTAP_EQ(t, follow(&g, ORDER_WRITE, WINDOW + 4, 0x1234), 0);
	KTAP_EQ(t, *(uint32_t *)(g.ram + PAGE_B + 4), 0x1234);

	control = control_of(&g);
	KTAP_EQ(t, control.cr0, CR0_FLAT | CR0_PG | cr0);
	KTAP_EQ(t, control.cr3, TABLE(0));
	KTAP_TRUE(t, !memcmp(control.pdpte, none, sizeof(none)));
	guest_close(&g);
}

static void two_level_paging(struct ktap *t)
{
	two_levels(t, 0);
	two_levels(t, BY_MODULE);
}

/* --- PAE ------------------------------------------------------------------------ */

/* Four pointers have 32 bytes, and may begin at any multiple of that. */
#define POINTERS	(TABLE(0) + 0x20)
#define WINDOW_POINTER	(POINTERS + 3 * 8)
#define POINTER_A	(TABLE(2) | POINTER)
#define POINTER_B	(TABLE(4) | POINTER)

/* The low 2 MiB one to one, and two directories for the window, of which pointer A leads to A. */
static void make_pae(struct guest *g)
{
	put64(g, POINTERS, TABLE(1) | POINTER);
	put64(g, TABLE(1), LARGE);
	put64(g, TABLE(2), TABLE(3) | ENTRY);
	put64(g, TABLE(3), PAGE_A | ENTRY);
	put64(g, TABLE(4), TABLE(5) | ENTRY);
	put64(g, TABLE(5), PAGE_B | ENTRY);
	put64(g, WINDOW_POINTER, POINTER_A);
}

/* A VT-x processor shows the pointers that it holds, an AMD one holds none. */
static void expect_pointers(struct guest *g, uint64_t last)
{
	const uint64_t pointers[4] = { TABLE(1) | POINTER, 0, 0, last };
	struct hvm_state_control control = control_of(g);

	for (int i = 0; i < 4; i++)
		KTAP_EQ(g->t, control.pdpte[i], g->amd ? 0 : pointers[i]);
}

static void pae(struct ktap *t, uint64_t cr0)
{
	struct guest g;

	if (!open_32(&g, t))
		return;
	make_pae(&g);
	turn_on(&g, POINTERS, CR4_PAE, cr0);
	expect_pointers(&g, POINTER_A);
	KTAP_EQ(t, read_at(&g, WINDOW), IN_A);
	expect_page_fault(&g, WINDOW + PAGE, 0);

	put64(&g, TABLE(3), PAGE_B | ENTRY);
	KTAP_EQ(t, follow(&g, ORDER_CR3, 0, POINTERS), 0);
	KTAP_EQ(t, read_at(&g, WINDOW), IN_B);
	KTAP_EQ(t, follow(&g, ORDER_WRITE, WINDOW + 4, 0x1234), 0);
	KTAP_EQ(t, *(uint32_t *)(g.ram + PAGE_B + 4), 0x1234);
	guest_close(&g);
}

static void pae_paging(struct ktap *t)
{
	pae(t, 0);
	pae(t, BY_MODULE);
}

/* Pointers that changed in memory count from the next write that loads them: each of these. */
static void pae_pointers_are_loaded_again(struct ktap *t)
{
	static const struct {
		enum order order;
		uint64_t value;
	} writes[] = {
		{ ORDER_CR3, POINTERS },
		{ ORDER_CR0, CR0_FLAT | CR0_PG | BY_MODULE },
		{ ORDER_CR0, CR0_FLAT | CR0_PG },
		{ ORDER_CR4, CR4_PAE | CR4_PGE },
		{ ORDER_CR4, CR4_PAE | BY_MODULE_CR4 },
	};
	struct guest g;

	if (!open_32(&g, t))
		return;
	make_pae(&g);
	turn_on(&g, POINTERS, CR4_PAE, 0);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		uint64_t pointer = i % 2 ? POINTER_A : POINTER_B;

		put64(&g, WINDOW_POINTER, pointer);
		if (!g.amd)
			KTAP_EQ(t, read_at(&g, WINDOW), i % 2 ? IN_B : IN_A);
		KTAP_EQ(t, follow(&g, writes[i].order, 0, writes[i].value), 0);
		expect_pointers(&g, pointer);
		/* Where no pointers are held, only this is sure to drop what they led to. */
		if (g.amd)
			KTAP_EQ(t, follow(&g, ORDER_CR3, 0, POINTERS), 0);
		KTAP_EQ(t, read_at(&g, WINDOW), i % 2 ? IN_A : IN_B);
	}
	guest_close(&g);
}

/* What the processor holds moves with the rest, whatever is in memory by then. */
static void pae_pointers_are_state(struct ktap *t)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL;
	struct guest from, to;
	struct hvm_state state;

	if (!open_32(&from, t))
		return;
	make_pae(&from);
	turn_on(&from, POINTERS, CR4_PAE, 0);
	KTAP_EQ(t, read_at(&from, WINDOW), IN_A);
	KTAP_OK(t, guest_get(&from, mask, &state));
	if (guest_open(&to, t, GUEST_RAM)) {
		memcpy(to.ram, from.ram, GUEST_RAM);
		put64(&to, WINDOW_POINTER, POINTER_B);
		KTAP_OK(t, guest_set(&to, mask, &state));
		expect_pointers(&to, POINTER_A);
		KTAP_EQ(t, guest_run(&to), HVM_EXIT_PIO);
		KTAP_EQ(t, read_at(&to, WINDOW), to.amd ? IN_B : IN_A);
		expect_pointers(&to, POINTER_A);
		KTAP_EQ(t, follow(&to, ORDER_CR3, 0, POINTERS), 0);
		KTAP_EQ(t, read_at(&to, WINDOW), IN_B);
		expect_pointers(&to, POINTER_B);
		guest_close(&to);
	}
	guest_close(&from);
}

/* A pointer with a reserved bit is refused when it is loaded, and nothing has changed. */
static void expect_refusal(struct guest *g, uint64_t bit)
{
	put64(g, WINDOW_POINTER, POINTER_A | bit);
	KTAP_EQ(g->t, follow(g, ORDER_CR0, 0, CR0_FLAT | CR0_PG), GP);
	KTAP_EQ(g->t, follow(g, ORDER_CR0, 0, CR0_FLAT | CR0_PG | BY_MODULE), GP);
	KTAP_EQ(g->t, control_of(g).cr0, CR0_FLAT);
	put64(g, WINDOW_POINTER, POINTER_A);
	KTAP_EQ(g->t, follow(g, ORDER_CR0, 0, CR0_FLAT | CR0_PG), 0);

	put64(g, WINDOW_POINTER, POINTER_B | bit);
	KTAP_EQ(g->t, follow(g, ORDER_CR3, 0, POINTERS), GP);
	KTAP_EQ(g->t, follow(g, ORDER_CR4, 0, CR4_PAE | CR4_PGE | BY_MODULE_CR4), GP);
	KTAP_EQ(g->t, follow(g, ORDER_CR0, 0, CR0_FLAT | CR0_PG | BY_MODULE), GP);
	KTAP_EQ(g->t, control_of(g).cr4, CR4_PAE);
	expect_pointers(g, POINTER_A);
	KTAP_EQ(g->t, read_at(g, WINDOW), IN_A);
	KTAP_EQ(g->t, follow(g, ORDER_CR0, 0, CR0_FLAT), 0);
}

static void pae_reserved_bits(struct ktap *t)
{
	static const uint8_t bits[] = { 1, 2, 5, 8, 52, 63 };
	struct guest g;

	if (!open_32(&g, t))
		return;
	make_pae(&g);
	if (g.amd) {
		turn_on(&g, POINTERS, CR4_PAE, 0);
		put64(&g, WINDOW_POINTER, POINTER_A | 1ULL << 62);
		KTAP_EQ(t, follow(&g, ORDER_CR3, 0, POINTERS), 0);
		KTAP_EQ(t, follow(&g, ORDER_READ, WINDOW, 0), PF);
		KTAP_TRUE(t, g.run->gpr[HVM_RBP] & PF_RESERVED);
		guest_close(&g);
		return;
	}
	KTAP_EQ(t, follow(&g, ORDER_CR4, 0, CR4_PAE), 0);
	KTAP_EQ(t, follow(&g, ORDER_CR3, 0, POINTERS), 0);
	for (size_t i = 0; i < sizeof(bits) && !t->failures; i++)
		expect_refusal(&g, 1ULL << bits[i]);
	/* Of an entry that is not present, all bits are free. */
	put64(&g, WINDOW_POINTER, ~POINTER);
	KTAP_EQ(t, follow(&g, ORDER_CR0, 0, CR0_FLAT | CR0_PG | BY_MODULE), 0);
	expect_page_fault(&g, WINDOW, 0);
	guest_close(&g);
}

/* To a processor that holds no pointers they are tables, which a later access goes through. */
static void expect_to_leave(struct guest *g, int reason)
{
	if (g->amd) {
		KTAP_EQ(g->t, reason, HVM_EXIT_UNSUPPORTED);
		KTAP_EQ(g->t, g->run->unsupported.what, HVM_UNSUPPORTED_EVENT_MEMORY);
		KTAP_EQ(g->t, g->run->unsupported.detail & ~0x1fULL, NOWHERE);
	} else {
		KTAP_EQ(g->t, reason, HVM_EXIT_MEMORY);
		KTAP_EQ(g->t, g->run->memory.gpa & ~0x1fULL, NOWHERE);
	}
}

/*
 * Pointers in memory that is not there: the processor's own read leaves, and goes on when there is
 * some; the module, which does not wait for an answer from userspace, has the guest take #GP.
 */
static void pae_pointers_nowhere(struct ktap *t)
{
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	KTAP_REQUIRE(t, memory != MAP_FAILED);
	if (!open_32(&g, t))
		return;
	make_pae(&g);
	KTAP_EQ(t, follow(&g, ORDER_CR4, 0, CR4_PAE), 0);
	KTAP_EQ(t, follow(&g, ORDER_CR3, 0, NOWHERE), 0);
	if (!g.amd) {
		KTAP_EQ(t, follow(&g, ORDER_CR0, 0, CR0_FLAT | CR0_PG | BY_MODULE), GP);
		KTAP_EQ(t, control_of(&g).cr0, CR0_FLAT);
	}
	expect_to_leave(&g, start(&g, ORDER_CR0, 0, CR0_FLAT | CR0_PG));

	memcpy(memory, g.ram + POINTERS, 4 * 8);
	KTAP_TRUE(t, guest_map(&g, NOWHERE, memory, PAGE, 0));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0);
	KTAP_EQ(t, read_at(&g, WINDOW), IN_A);
	expect_pointers(&g, POINTER_A);
	guest_close(&g);
	munmap(memory, PAGE);
}

/* --- five levels ------------------------------------------------------------------ */

/* Addresses that are canonical with 57 bits only, the second with bit 56; and one that is not. */
#define LOW_HALF	0x00aa000000000000ULL
#define HIGH_HALF	0xff55000000000000ULL
#define NO_HALF		0x0155000000000000ULL

/* Low memory one to one through the usual four levels, also from the high half; and a window. */
static void make_five_levels(struct guest *g)
{
	put64(g, TABLE(0), GUEST_TABLES | ENTRY);
	put64(g, TABLE(0) + 0x155 * 8, GUEST_TABLES | ENTRY);
	put64(g, TABLE(0) + 0xaa * 8, TABLE(1) | ENTRY);
	for (unsigned int i = 1; i < 4; i++)
		put64(g, TABLE(i), TABLE(i + 1) | ENTRY);
	put64(g, TABLE(4), PAGE_A | ENTRY);
	put32(g, PAGE_A, IN_A);
	put32(g, PAGE_B, IN_B);
}

/* Skips the case where the host has none. */
static bool open_five_levels(struct guest *g, struct ktap *t)
{
	struct hvm_state state;

	if (!guest_host_has(HVM_FEATURE_LA57)) {
		ktap_skip(t, "no 5-level paging here");
		return false;
	}
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	guest_long(g, &orders_64);
	guest_gate(g, GP, &gp_64, 0x11000);
	guest_gate(g, PF, &pf_64, 0x12000);
	make_five_levels(g);
	KTAP_OK(t, guest_get(g, HVM_STATE_CONTROL, &state));
	state.control.cr3 = TABLE(0);
	state.control.cr4 |= CR4_LA57;
	KTAP_OK(t, guest_set(g, HVM_STATE_CONTROL, &state));
	return waits(g);
}

static void five_levels(struct ktap *t)
{
	struct hvm_state_control control;
	struct guest g;

	if (!open_five_levels(&g, t))
		return;
	KTAP_EQ(t, read_at(&g, LOW_HALF), IN_A);
	KTAP_EQ(t, read_at(&g, HIGH_HALF + PAGE_B), IN_B);
	KTAP_EQ(t, follow(&g, ORDER_READ, NO_HALF, 0), GP);
	expect_page_fault(&g, LOW_HALF + PAGE, 0);
	expect_page_fault(&g, LOW_HALF + (1ULL << 48), 0);

	put64(&g, TABLE(4), PAGE_B | ENTRY);
	KTAP_EQ(t, follow(&g, ORDER_CR3, 0, TABLE(0)), 0);
	KTAP_EQ(t, read_at(&g, LOW_HALF), IN_B);
	KTAP_EQ(t, follow(&g, ORDER_WRITE, LOW_HALF + 4, 0x1234), 0);
	KTAP_EQ(t, *(uint32_t *)(g.ram + PAGE_B + 4), 0x1234);

	control = control_of(&g);
	KTAP_EQ(t, control.cr4 & CR4_LA57, CR4_LA57);
	KTAP_EQ(t, follow(&g, ORDER_CR4, 0, control.cr4 & ~CR4_LA57), GP);
	KTAP_EQ(t, control_of(&g).cr4, control.cr4);
	guest_close(&g);
}

/* Addresses in the registers may have as many bits, and no more. */
static void five_levels_of_state(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_five_levels(&g, t))
		return;
	KTAP_OK(t, guest_get(&g, HVM_STATE_SEGMENTS, &state));
	state.segments.gdt.base = HIGH_HALF + GUEST_GDT;
	state.segments.idt.base = HIGH_HALF + GUEST_IDT;
	KTAP_OK(t, guest_set(&g, HVM_STATE_SEGMENTS, &state));
	expect_page_fault(&g, LOW_HALF + PAGE, 0);
	state.segments.idt.base = NO_HALF;
	KTAP_ERRNO(t, guest_set(&g, HVM_STATE_SEGMENTS, &state), EINVAL);
	KTAP_OK(t, guest_get(&g, HVM_STATE_SEGMENTS, &state));
	KTAP_EQ(t, state.segments.idt.base, HIGH_HALF + GUEST_IDT);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "two_level_paging", two_level_paging },
	{ "pae_paging", pae_paging },
	{ "pae_pointers_are_loaded_again", pae_pointers_are_loaded_again },
	{ "pae_pointers_are_state", pae_pointers_are_state },
	{ "pae_reserved_bits", pae_reserved_bits },
	{ "pae_pointers_nowhere", pae_pointers_nowhere },
	{ "five_levels", five_levels },
	{ "five_levels_of_state", five_levels_of_state },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
