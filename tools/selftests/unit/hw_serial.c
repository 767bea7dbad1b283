// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 16550A: what drivers probe for, data both ways, the interrupts, and a wire that stalls.
 */
#include <string.h>

#include "container_of.h"
#include "hw/serial.h"
#include "ktap.h"

#define PORT	0x3f8
enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

struct fixture {
	struct serial serial;
	struct bus bus;
	struct serial_wire wire;
	struct irq_sink sink;
	uint8_t sent[64];
	unsigned int sent_count;
	unsigned int room;
	unsigned int drained;
	bool line;
	unsigned int edges;
};

static bool put(struct serial_wire *wire, uint8_t byte)
{
	struct fixture *x = container_of(wire, struct fixture, wire);

	if (x->sent_count < sizeof(x->sent))
		x->sent[x->sent_count++] = byte;
	return x->sent_count < x->room;
}

static void drained(struct serial_wire *wire)
{
	container_of(wire, struct fixture, wire)->drained++;
}

static void set(struct irq_sink *sink, unsigned int pin, bool level)
{
	struct fixture *x = container_of(sink, struct fixture, sink);

	x->edges += pin == 4 && level && !x->line;
	x->line = level;
}

static void setup(struct fixture *x)
{
	memset(x, 0, sizeof(*x));
	x->wire = (struct serial_wire){ put, drained };
	x->sink.set = set;
	x->room = sizeof(x->sent);
	serial_init(&x->serial, PORT, (struct irq_line){ &x->sink, 4 }, &x->wire);
	bus_add(&x->bus, &x->serial.io);
}

static uint8_t in(struct fixture *x, unsigned int reg)
{
	return (uint8_t)bus_read(&x->bus, PORT + reg, 1);
}

static void out(struct fixture *x, unsigned int reg, uint8_t value)
{
	bus_write(&x->bus, PORT + reg, 1, value);
}

static void after_reset(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	KTAP_EQ(t, in(&x, LSR), 0x60);
	KTAP_EQ(t, in(&x, IIR), 0x01);
	KTAP_EQ(t, in(&x, IER), 0);
	KTAP_EQ(t, in(&x, MSR) & 0xf0, 0xb0);
	KTAP_EQ(t, in(&x, DATA), 0);
	KTAP_TRUE(t, !x.line);
}

/* What Linux's 8250 driver looks for. */
static void probe_as_16550a(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	out(&x, IER, 0);
	KTAP_EQ(t, in(&x, IER), 0);
	out(&x, IER, 0xff);
	KTAP_EQ(t, in(&x, IER), 0x0f);
	out(&x, IER, 0);
	out(&x, MCR, 0x10 | 0x0a);
	KTAP_EQ(t, in(&x, MSR) & 0xf0, 0x90);
	out(&x, MCR, 0);
	out(&x, IIR, 1);
	KTAP_EQ(t, in(&x, IIR) & 0xc0, 0xc0);
	out(&x, IIR, 0);
	KTAP_EQ(t, in(&x, IIR) & 0xc0, 0);
	out(&x, SCR, 0x5a);
	KTAP_EQ(t, in(&x, SCR), 0x5a);
}

static void divisor_latch(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	out(&x, LCR, 0x83);
	out(&x, DATA, 0x34);
	out(&x, IER, 0x12);
	KTAP_EQ(t, in(&x, DATA), 0x34);
	KTAP_EQ(t, in(&x, IER), 0x12);
	out(&x, LCR, 0x03);
	KTAP_EQ(t, in(&x, IER), 0);
	KTAP_EQ(t, x.sent_count, 0);
}

static void polled_output(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	for (const char *c = "hello"; *c; c++) {
		KTAP_EQ(t, in(&x, LSR) & 0x20, 0x20);
		out(&x, DATA, (uint8_t)*c);
	}
	KTAP_EQ(t, x.sent_count, 5);
	KTAP_TRUE(t, !memcmp(x.sent, "hello", 5));
	KTAP_EQ(t, x.edges, 0);
}

static void transmit_interrupt(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	out(&x, IER, 2);
	KTAP_EQ(t, x.edges, 1);
	KTAP_EQ(t, in(&x, IIR), 0x02);
	KTAP_TRUE(t, !x.line);
	KTAP_EQ(t, in(&x, IIR), 0x01);
	/* Every byte empties the transmitter again: a new edge, also without a look at IIR. */
	out(&x, DATA, 'a');
	KTAP_EQ(t, x.edges, 2);
	out(&x, DATA, 'b');
	KTAP_EQ(t, x.edges, 3);
	out(&x, IER, 0);
	KTAP_TRUE(t, !x.line);
}

static void stalled_wire(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	x.room = 2;
	out(&x, IER, 2);
	in(&x, IIR);
	out(&x, DATA, 'a');
	KTAP_EQ(t, in(&x, LSR) & 0x60, 0x60);
	out(&x, DATA, 'b');
	KTAP_EQ(t, in(&x, LSR) & 0x60, 0);
	KTAP_TRUE(t, !x.line);
	serial_wire_ready(&x.serial);
	KTAP_EQ(t, in(&x, LSR) & 0x60, 0x60);
	KTAP_TRUE(t, x.line);
	KTAP_EQ(t, in(&x, IIR), 0x02);
}

static void receive(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	out(&x, IIR, 0x01);
	out(&x, IER, 1);
	KTAP_EQ(t, serial_receive(&x.serial, (const uint8_t *)"xyz", 3), 3);
	KTAP_TRUE(t, x.line);
	KTAP_EQ(t, in(&x, IIR), 0xc4);
	KTAP_EQ(t, in(&x, LSR) & 1, 1);
	KTAP_EQ(t, in(&x, DATA), 'x');
	KTAP_EQ(t, in(&x, DATA), 'y');
	KTAP_TRUE(t, x.line);
	KTAP_EQ(t, in(&x, DATA), 'z');
	KTAP_TRUE(t, !x.line);
	KTAP_EQ(t, in(&x, LSR) & 1, 0);
	KTAP_EQ(t, x.drained, 0);
}

static void receive_below_the_trigger_times_out(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	out(&x, IIR, 0x81);
	out(&x, IER, 1);
	serial_receive(&x.serial, (const uint8_t *)"1234567", 7);
	KTAP_EQ(t, in(&x, IIR), 0xcc);
	serial_receive(&x.serial, (const uint8_t *)"8", 1);
	KTAP_EQ(t, in(&x, IIR), 0xc4);
}

static void receive_more_than_fits(struct ktap *t)
{
	const uint8_t bytes[40] = { 0 };
	struct fixture x;

	setup(&x);
	KTAP_EQ(t, serial_receive(&x.serial, bytes, 40), 1);
	in(&x, DATA);
	KTAP_EQ(t, x.drained, 1);
	out(&x, IIR, 0x01);
	KTAP_EQ(t, serial_receive(&x.serial, bytes, 40), SERIAL_FIFO);
	for (int i = 0; i < SERIAL_FIFO; i++)
		in(&x, DATA);
	KTAP_EQ(t, x.drained, 2);
	/* Emptying the queue by its control register asks for more as well. */
	serial_receive(&x.serial, bytes, 40);
	out(&x, IIR, 0x03);
	KTAP_EQ(t, x.drained, 3);
	KTAP_EQ(t, in(&x, LSR) & 1, 0);
}

static void loopback(struct ktap *t)
{
	struct fixture x;

	setup(&x);
	out(&x, IIR, 0x01);
	out(&x, MCR, 0x10);
	out(&x, DATA, 'q');
	KTAP_EQ(t, x.sent_count, 0);
	KTAP_EQ(t, in(&x, DATA), 'q');
	for (int i = 0; i < 100; i++)
		out(&x, DATA, 'r');
	KTAP_EQ(t, in(&x, LSR) & 3, 3);
	KTAP_EQ(t, in(&x, LSR) & 2, 0);
	KTAP_EQ(t, serial_receive(&x.serial, (const uint8_t *)"z", 1), 1);
}

/* Any sequence of accesses: nothing may break, and the line must follow the interrupt register. */
static void random_accesses(struct ktap *t)
{
	uint32_t seed = 12345;
	struct fixture x;

	setup(&x);
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		x.sent_count = seed >> 31 ? 0 : x.sent_count;
		switch (seed >> 16 & 7) {
		case 0:
			serial_receive(&x.serial, (const uint8_t *)&seed, seed >> 30);
			break;
		case 1:
			serial_wire_ready(&x.serial);
			break;
		case 2:
		case 3:
			bus_read(&x.bus, PORT + (seed >> 8 & 7), 1U << (seed >> 28 & 1));
			break;
		default:
			bus_write(&x.bus, PORT + (seed >> 8 & 7), 1, seed >> 20 & 0xff);
		}
	}
	out(&x, LCR, 0);
	out(&x, IER, 0);
	KTAP_TRUE(t, !x.line);
	KTAP_EQ(t, in(&x, IIR) & 0x0f, 1);
}

static const struct ktap_case cases[] = {
	{ "after_reset", after_reset },
	{ "probe_as_16550a", probe_as_16550a },
	{ "divisor_latch", divisor_latch },
	{ "polled_output", polled_output },
	{ "transmit_interrupt", transmit_interrupt },
	{ "stalled_wire", stalled_wire },
	{ "receive", receive },
	{ "receive_below_the_trigger_times_out", receive_below_the_trigger_times_out },
	{ "receive_more_than_fits", receive_more_than_fits },
	{ "loopback", loopback },
	{ "random_accesses", random_accesses },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
