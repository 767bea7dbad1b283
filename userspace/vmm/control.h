/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of a running machine: HTTP with JSON bodies over a unix socket, for whoever
 * may open it. It tells what the machine is and what its counters say; it changes nothing. Clients
 * are hostile: each has bounded memory, the oldest makes room for a new one, and nobody waits for
 * any.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include <linux/hvm.h>

#include "vmm/config.h"
#include "vmm/failure.h"
#include "vmm/loop.h"

#define CONTROL_CLIENTS		8
#define CONTROL_URL_BYTES	64
#define CONTROL_HEADER_BYTES	4096
#define CONTROL_BODY_BYTES	4096
#define CONTROL_STATISTICS	128

struct control;

/**
 * struct control_client - one connection
 * @source: watched by the loop; fd -1: free
 * @control: whose
 * @parser: of its request
 * @url: its path, as far as it has come
 * @url_bytes: length of it; more than fits: too long
 * @body_bytes: of the request
 * @complete: the request has ended
 * @answer: what is being sent, or NULL
 * @bytes: length of it
 * @sent: of that
 * @age: when it came; the smallest is the oldest
 */
struct control_client {
	struct loop_source source;
	struct control *control;
	struct http_parser parser;
	char url[CONTROL_URL_BYTES];
	size_t url_bytes;
	size_t body_bytes;
	bool complete;
	char *answer;
	size_t bytes;
	size_t sent;
	uint64_t age;
};

/**
 * struct control_page - counters of a guest or a processor
 * @id: APIC id
 * @page: mapped from its fd
 */
struct control_page {
	uint32_t id;
	const uint64_t *page;
};

/**
 * struct control - the control socket
 * @loop: the event loop
 * @listener: the socket; fd -1: there is none
 * @path: its path, in a page of its own that is read-only; NULL: there is none
 * @config: of the machine
 * @statistics: the counters' names and places
 * @count: of @statistics
 * @vm: the guest's counters
 * @vcpu: the processors' counters
 * @vcpus: how many
 * @ages: of clients so far
 * @client: connections
 */
struct control {
	struct loop *loop;
	struct loop_source listener;
	char *path;
	const struct config *config;
	struct hvm_statistic statistics[CONTROL_STATISTICS];
	uint32_t count;
	struct control_page vm;
	struct control_page *vcpu;
	uint32_t vcpus;
	uint64_t ages;
	struct control_client client[CONTROL_CLIENTS];
};

/**
 * control_directory() - where control sockets are
 * @path: room for the path: $XDG_RUNTIME_DIR/vm, or /run/vm without that variable
 * @bytes: its size
 *
 * Return: 0, or -ENAMETOOLONG.
 */
int control_directory(char *path, size_t bytes);

/**
 * control_address() - the address of a guest's control socket
 * @address: filled in
 * @name: the guest's
 *
 * Return: 0, or -ENAMETOOLONG.
 */
int control_address(struct sockaddr_un *address, const char *name);

/**
 * control_init() - make the socket of a machine and watch it
 * @control: filled in; must not move afterwards
 * @loop: the loop
 * @config: of the machine
 * @required: the user chose the name: no directory for the socket is a failure, too
 * @f: filled in on failure
 *
 * A socket that a machine left behind is replaced. Return: 0, or -1: the name is taken.
 */
int control_init(struct control *control, struct loop *loop, const struct config *config,
		 bool required, struct failure *f);

/**
 * control_attach() - read the counters of the machine from here on
 * @control: the control socket
 * @device: fd of /dev/vm
 * @vm: the guest's fd
 * @vcpus: how many processors control_attach_vcpu() will bring
 *
 * Return: 0 or a negative errno.
 */
int control_attach(struct control *control, int device, int vm, uint32_t vcpus);

/**
 * control_attach_vcpu() - the same for a processor
 * @control: the control socket
 * @fd: the processor's
 * @id: its APIC id
 *
 * Return: 0 or a negative errno.
 */
int control_attach_vcpu(struct control *control, int fd, uint32_t id);

/**
 * control_deinit() - remove the socket, end all connections
 * @control: the control socket
 */
void control_deinit(struct control *control);

#endif
