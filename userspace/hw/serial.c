// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 16550A's registers. The interrupt output is recomputed after every change and driven only
 * when it changes, so that a polled port costs nothing but its accesses.
 */
#include "container_of.h"
#include "hw/serial.h"

enum serial_register {
	REG_DATA,	/* receive and transmit; divisor low with DLAB */
	REG_IER,	/* divisor high with DLAB */
	REG_IIR_FCR,
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR,
	REG_SCR,
};

#define IER_RX		0x01
#define IER_THRE	0x02
#define IER_LINE	0x04
#define IER_MASK	0x0f

#define IIR_NONE	0x01
#define IIR_THRE	0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c
#define IIR_FIFO	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_TRIGGER	6	/* shift */

#define LCR_DLAB	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f

#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_THRE	0x20
#define LSR_EMPTY	0x40

#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80

/* The interrupt of highest priority that is enabled and pending. */
static uint8_t interrupt_id(const struct serial *s)
{
	if ((s->ier & IER_LINE) && s->overrun)
		return IIR_LINE;
	if ((s->ier & IER_RX) && s->rx_count)
		return s->rx_count >= s->rx_trigger ? IIR_RX : IIR_TIMEOUT;
	if ((s->ier & IER_THRE) && s->thre_pending)
		return IIR_THRE;
	return IIR_NONE;
}

static void update_line(struct serial *s)
{
	bool level = interrupt_id(s) != IIR_NONE;

	if (level == s->line_level)
		return;
	s->line_level = level;
	irq_line_set(&s->irq, level);
}

static unsigned int fifo_size(const struct serial *s)
{
	return s->fcr & FCR_ENABLE ? SERIAL_FIFO : 1;
}

static bool push(struct serial *s, uint8_t byte)
{
	if (s->rx_count >= fifo_size(s))
		return false;
	s->rx[(s->rx_first + s->rx_count++) % SERIAL_FIFO] = byte;
	return true;
}

static uint8_t pop(struct serial *s)
{
	uint8_t byte = s->rx[s->rx_first];

	if (!s->rx_count)
		return 0;
	s->rx_first = (s->rx_first + 1) % SERIAL_FIFO;
	if (!--s->rx_count && s->rx_refused) {
		s->rx_refused = false;
		s->wire->drained(s->wire);
	}
	return byte;
}

static void transmit(struct serial *s, uint8_t byte)
{
	if (s->thre_pending) {
		/* The line falls between two interrupts: an edge-triggered input must see it. */
		s->thre_pending = false;
		update_line(s);
	}
	if (s->mcr & MCR_LOOP)
		s->overrun |= !push(s, byte);
	else
		s->tx_ready = s->wire->put(s->wire, byte);
	s->thre_pending = s->tx_ready;
}

static uint8_t modem_status(const struct serial *s)
{
	uint8_t status = 0;

	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (s->mcr & MCR_RTS)
		status |= MSR_CTS;
	if (s->mcr & MCR_DTR)
		status |= MSR_DSR;
	if (s->mcr & MCR_OUT1)
		status |= MSR_RI;
	if (s->mcr & MCR_OUT2)
		status |= MSR_DCD;
	return status;
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == IIR_THRE)
		s->thre_pending = false;
	return id | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct serial *s)
{
	uint8_t status = s->rx_count ? LSR_DATA : 0;

	if (s->tx_ready)
		status |= LSR_THRE | LSR_EMPTY;
	if (s->overrun)
		status |= LSR_OVERRUN;
	s->overrun = false;
	return status;
}

static uint8_t read_register(struct serial *s, unsigned int reg)
{
	switch (reg) {
	case REG_DATA:
		return s->lcr & LCR_DLAB ? s->divisor & 0xff : pop(s);
	case REG_IER:
		return s->lcr & LCR_DLAB ? s->divisor >> 8 : s->ier;
	case REG_IIR_FCR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return read_lsr(s);
	case REG_MSR:
		return modem_status(s);
	default:
		return s->scr;
	}
}

static void write_data(struct serial *s, uint8_t value)
{
	if (s->lcr & LCR_DLAB)
		s->divisor = (s->divisor & 0xff00) | value;
	else
		transmit(s, value);
}

static void write_ier(struct serial *s, uint8_t value)
{
	if (s->lcr & LCR_DLAB) {
		s->divisor = (uint16_t)(s->divisor & 0xff) | (uint16_t)(value << 8);
		return;
	}
	/* Enabling the interrupt while the transmitter is empty raises it. */
	if ((value & ~s->ier & IER_THRE) && s->tx_ready)
		s->thre_pending = true;
	s->ier = value & IER_MASK;
}

static void write_fcr(struct serial *s, uint8_t value)
{
	static const uint8_t triggers[] = { 1, 4, 8, 14 };

	/* A change of the enable bit empties the queue as well. */
	if ((value & FCR_CLEAR_RX) || ((value ^ s->fcr) & FCR_ENABLE)) {
		s->rx_count = 1;
		pop(s);
	}
	s->fcr = value & FCR_ENABLE;
	s->rx_trigger = s->fcr ? triggers[value >> FCR_TRIGGER] : 1;
}

static void write_register(struct serial *s, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case REG_DATA:
		write_data(s, value);
		break;
	case REG_IER:
		write_ier(s, value);
		break;
	case REG_IIR_FCR:
		write_fcr(s, value);
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & MCR_MASK;
		break;
	case REG_SCR:
		s->scr = value;
		break;
	default:
		/* The status registers are read-only. */
		break;
	}
}

static uint64_t io_read(struct bus_region *region, uint64_t offset, unsigned int bytes)
{
	struct serial *s = container_of(region, struct serial, io);
	uint8_t value;

	(void)bytes;
	pthread_mutex_lock(&s->lock);
	value = read_register(s, (unsigned int)offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void io_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
		     uint64_t value)
{
	struct serial *s = container_of(region, struct serial, io);

	(void)bytes;
	pthread_mutex_lock(&s->lock);
	write_register(s, (unsigned int)offset, (uint8_t)value);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops io_ops = { .read = io_read, .write = io_write, .max_bytes = 1 };

void serial_init(struct serial *serial, uint16_t port, struct irq_line irq,
		 struct serial_wire *wire)
{
	*serial = (struct serial){
		.io = { .base = port, .bytes = 8, .ops = &io_ops },
		.irq = irq,
		.wire = wire,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.rx_trigger = 1,
		.tx_ready = true,
		.divisor = 12,
	};
}

size_t serial_receive(struct serial *serial, const uint8_t *bytes, size_t count)
{
	size_t taken = 0;

	pthread_mutex_lock(&serial->lock);
	/* In loopback mode the receiver is cut off from the wire. */
	if (serial->mcr & MCR_LOOP)
		taken = count;
	while (taken < count && push(serial, bytes[taken]))
		taken++;
	serial->rx_refused = taken < count;
	update_line(serial);
	pthread_mutex_unlock(&serial->lock);
	return taken;
}

void serial_wire_ready(struct serial *serial)
{
	pthread_mutex_lock(&serial->lock);
	if (!serial->tx_ready) {
		serial->tx_ready = true;
		serial->thre_pending = true;
	}
	update_line(serial);
	pthread_mutex_unlock(&serial->lock);
}
