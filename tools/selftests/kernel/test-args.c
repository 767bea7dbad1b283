// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls by their arguments: every call with every kind of wrong size, pointer, flag, fd and
 * caller, and the run page mapped in every wrong way. Each answers its one errno and changes
 * nothing. Not here: values of a vCPU's state (test-bad-state.c), HVM_MAP (test-mem-args.c).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "step.h"
#include "task.h"

#define PAGE		4096UL
#define MAP_GPA		0x40000000UL
#define UNMAP_GPA	0x100000UL
#define NON_CANONICAL	0x0000900000000000ULL
#define MSI_ADDRESS	0xfee00000UL

/* Kinds of fd. */
#define ON_DEV	1
#define ON_VM	2
#define ON_VCPU	4

/* &struct call.flags */
#define OUT	1	/* the struct is written back */
#define NEW_FD	2	/* returns an fd */

#define CALL(what, type, fds, how)	{ #what, HVM_##what, sizeof(struct type), fds, how }

static const struct call {
	const char *name;
	unsigned int cmd;
	unsigned int bytes;
	unsigned int on;
	unsigned int flags;
} calls[] = {
	CALL(GET_INFO, hvm_get_info, ON_DEV, OUT),
	CALL(GET_CPUID, hvm_cpuid, ON_DEV, OUT),
	CALL(CREATE_VM, hvm_create_vm, ON_DEV, NEW_FD),
	CALL(CREATE_VCPU, hvm_create_vcpu, ON_VM, NEW_FD),
	CALL(MAP, hvm_map, ON_VM, 0),
	CALL(UNMAP, hvm_unmap, ON_VM, 0),
	CALL(MSR_POLICY, hvm_msr_policy, ON_VM, 0),
	CALL(MSI, hvm_msi, ON_VM, 0),
	CALL(IRQFD, hvm_irqfd, ON_VM, 0),
	CALL(IOEVENTFD, hvm_ioeventfd, ON_VM, 0),
	CALL(CLOCK, hvm_clock, ON_VM, OUT),
	CALL(SET_CPUID, hvm_cpuid, ON_VM | ON_VCPU, 0),
	CALL(KICK, hvm_kick, ON_VM | ON_VCPU, 0),
	CALL(GET_STATE, hvm_state, ON_VCPU, OUT),
	CALL(SET_STATE, hvm_state, ON_VCPU, OUT),
	CALL(INJECT, hvm_inject, ON_VCPU, 0),
	CALL(DEBUG, hvm_debug, ON_VCPU, 0),
};

union arg {
	uint32_t size;
	struct hvm_create_vcpu create_vcpu;
	struct hvm_map map;
	struct hvm_unmap unmap;
	struct hvm_msi msi;
	struct hvm_irqfd irqfd;
	struct hvm_ioeventfd ioeventfd;
	struct hvm_inject inject;
	uint8_t bytes[2 * PAGE];
};

static int fd_of(const struct guest *g, unsigned int kind)
{
	return kind == ON_DEV ? g->dev : kind == ON_VM ? g->vm : g->vcpu;
}

/* One for all of the cases. */
static int an_eventfd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC);
	return fd;
}

/* An argument that a new guest, or its vCPU, takes. */
static void fill_good(const struct guest *g, const struct call *c, union arg *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->size = c->bytes;
	switch (c->cmd) {
	case HVM_CREATE_VCPU:
		arg->create_vcpu.apic_id = 1;
		break;
	case HVM_MAP:
		arg->map.gpa = MAP_GPA;
		arg->map.bytes = PAGE;
		arg->map.hva = (uintptr_t)g->ram;
		break;
	case HVM_UNMAP:
		arg->unmap.gpa = UNMAP_GPA;
		arg->unmap.bytes = PAGE;
		break;
	case HVM_MSI:
		arg->msi.address = MSI_ADDRESS;
		arg->msi.data = 0x30;
		break;
	case HVM_IRQFD:
		arg->irqfd.fd = an_eventfd();
		arg->irqfd.address = MSI_ADDRESS;
		arg->irqfd.data = 0x30;
		break;
	case HVM_IOEVENTFD:
		arg->ioeventfd.fd = an_eventfd();
		arg->ioeventfd.bytes = 1;
		break;
	case HVM_INJECT:
		arg->inject.event.type = HVM_EVENT_EXCEPTION;
		arg->inject.event.vector = 6;
		break;
	}
}

/* After a call that went through, let the next one find what this one found. */
static void undo(struct guest *g, const struct call *c, int result)
{
	struct hvm_unmap unmap = { .size = sizeof(unmap), .gpa = MAP_GPA, .bytes = PAGE };
	struct hvm_state state;

	if (c->flags & NEW_FD)
		close(result);
	if (c->cmd == HVM_MAP)
		KTAP_OK(g->t, ioctl(g->vm, HVM_UNMAP, &unmap));
	if (c->cmd == HVM_UNMAP)
		KTAP_TRUE(g->t, guest_map(g, UNMAP_GPA, g->ram + UNMAP_GPA, PAGE, 0));
	if (c->cmd == HVM_IRQFD)
		KTAP_OK(g->t, event_unbind(g->vm, an_eventfd()));
	if (c->cmd == HVM_IOEVENTFD)
		KTAP_OK(g->t, event_doorbell_remove(g->vm, an_eventfd(), 0, 1));
	if (c->cmd == HVM_INJECT) {
		KTAP_OK(g->t, guest_get(g, HVM_STATE_EVENTS, &state));
		state.events.pending.type = HVM_EVENT_NONE;
		KTAP_OK(g->t, guest_set(g, HVM_STATE_EVENTS, &state));
	}
}

/* Expect an errno, or 0 for success. What succeeds is undone. */
static void expect(struct guest *g, const struct call *c, int fd, const void *arg, const char *what,
		   int error)
{
	int result = ioctl(fd, c->cmd, arg);
	int got = result < 0 ? errno : 0;

	if (got != error)
		KTAP_FAIL(g->t, "%s, %s: %s, not %s", c->name, what, strerror(got),
			  strerror(error));
	if (!got)
		undo(g, c, result);
}

typedef void check_fn(struct guest *g, const struct call *c, int fd);

/* Every call on every kind of fd that has it, each with a new guest. */
static void check_each(struct ktap *t, check_fn *check)
{
	struct guest g;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (unsigned int kind = ON_DEV; kind <= ON_VCPU; kind <<= 1) {
			if (!(calls[i].on & kind))
				continue;
			if (!guest_open(&g, t, GUEST_RAM))
				return;
			check(&g, &calls[i], fd_of(&g, kind));
			guest_close(&g);
		}
	}
}

/* --- which call on which fd ---------------------------------------------------- */

static void calls_on_the_wrong_fd(struct ktap *t)
{
	union arg arg;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (unsigned int kind = ON_DEV; kind <= ON_VCPU; kind <<= 1) {
			if (calls[i].on & kind)
				continue;
			fill_good(&g, &calls[i], &arg);
			expect(&g, &calls[i], fd_of(&g, kind), &arg, "wrong fd", ENOTTY);
			expect(&g, &calls[i], fd_of(&g, kind), NULL, "wrong fd", ENOTTY);
		}
	}
	KTAP_ERRNO(t, ioctl(g.dev, HVM_RUN, 0), ENOTTY);
	KTAP_ERRNO(t, ioctl(g.vm, HVM_RUN, 0), ENOTTY);
	guest_close(&g);
}

static bool is_call(unsigned int cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].cmd == cmd)
			return true;
	}
	return cmd == HVM_RUN;
}

/* The number has to be right in all of its parts: direction and size, too. */
static void unknown_numbers(struct ktap *t)
{
	static uint8_t buffer[16384];
	static const unsigned int parts[] = {
		_IO(HVM_IOC_TYPE, 0), _IO(HVM_IOC_TYPE + 1, 0), _IO(0xae, 0),
		_IOR(HVM_IOC_TYPE, 0, uint32_t), _IOW(HVM_IOC_TYPE, 0, uint64_t),
		_IOWR(HVM_IOC_TYPE, 0, struct hvm_run),
	};
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (unsigned int nr = 0; nr < 256; nr++) {
			unsigned int cmd = parts[i] | nr;

			if (is_call(cmd))
				continue;
			for (unsigned int kind = ON_DEV; kind <= ON_VCPU; kind <<= 1) {
				errno = 0;
				if (ioctl(fd_of(&g, kind), cmd, buffer) != -1 || errno != ENOTTY)
					KTAP_FAIL(t, "0x%x on %u: %s", cmd, kind, strerror(errno));
			}
		}
	}
	guest_close(&g);
}

static void only_ioctls(struct ktap *t)
{
	struct pollfd ready = { .events = POLLIN };
	struct guest g;
	char byte = 0;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (unsigned int kind = ON_DEV; kind <= ON_VCPU; kind <<= 1) {
		ready.fd = fd_of(&g, kind);
		KTAP_ERRNO(t, read(ready.fd, &byte, 1), EINVAL);
		KTAP_ERRNO(t, write(ready.fd, &byte, 1), EINVAL);
		KTAP_ERRNO(t, ftruncate(ready.fd, PAGE), EINVAL);
		KTAP_TRUE(t, poll(&ready, 1, 0) >= 0);
	}
	guest_close(&g);
}

/* --- the struct ------------------------------------------------------------------- */

static void check_sizes(struct guest *g, const struct call *c, int fd)
{
	union arg arg;

	fill_good(g, c, &arg);
	arg.size = 0;
	expect(g, c, fd, &arg, "size 0", EINVAL);
	arg.size = 4;
	expect(g, c, fd, &arg, "size 4", EINVAL);
	arg.size = c->bytes - 1;
	expect(g, c, fd, &arg, "one byte too few", EINVAL);
	arg.size = PAGE + 1;
	expect(g, c, fd, &arg, "more than a page", E2BIG);
	arg.size = ~0U;
	expect(g, c, fd, &arg, "as large as can be", E2BIG);
	arg.bytes[c->bytes] = 1;
	arg.size = c->bytes + 1;
	expect(g, c, fd, &arg, "a byte behind", E2BIG);
	arg.size = PAGE;
	expect(g, c, fd, &arg, "a byte behind, in a page", E2BIG);
	arg.bytes[c->bytes] = 0;
	arg.bytes[PAGE - 1] = 0x80;
	expect(g, c, fd, &arg, "a byte at the page's end", E2BIG);
	arg.bytes[PAGE - 1] = 0;
	expect(g, c, fd, &arg, "zeros behind, to the page's end", 0);
	fill_good(g, c, &arg);
	arg.size = c->bytes + 1;
	arg.bytes[c->bytes + 1] = 1;
	expect(g, c, fd, &arg, "a zero byte behind", 0);
	fill_good(g, c, &arg);
	expect(g, c, fd, &arg, "its own size", 0);
}

static void sizes(struct ktap *t)
{
	check_each(t, check_sizes);
}

static void check_pointers(struct guest *g, const struct call *c, int fd)
{
	uint8_t *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	const void *bad[] = {
		NULL, (void *)8, (void *)KERNEL_ADDRESS, (void *)0xffffffff81000000,
		(void *)NON_CANONICAL, (void *)~0UL, (void *)(1UL << 63), two + PAGE,
		two + PAGE - 2,
	};
	union arg arg;

	KTAP_REQUIRE(g->t, two != MAP_FAILED);
	munmap(two + PAGE, PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect(g, c, fd, bad[i], "bad pointer", EFAULT);
	fill_good(g, c, &arg);
	memcpy(two + PAGE - c->bytes, &arg, c->bytes);
	expect(g, c, fd, two + PAGE - c->bytes, "up to where nothing is mapped", 0);
	memcpy(two + PAGE - c->bytes + 4, &arg, c->bytes - 4);
	expect(g, c, fd, two + PAGE - c->bytes + 4, "across where nothing is mapped", EFAULT);
	memcpy(two + 1, &arg, c->bytes);
	expect(g, c, fd, two + 1, "odd address", 0);
	memcpy(two, &arg, c->bytes);
	KTAP_OK(g->t, mprotect(two, PAGE, PROT_NONE));
	expect(g, c, fd, two, "no access", EFAULT);
	KTAP_OK(g->t, mprotect(two, PAGE, PROT_READ));
	expect(g, c, fd, two, "for reading only", c->flags & OUT ? EFAULT : 0);
	munmap(two, PAGE);
}

static void pointers(struct ktap *t)
{
	check_each(t, check_pointers);
}

/* An answer that cannot be given is found out before anything is done. */
static void answers_that_cannot_be_given(struct ktap *t)
{
	struct hvm_clock *clock;
	struct hvm_state *state, before, after;
	uint8_t *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	struct guest g;

	KTAP_REQUIRE(t, two != MAP_FAILED);
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	clock = (struct hvm_clock *)(two + PAGE - offsetof(struct hvm_clock, host_tsc));
	*clock = (struct hvm_clock) {
		.size = sizeof(*clock), .flags = HVM_CLOCK_SET, .guest_ns = 1ULL << 62,
	};
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR, &before));
	state = (struct hvm_state *)(two + PAGE - offsetof(struct hvm_state, segments));
	KTAP_OK(t, mprotect(two + PAGE, PAGE, PROT_READ));
	KTAP_ERRNO(t, ioctl(g.vm, HVM_CLOCK, clock), EFAULT);
	KTAP_OK(t, mprotect(two + PAGE, PAGE, PROT_READ | PROT_WRITE));
	clock->flags = 0;
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, clock));
	KTAP_TRUE(t, clock->guest_ns < 1ULL << 62);

	memset(two, 0, 2 * PAGE);
	*state = before;
	state->gpr.gpr[HVM_RAX] ^= 0x1234;
	KTAP_OK(t, mprotect(two + PAGE, PAGE, PROT_READ));
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_SET_STATE, state), EFAULT);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR, &after));
	KTAP_EQ(t, after.gpr.gpr[HVM_RAX], before.gpr.gpr[HVM_RAX]);
	munmap(two, 2 * PAGE);
	guest_close(&g);
}

static void flags_and_reserved_fields(struct ktap *t)
{
	static const struct {
		unsigned int cmd, offset;
		uint32_t value;
		int error;
	} rows[] = {
		{ HVM_GET_INFO, offsetof(struct hvm_get_info, flags), 1, EOPNOTSUPP },
		{ HVM_CREATE_VM, offsetof(struct hvm_create_vm, flags), 1, EOPNOTSUPP },
		{ HVM_CREATE_VM, offsetof(struct hvm_create_vm, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_CREATE_VCPU, offsetof(struct hvm_create_vcpu, flags), 1, EOPNOTSUPP },
		{ HVM_CREATE_VCPU, offsetof(struct hvm_create_vcpu, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_CREATE_VCPU, offsetof(struct hvm_create_vcpu, reserved), 1, EINVAL },
		{ HVM_CREATE_VCPU, offsetof(struct hvm_create_vcpu, apic_id), ~0U, EINVAL },
		{ HVM_CREATE_VCPU, offsetof(struct hvm_create_vcpu, apic_id), 0, EEXIST },
		{ HVM_MSR_POLICY, offsetof(struct hvm_msr_policy, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_MSR_POLICY, offsetof(struct hvm_msr_policy, count), 1, EFAULT },
		{ HVM_MSI, offsetof(struct hvm_msi, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_IRQFD, offsetof(struct hvm_irqfd, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_IRQFD, offsetof(struct hvm_irqfd, reserved), 1, EINVAL },
		{ HVM_IOEVENTFD, offsetof(struct hvm_ioeventfd, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_CLOCK, offsetof(struct hvm_clock, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_KICK, offsetof(struct hvm_kick, flags), 1, EOPNOTSUPP },
		{ HVM_KICK, offsetof(struct hvm_kick, flags), 1U << 31, EOPNOTSUPP },
		{ HVM_INJECT, offsetof(struct hvm_inject, flags), 1, EOPNOTSUPP },
		{ HVM_GET_STATE, offsetof(struct hvm_state, mask), 1U << 9, EOPNOTSUPP },
		{ HVM_GET_STATE, offsetof(struct hvm_state, mask), ~0U, EOPNOTSUPP },
		{ HVM_SET_STATE, offsetof(struct hvm_state, mask), 1U << 9, EOPNOTSUPP },
		{ HVM_SET_STATE, offsetof(struct hvm_state, mask), 1U << 31, EOPNOTSUPP },
	};
	const struct call *c;
	struct guest g;
	union arg arg;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (c = calls; c->cmd != rows[i].cmd; c++)
			;
		fill_good(&g, c, &arg);
		memcpy(arg.bytes + rows[i].offset, &rows[i].value, 4);
		for (unsigned int kind = ON_DEV; kind <= ON_VCPU; kind <<= 1) {
			if (c->on & kind)
				expect(&g, c, fd_of(&g, kind), &arg, "a field", rows[i].error);
		}
	}
	/* No kick has come through. */
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	guest_close(&g);
}

/* --- buffers that the struct points to ------------------------------------------------- */

static int list_msrs(int dev, struct hvm_get_info *info)
{
	info->statistic_count = 0;
	return ioctl(dev, HVM_GET_INFO, info);
}

static void list_of_msrs(struct ktap *t)
{
	uint32_t *list = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
	struct hvm_get_info info = { .size = sizeof(info) };
	uint32_t n;
	struct guest g;

	KTAP_REQUIRE(t, list != MAP_FAILED);
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, list_msrs(g.dev, &info));
	n = info.msr_count;
	KTAP_TRUE(t, n > 2 && n < PAGE / 4);
	/* Only the places given are filled, and no more of them than there are MSRs. */
	info.msrs = (uintptr_t)list;
	info.msr_count = 2;
	KTAP_OK(t, list_msrs(g.dev, &info));
	KTAP_EQ(t, info.msr_count, n);
	KTAP_TRUE(t, list[0] && list[1] && !list[2]);
	info.msr_count = ~0U;
	munmap((uint8_t *)list + PAGE, PAGE);
	KTAP_OK(t, list_msrs(g.dev, &info));
	KTAP_EQ(t, info.msr_count, n);
	KTAP_TRUE(t, list[n - 1] && !list[n]);

	info.msrs = (uintptr_t)list + PAGE - 4;
	KTAP_ERRNO(t, list_msrs(g.dev, &info), EFAULT);
	info.msrs = KERNEL_ADDRESS;
	KTAP_ERRNO(t, list_msrs(g.dev, &info), EFAULT);
	info.msrs = 0;
	KTAP_ERRNO(t, list_msrs(g.dev, &info), EFAULT);
	KTAP_OK(t, mprotect(list, PAGE, PROT_READ));
	info.msrs = (uintptr_t)list;
	KTAP_ERRNO(t, list_msrs(g.dev, &info), EFAULT);
	munmap(list, PAGE);
	guest_close(&g);
}

static void table_of_cpuid(struct ktap *t)
{
	static const uint64_t bad[] = { 0, KERNEL_ADDRESS, NON_CANONICAL, ~0ULL };
	struct hvm_cpuid arg = { .size = sizeof(arg) };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		arg.entries = bad[i];
		arg.count = 1;
		KTAP_ERRNO(t, ioctl(g.dev, HVM_GET_CPUID, &arg), EFAULT);
		arg.count = ~0U;
		KTAP_ERRNO(t, ioctl(g.dev, HVM_GET_CPUID, &arg), EFAULT);
		arg.count = 256;
		KTAP_ERRNO(t, ioctl(g.vcpu, HVM_SET_CPUID, &arg), EFAULT);
	}
	guest_close(&g);
}

static void ranges_of_msrs(struct ktap *t)
{
	struct hvm_msr_range *range = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hvm_msr_policy arg = { .size = sizeof(arg), .count = 2 };
	struct guest g;

	KTAP_REQUIRE(t, range != MAP_FAILED);
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	munmap((uint8_t *)range + PAGE, PAGE);
	range += PAGE / sizeof(*range) - 2;
	range[0] = (struct hvm_msr_range) { .first = 1, .count = 1, .flags = HVM_MSR_EXIT_READ };
	range[1] = (struct hvm_msr_range) { .first = 1, .count = 1, .flags = HVM_MSR_EXIT_READ };
	arg.ranges = (uintptr_t)range;
	KTAP_OK(t, ioctl(g.vm, HVM_MSR_POLICY, &arg));
	arg.count = 3;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_MSR_POLICY, &arg), EFAULT);
	arg.count = 1;
	arg.ranges = NON_CANONICAL;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_MSR_POLICY, &arg), EFAULT);
	munmap(range + 2 - PAGE / sizeof(*range), PAGE);
	guest_close(&g);
}

/* Another thread changes the size while the kernel reads: it is either one, or refused. */
struct changing {
	volatile uint32_t *size;
	volatile bool stop;
	pthread_t thread;
};

static void *change_size(void *argument)
{
	static const uint32_t sizes[] = { sizeof(struct hvm_clock), ~0U, 0, 2 * PAGE, 8, PAGE };
	struct changing *c = argument;

	for (unsigned int i = 0; !c->stop; i++)
		*c->size = sizes[i % ARRAY_SIZE(sizes)];
	return NULL;
}

static void the_size_changes_meanwhile(struct ktap *t)
{
	union arg arg = { .size = sizeof(struct hvm_clock) };
	struct changing c = { .size = &arg.size };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_REQUIRE(t, !pthread_create(&c.thread, NULL, change_size, &c));
	for (int i = 0; i < 20000; i++) {
		if (ioctl(g.vm, HVM_CLOCK, &arg) && errno != EINVAL && errno != E2BIG)
			KTAP_FAIL(t, "%s", strerror(errno));
	}
	c.stop = true;
	pthread_join(c.thread, NULL);
	for (size_t i = sizeof(struct hvm_clock); i < sizeof(arg); i++) {
		if (arg.bytes[i])
			KTAP_FAIL(t, "byte %zu, beyond the struct, was written", i);
	}
	guest_close(&g);
}

/* --- limits ------------------------------------------------------------------------------ */

/* Room for more fds; false: not even the hard limit is enough. */
static bool allow_fds(rlim_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	if (limit.rlim_cur >= count)
		return true;
	limit.rlim_cur = count;
	if (limit.rlim_max < count)
		limit.rlim_max = count;
	return !setrlimit(RLIMIT_NOFILE, &limit);
}

static int create_vcpu(int vm, uint32_t apic_id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = apic_id };

	return ioctl(vm, HVM_CREATE_VCPU, &create);
}

static void number_of_vcpus(struct ktap *t)
{
	struct hvm_get_info info = { .size = sizeof(info) };
	uint32_t made = 0;
	int *vcpus;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, ioctl(g.dev, HVM_GET_INFO, &info));
	KTAP_REQUIRE(t, allow_fds(info.max_vcpus + 100));
	vcpus = calloc(info.max_vcpus, sizeof(*vcpus));
	KTAP_REQUIRE(t, vcpus);
	/* The guest has one already. */
	for (uint32_t i = 1; i < info.max_vcpus; i++, made++) {
		vcpus[made] = create_vcpu(g.vm, i * 2);
		KTAP_REQUIRE(t, vcpus[made] >= 0);
	}
	KTAP_ERRNO(t, create_vcpu(g.vm, 1), ENOSPC);
	KTAP_ERRNO(t, create_vcpu(g.vm, info.max_apic_id + 1), EINVAL);
	close(vcpus[--made]);
	KTAP_ERRNO(t, create_vcpu(g.vm, 2), EEXIST);
	vcpus[made] = create_vcpu(g.vm, info.max_apic_id);
	KTAP_OK(t, vcpus[made]);
	KTAP_ERRNO(t, create_vcpu(g.vm, 1), ENOSPC);
	for (uint32_t i = 0; i <= made; i++)
		close(vcpus[i]);
	free(vcpus);
	guest_close(&g);
}

/* Without a free fd there is neither guest nor vCPU, and the APIC id is still free. */
static void no_fd_is_free(struct ktap *t)
{
	struct hvm_create_vm create = { .size = sizeof(create) };
	struct rlimit limit, tight;
	int next, vcpu;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	next = dup(g.vm);
	close(next);
	KTAP_REQUIRE(t, next >= 0 && !getrlimit(RLIMIT_NOFILE, &limit));
	tight = limit;
	tight.rlim_cur = next;
	KTAP_REQUIRE(t, !setrlimit(RLIMIT_NOFILE, &tight));
	KTAP_ERRNO(t, ioctl(g.dev, HVM_CREATE_VM, &create), EMFILE);
	KTAP_ERRNO(t, create_vcpu(g.vm, 1), EMFILE);
	KTAP_OK(t, setrlimit(RLIMIT_NOFILE, &limit));
	vcpu = create_vcpu(g.vm, 1);
	KTAP_OK(t, vcpu);
	close(vcpu);
	guest_close(&g);
}

/* --- other callers --------------------------------------------------------------------------- */

/* In the child; its exit status tells the first call that was answered differently. */
static int call_as_child(struct guest *g)
{
	union arg arg;
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		fill_good(g, &calls[i], &arg);
		for (unsigned int kind = ON_VM; kind <= ON_VCPU; kind <<= 1) {
			status++;
			if (ioctl(fd_of(g, kind), calls[i].cmd, &arg) != -1 || errno != EIO)
				return status;
		}
	}
	if (ioctl(g->vcpu, HVM_RUN, 0) != -1 || errno != EIO)
		return 100;
	if (ioctl(g->vcpu, HVM_RUN, 1) != -1 || errno != EIO)
		return 101;
	if (ioctl(g->vm, _IO(HVM_IOC_TYPE, 0xff), 0) != -1 || errno != EIO)
		return 102;
	fill_good(g, &calls[0], &arg);
	return ioctl(g->dev, HVM_GET_INFO, &arg) ? 103 : 0;
}

static void another_process(struct ktap *t)
{
	int status = -1;
	struct guest g;
	pid_t pid;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	pid = fork();
	if (!pid)
		_exit(call_as_child(&g));
	KTAP_REQUIRE(t, waitpid(pid, &status, 0) == pid);
	KTAP_EQ(t, status, 0);
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	guest_close(&g);
}

/*
 * A vCPU that sleeps in HVM_RUN: one that runs is free for a moment where the kernel restarts the
 * call for work of its own.
 */
extern const struct guest_code sleep_on;
GUEST_CODE("sleep_on", "code64", "1: hlt; jmp 1b");

static volatile pid_t runner;

static void *run_once(void *argument)
{
	runner = gettid();
	return (void *)(intptr_t)guest_run(argument);
}

/* What two threads want of one vCPU at once only one gets, and nobody waits. */
static void check_busy(struct guest *g)
{
	union arg arg;

	KTAP_EQ(g->t, guest_run(g), GUEST_ERRNO(EBUSY));
	KTAP_ERRNO(g->t, ioctl(g->vcpu, HVM_RUN, 1), EBUSY);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		bool frozen = c->cmd == HVM_SET_CPUID || c->cmd == HVM_MSR_POLICY;

		fill_good(g, c, &arg);
		if (c->on & ON_VCPU && c->cmd != HVM_KICK)
			expect(g, c, g->vcpu, &arg, "the vCPU runs", EBUSY);
		if (c->on & ON_VM && c->cmd != HVM_KICK)
			expect(g, c, g->vm, &arg, "a vCPU runs", frozen ? EBUSY : 0);
	}
}

static void two_threads_at_once(struct ktap *t)
{
	struct hvm_state state;
	pthread_t thread;
	void *result;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &sleep_on);
	runner = 0;
	KTAP_REQUIRE(t, !pthread_create(&thread, NULL, run_once, &g));
	if (task_wait_asleep(&runner))
		check_busy(&g);
	else
		KTAP_FAIL(t, "the vCPU does not run");
	KTAP_OK(t, guest_kick(g.vcpu));
	pthread_join(thread, &result);
	KTAP_EQ(t, (intptr_t)result, HVM_EXIT_STOPPED);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR, &state));
	KTAP_TRUE(t, state.gpr.rip >= GUEST_TEXT && state.gpr.rip < GUEST_TEXT + 8);
	guest_close(&g);
}

static void run_takes_no_argument(struct ktap *t)
{
	static const unsigned long bad[] = { 1, 8, KERNEL_ADDRESS, ~0UL };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		KTAP_ERRNO(t, ioctl(g.vcpu, HVM_RUN, bad[i]), EINVAL);
	/* That was no run: CPUID is not frozen. */
	KTAP_OK(t, step_set_cpuid(g.vcpu, NULL, 0));
	KTAP_OK(t, step_set_cpuid(g.vm, NULL, 0));
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	KTAP_ERRNO(t, step_set_cpuid(g.vcpu, NULL, 0), EBUSY);
	KTAP_ERRNO(t, step_set_cpuid(g.vm, NULL, 0), EBUSY);
	guest_close(&g);
}

/* --- the run page -------------------------------------------------------------------------- */

static void expect_mmap(struct ktap *t, int fd, size_t bytes, int prot, int flags, off_t offset,
			int error)
{
	void *page = mmap(NULL, bytes, prot, flags, fd, offset);
	int got = page == MAP_FAILED ? errno : 0;

	if (got != error)
		KTAP_FAIL(t, "%zu bytes, prot %d, flags %d, offset %ld: %s", bytes, prot, flags,
			  (long)offset, strerror(got));
	if (!got)
		munmap(page, bytes);
}

static void mapping_the_run_page(struct ktap *t)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct guest g;
	void *page;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	expect_mmap(t, g.vcpu, PAGE, rw, MAP_SHARED, 0, 0);
	expect_mmap(t, g.vcpu, PAGE, PROT_READ, MAP_SHARED, 0, 0);
	expect_mmap(t, g.vcpu, 1, rw, MAP_SHARED, 0, 0);
	expect_mmap(t, g.vcpu, 2 * PAGE, rw, MAP_SHARED, 0, EINVAL);
	expect_mmap(t, g.vcpu, 1UL << 30, rw, MAP_SHARED, 0, EINVAL);
	expect_mmap(t, g.vcpu, PAGE, rw, MAP_SHARED, PAGE, EINVAL);
	expect_mmap(t, g.vcpu, PAGE, rw, MAP_SHARED, 1L << 40, EINVAL);
	expect_mmap(t, g.vcpu, PAGE, rw, MAP_PRIVATE, 0, EINVAL);
	expect_mmap(t, g.vcpu, PAGE, PROT_READ, MAP_PRIVATE, 0, EINVAL);
	expect_mmap(t, g.vcpu, PAGE, rw | PROT_EXEC, MAP_SHARED, 0, EINVAL);
	expect_mmap(t, g.vm, PAGE, rw, MAP_SHARED, 0, EINVAL);
	expect_mmap(t, g.dev, PAGE, rw, MAP_SHARED, 0, ENODEV);

	/* It does not grow, and what was taken away of it stays away. */
	page = mremap(g.run, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	KTAP_TRUE(t, page == MAP_FAILED);
	if (page != MAP_FAILED)
		g.run = page;
	KTAP_ERRNO(t, mprotect(g.run, PAGE, rw | PROT_EXEC), EACCES);
	guest_close(&g);
}

/* The mapping holds the vCPU: it is there until that is gone, and its page is memory. */
static void run_page_of_a_closed_vcpu(struct ktap *t)
{
	struct hvm_run *run;
	struct guest g;
	int vcpu;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	run = g.run;
	close(g.vcpu);
	g.vcpu = -1;
	memset(run, 0xff, sizeof(*run));
	KTAP_EQ(t, run->gpr[0], ~0ULL);
	KTAP_OK(t, guest_kick(g.vm));
	KTAP_TRUE(t, guest_msi(&g, 0x30) >= 0);
	KTAP_ERRNO(t, create_vcpu(g.vm, 0), EEXIST);
	/* The guest's fd may go first. */
	vcpu = create_vcpu(g.vm, 1);
	KTAP_OK(t, vcpu);
	munmap(run, PAGE);
	g.run = NULL;
	g.vcpu = create_vcpu(g.vm, 0);
	KTAP_OK(t, g.vcpu);
	close(g.vm);
	g.vm = -1;
	KTAP_OK(t, guest_kick(vcpu));
	close(vcpu);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "calls_on_the_wrong_fd", calls_on_the_wrong_fd },
	{ "unknown_numbers", unknown_numbers },
	{ "only_ioctls", only_ioctls },
	{ "sizes", sizes },
	{ "pointers", pointers },
	{ "answers_that_cannot_be_given", answers_that_cannot_be_given },
	{ "flags_and_reserved_fields", flags_and_reserved_fields },
	{ "list_of_msrs", list_of_msrs },
	{ "table_of_cpuid", table_of_cpuid },
	{ "ranges_of_msrs", ranges_of_msrs },
	{ "the_size_changes_meanwhile", the_size_changes_meanwhile },
	{ "number_of_vcpus", number_of_vcpus },
	{ "no_fd_is_free", no_fd_is_free },
	{ "another_process", another_process },
	{ "two_threads_at_once", two_threads_at_once },
	{ "run_takes_no_argument", run_takes_no_argument },
	{ "mapping_the_run_page", mapping_the_run_page },
	{ "run_page_of_a_closed_vcpu", run_page_of_a_closed_vcpu },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
