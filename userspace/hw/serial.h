/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A serial port: the registers, the two queues and the interrupt. What is on the other end
 * of the wire is whoever implements struct serial_wire. No modem, no baud rate: bytes pass at
 * once.
 *
 * Manual: National Semiconductor PC16550D.
 */
#ifndef HW_SERIAL_H
#define HW_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/irq.h"

#define SERIAL_FIFO	16

/**
 * struct serial_wire - the other end
 * @put: a byte the guest sent; false: no room for another SERIAL_FIFO bytes any more, the port
 *	waits for serial_wire_ready()
 * @drained: the guest has read what serial_receive() could not take all of
 *
 * Called with the port's lock held: neither may call back into the port.
 */
struct serial_wire {
	bool (*put)(struct serial_wire *wire, uint8_t byte);
	void (*drained)(struct serial_wire *wire);
};

/**
 * struct serial - the port
 * @io: eight ports
 * @irq: its interrupt line
 * @wire: the other end
 * @lock: guards what follows
 * @rx: bytes the guest has not read
 * @rx_first: index of the oldest
 * @rx_count: how many
 * @rx_trigger: how many make a "data available" rather than a timeout interrupt
 * @rx_refused: serial_receive() had more than fits
 * @tx_ready: the wire takes bytes
 * @thre_pending: the transmitter-empty interrupt waits to be seen
 * @line_level: what @irq was last set to
 * @ier: interrupt enable register
 * @fcr: FIFO control register, the enable bit
 * @lcr: line control register
 * @mcr: modem control register
 * @scr: scratch register
 * @overrun: line status: a byte was lost
 * @divisor: divisor latch
 */
struct serial {
	struct bus_region io;
	struct irq_line irq;
	struct serial_wire *wire;
	pthread_mutex_t lock;
	uint8_t rx[SERIAL_FIFO];
	uint8_t rx_first;
	uint8_t rx_count;
	uint8_t rx_trigger;
	bool rx_refused;
	bool tx_ready;
	bool thre_pending;
	bool line_level;
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scr;
	bool overrun;
	uint16_t divisor;
};

/**
 * serial_init() - a port after reset
 * @serial: filled in
 * @port: first of its eight ports
 * @irq: its interrupt line
 * @wire: the other end
 */
void serial_init(struct serial *serial, uint16_t port, struct irq_line irq,
		 struct serial_wire *wire);

/**
 * serial_receive() - bytes arrive from the wire
 * @serial: the port
 * @bytes: what
 * @count: how many
 *
 * Return: how many the port took; when fewer than @count, &serial_wire.drained follows once.
 * Context: any thread.
 */
size_t serial_receive(struct serial *serial, const uint8_t *bytes, size_t count);

/**
 * serial_wire_ready() - the wire takes bytes again after &serial_wire.put said it does not
 * @serial: the port
 *
 * Context: any thread.
 */
void serial_wire_ready(struct serial *serial);

#endif
