// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC: registers, edges and levels, masking, the end of interrupts, and the messages that
 * leave.
 */
#include <string.h>

#include "container_of.h"
#include "hw/ioapic.h"
#include "ktap.h"

#define MASKED	(1ULL << 16)
#define LEVEL	(1ULL << 15)
#define REMOTE	(1ULL << 14)

struct fixture {
	struct ioapic ioapic;
	struct bus bus;
	struct msi_sink msi;
	unsigned int sent;
	uint64_t address;
	uint32_t data;
};

static void take_message(struct msi_sink *sink, uint64_t address, uint32_t data)
{
	struct fixture *x = container_of(sink, struct fixture, msi);

	x->sent++;
	x->address = address;
	x->data = data;
}

static void setup(struct fixture *x)
{
	memset(x, 0, sizeof(*x));
	x->msi.send = take_message;
	ioapic_init(&x->ioapic, &x->msi);
	bus_add(&x->bus, &x->ioapic.mmio);
}

static uint32_t get(struct fixture *x, uint8_t index)
{
	bus_write(&x->bus, IOAPIC_BASE, 4, index);
	return (uint32_t)bus_read(&x->bus, IOAPIC_BASE + 0x10, 4);
}

static void put(struct fixture *x, uint8_t index, uint32_t value)
{
	bus_write(&x->bus, IOAPIC_BASE, 4, index);
	bus_write(&x->bus, IOAPIC_BASE + 0x10, 4, value);
}

static uint64_t entry(struct fixture *x, unsigned int pin)
{
	uint64_t high = get(x, (uint8_t)(0x11 + 2 * pin));

	return get(x, (uint8_t)(0x10 + 2 * pin)) | high << 32;
}

static void program(struct fixture *x, unsigned int pin, uint64_t value)
{
	put(x, (uint8_t)(0x11 + 2 * pin), (uint32_t)(value >> 32));
	put(x, (uint8_t)(0x10 + 2 * pin), (uint32_t)value);
}

static void line(struct fixture *x, unsigned int pin, bool level)
{
	x->ioapic.lines.set(&x->ioapic.lines, pin, level);
}

static void registers(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	KTAP_EQ(t, get(&x, 1), 0x00170020);
	put(&x, 1, 0);
	KTAP_EQ(t, get(&x, 1), 0x00170020);
	put(&x, 0, 0xffffffff);
	KTAP_EQ(t, get(&x, 0), 0x0f000000);
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		KTAP_EQ(t, entry(&x, pin), MASKED);
	program(&x, 23, UINT64_MAX);
	KTAP_EQ(t, entry(&x, 23), 0xfffe00000001afffULL);
	/* Behind the last entry, and outside the registers. */
	put(&x, 0x40, 1);
	KTAP_EQ(t, get(&x, 0x40), 0);
	put(&x, 0xff, 1);
	KTAP_EQ(t, bus_read(&x.bus, IOAPIC_BASE + 0x20, 4), 0);
	KTAP_EQ(t, x.sent, 0);
}

static void edge(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	program(&x, 4, 0x0300000000000031ULL);
	line(&x, 4, true);
	KTAP_EQ(t, x.sent, 1);
	KTAP_EQ(t, x.address, 0xfee03000);
	KTAP_EQ(t, x.data, 0x4031);
	line(&x, 4, true);
	line(&x, 4, false);
	KTAP_EQ(t, x.sent, 1);
	line(&x, 4, true);
	KTAP_EQ(t, x.sent, 2);
	KTAP_EQ(t, entry(&x, 4) & REMOTE, 0);
}

static void edge_while_masked_is_kept(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	program(&x, 4, MASKED | 0x31);
	line(&x, 4, true);
	line(&x, 4, false);
	line(&x, 4, true);
	KTAP_EQ(t, x.sent, 0);
	program(&x, 4, 0x31);
	KTAP_EQ(t, x.sent, 1);
	program(&x, 4, MASKED | 0x31);
	program(&x, 4, 0x31);
	KTAP_EQ(t, x.sent, 1);
}

static void level(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	program(&x, 9, LEVEL | 0x55);
	line(&x, 9, true);
	KTAP_EQ(t, x.sent, 1);
	KTAP_EQ(t, x.data, 0xc055);
	KTAP_TRUE(t, entry(&x, 9) & REMOTE);
	line(&x, 9, false);
	line(&x, 9, true);
	KTAP_EQ(t, x.sent, 1);
	ioapic_eoi(&x.ioapic, 0x54);
	KTAP_EQ(t, x.sent, 1);
	/* Still high: again. */
	ioapic_eoi(&x.ioapic, 0x55);
	KTAP_EQ(t, x.sent, 2);
	line(&x, 9, false);
	ioapic_eoi(&x.ioapic, 0x55);
	KTAP_EQ(t, x.sent, 2);
	KTAP_EQ(t, entry(&x, 9) & REMOTE, 0);
	ioapic_eoi(&x.ioapic, 0x55);
	KTAP_EQ(t, x.sent, 2);
}

static void level_shared_vector(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	program(&x, 1, LEVEL | 0x60);
	program(&x, 2, LEVEL | 0x60);
	line(&x, 1, true);
	line(&x, 2, true);
	KTAP_EQ(t, x.sent, 2);
	line(&x, 1, false);
	ioapic_eoi(&x.ioapic, 0x60);
	KTAP_EQ(t, x.sent, 3);
	KTAP_EQ(t, entry(&x, 1) & REMOTE, 0);
	KTAP_TRUE(t, entry(&x, 2) & REMOTE);
}

static void level_masked_between(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	program(&x, 3, LEVEL | 0x70);
	line(&x, 3, true);
	program(&x, 3, LEVEL | MASKED | 0x70);
	KTAP_TRUE(t, entry(&x, 3) & REMOTE);
	ioapic_eoi(&x.ioapic, 0x70);
	KTAP_EQ(t, x.sent, 1);
	program(&x, 3, LEVEL | 0x70);
	KTAP_EQ(t, x.sent, 2);
}

static void eoi_register_and_switch_to_edge(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	program(&x, 3, LEVEL | 0x70);
	line(&x, 3, true);
	line(&x, 3, false);
	bus_write(&x.bus, IOAPIC_BASE + 0x40, 4, 0x70);
	KTAP_EQ(t, entry(&x, 3) & REMOTE, 0);
	line(&x, 3, true);
	KTAP_EQ(t, x.sent, 2);
	line(&x, 3, false);
	program(&x, 3, MASKED | 0x70);
	KTAP_EQ(t, entry(&x, 3) & REMOTE, 0);
}

static void messages(struct ktap *t)
{
	static const struct {
		uint64_t entry;
		uint64_t address;
		uint32_t data;
	} cases[] = {
		{ 0xff00000000000020ULL, 0xfeeff000, 0x4020 },
		{ 0x0100000000000820ULL, 0xfee01004, 0x4020 },
		{ 0x0100000000000920ULL, 0xfee0100c, 0x4120 },
		{ 0x2c02000000000030ULL, 0xfee2c020, 0x4030 },
		{ 0xfffe000000000030ULL, 0xfeefffe0, 0x4030 },
		{ 0x0000000000000430ULL, 0xfee00000, 0x4430 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture x;

		setup(&x);
		program(&x, 0, cases[i].entry);
		line(&x, 0, true);
		KTAP_EQ(t, x.address, cases[i].address);
		KTAP_EQ(t, x.data, cases[i].data);
	}
}

static void no_such_pin(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	line(&x, IOAPIC_PINS, true);
	line(&x, UINT32_MAX, true);
	KTAP_EQ(t, x.sent, 0);
}

static const struct ktap_case cases[] = {
	{ "registers", registers },
	{ "edge", edge },
	{ "edge_while_masked_is_kept", edge_while_masked_is_kept },
	{ "level", level },
	{ "level_shared_vector", level_shared_vector },
	{ "level_masked_between", level_masked_between },
	{ "eoi_register_and_switch_to_edge", eoi_register_and_switch_to_edge },
	{ "messages", messages },
	{ "no_such_pin", no_such_pin },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
