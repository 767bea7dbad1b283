// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that takes orders; see robot.h.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "robot.h"

#define PORT	0x10

/*
 * RAX: order, RBX: address, RCX: value, in and out. What spins opens interrupts first, though none
 * comes: the emulators may not end a guest's run for the host while the guest holds its own back.
 */
extern const struct guest_code robot_code;
GUEST_CODE("robot_code", "code64",
	   "	mov $0x10, %edx\n"
	   "again:	in %dx, %eax\n"
	   "	cmp $1, %eax\n"
	   "	jne 1f\n"
	   "	mov (%rbx), %rcx\n"
	   "1:	cmp $2, %eax\n"
	   "	jne 1f\n"
	   "	mov %rcx, (%rbx)\n"
	   "1:	cmp $3, %eax\n"
	   "	jne 1f\n"
	   "	call *%rbx\n"
	   "1:	cmp $4, %eax\n"
	   "	jne 1f\n"
	   "	xor %esi, %esi\n"
	   "0:	add (%rbx), %rsi\n"
	   "	add $4096, %rbx\n"
	   "	dec %rcx\n"
	   "	jnz 0b\n"
	   "	mov %rsi, %rcx\n"
	   "1:	cmp $5, %eax\n"
	   "	jne 1f\n"
	   "	xor %esi, %esi\n"
	   "0:	inc %rsi\n"
	   "	mov %rsi, (%rbx)\n"
	   "	add $4096, %rbx\n"
	   "	cmp %rcx, %rsi\n"
	   "	jne 0b\n"
	   "1:	cmp $6, %eax\n"
	   "	jne again\n"
	   "	xor %edi, %edi\n"
	   "	sti\n"
	   "0:	mov %rbx, %rsi\n"
	   "	mov %rcx, %r8\n"
	   "2:	incq (%rsi)\n"
	   "	add $4096, %rsi\n"
	   "	dec %r8\n"
	   "	jnz 2b\n"
	   "	inc %rdi\n"
	   "	cmpq $0, 0x20000\n"
	   "	je 0b\n"
	   "	mov %rdi, %rcx\n"
	   "	jmp again");

/**
 * robot_open() - make one and let it wait for its first order
 * @r: filled in
 * @t: the running case
 *
 * Return: false after a failure, which is recorded
 */
bool robot_open(struct robot *r, struct ktap *t)
{
	if (!guest_open(&r->g, t, GUEST_RAM))
		return false;
	guest_long(&r->g, &robot_code);
	if (robot_resume(r) == HVM_EXIT_PIO)
		return true;
	KTAP_FAIL(t, "the robot does not start: %s", guest_reason(r->g.run->reason));
	guest_close(&r->g);
	return false;
}

/* Let a virtual processor that waits for SIPI run, from where its registers say. */
static bool awake(struct robot *r)
{
	struct hvm_state state;

	if (guest_get(&r->g, HVM_STATE_EVENTS, &state))
		return false;
	state.events.mp_state = HVM_MP_RUNNING;
	return !guest_set(&r->g, HVM_STATE_EVENTS, &state);
}

/**
 * robot_join() - one more virtual processor that takes orders, in the same guest
 * @r: filled in; robot_leave() ends it, before the first one's guest is closed
 * @first: from robot_open()
 * @apic_id: its APIC id, not 0
 *
 * Return: false after a failure, which is recorded
 */
bool robot_join(struct robot *r, const struct robot *first, uint32_t apic_id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = apic_id };
	void *page;

	*r = (struct robot){ .g = first->g };
	r->g.run = NULL;
	r->g.vcpu = ioctl(r->g.vm, HVM_CREATE_VCPU, &create);
	page = r->g.vcpu < 0 ? MAP_FAILED :
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r->g.vcpu, 0);
	if (page != MAP_FAILED) {
		r->g.run = page;
		guest_long(&r->g, &robot_code);
		if (awake(r) && robot_resume(r) == HVM_EXIT_PIO)
			return true;
	}
	KTAP_FAIL(r->g.t, "robot %u does not start: %s", apic_id, strerror(errno));
	return false;
}

/**
 * robot_leave() - reverse of robot_join()
 * @r: the robot; may have failed to join
 */
void robot_leave(struct robot *r)
{
	if (r->g.run)
		munmap(r->g.run, 4096);
	if (r->g.vcpu > 0)
		close(r->g.vcpu);
	r->g.run = NULL;
	r->g.vcpu = -1;
}

static int arrive(struct robot *r, int reason)
{
	r->waits = reason == HVM_EXIT_PIO && r->g.run->pio.port == PORT;
	r->value = r->g.run->gpr[HVM_RCX];
	return reason;
}

/**
 * robot_resume() - let it go on with its order
 * @r: the robot; after another exit than HVM_EXIT_PIO
 *
 * Return: HVM_EXIT_PIO: done; else as guest_run()
 */
int robot_resume(struct robot *r)
{
	return arrive(r, guest_run(&r->g));
}

/**
 * robot_start() - give it an order
 * @r: the robot, waiting
 * @order: what
 * @gpa: where
 * @value: see enum robot_order
 *
 * Return: HVM_EXIT_PIO: done; else as guest_run(): robot_resume() tries again
 */
int robot_start(struct robot *r, enum robot_order order, uint64_t gpa, uint64_t value)
{
	if (!r->waits) {
		KTAP_FAIL(r->g.t, "an order for a robot that is busy");
		return HVM_EXIT_NONE;
	}
	r->g.run->gpr[HVM_RAX] = order;
	r->g.run->gpr[HVM_RBX] = gpa;
	r->g.run->gpr[HVM_RCX] = value;
	return arrive(r, guest_complete(&r->g, 0));
}

/**
 * robot_read() - have it read 8 bytes
 * @r: the robot, waiting
 * @gpa: where
 *
 * Return: what it read; a failure is recorded
 */
uint64_t robot_read(struct robot *r, uint64_t gpa)
{
	int reason = robot_start(r, ROBOT_READ, gpa, 0);

	if (reason != HVM_EXIT_PIO)
		KTAP_FAIL(r->g.t, "reading 0x%llx: %s", (unsigned long long)gpa,
			  guest_reason(reason));
	return r->value;
}

/**
 * robot_write() - have it write 8 bytes
 * @r: the robot, waiting
 * @gpa: where
 * @value: what; a failure is recorded
 */
void robot_write(struct robot *r, uint64_t gpa, uint64_t value)
{
	int reason = robot_start(r, ROBOT_WRITE, gpa, value);

	if (reason != HVM_EXIT_PIO)
		KTAP_FAIL(r->g.t, "writing 0x%llx: %s", (unsigned long long)gpa,
			  guest_reason(reason));
}
