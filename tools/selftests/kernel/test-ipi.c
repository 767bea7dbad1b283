// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts between processors: which of them a write to the interrupt command register reaches,
 * for every form of destination, mode and shorthand, by x2APIC and by the APIC page. The receivers
 * do not run while a message is sent, so what they hold afterwards is all that it did. Not here:
 * processors that run and send at the same time (test-smp).
 */
#include <sys/ioctl.h>

#include "team.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define VECTOR		0x61
#define ANY_ONE(of)	((of) | ONE)
#define ONE		0x80000000U	/* of an expected set: one of it, no matter which */

#define ERRORS_SEND	0x20
#define ERRORS_RECEIVE	0x40

/* What a message left behind: sets of members, bit I for member I. */
struct got {
	uint32_t vector;
	uint32_t nmi;
	uint32_t init;
	uint32_t sipi;
	uint32_t errors_send;
	uint32_t errors_receive;
	uint64_t faults;
	uint8_t sipi_page;
};

static bool open_team(struct team *team, struct ktap *t, const uint32_t *ids, unsigned int count,
		      bool x2apic)
{
	unsigned int i;

	if (!team_open(team, t, ids, count))
		return false;
	for (i = 1; i < count; i++)
		team_apic(team, i, x2apic);
	if (team_sender(team, x2apic))
		return true;
	team_close(team);
	return false;
}

/* Add what a member holds, and take it away. */
static void collect_from(struct team *team, unsigned int i, struct got *got)
{
	struct guest *g = &team->m[i].g;
	struct hvm_state state;
	uint32_t *irr = state.lapic.regs + REG_IRR, vectors = 0;
	unsigned int n;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_LAPIC | HVM_STATE_EVENTS, &state));
	for (n = 0; n < 8; n++) {
		vectors |= irr[n];
		if (irr[n] && (n != VECTOR / 32 || irr[n] != 1U << VECTOR % 32))
			KTAP_FAIL(g->t, "member %u: IRR[%u] 0x%x", i, n, irr[n]);
		irr[n] = 0;
	}
	got->vector |= (vectors ? 1U : 0) << i;
	got->nmi |= (state.events.nmi_pending ? 1U : 0) << i;
	got->init |= (uint32_t)state.events.init_pending << i;
	got->sipi |= (uint32_t)state.events.sipi_pending << i;
	if (state.events.sipi_pending)
		got->sipi_page = state.events.sipi_vector;
	got->errors_send |= (state.lapic.errors & ERRORS_SEND ? 1U : 0) << i;
	got->errors_receive |= (state.lapic.errors & ERRORS_RECEIVE ? 1U : 0) << i;
	state.lapic.errors = 0;
	state.events.nmi_pending = 0;
	state.events.init_pending = 0;
	state.events.sipi_pending = 0;
	state.events.sipi_vector = 0;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_LAPIC | HVM_STATE_EVENTS, &state));
}

static void collect(struct team *team, struct got *got)
{
	unsigned int i;

	*got = (struct got) {
		.faults = team_word(team, 0)[TEAM_FAULTS],
		.nmi = team_word(team, 0)[TEAM_NMIS] ? 1 : 0,
	};
	for (i = 0; i < team->count; i++)
		collect_from(team, i, got);
	team_word(team, 0)[TEAM_FAULTS] = 0;
	team_word(team, 0)[TEAM_NMIS] = 0;
}

static bool fits(uint32_t set, uint32_t expected)
{
	if (!(expected & ONE))
		return set == expected;
	return set && !(set & ~expected) && !(set & (set - 1));
}

/* A write to the ICR, and which members take it, by what its mode is. */
struct row {
	uint64_t icr;
	uint32_t expected;
};

static void check_row(struct team *team, const struct row *row, bool page)
{
	uint32_t vector = 0, nmi = 0, init = 0, sipi = 0;
	struct got got;

	team_send(team, row->icr, page);
	collect(team, &got);
	switch (row->icr & 0x700) {
	case ICR_FIXED:
	case ICR_LOWEST:
		vector = row->expected;
		break;
	case ICR_NMI:
		nmi = row->expected;
		break;
	case ICR_INIT:
		init = row->expected;
		break;
	case ICR_SIPI:
		sipi = row->expected;
		break;
	}
	if (!fits(got.vector, vector) || got.nmi != nmi || got.init != init || got.sipi != sipi ||
	    got.errors_send || got.errors_receive || got.faults)
		KTAP_FAIL(team->m[0].g.t,
			  "0x%llx for 0x%x: 0x%x nmi 0x%x init 0x%x sipi 0x%x, errors 0x%x 0x%x %u",
			  (unsigned long long)row->icr, row->expected, got.vector, got.nmi,
			  got.init, got.sipi, got.errors_send, got.errors_receive,
			  (unsigned int)got.faults);
}

static void check_rows(struct team *team, const struct row *rows, size_t count, bool page)
{
	size_t i;

	for (i = 0; i < count; i++)
		check_row(team, &rows[i], page);
}

/* --- x2APIC -------------------------------------------------------------------- */

static const uint32_t sparse[] = { 0, 1, 2, 17, 300, 1023 };

static const struct row wide_physical[] = {
	{ ICR_WIDE(0, ICR_FIXED | VECTOR), 0x01 },
	{ ICR_WIDE(2, ICR_FIXED | VECTOR), 0x04 },
	{ ICR_WIDE(17, ICR_FIXED | ICR_ASSERT | VECTOR), 0x08 },
	{ ICR_WIDE(300, ICR_FIXED | VECTOR), 0x10 },
	{ ICR_WIDE(1023, ICR_FIXED | VECTOR), 0x20 },
	/* Level-triggered is for the bus of old: an IPI is an edge. */
	{ ICR_WIDE(300, ICR_FIXED | ICR_LEVEL | ICR_ASSERT | VECTOR), 0x10 },
	{ ICR_WIDE(300, ICR_LOWEST | VECTOR), 0x10 },
	{ ICR_WIDE(0xffffffff, ICR_FIXED | VECTOR), 0x3f },
	{ ICR_WIDE(0xffffffff, ICR_LOWEST | VECTOR), ANY_ONE(0x3f) },
	/* Nobody there: absent, beyond all ids, and what xAPIC mode takes for a broadcast. */
	{ ICR_WIDE(5, ICR_FIXED | VECTOR), 0 },
	{ ICR_WIDE(0xff, ICR_FIXED | VECTOR), 0 },
	{ ICR_WIDE(4096, ICR_FIXED | VECTOR), 0 },
	{ ICR_WIDE(0x80000000, ICR_FIXED | VECTOR), 0 },
	{ ICR_WIDE(0x10001, ICR_FIXED | VECTOR), 0 },
	{ ICR_WIDE(5, ICR_LOWEST | VECTOR), 0 },
};

static const struct row wide_logical[] = {
	{ ICR_WIDE(0x00000001, ICR_LOGICAL | VECTOR), 0x01 },
	{ ICR_WIDE(0x00000006, ICR_LOGICAL | VECTOR), 0x06 },
	{ ICR_WIDE(0x0000ffff, ICR_LOGICAL | VECTOR), 0x07 },
	{ ICR_WIDE(0x00010002, ICR_LOGICAL | VECTOR), 0x08 },
	{ ICR_WIDE(0x0001fffd, ICR_LOGICAL | VECTOR), 0 },
	{ ICR_WIDE(300U / 16 << 16 | 1U << 300 % 16, ICR_LOGICAL | VECTOR), 0x10 },
	{ ICR_WIDE(63U << 16 | 0x8000, ICR_LOGICAL | VECTOR), 0x20 },
	{ ICR_WIDE(0, ICR_LOGICAL | VECTOR), 0 },
	{ ICR_WIDE(0x01000001, ICR_LOGICAL | VECTOR), 0 },
	{ ICR_WIDE(0x7fff0001, ICR_LOGICAL | VECTOR), 0 },
	{ ICR_WIDE(0xffffffff, ICR_LOGICAL | VECTOR), 0x3f },
	{ ICR_WIDE(0x00000007, ICR_LOGICAL | ICR_LOWEST | VECTOR), ANY_ONE(0x07) },
	{ ICR_WIDE(0x00000004, ICR_LOGICAL | ICR_LOWEST | VECTOR), 0x04 },
	{ ICR_WIDE(0xffffffff, ICR_LOGICAL | ICR_LOWEST | VECTOR), ANY_ONE(0x3f) },
};

static const struct row shorthands[] = {
	{ ICR_SELF | VECTOR, 0x01 },
	{ ICR_ALL | VECTOR, 0x3f },
	{ ICR_OTHERS | VECTOR, 0x3e },
	/* The destination does not count, nor how it would be read. */
	{ ICR_WIDE(300, ICR_SELF | ICR_LOGICAL | VECTOR), 0x01 },
	{ ICR_WIDE(0xffffffff, ICR_OTHERS | VECTOR), 0x3e },
	{ ICR_WIDE(2, ICR_ALL | VECTOR), 0x3f },
	{ ICR_OTHERS | ICR_LOWEST | VECTOR, ANY_ONE(0x3e) },
	{ ICR_OTHERS | ICR_NMI, 0x3e },
	{ ICR_ALL | ICR_NMI, 0x3f },
	{ ICR_OTHERS | ICR_INIT, 0x3e },
	{ ICR_OTHERS | ICR_SIPI | 0x30, 0x3e },
};

static const struct row wide_modes[] = {
	{ ICR_WIDE(300, ICR_NMI), 0x10 },
	{ ICR_WIDE(0x00000005, ICR_LOGICAL | ICR_NMI), 0x05 },
	{ ICR_WIDE(0xffffffff, ICR_NMI | 0x13), 0x3f },
	{ ICR_WIDE(1023, ICR_INIT), 0x20 },
	{ ICR_WIDE(1023, ICR_INIT | ICR_LEVEL | ICR_ASSERT), 0x20 },
	{ ICR_WIDE(0x00000006, ICR_LOGICAL | ICR_INIT), 0x06 },
	/* The level de-assert of old reaches nobody. */
	{ ICR_WIDE(1023, ICR_INIT | ICR_LEVEL), 0 },
	{ ICR_OTHERS | ICR_INIT | ICR_LEVEL, 0 },
	{ ICR_WIDE(1023, ICR_SIPI | 0x30), 0x20 },
	{ ICR_WIDE(0x00010002, ICR_LOGICAL | ICR_SIPI | 0xff), 0x08 },
	{ ICR_WIDE(5, ICR_NMI), 0 },
	{ ICR_WIDE(5, ICR_INIT), 0 },
	{ ICR_WIDE(5, ICR_SIPI | 0x30), 0 },
	/* What does not exist here. */
	{ ICR_WIDE(300, ICR_SMI), 0 },
	{ ICR_WIDE(300, ICR_RESERVED | VECTOR), 0 },
	{ ICR_WIDE(300, ICR_EXTINT), 0 },
};

static void check_wide(struct ktap *t, const struct row *rows, size_t count)
{
	struct team team;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), true))
		return;
	check_rows(&team, rows, count, false);
	team_close(&team);
}

static void x2apic_physical(struct ktap *t)
{
	check_wide(t, wide_physical, ARRAY_SIZE(wide_physical));
}

static void x2apic_logical(struct ktap *t)
{
	check_wide(t, wide_logical, ARRAY_SIZE(wide_logical));
}

static void x2apic_shorthands(struct ktap *t)
{
	check_wide(t, shorthands, ARRAY_SIZE(shorthands));
}

static void x2apic_modes(struct ktap *t)
{
	check_wide(t, wide_modes, ARRAY_SIZE(wide_modes));
}

/* The page a SIPI names, and the last of two counts while nobody has taken the first. */
static void sipi_carries_its_page(struct ktap *t)
{
	struct team team;
	struct got got;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), true))
		return;
	team_send(&team, ICR_WIDE(17, ICR_SIPI | 0x9f), false);
	team_send(&team, ICR_WIDE(17, ICR_SIPI | 0x07), false);
	collect(&team, &got);
	KTAP_EQ(t, got.sipi, 0x08);
	KTAP_EQ(t, got.sipi_page, 0x07);
	/* An INIT that comes behind it makes it void; one that came before it stays. */
	team_send(&team, ICR_WIDE(17, ICR_SIPI | 0x9f), false);
	team_send(&team, ICR_WIDE(17, ICR_INIT), false);
	collect(&team, &got);
	KTAP_EQ(t, got.sipi, 0);
	KTAP_EQ(t, got.init, 0x08);
	team_send(&team, ICR_WIDE(17, ICR_INIT), false);
	team_send(&team, ICR_WIDE(17, ICR_SIPI | 0x9f), false);
	collect(&team, &got);
	KTAP_EQ(t, got.sipi, 0x08);
	KTAP_EQ(t, got.init, 0x08);
	team_close(&team);
}

/* Vectors 0 to 15 are the sender's error, reserved bits its #GP; nothing is sent. */
static void x2apic_refuses_what_is_illegal(struct ktap *t)
{
	const uint32_t reserved = 0xfff33000;
	struct team team;
	struct got got;
	uint32_t bit;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), true))
		return;
	for (bit = 0; bit < 32; bit++) {
		if (!(reserved & 1U << bit))
			continue;
		team_send(&team, ICR_WIDE(0xffffffff, ICR_FIXED | VECTOR | 1U << bit), false);
		collect(&team, &got);
		if (got.faults != 1 || got.vector)
			KTAP_FAIL(t, "bit %u: %llu #GP, 0x%x", bit,
				  (unsigned long long)got.faults, got.vector);
	}
	team_send(&team, ICR_WIDE(300, ICR_FIXED | 15), false);
	collect(&team, &got);
	KTAP_EQ(t, got.errors_send, 1);
	KTAP_EQ(t, got.vector | got.errors_receive | got.faults, 0);
	team_send(&team, ICR_OTHERS | ICR_LOWEST, false);
	collect(&team, &got);
	KTAP_EQ(t, got.errors_send, 1);
	KTAP_EQ(t, got.vector | got.errors_receive | got.faults, 0);
	team_close(&team);
}

/* An APIC that is disabled takes nothing; one that is disabled by software, no vectors. */
static void disabled_apics(struct ktap *t)
{
	static const struct row rows[] = {
		{ ICR_WIDE(0xffffffff, ICR_FIXED | VECTOR), 0x39 },
		{ ICR_WIDE(0x00000007, ICR_LOGICAL | ICR_LOWEST | VECTOR), 0x01 },
		{ ICR_WIDE(2, ICR_LOWEST | VECTOR), 0 },
		{ ICR_OTHERS | ICR_NMI, 0x3c },
		{ ICR_OTHERS | ICR_INIT, 0x3c },
		{ ICR_WIDE(1, ICR_NMI), 0 },
		{ ICR_WIDE(1, ICR_SIPI | 0x30), 0 },
	};
	struct hvm_state state;
	struct team team;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), true))
		return;
	KTAP_OK(t, guest_get(&team.m[1].g, HVM_STATE_LAPIC, &state));
	state.lapic.base = 0xfee00000;
	state.lapic.regs[0x02] = 1 << 24;
	state.lapic.regs[REG_LDR] = 0;
	KTAP_OK(t, guest_set(&team.m[1].g, HVM_STATE_LAPIC, &state));
	KTAP_OK(t, guest_get(&team.m[2].g, HVM_STATE_LAPIC, &state));
	state.lapic.regs[REG_SVR] = 0xff;
	KTAP_OK(t, guest_set(&team.m[2].g, HVM_STATE_LAPIC, &state));
	check_rows(&team, rows, ARRAY_SIZE(rows), false);
	team_close(&team);
}

/* --- xAPIC ----------------------------------------------------------------------- */

static const struct row narrow_physical[] = {
	{ ICR_NARROW(0, ICR_FIXED | VECTOR), 0x01 },
	{ ICR_NARROW(17, ICR_FIXED | VECTOR), 0x08 },
	{ ICR_NARROW(2, ICR_LOWEST | VECTOR), 0x04 },
	/* Ids beyond 254 are reached by broadcast only. */
	{ ICR_NARROW(0xff, ICR_FIXED | VECTOR), 0x3f },
	{ ICR_NARROW(0xff, ICR_LOWEST | VECTOR), ANY_ONE(0x3f) },
	{ ICR_NARROW(300 & 0xff, ICR_FIXED | VECTOR), 0 },
	{ ICR_NARROW(254, ICR_FIXED | VECTOR), 0 },
	{ ICR_NARROW(17, ICR_NMI), 0x08 },
	{ ICR_NARROW(0xff, ICR_NMI), 0x3f },
	{ ICR_NARROW(17, ICR_INIT | ICR_LEVEL | ICR_ASSERT), 0x08 },
	{ ICR_NARROW(17, ICR_INIT | ICR_LEVEL), 0 },
	{ ICR_NARROW(17, ICR_SIPI | 0x9a), 0x08 },
	{ ICR_NARROW(17, ICR_SMI), 0 },
	{ ICR_NARROW(17, ICR_RESERVED | VECTOR), 0 },
	{ ICR_NARROW(17, ICR_EXTINT), 0 },
	/* Reserved bits are dropped. */
	{ ICR_NARROW(17, ICR_FIXED | VECTOR | 0xfff33000), 0x08 },
};

static void xapic_physical(struct ktap *t)
{
	struct team team;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), false))
		return;
	check_rows(&team, narrow_physical, ARRAY_SIZE(narrow_physical), true);
	team_close(&team);
}

static void xapic_shorthands(struct ktap *t)
{
	struct team team;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), false))
		return;
	check_rows(&team, shorthands, ARRAY_SIZE(shorthands), true);
	team_close(&team);
}

static void xapic_flat(struct ktap *t)
{
	static const struct row rows[] = {
		{ ICR_NARROW(0x01, ICR_LOGICAL | VECTOR), 0x01 },
		{ ICR_NARROW(0x06, ICR_LOGICAL | VECTOR), 0x06 },
		{ ICR_NARROW(0x30, ICR_LOGICAL | VECTOR), 0x30 },
		{ ICR_NARROW(0xc0, ICR_LOGICAL | VECTOR), 0 },
		{ ICR_NARROW(0x00, ICR_LOGICAL | VECTOR), 0 },
		{ ICR_NARROW(0xff, ICR_LOGICAL | VECTOR), 0x3f },
		{ ICR_NARROW(0x0e, ICR_LOGICAL | ICR_LOWEST | VECTOR), ANY_ONE(0x0e) },
		{ ICR_NARROW(0x22, ICR_LOGICAL | ICR_NMI), 0x22 },
		{ ICR_NARROW(0x04, ICR_LOGICAL | ICR_INIT), 0x04 },
		{ ICR_NARROW(0x18, ICR_LOGICAL | ICR_SIPI | 0x55), 0x18 },
	};
	struct team team;
	unsigned int i;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), false))
		return;
	for (i = 0; i < team.count; i++)
		team_logical(&team, i, 1U << i, 0xf);
	check_rows(&team, rows, ARRAY_SIZE(rows), true);
	team_close(&team);
}

static void xapic_clusters(struct ktap *t)
{
	static const uint8_t logical[] = { 0x01, 0x02, 0x04, 0x11, 0x12, 0x28 };
	static const struct row rows[] = {
		{ ICR_NARROW(0x01, ICR_LOGICAL | VECTOR), 0x01 },
		{ ICR_NARROW(0x07, ICR_LOGICAL | VECTOR), 0x07 },
		{ ICR_NARROW(0x12, ICR_LOGICAL | VECTOR), 0x10 },
		{ ICR_NARROW(0x1f, ICR_LOGICAL | VECTOR), 0x18 },
		{ ICR_NARROW(0x28, ICR_LOGICAL | VECTOR), 0x20 },
		{ ICR_NARROW(0x27, ICR_LOGICAL | VECTOR), 0 },
		{ ICR_NARROW(0x31, ICR_LOGICAL | VECTOR), 0 },
		{ ICR_NARROW(0x10, ICR_LOGICAL | VECTOR), 0 },
		/* All clusters. */
		{ ICR_NARROW(0xf1, ICR_LOGICAL | VECTOR), 0x09 },
		{ ICR_NARROW(0xf2, ICR_LOGICAL | VECTOR), 0x12 },
		{ ICR_NARROW(0xff, ICR_LOGICAL | VECTOR), 0x3f },
		{ ICR_NARROW(0xf3, ICR_LOGICAL | ICR_LOWEST | VECTOR), ANY_ONE(0x1b) },
		{ ICR_NARROW(0x1f, ICR_LOGICAL | ICR_NMI), 0x18 },
	};
	struct team team;
	unsigned int i;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), false))
		return;
	for (i = 0; i < team.count; i++)
		team_logical(&team, i, logical[i], 0);
	check_rows(&team, rows, ARRAY_SIZE(rows), true);
	/* The models that do not exist match nobody. */
	for (i = 1; i < team.count; i++)
		team_logical(&team, i, 0xff, i);
	check_row(&team, &(const struct row) { ICR_NARROW(0xfe, ICR_LOGICAL | VECTOR), 0 }, true);
	team_close(&team);
}

/* Members 1, 3 and 5 in x2APIC mode, the others in xAPIC mode; the sender in either. */
static void mixed_modes(struct ktap *t)
{
	static const struct row narrow[] = {
		{ ICR_NARROW(1, ICR_FIXED | VECTOR), 0x02 },
		{ ICR_NARROW(2, ICR_FIXED | VECTOR), 0x04 },
		/* Broadcast to those that know no wider id. */
		{ ICR_NARROW(0xff, ICR_FIXED | VECTOR), 0x15 },
		{ ICR_NARROW(0xff, ICR_LOGICAL | VECTOR), 0x17 },
		{ ICR_OTHERS | VECTOR, 0x3e },
		/* A logical id means another thing to each; here, ids 1 (by cluster) and 2. */
		{ ICR_NARROW(0x02, ICR_LOGICAL | VECTOR), 0x06 },
	};
	static const struct row wide[] = {
		{ ICR_WIDE(300, ICR_FIXED | VECTOR), 0x10 },
		{ ICR_WIDE(0xffffffff, ICR_FIXED | VECTOR), 0x3f },
		{ ICR_WIDE(0x00010002, ICR_LOGICAL | VECTOR), 0x08 },
		{ ICR_OTHERS | VECTOR, 0x3e },
	};
	struct team team;
	unsigned int i;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), false))
		return;
	for (i = 1; i < team.count; i += 2)
		team_apic(&team, i, true);
	team_logical(&team, 2, 2, 0xf);
	check_rows(&team, narrow, ARRAY_SIZE(narrow), true);
	team_apic(&team, 0, true);
	check_rows(&team, wide, ARRAY_SIZE(wide), false);
	team_close(&team);
}

/* --- messages from outside ------------------------------------------------------- */

static int msi(struct team *team, uint32_t destination, uint32_t address, uint32_t data)
{
	struct hvm_msi arg = {
		.size = sizeof(arg),
		.address = 0xfee00000 | (destination & 0xff) << 12 | (destination >> 8) << 5 |
			   address,
		.data = data,
	};

	return ioctl(team->m[0].g.vm, HVM_MSI, &arg);
}

/* The same destinations by HVM_MSI: 15 bits wide. */
static void msi_destinations(struct ktap *t)
{
	static const struct {
		uint32_t destination;
		uint32_t address;
		uint32_t data;
		uint32_t vector;
		uint32_t nmi;
	} rows[] = {
		{ 0, 0, VECTOR, 0x01, 0 },
		{ 17, 0, VECTOR, 0x08, 0 },
		{ 300, 0, VECTOR, 0x10, 0 },
		{ 1023, 0, VECTOR, 0x20, 0 },
		{ 0x7fff, 0, VECTOR, 0, 0 },
		{ 0x406, 4, VECTOR, 0x06, 0 },
		{ 0x006, 4, VECTOR, 0x06, 0 },
		{ 0x007, 4 | 8, VECTOR, ANY_ONE(0x07), 0 },
		{ 0x007, 4, ICR_LOWEST | VECTOR, ANY_ONE(0x07), 0 },
		{ 300, 0, ICR_NMI, 0, 0x10 },
		{ 1023, 8, ICR_NMI, 0, 0x20 },
	};
	struct team team;
	struct got got;
	size_t i;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), true))
		return;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int count = msi(&team, rows[i].destination, rows[i].address, rows[i].data);

		collect(&team, &got);
		if (!fits(got.vector, rows[i].vector) || got.nmi != rows[i].nmi ||
		    count != __builtin_popcount(got.vector | got.nmi))
			KTAP_FAIL(t, "row %zu: vector 0x%x nmi 0x%x, %d took it", i, got.vector,
				  got.nmi, count);
	}
	team_close(&team);
}

/* INIT and SIPI that wait are part of the state, and move with it. */
static void start_signals_round_trip(struct ktap *t)
{
	struct hvm_state state, again;
	struct team team;
	struct guest *g;

	if (!open_team(&team, t, sparse, ARRAY_SIZE(sparse), true))
		return;
	g = &team.m[4].g;
	team_send(&team, ICR_WIDE(300, ICR_INIT), false);
	team_send(&team, ICR_WIDE(300, ICR_SIPI | 0x9a), false);
	team_send(&team, ICR_WIDE(300, ICR_NMI), false);
	KTAP_OK(t, guest_get(g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.init_pending, 1);
	KTAP_EQ(t, state.events.sipi_pending, 1);
	KTAP_EQ(t, state.events.sipi_vector, 0x9a);
	KTAP_EQ(t, state.events.nmi_pending, 1);
	KTAP_EQ(t, state.events.mp_state, HVM_MP_WAIT_SIPI);
	g = &team.m[5].g;
	KTAP_OK(t, guest_set(g, HVM_STATE_EVENTS, &state));
	KTAP_OK(t, guest_get(g, HVM_STATE_EVENTS, &again));
	KTAP_EQ(t, memcmp(&state.events, &again.events, sizeof(state.events)), 0);
	team_close(&team);
}

static const struct ktap_case cases[] = {
	{ "x2apic_physical", x2apic_physical },
	{ "x2apic_logical", x2apic_logical },
	{ "x2apic_shorthands", x2apic_shorthands },
	{ "x2apic_modes", x2apic_modes },
	{ "sipi_carries_its_page", sipi_carries_its_page },
	{ "x2apic_refuses_what_is_illegal", x2apic_refuses_what_is_illegal },
	{ "disabled_apics", disabled_apics },
	{ "xapic_physical", xapic_physical },
	{ "xapic_shorthands", xapic_shorthands },
	{ "xapic_flat", xapic_flat },
	{ "xapic_clusters", xapic_clusters },
	{ "mixed_modes", mixed_modes },
	{ "msi_destinations", msi_destinations },
	{ "start_signals_round_trip", start_signals_round_trip },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
