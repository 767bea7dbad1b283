// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds of the tests; see event.h.
 */
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "event.h"

#define ROUNDS	64	/* of what may lose an eventfd */
#define SLACK	32	/* eventfds that others may have opened meanwhile */

/**
 * event_new() - an eventfd without a count; nothing waits for it
 * @t: the running case
 *
 * Return: the fd; -1: the failure is recorded
 */
int event_new(struct ktap *t)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	KTAP_OK(t, fd);
	return fd;
}

/**
 * event_take() - read its count, which is 0 then
 * @fd: the eventfd
 */
uint64_t event_take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/**
 * event_add() - write to it
 * @fd: the eventfd
 * @count: what is added
 */
bool event_add(int fd, uint64_t count)
{
	return write(fd, &count, sizeof(count)) == sizeof(count);
}

/**
 * event_id() - the kernel's number of an eventfd: the lowest that no living one has
 * @fd: the eventfd
 *
 * Return: -1: it does not say
 */
long event_id(int fd)
{
	char path[64], line[128];
	long id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "eventfd-id: %ld", &id);
	if (f)
		fclose(f);
	return id;
}

/**
 * event_expect_none_lost() - what uses eventfds leaves none behind
 * @t: the running case
 * @once: uses some, and closes what it opened
 */
void event_expect_none_lost(struct ktap *t, void (*once)(struct ktap *t))
{
	long before, after;
	int i, fd;

	once(t);
	fd = event_new(t);
	before = event_id(fd);
	close(fd);
	KTAP_TRUE(t, before >= 0);
	for (i = 0; i < ROUNDS && !t->failures; i++)
		once(t);
	fd = event_new(t);
	after = event_id(fd);
	close(fd);
	if (after > before + SLACK)
		KTAP_FAIL(t, "eventfd %ld after eventfd %ld: some still live", after, before);
}

static int doorbell(int vm, int fd, uint32_t flags, uint16_t port, uint8_t bytes, uint32_t data)
{
	struct hvm_ioeventfd arg = {
		.size = sizeof(arg),
		.flags = flags,
		.fd = fd,
		.port = port,
		.bytes = bytes,
		.data = data,
	};

	return ioctl(vm, HVM_IOEVENTFD, &arg);
}

/**
 * event_doorbell() - writes to a port signal an eventfd
 * @vm: the guest
 * @fd: the eventfd
 * @port: port
 * @bytes: width
 *
 * Return: as ioctl()
 */
int event_doorbell(int vm, int fd, uint16_t port, uint8_t bytes)
{
	return doorbell(vm, fd, 0, port, bytes, 0);
}

/**
 * event_doorbell_match() - writes of a value do
 * @vm: the guest
 * @fd: the eventfd
 * @port: port
 * @bytes: width
 * @data: the value
 *
 * Return: as ioctl()
 */
int event_doorbell_match(int vm, int fd, uint16_t port, uint8_t bytes, uint32_t data)
{
	return doorbell(vm, fd, HVM_IOEVENTFD_MATCH, port, bytes, data);
}

/**
 * event_doorbell_remove() - reverse of event_doorbell()
 * @vm: the guest
 * @fd: the eventfd
 * @port: port
 * @bytes: width
 *
 * Return: as ioctl()
 */
int event_doorbell_remove(int vm, int fd, uint16_t port, uint8_t bytes)
{
	return doorbell(vm, fd, HVM_IOEVENTFD_REMOVE, port, bytes, 0);
}

static int irqfd(int vm, int fd, int resample, uint32_t flags, uint32_t data)
{
	struct hvm_irqfd arg = {
		.size = sizeof(arg),
		.flags = flags,
		.fd = fd,
		.resample_fd = resample,
		.address = 0xfee00000,
		.data = data,
	};

	return ioctl(vm, HVM_IRQFD, &arg);
}

/**
 * event_bind() - writes to an eventfd send a message to the virtual CPU with id 0
 * @vm: the guest
 * @fd: the eventfd
 * @flags: HVM_IRQFD_*, but RESAMPLE
 * @data: message data
 *
 * Return: as ioctl()
 */
int event_bind(int vm, int fd, uint32_t flags, uint32_t data)
{
	return irqfd(vm, fd, 0, flags, data);
}

/**
 * event_bind_resample() - likewise, and the interrupt's end signals another one
 * @vm: the guest
 * @fd: the eventfd
 * @resample: the other
 * @flags: HVM_IRQFD_* beside RESAMPLE
 * @data: message data
 *
 * Return: as ioctl()
 */
int event_bind_resample(int vm, int fd, int resample, uint32_t flags, uint32_t data)
{
	return irqfd(vm, fd, resample, flags | HVM_IRQFD_RESAMPLE, data);
}

/**
 * event_unbind() - reverse of both
 * @vm: the guest
 * @fd: the eventfd
 *
 * Return: as ioctl()
 */
int event_unbind(int vm, int fd)
{
	struct hvm_irqfd arg = { .size = sizeof(arg), .flags = HVM_IRQFD_UNBIND, .fd = fd };

	return ioctl(vm, HVM_IRQFD, &arg);
}
