// SPDX-License-Identifier: GPL-2.0-only
/*
 * HVM_MAP and HVM_UNMAP by their arguments: every refusal with its errno, the limits, and random
 * sequences against a simple model of what is attached. No guest runs here.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/hvm.h>

#include "ktap.h"
#include "random.h"

#define PAGE	4096ULL
#define HVA	0x10000000ULL	/* nothing has to be mapped there */

struct fds {
	int dev;
	int vm;
	struct hvm_get_info info;
};

static bool open_fds(struct fds *f, struct ktap *t)
{
	struct hvm_create_vm create = { .size = sizeof(create) };

	f->info = (struct hvm_get_info){ .size = sizeof(f->info) };
	f->dev = open("/dev/vm", O_RDWR | O_CLOEXEC);
	f->vm = f->dev < 0 ? -1 : ioctl(f->dev, HVM_CREATE_VM, &create);
	if (f->vm < 0 || ioctl(f->dev, HVM_GET_INFO, &f->info)) {
		KTAP_FAIL(t, "cannot create a guest: %s", strerror(errno));
		return false;
	}
	return true;
}

static void close_fds(struct fds *f)
{
	close(f->vm);
	close(f->dev);
}

static int map(int fd, uint64_t gpa, uint64_t bytes, uint64_t hva, uint32_t flags)
{
	struct hvm_map arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .bytes = bytes, .hva = hva,
	};

	return ioctl(fd, HVM_MAP, &arg);
}

static int unmap(int fd, uint64_t gpa, uint64_t bytes)
{
	struct hvm_unmap arg = { .size = sizeof(arg), .gpa = gpa, .bytes = bytes };

	return ioctl(fd, HVM_UNMAP, &arg);
}

static void attach_and_detach(struct ktap *t)
{
	struct fds f;

	if (!open_fds(&f, t))
		return;
	KTAP_OK(t, map(f.vm, 0, 16 * PAGE, HVA, 0));
	KTAP_ERRNO(t, map(f.vm, 0, PAGE, HVA, 0), EEXIST);
	KTAP_OK(t, unmap(f.vm, 0, 16 * PAGE));
	KTAP_ERRNO(t, unmap(f.vm, 0, 16 * PAGE), ENOENT);
	KTAP_OK(t, map(f.vm, 0, 16 * PAGE, HVA, HVM_MAP_READONLY | HVM_MAP_EXIT_ON_FAULT));
	close_fds(&f);
}

static void malformed_addresses(struct ktap *t)
{
	static const struct {
		uint64_t gpa, bytes, hva;
		const char *what;
	} bad[] = {
		{ 1, PAGE, HVA, "gpa not aligned" },
		{ PAGE / 2, PAGE, HVA, "gpa half a page off" },
		{ 0, 0, HVA, "empty" },
		{ 0, 1, HVA, "length not aligned" },
		{ 0, PAGE + 8, HVA, "length not aligned" },
		{ 0, PAGE, HVA + 1, "hva not aligned" },
		{ ~0ULL & ~(PAGE - 1), PAGE, HVA, "gpa at the top of 64 bits" },
		{ ~0ULL & ~(PAGE - 1), 2 * PAGE, HVA, "gpa wraps" },
		{ PAGE, ~0ULL & ~(PAGE - 1), HVA, "length wraps" },
		{ 0, 1ULL << 63, HVA, "huge" },
		{ 0, PAGE, 0xffff888000000000ULL, "hva in the kernel" },
		{ 0, PAGE, 0xffffffff81000000ULL, "hva in the kernel's text" },
		{ 0, PAGE, 0x8000000000000000ULL, "hva not canonical" },
		{ 0, PAGE, ~0ULL & ~(PAGE - 1), "hva at the top" },
		{ 0, 2 * PAGE, ~0ULL & ~(PAGE - 1), "hva wraps" },
		{ 0, 1ULL << 57, HVA, "hva runs into the kernel" },
	};
	struct fds f;
	size_t i;

	if (!open_fds(&f, t))
		return;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		if (map(f.vm, bad[i].gpa, bad[i].bytes, bad[i].hva, 0) != -1 || errno != EINVAL)
			KTAP_FAIL(t, "%s: %s", bad[i].what, strerror(errno));
	}
	KTAP_ERRNO(t, unmap(f.vm, 1, PAGE), EINVAL);
	KTAP_ERRNO(t, unmap(f.vm, 0, 0), EINVAL);
	KTAP_ERRNO(t, unmap(f.vm, 0, 12), EINVAL);
	KTAP_ERRNO(t, unmap(f.vm, ~0ULL & ~(PAGE - 1), 2 * PAGE), EINVAL);
	KTAP_ERRNO(t, unmap(f.vm, PAGE, ~0ULL & ~(PAGE - 1)), EINVAL);
	close_fds(&f);
}

static void width_of_guest_addresses(struct ktap *t)
{
	struct fds f;
	uint64_t top;

	if (!open_fds(&f, t))
		return;
	top = 1ULL << f.info.gpa_bits;
	KTAP_OK(t, map(f.vm, top - PAGE, PAGE, HVA, 0));
	KTAP_ERRNO(t, map(f.vm, top, PAGE, HVA, 0), EINVAL);
	KTAP_ERRNO(t, map(f.vm, top - 2 * PAGE, 3 * PAGE, HVA, HVM_MAP_REPLACE), EINVAL);
	KTAP_ERRNO(t, unmap(f.vm, top - PAGE, 2 * PAGE), EINVAL);
	KTAP_OK(t, unmap(f.vm, 0, top));
	close_fds(&f);
}

static void flags_and_reserved_fields(struct ktap *t)
{
	const struct hvm_map good = { .size = sizeof(good), .bytes = PAGE, .hva = HVA };
	struct hvm_unmap unmap_arg = { .size = sizeof(unmap_arg), .bytes = PAGE, .flags = 1 };
	struct hvm_map arg;
	struct fds f;

	if (!open_fds(&f, t))
		return;
	arg = good;
	arg.flags = 1 << 3;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EOPNOTSUPP);
	arg = good;
	arg.flags = 1U << 31;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EOPNOTSUPP);
	arg = good;
	arg.fd = 1;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	arg = good;
	arg.fd = -1;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	arg = good;
	arg.reserved = 1;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	arg = good;
	arg.offset = PAGE;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	KTAP_ERRNO(t, ioctl(f.vm, HVM_UNMAP, &unmap_arg), EOPNOTSUPP);
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, NULL), EFAULT);
	arg = good;
	KTAP_OK(t, ioctl(f.vm, HVM_MAP, &arg));
	close_fds(&f);
}

static void sizes_of_the_argument(struct ktap *t)
{
	struct {
		struct hvm_map map;
		char more[2 * PAGE];
	} arg = { .map = { .bytes = PAGE, .hva = HVA } };
	struct fds f;

	if (!open_fds(&f, t))
		return;
	arg.map.size = sizeof(arg.map) + 16;
	KTAP_OK(t, ioctl(f.vm, HVM_MAP, &arg));
	KTAP_OK(t, unmap(f.vm, 0, PAGE));
	arg.more[8] = 1;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), E2BIG);
	arg.map.size = PAGE + 8;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), E2BIG);
	arg.map.size = sizeof(arg.map) - 8;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	arg.map.size = 4;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	arg.map.size = 0;
	KTAP_ERRNO(t, ioctl(f.vm, HVM_MAP, &arg), EINVAL);
	close_fds(&f);
}

static void overlaps(struct ktap *t)
{
	struct fds f;

	if (!open_fds(&f, t))
		return;
	KTAP_OK(t, map(f.vm, 16 * PAGE, 16 * PAGE, HVA, 0));
	KTAP_ERRNO(t, map(f.vm, 16 * PAGE, 16 * PAGE, HVA, 0), EEXIST);
	KTAP_ERRNO(t, map(f.vm, 15 * PAGE, 2 * PAGE, HVA, 0), EEXIST);
	KTAP_ERRNO(t, map(f.vm, 31 * PAGE, 2 * PAGE, HVA, 0), EEXIST);
	KTAP_ERRNO(t, map(f.vm, 20 * PAGE, PAGE, HVA, 0), EEXIST);
	KTAP_ERRNO(t, map(f.vm, 0, 64 * PAGE, HVA, 0), EEXIST);
	KTAP_OK(t, map(f.vm, 15 * PAGE, PAGE, HVA, 0));
	KTAP_OK(t, map(f.vm, 32 * PAGE, PAGE, HVA, 0));
	KTAP_OK(t, map(f.vm, 0, 64 * PAGE, HVA, HVM_MAP_REPLACE));
	KTAP_OK(t, unmap(f.vm, 20 * PAGE, PAGE));
	KTAP_ERRNO(t, unmap(f.vm, 20 * PAGE, PAGE), ENOENT);
	KTAP_OK(t, map(f.vm, 20 * PAGE, PAGE, HVA, 0));
	close_fds(&f);
}

static void the_apic_page(struct ktap *t)
{
	const uint64_t apic = 0xfee00000;
	struct fds f;

	if (!open_fds(&f, t))
		return;
	KTAP_ERRNO(t, map(f.vm, apic, PAGE, HVA, 0), EEXIST);
	KTAP_ERRNO(t, map(f.vm, apic, PAGE, HVA, HVM_MAP_REPLACE), EEXIST);
	KTAP_ERRNO(t, map(f.vm, apic - PAGE, 2 * PAGE, HVA, 0), EEXIST);
	KTAP_ERRNO(t, map(f.vm, 0, 1ULL << 32, HVA, HVM_MAP_REPLACE), EEXIST);
	KTAP_OK(t, map(f.vm, apic - PAGE, PAGE, HVA, 0));
	KTAP_OK(t, map(f.vm, apic + PAGE, PAGE, HVA, 0));
	close_fds(&f);
}

/* The limit is on what there would be afterwards, and a refusal changes nothing. */
static void number_of_ranges(struct ktap *t)
{
	struct fds f;
	uint64_t i, n;

	if (!open_fds(&f, t))
		return;
	n = f.info.max_ranges;
	for (i = 0; i < n; i++)
		KTAP_OK(t, map(f.vm, i * 4 * PAGE, 3 * PAGE, HVA, 0));
	KTAP_ERRNO(t, map(f.vm, n * 4 * PAGE, PAGE, HVA, 0), ENOSPC);
	KTAP_ERRNO(t, unmap(f.vm, PAGE, PAGE), ENOSPC);
	KTAP_ERRNO(t, map(f.vm, PAGE, PAGE, HVA, HVM_MAP_REPLACE), ENOSPC);
	KTAP_ERRNO(t, map(f.vm, PAGE, 2 * PAGE, HVA, HVM_MAP_REPLACE), ENOSPC);
	KTAP_ERRNO(t, map(f.vm, PAGE, PAGE, HVA, 0), EEXIST);
	KTAP_OK(t, map(f.vm, 0, 3 * PAGE, HVA, HVM_MAP_REPLACE));
	KTAP_OK(t, unmap(f.vm, 2 * PAGE, PAGE));
	KTAP_OK(t, unmap(f.vm, 4 * PAGE, 4 * PAGE));
	KTAP_OK(t, unmap(f.vm, 9 * PAGE, PAGE));
	KTAP_ERRNO(t, map(f.vm, 9 * PAGE, PAGE, HVA, 0), ENOSPC);
	KTAP_OK(t, map(f.vm, 0, n * 4 * PAGE, HVA, HVM_MAP_REPLACE));
	KTAP_OK(t, unmap(f.vm, PAGE, PAGE));
	close_fds(&f);
}

static void wrong_fd(struct ktap *t)
{
	struct hvm_create_vcpu create = { .size = sizeof(create) };
	struct fds f;
	int vcpu;

	if (!open_fds(&f, t))
		return;
	vcpu = ioctl(f.vm, HVM_CREATE_VCPU, &create);
	KTAP_OK(t, vcpu);
	KTAP_ERRNO(t, map(f.dev, 0, PAGE, HVA, 0), ENOTTY);
	KTAP_ERRNO(t, map(vcpu, 0, PAGE, HVA, 0), ENOTTY);
	KTAP_ERRNO(t, unmap(f.dev, 0, PAGE), ENOTTY);
	close(vcpu);
	close_fds(&f);
}

static void another_process(struct ktap *t)
{
	struct fds f;
	int status = -1;
	pid_t pid;

	if (!open_fds(&f, t))
		return;
	KTAP_OK(t, map(f.vm, 0, PAGE, HVA, 0));
	pid = fork();
	if (!pid) {
		if (map(f.vm, PAGE, PAGE, HVA, 0) != -1 || errno != EIO)
			_exit(1);
		_exit(unmap(f.vm, 0, PAGE) != -1 || errno != EIO ? 2 : 0);
	}
	KTAP_REQUIRE(t, waitpid(pid, &status, 0) == pid);
	KTAP_EQ(t, status, 0);
	KTAP_OK(t, unmap(f.vm, 0, PAGE));
	close_fds(&f);
}

/* A grandchild keeps the fd of a guest whose process, and address space, are gone. */
static void outlives_its_process(struct ktap *t)
{
	struct fds f = { 0 };
	int status = -1, pair[2];
	char byte;
	pid_t pid;

	KTAP_REQUIRE(t, !pipe(pair));
	pid = fork();
	if (!pid) {
		if (!open_fds(&f, t) || map(f.vm, 0, 1 << 20, HVA, 0))
			_exit(1);
		if (fork())
			_exit(0);
		usleep(200000);
		_exit(0);
	}
	KTAP_REQUIRE(t, waitpid(pid, &status, 0) == pid);
	KTAP_EQ(t, status, 0);
	close(pair[1]);
	KTAP_EQ(t, read(pair[0], &byte, 1), 0);	/* until the grandchild is gone, too */
	close(pair[0]);
}

#define MODEL_PAGES	200
#define MODEL_STEPS	20000

static uint64_t random_state = 0x9e3779b97f4a7c15;

static unsigned int pick(unsigned int below)
{
	return random64(&random_state) % below;
}

static bool any_set(const bool *pages, unsigned int first, unsigned int count)
{
	while (count--) {
		if (pages[first++])
			return true;
	}
	return false;
}

static void random_sequences(struct ktap *t)
{
	bool pages[MODEL_PAGES] = { false };
	unsigned int first, count, i;
	bool there, replace;
	struct fds f;

	if (!open_fds(&f, t))
		return;
	for (i = 0; i < MODEL_STEPS; i++) {
		first = pick(MODEL_PAGES);
		count = 1 + pick(MODEL_PAGES - first < 30 ? MODEL_PAGES - first : 30);
		there = any_set(pages, first, count);
		replace = pick(3) == 0;
		if (pick(2)) {
			if (there)
				KTAP_OK(t, unmap(f.vm, first * PAGE, count * PAGE));
			else
				KTAP_ERRNO(t, unmap(f.vm, first * PAGE, count * PAGE), ENOENT);
			memset(pages + first, 0, count);
		} else if (there && !replace) {
			KTAP_ERRNO(t, map(f.vm, first * PAGE, count * PAGE, HVA, 0), EEXIST);
		} else {
			KTAP_OK(t, map(f.vm, first * PAGE, count * PAGE, HVA + pick(64) * PAGE,
				       replace ? HVM_MAP_REPLACE : 0));
			memset(pages + first, 1, count);
		}
	}
	close_fds(&f);
}

static const struct ktap_case cases[] = {
	{ "attach_and_detach", attach_and_detach },
	{ "malformed_addresses", malformed_addresses },
	{ "width_of_guest_addresses", width_of_guest_addresses },
	{ "flags_and_reserved_fields", flags_and_reserved_fields },
	{ "sizes_of_the_argument", sizes_of_the_argument },
	{ "overlaps", overlaps },
	{ "the_apic_page", the_apic_page },
	{ "number_of_ranges", number_of_ranges },
	{ "wrong_fd", wrong_fd },
	{ "another_process", another_process },
	{ "outlives_its_process", outlives_its_process },
	{ "random_sequences", random_sequences },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
