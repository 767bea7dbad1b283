// SPDX-License-Identifier: GPL-2.0-only
/*
 * The redirection table and its rules: an edge is a message, once; a high level is a message each
 * time the previous one has been ended (remote IRR). Messages leave with the lock held, so that
 * they keep the order of their causes.
 */
#include "container_of.h"
#include "hw/ioapic.h"

#define REG_SELECT	0x00
#define REG_WINDOW	0x10
#define REG_EOI		0x40

#define INDEX_ID	0x00
#define INDEX_VERSION	0x01
#define INDEX_ARB	0x02
#define INDEX_TABLE	0x10

/* Version 20h: the EOI register is there. */
#define VERSION		(0x20 | (IOAPIC_PINS - 1) << 16)
#define ID_MASK		0x0f000000

#define RTE_VECTOR	0xffULL
#define RTE_MODE	0x700ULL
#define RTE_LOGICAL	(1ULL << 11)
#define RTE_REMOTE_IRR	(1ULL << 14)
#define RTE_LEVEL	(1ULL << 15)
#define RTE_MASKED	(1ULL << 16)
#define RTE_READ_ONLY	(RTE_REMOTE_IRR | 1ULL << 12)
#define RTE_WRITABLE	0xfffe00000001afffULL

#define MSI_BASE	0xfee00000ULL
#define MSI_LOGICAL	(1U << 2)
#define MSI_REDIRECT	(1U << 3)
#define MSI_ASSERT	(1U << 14)
#define MSI_LEVEL	(1U << 15)
#define MODE_LOWEST	0x100ULL

/* The message a redirection entry stands for (SDM "Message Signalled Interrupts"). */
static void send(struct ioapic *io, uint64_t entry)
{
	uint64_t address = MSI_BASE;
	uint32_t data = (uint32_t)(entry & (RTE_VECTOR | RTE_MODE)) | MSI_ASSERT;

	address |= (entry >> 56) << 12;
	address |= (entry >> 49 & 0x7f) << 5;
	if (entry & RTE_LOGICAL)
		address |= MSI_LOGICAL;
	if ((entry & RTE_MODE) == MODE_LOWEST)
		address |= MSI_REDIRECT;
	if (entry & RTE_LEVEL)
		data |= MSI_LEVEL;
	io->msi->send(io->msi, address, data);
}

/* Send what a pin has to say, if it may. */
static void service(struct ioapic *io, unsigned int pin)
{
	uint64_t *entry = &io->entry[pin];
	uint32_t bit = 1U << pin;

	if (*entry & RTE_MASKED)
		return;
	if (*entry & RTE_LEVEL) {
		if (!(io->lines_high & bit) || (*entry & RTE_REMOTE_IRR))
			return;
		*entry |= RTE_REMOTE_IRR;
	} else {
		if (!(io->edges & bit))
			return;
	}
	io->edges &= ~bit;
	send(io, *entry);
}

static void set_line(struct irq_sink *sink, unsigned int pin, bool level)
{
	struct ioapic *io = container_of(sink, struct ioapic, lines);
	uint32_t bit;

	if (pin >= IOAPIC_PINS)
		return;
	bit = 1U << pin;
	pthread_mutex_lock(&io->lock);
	if (level && !(io->lines_high & bit))
		io->edges |= bit;
	io->lines_high = level ? io->lines_high | bit : io->lines_high & ~bit;
	service(io, pin);
	pthread_mutex_unlock(&io->lock);
}

static void end_interrupt(struct ioapic *io, uint8_t vector)
{
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *entry = &io->entry[pin];

		if (!(*entry & RTE_REMOTE_IRR) || (*entry & RTE_VECTOR) != vector)
			continue;
		*entry &= ~RTE_REMOTE_IRR;
		service(io, pin);
	}
}

void ioapic_eoi(struct ioapic *ioapic, uint8_t vector)
{
	pthread_mutex_lock(&ioapic->lock);
	end_interrupt(ioapic, vector);
	pthread_mutex_unlock(&ioapic->lock);
}

static uint32_t read_index(const struct ioapic *io)
{
	unsigned int pin = (io->select - INDEX_TABLE) / 2u;

	switch (io->select) {
	case INDEX_ID:
	case INDEX_ARB:
		return io->id;
	case INDEX_VERSION:
		return VERSION;
	default:
		if (io->select < INDEX_TABLE || pin >= IOAPIC_PINS)
			return 0;
		return (uint32_t)(io->entry[pin] >> (io->select & 1 ? 32 : 0));
	}
}

static void write_entry(struct ioapic *io, unsigned int pin, bool high, uint32_t value)
{
	uint64_t old = io->entry[pin];
	uint64_t entry;

	if (high)
		entry = (old & 0xffffffff) | (uint64_t)value << 32;
	else
		entry = (old & ~0xffffffffULL) | value;
	entry = (entry & RTE_WRITABLE) | (old & RTE_READ_ONLY);
	/* Remote IRR has no meaning for edges: switching to edge and back clears it. */
	if (!(entry & RTE_LEVEL))
		entry &= ~RTE_REMOTE_IRR;
	io->entry[pin] = entry;
	service(io, pin);
}

static void write_index(struct ioapic *io, uint32_t value)
{
	unsigned int pin = (io->select - INDEX_TABLE) / 2u;

	if (io->select == INDEX_ID)
		io->id = value & ID_MASK;
	else if (io->select >= INDEX_TABLE && pin < IOAPIC_PINS)
		write_entry(io, pin, io->select & 1, value);
}

static uint64_t mmio_read(struct bus_region *region, uint64_t offset, unsigned int bytes)
{
	struct ioapic *io = container_of(region, struct ioapic, mmio);
	uint32_t value = 0;

	(void)bytes;
	pthread_mutex_lock(&io->lock);
	if (offset == REG_SELECT)
		value = io->select;
	else if (offset == REG_WINDOW)
		value = read_index(io);
	pthread_mutex_unlock(&io->lock);
	return value;
}

static void mmio_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
		       uint64_t value)
{
	struct ioapic *io = container_of(region, struct ioapic, mmio);

	(void)bytes;
	pthread_mutex_lock(&io->lock);
	if (offset == REG_SELECT)
		io->select = (uint8_t)value;
	else if (offset == REG_WINDOW)
		write_index(io, (uint32_t)value);
	else if (offset == REG_EOI)
		end_interrupt(io, (uint8_t)value);
	pthread_mutex_unlock(&io->lock);
}

static const struct bus_ops mmio_ops = { .read = mmio_read, .write = mmio_write, .max_bytes = 4 };

void ioapic_init(struct ioapic *ioapic, struct msi_sink *msi)
{
	*ioapic = (struct ioapic){
		.mmio = { .base = IOAPIC_BASE, .bytes = 4096, .ops = &mmio_ops },
		.lines = { .set = set_line },
		.msi = msi,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->entry[pin] = RTE_MASKED;
}
