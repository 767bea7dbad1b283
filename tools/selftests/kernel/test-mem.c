// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory under a running guest: whatever the host does to the process's memory, the guest
 * sees what the process would see, and what the process could not provide leaves as an exit. The
 * arguments of the calls are test-mem-args' business, load and races test-mem-stress'.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counters.h"
#include "file.h"
#include "robot.h"
#include "task.h"

#define PAGE	4096UL
#define MIB	(1UL << 20)
#define AT	0x40000000UL	/* where tests attach memory */
#define TAKEN_AWAY	16	/* faults that are the host's doing, at most */

/* Attach @bytes of anonymous memory at AT. */
static bool open_with(struct robot *r, struct ktap *t, size_t bytes, int prot, uint32_t flags,
		      void **memory)
{
	if (!robot_open(r, t))
		return false;
	*memory = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*memory != MAP_FAILED && guest_map(&r->g, AT, *memory, bytes, flags))
		return true;
	KTAP_FAIL(t, "memory for the guest: %s", strerror(errno));
	guest_close(&r->g);
	return false;
}

/* An order that is to leave with HVM_EXIT_FAULT and this errno. */
static void expect_fault(struct robot *r, enum robot_order order, uint64_t gpa, int error)
{
	int reason = robot_start(r, order, gpa, 0x77);

	if (reason != HVM_EXIT_FAULT) {
		KTAP_FAIL(r->g.t, "%s, not FAULT", guest_reason(reason));
		return;
	}
	KTAP_EQ(r->g.t, r->g.run->memory.gpa, gpa);
	KTAP_EQ(r->g.t, r->g.run->memory.access & ~HVM_ACCESS_READ,
		order == ROBOT_WRITE ? HVM_ACCESS_WRITE : 0);
	KTAP_EQ(r->g.t, r->g.run->memory.error, error);
}

/* Pages that the process has present in a mapping. */
static unsigned long present(void *memory, size_t bytes)
{
	static unsigned char pages[64 * MIB / PAGE];
	unsigned long i, count = 0;

	if (mincore(memory, bytes, pages))
		return -1UL;
	for (i = 0; i < bytes / PAGE; i++)
		count += pages[i] & 1;
	return count;
}

/* A number from smaps of the mapping that begins at @memory; -1: no such line. */
static long smaps(const void *memory, const char *field)
{
	char line[256], head[32];
	FILE *f = fopen("/proc/self/smaps", "r");
	bool here = false;
	long kib = -1;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)memory);
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, head, strlen(head))) {
			here = true;
		} else if (here && !strncmp(line, field, strlen(field))) {
			kib = strtol(line + strlen(field) + 1, NULL, 10);
			break;
		}
	}
	if (f)
		fclose(f);
	return kib;
}

static void faulted_in_lazily(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 64 * MIB, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	madvise(memory, 64 * MIB, MADV_NOHUGEPAGE);
	memory[0] = 0x1234;
	KTAP_EQ(t, robot_read(&r, AT), 0x1234);
	KTAP_EQ(t, robot_read(&r, AT + 5 * MIB), 0);
	robot_write(&r, AT + 5 * MIB, 0x5678);
	KTAP_EQ(t, memory[5 * MIB / 8], 0x5678);
	robot_write(&r, AT + 64 * MIB - 8, 1);
	KTAP_EQ(t, memory[64 * MIB / 8 - 1], 1);
	KTAP_EQ(t, present(memory, 64 * MIB), 3);
	guest_close(&r.g);
	munmap(memory, 64 * MIB);
}

static void many_pages(struct ktap *t)
{
	const uint64_t n = 4096;
	uint64_t *memory, i;
	struct robot r;

	if (!open_with(&r, t, n * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	madvise(memory, n * PAGE, MADV_NOHUGEPAGE);
	KTAP_EQ(t, robot_start(&r, ROBOT_MARK, AT, n), HVM_EXIT_PIO);
	for (i = 0; i < n; i++)
		KTAP_EQ(t, memory[i * PAGE / 8], i + 1);
	for (i = 0; i < n; i++)
		memory[i * PAGE / 8] = 3 * i;
	KTAP_EQ(t, robot_start(&r, ROBOT_SUM, AT, n), HVM_EXIT_PIO);
	KTAP_EQ(t, r.value, 3 * n * (n - 1) / 2);
	guest_close(&r.g);
	munmap(memory, n * PAGE);
}

static void nothing_attached(struct ktap *t)
{
	struct robot r;

	if (!robot_open(&r, t))
		return;
	KTAP_EQ(t, robot_start(&r, ROBOT_WRITE, AT + 0x18, 5), HVM_EXIT_MEMORY);
	KTAP_EQ(t, r.g.run->memory.gpa, AT + 0x18);
	KTAP_EQ(t, r.g.run->memory.access & HVM_ACCESS_WRITE, HVM_ACCESS_WRITE);
	guest_close(&r.g);
}

static void read_only_range(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, HVM_MAP_READONLY,
		       (void **)&memory))
		return;
	memory[0] = 99;
	memset(&memory[PAGE / 8], 0xc3, 16);
	KTAP_EQ(t, robot_read(&r, AT), 99);
	KTAP_EQ(t, robot_start(&r, ROBOT_CALL, AT + PAGE, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, robot_start(&r, ROBOT_WRITE, AT + 8, 5), HVM_EXIT_MEMORY);
	KTAP_EQ(t, r.g.run->memory.gpa, AT + 8);
	KTAP_EQ(t, r.g.run->memory.access & HVM_ACCESS_WRITE, HVM_ACCESS_WRITE);
	KTAP_TRUE(t, guest_map(&r.g, AT, memory, 4 * PAGE, HVM_MAP_REPLACE));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, memory[1], 5);
	guest_close(&r.g);
	munmap(memory, 4 * PAGE);
}

static void madvise_dontneed(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	robot_write(&r, AT, 1);
	robot_write(&r, AT + PAGE, 2);
	KTAP_OK(t, madvise(memory, PAGE, MADV_DONTNEED));
	KTAP_EQ(t, robot_read(&r, AT), 0);
	KTAP_EQ(t, robot_read(&r, AT + PAGE), 2);
	memory[0] = 3;
	KTAP_EQ(t, robot_read(&r, AT), 3);
	robot_write(&r, AT, 4);
	KTAP_EQ(t, memory[0], 4);
	guest_close(&r.g);
	munmap(memory, 4 * PAGE);
}

static void munmap_and_mmap_again(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	robot_write(&r, AT, 1);
	munmap(memory, 4 * PAGE);
	expect_fault(&r, ROBOT_READ, AT, EFAULT);
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_FAULT);
	KTAP_TRUE(t, mmap(memory, 4 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory);
	memory[0] = 7;
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, r.value, 7);
	munmap(memory, 4 * PAGE);
	expect_fault(&r, ROBOT_WRITE, AT + 8, EFAULT);
	guest_close(&r.g);
}

static void mprotect_(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	robot_write(&r, AT, 1);
	KTAP_OK(t, mprotect(memory, PAGE, PROT_READ));
	KTAP_EQ(t, robot_read(&r, AT), 1);
	expect_fault(&r, ROBOT_WRITE, AT, EFAULT);
	KTAP_OK(t, mprotect(memory, PAGE, PROT_READ | PROT_WRITE));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, memory[0], 0x77);
	KTAP_OK(t, mprotect(memory, PAGE, PROT_NONE));
	expect_fault(&r, ROBOT_READ, AT, EFAULT);
	KTAP_OK(t, mprotect(memory, PAGE, PROT_READ));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, r.value, 0x77);
	guest_close(&r.g);
	munmap(memory, 4 * PAGE);
}

static void mremap_(struct ktap *t)
{
	uint64_t *memory, *moved;
	struct robot r;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	robot_write(&r, AT, 1);
	moved = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	moved = mremap(memory, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
	KTAP_REQUIRE(t, moved != MAP_FAILED);
	expect_fault(&r, ROBOT_READ, AT, EFAULT);
	KTAP_TRUE(t, guest_map(&r.g, AT, moved, 4 * PAGE, HVM_MAP_REPLACE));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, r.value, 1);
	robot_write(&r, AT, 2);
	KTAP_EQ(t, moved[0], 2);
	guest_close(&r.g);
	munmap(moved, 4 * PAGE);
}

static void *map_fd(struct robot *r, int fd, size_t bytes, int flags)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory != MAP_FAILED && guest_map(&r->g, AT, memory, bytes, 0))
		return memory;
	KTAP_FAIL(r->g.t, "a file for the guest: %s", strerror(errno));
	return NULL;
}

static void memfd_shared_truncated_punched(struct ktap *t)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);
	uint64_t value = 21;
	struct robot r;
	void *memory;

	KTAP_REQUIRE(t, fd >= 0 && !ftruncate(fd, MIB));
	if (!robot_open(&r, t))
		return;
	memory = map_fd(&r, fd, MIB, MAP_SHARED);
	KTAP_REQUIRE(t, memory);
	KTAP_EQ(t, pwrite(fd, &value, 8, 0), 8);
	KTAP_EQ(t, robot_read(&r, AT), 21);
	robot_write(&r, AT + PAGE, 22);
	KTAP_EQ(t, pread(fd, &value, 8, PAGE), 8);
	KTAP_EQ(t, value, 22);
	KTAP_OK(t, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
	KTAP_EQ(t, robot_read(&r, AT + PAGE), 0);
	KTAP_OK(t, ftruncate(fd, PAGE));
	KTAP_EQ(t, robot_read(&r, AT), 21);
	expect_fault(&r, ROBOT_WRITE, AT + PAGE, EFAULT);
	KTAP_OK(t, ftruncate(fd, MIB));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, pread(fd, &value, 8, PAGE), 8);
	KTAP_EQ(t, value, 0x77);
	guest_close(&r.g);
	munmap(memory, MIB);
	close(fd);
}

static void private_file_is_not_changed(struct ktap *t)
{
	char path[] = "/tmp/test-mem-XXXXXX";
	int fd = mkstemp(path);
	uint64_t value = 31;
	struct robot r;
	void *memory;

	KTAP_REQUIRE(t, fd >= 0 && !unlink(path) && !ftruncate(fd, 16 * PAGE));
	KTAP_EQ(t, pwrite(fd, &value, 8, PAGE), 8);
	if (!robot_open(&r, t))
		return;
	memory = map_fd(&r, fd, 16 * PAGE, MAP_PRIVATE);
	KTAP_REQUIRE(t, memory);
	KTAP_EQ(t, robot_read(&r, AT + PAGE), 31);
	robot_write(&r, AT + PAGE, 32);
	KTAP_EQ(t, robot_read(&r, AT + PAGE), 32);
	KTAP_EQ(t, *(uint64_t *)(memory + PAGE), 32);
	KTAP_EQ(t, pread(fd, &value, 8, PAGE), 8);
	KTAP_EQ(t, value, 31);
	guest_close(&r.g);
	munmap(memory, 16 * PAGE);
	close(fd);
}

/* This program itself: a file of the root file system, mapped for reading. */
static void file_for_reading(struct ktap *t)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	uint64_t value = 0;
	struct robot r;
	void *memory;

	KTAP_REQUIRE(t, fd >= 0 && pread(fd, &value, 8, 0) == 8);
	memory = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	KTAP_REQUIRE(t, memory != MAP_FAILED);
	if (!robot_open(&r, t))
		return;
	KTAP_TRUE(t, guest_map(&r.g, AT, memory, 4 * PAGE, 0));
	KTAP_EQ(t, robot_read(&r, AT), value);
	expect_fault(&r, ROBOT_WRITE, AT, EFAULT);
	guest_close(&r.g);
	munmap(memory, 4 * PAGE);
	close(fd);
}

static void fork_and_copy_on_write(struct ktap *t)
{
	int status = -1, go[2];
	uint64_t *memory;
	struct robot r;
	pid_t pid;
	char byte;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	robot_write(&r, AT, 1);
	robot_write(&r, AT + PAGE, 1);
	KTAP_REQUIRE(t, !pipe(go));
	pid = fork();
	if (!pid) {
		memory[PAGE / 8] = 50;
		_exit(read(go[0], &byte, 1) == 1 && memory[0] == 1 ? 0 : 1);
	}
	robot_write(&r, AT, 2);
	KTAP_EQ(t, write(go[1], "x", 1), 1);
	KTAP_EQ(t, waitpid(pid, &status, 0), pid);
	KTAP_EQ(t, status, 0);
	KTAP_EQ(t, memory[0], 2);
	KTAP_EQ(t, robot_read(&r, AT + PAGE), 1);
	robot_write(&r, AT + PAGE, 3);
	KTAP_EQ(t, memory[PAGE / 8], 3);
	close(go[0]);
	close(go[1]);
	guest_close(&r.g);
	munmap(memory, 4 * PAGE);
}

static void transparent_huge_pages(struct ktap *t)
{
	uint64_t *memory, *start, i, n = 4 * MIB / PAGE;
	struct robot r;

	if (!robot_open(&r, t))
		return;
	memory = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	start = (uint64_t *)(((uintptr_t)memory + 2 * MIB - 1) & ~(2 * MIB - 1));
	munmap(memory, (char *)start - (char *)memory);
	if (madvise(start, 4 * MIB, MADV_HUGEPAGE)) {
		guest_close(&r.g);
		KTAP_SKIP(t, "no transparent huge pages here");
	}
	KTAP_TRUE(t, guest_map(&r.g, AT, start, 4 * MIB, 0));
	KTAP_EQ(t, robot_start(&r, ROBOT_MARK, AT, n), HVM_EXIT_PIO);
	KTAP_TRUE(t, smaps(start, "AnonHugePages") > 0);
	for (i = 0; i < n; i++)
		KTAP_EQ(t, start[i * PAGE / 8], i + 1);
	/* The host splits them one after the other; the guest keeps its values. */
	KTAP_OK(t, madvise((char *)start + 7 * PAGE, PAGE, MADV_DONTNEED));
	KTAP_OK(t, mprotect((char *)start + 2 * MIB, PAGE, PROT_READ));
	KTAP_EQ(t, robot_start(&r, ROBOT_SUM, AT, n), HVM_EXIT_PIO);
	KTAP_EQ(t, r.value, n * (n + 1) / 2 - 8);
	expect_fault(&r, ROBOT_WRITE, AT + 2 * MIB, EFAULT);
	KTAP_OK(t, mprotect((char *)start + 2 * MIB, PAGE, PROT_READ | PROT_WRITE));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	memset(start + 3 * PAGE / 8, 0xc3, 16);
	KTAP_EQ(t, robot_start(&r, ROBOT_CALL, AT + 3 * PAGE, 0), HVM_EXIT_PIO);
	guest_close(&r.g);
	munmap(start, 4 * MIB);
}

/* The guest's address and the process's do not agree below 2 MiB: small pages, right values. */
static void huge_pages_at_odd_addresses(struct ktap *t)
{
	uint64_t n = 2 * MIB / PAGE, *memory, *start;
	struct robot r;

	if (!robot_open(&r, t))
		return;
	memory = mmap(NULL, 6 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	start = (uint64_t *)(((uintptr_t)memory + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(start, 4 * MIB, MADV_HUGEPAGE);
	memset(start, 0, 4 * MIB);
	KTAP_TRUE(t, guest_map(&r.g, AT + PAGE, start, 4 * MIB, 0));
	KTAP_EQ(t, robot_start(&r, ROBOT_MARK, AT + PAGE, 2 * n), HVM_EXIT_PIO);
	KTAP_EQ(t, start[0], 1);
	KTAP_EQ(t, start[(n - 1) * PAGE / 8], n);
	KTAP_EQ(t, start[n * PAGE / 8], n + 1);
	KTAP_EQ(t, start[(2 * n - 1) * PAGE / 8], 2 * n);
	KTAP_EQ(t, robot_start(&r, ROBOT_READ, AT, 0), HVM_EXIT_MEMORY);
	guest_close(&r.g);
	munmap(memory, 6 * MIB);
}

/* The counter of faults that map a huge page of the host, all of it in @leaves of them. */
static const char *huge_faults(size_t bytes, unsigned long *leaves)
{
	*leaves = 1;
	if (bytes == 1024 * MIB && guest_host_has(HVM_FEATURE_1G_PAGES))
		return "fault_1g";
	*leaves = bytes / (2 * MIB);
	if (guest_host_has(HVM_FEATURE_2M_PAGES))
		return "fault_2m";
	*leaves = bytes / PAGE;
	return "fault_4k";
}

/*
 * Faults of all sizes since @before, which is moved on, are @count of the size called @name, and a
 * few of what the host took away meanwhile (it joins, compacts and ages the pages of processes).
 */
static void expect_faults(const struct counters *c, uint64_t before[3], const char *name,
			  unsigned long count)
{
	static const char * const names[] = { "fault_4k", "fault_2m", "fault_1g" };

	for (int i = 0; i < 3; i++) {
		uint64_t now = counters_value(c, names[i]);
		unsigned long least = name && !strcmp(names[i], name) ? count : 0;

		if (name && now - before[i] - least > TAKEN_AWAY)
			KTAP_FAIL(c->t, "%s grew by %llu where %s was to grow by %lu", names[i],
				  (unsigned long long)(now - before[i]), name, count);
		before[i] = now;
	}
}

/* It is read at its end and written all over, each in as few faults as the tables can do with. */
static void use_huge_page(struct robot *r, uint64_t *memory, size_t bytes)
{
	struct ktap *t = r->g.t;
	uint64_t n = bytes / PAGE, before[3];
	unsigned long leaves;
	const char *name = huge_faults(bytes, &leaves);
	struct counters c;

	if (!counters_open(&c, &r->g))
		return;
	/* Once for nothing: the guest's own tables are there then. */
	KTAP_EQ(t, robot_start(r, ROBOT_READ, AT + bytes - 8, 0), HVM_EXIT_MEMORY);
	KTAP_TRUE(t, guest_map(&r->g, AT, memory, bytes, 0));
	expect_faults(&c, before, NULL, 0);
	KTAP_EQ(t, robot_resume(r), HVM_EXIT_PIO);
	KTAP_EQ(t, r->value, 0);
	expect_faults(&c, before, name, 1);
	/* What was there for reading is mapped once more for writing. */
	KTAP_EQ(t, robot_start(r, ROBOT_MARK, AT, n), HVM_EXIT_PIO);
	expect_faults(&c, before, name, leaves);
	KTAP_EQ(t, memory[0], 1);
	KTAP_EQ(t, memory[(n - 1) * PAGE / 8], n);
	KTAP_OK(t, mprotect(memory, bytes, PROT_READ));
	expect_fault(r, ROBOT_WRITE, AT + 9 * PAGE, EFAULT);
	expect_faults(&c, before, name, 0);
	KTAP_OK(t, mprotect(memory, bytes, PROT_READ | PROT_WRITE));
	KTAP_EQ(t, robot_resume(r), HVM_EXIT_PIO);
	expect_faults(&c, before, name, 1);
	counters_close(&c);
}

static void hugetlbfs(struct ktap *t, const char *pool, int size_flag, size_t bytes)
{
	uint64_t *memory;
	struct robot r;

	if (!file_write(pool, "1"))
		KTAP_SKIP(t, "no pool of huge pages of this size");
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size_flag, -1, 0);
	if (memory == MAP_FAILED) {
		file_write(pool, "0");
		KTAP_SKIP(t, "no huge page is free");
	}
	if (robot_open(&r, t)) {
		use_huge_page(&r, memory, bytes);
		guest_close(&r.g);
	}
	munmap(memory, bytes);
	file_write(pool, "0");
}

static long free_2m_pages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Huge pages that are not there leave as well, and nobody takes one from the pool for them. */
static void hugetlbfs_exit_on_fault(struct ktap *t)
{
	const char *pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
	uint64_t *memory = MAP_FAILED;
	struct robot r;

	if (file_write(pool, "2"))
		memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);
	if (memory == MAP_FAILED) {
		file_write(pool, "0");
		KTAP_SKIP(t, "no huge page is free");
	}
	if (robot_open(&r, t)) {
		KTAP_TRUE(t, guest_map(&r.g, AT, memory, 4 * MIB, HVM_MAP_EXIT_ON_FAULT));
		expect_fault(&r, ROBOT_WRITE, AT + 2 * MIB, 0);
		KTAP_EQ(t, free_2m_pages(), 2);
		memory[2 * MIB / 8] = 5;
		KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
		KTAP_EQ(t, memory[2 * MIB / 8], 0x77);
		expect_fault(&r, ROBOT_READ, AT + PAGE, 0);
		KTAP_EQ(t, free_2m_pages(), 1);
		guest_close(&r.g);
	}
	munmap(memory, 4 * MIB);
	file_write(pool, "0");
}

static void hugetlbfs_2m(struct ktap *t)
{
	hugetlbfs(t, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", 21 << 26, 2 * MIB);
}

static void hugetlbfs_1g(struct ktap *t)
{
	hugetlbfs(t, "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", 30 << 26,
		  1024 * MIB);
}

static long ksm_shared(void)
{
	FILE *f = fopen("/sys/kernel/mm/ksm/pages_sharing", "r");
	long pages = -1;

	if (f && fscanf(f, "%ld", &pages) != 1)
		pages = -1;
	if (f)
		fclose(f);
	return pages;
}

static bool are_shared(void *pages)
{
	return ksm_shared() >= *(long *)pages;
}

static void ksm(struct ktap *t)
{
	uint64_t *memory, i, n = 64;
	struct robot r;

	if (!open_with(&r, t, n * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	for (i = 0; i < n; i++)
		memset(memory + i * PAGE / 8, 0x5a, PAGE);
	KTAP_EQ(t, robot_start(&r, ROBOT_SUM, AT, n), HVM_EXIT_PIO);
	if (madvise(memory, n * PAGE, MADV_MERGEABLE) ||
	    !file_write("/sys/kernel/mm/ksm/sleep_millisecs", "1") ||
	    !file_write("/sys/kernel/mm/ksm/pages_to_scan", "1000") ||
	    !file_write("/sys/kernel/mm/ksm/run", "1")) {
		guest_close(&r.g);
		KTAP_SKIP(t, "no KSM here");
	}
	KTAP_TRUE(t, task_wait(are_shared, &(long) { n / 2 }));
	KTAP_EQ(t, robot_read(&r, AT + 5 * PAGE), 0x5a5a5a5a5a5a5a5a);
	robot_write(&r, AT + 5 * PAGE, 1);
	KTAP_EQ(t, memory[5 * PAGE / 8], 1);
	KTAP_EQ(t, memory[6 * PAGE / 8], 0x5a5a5a5a5a5a5a5a);
	KTAP_EQ(t, robot_read(&r, AT + 6 * PAGE), 0x5a5a5a5a5a5a5a5a);
	file_write("/sys/kernel/mm/ksm/run", "2");
	guest_close(&r.g);
	munmap(memory, n * PAGE);
}

/* A swap device in compressed memory, for as long as a test needs it. */
static bool swap_on(void)
{
	return !system("modprobe zram num_devices=1 2>/dev/null && "
		       "echo 64M >/sys/block/zram0/disksize && "
		       "mkswap /dev/zram0 >/dev/null 2>&1 && swapon /dev/zram0 2>/dev/null");
}

static void swap_off(void)
{
	if (system("swapoff /dev/zram0 && echo 1 >/sys/block/zram0/reset"))
		printf("# swapoff failed\n");
}

/*
 * The first time the host finds that the guest has used the pages lately, and keeps them. What the
 * kernel is busy with stays where it is for the moment, and what a processor is about to list as in
 * use for as long as that processor likes: compaction has all of them list what they have.
 */
static void page_out(void *memory, size_t bytes)
{
	for (int i = 0; i < 50 && smaps(memory, "Swap:") * 1024 != (long)bytes; i++) {
		if (i % 10 == 9)
			file_write("/proc/sys/vm/compact_memory", "1");
		madvise(memory, bytes, MADV_PAGEOUT);
		usleep(10000);
	}
}

static void swapped_out(struct ktap *t)
{
	uint64_t *memory, i, n = 512;
	struct robot r;

	if (!swap_on())
		KTAP_SKIP(t, "no swap device can be made");
	if (!open_with(&r, t, n * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	madvise(memory, n * PAGE, MADV_NOHUGEPAGE);
	KTAP_EQ(t, robot_start(&r, ROBOT_MARK, AT, n), HVM_EXIT_PIO);
	page_out(memory, n * PAGE);
	KTAP_EQ(t, smaps(memory, "Swap:"), n * PAGE / 1024);
	KTAP_EQ(t, robot_start(&r, ROBOT_SUM, AT, n), HVM_EXIT_PIO);
	KTAP_EQ(t, r.value, n * (n + 1) / 2);
	page_out(memory, n * PAGE);
	for (i = 0; i < n; i += 3)
		robot_write(&r, AT + i * PAGE, 7);
	for (i = 0; i < n; i++)
		KTAP_EQ(t, memory[i * PAGE / 8], i % 3 ? i + 1 : 7);
	guest_close(&r.g);
	munmap(memory, n * PAGE);
	swap_off();
}

static void exit_on_fault(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 32 * PAGE, PROT_READ | PROT_WRITE, HVM_MAP_EXIT_ON_FAULT,
		       (void **)&memory))
		return;
	expect_fault(&r, ROBOT_READ, AT, 0);
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_FAULT);
	KTAP_EQ(t, *(volatile uint64_t *)memory, 0);	/* the zero page is enough for reading */
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	expect_fault(&r, ROBOT_WRITE, AT, 0);
	memory[1] = 1;
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_EQ(t, memory[0], 0x77);
	expect_fault(&r, ROBOT_WRITE, AT + 20 * PAGE, 0);
	memory[20 * PAGE / 8] = 5;
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	KTAP_OK(t, madvise(memory, PAGE, MADV_DONTNEED));
	expect_fault(&r, ROBOT_READ, AT, 0);
	guest_close(&r.g);
	munmap(memory, 32 * PAGE);
}

static void one_memory_at_two_places(struct ktap *t)
{
	uint64_t *memory;
	struct robot r;

	if (!open_with(&r, t, 4 * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	KTAP_TRUE(t, guest_map(&r.g, AT + MIB, memory, 4 * PAGE, HVM_MAP_READONLY));
	robot_write(&r, AT + PAGE, 5);
	KTAP_EQ(t, robot_read(&r, AT + MIB + PAGE), 5);
	KTAP_OK(t, madvise(memory, 4 * PAGE, MADV_DONTNEED));
	KTAP_EQ(t, robot_read(&r, AT + MIB + PAGE), 0);
	KTAP_EQ(t, robot_read(&r, AT + PAGE), 0);
	guest_close(&r.g);
	munmap(memory, 4 * PAGE);
}

static void replace_and_split(struct ktap *t)
{
	struct hvm_unmap unmap = { .size = sizeof(unmap), .gpa = AT + 9 * PAGE, .bytes = PAGE };
	uint64_t *memory, *other, i, n = 16;
	struct robot r;

	if (!open_with(&r, t, n * PAGE, PROT_READ | PROT_WRITE, 0, (void **)&memory))
		return;
	KTAP_EQ(t, robot_start(&r, ROBOT_MARK, AT, n), HVM_EXIT_PIO);
	other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other[0] = 1000;
	KTAP_TRUE(t, guest_map(&r.g, AT + 4 * PAGE, other, PAGE, HVM_MAP_REPLACE));
	KTAP_EQ(t, robot_read(&r, AT + 4 * PAGE), 1000);
	KTAP_OK(t, ioctl(r.g.vm, HVM_UNMAP, &unmap));
	KTAP_EQ(t, robot_start(&r, ROBOT_READ, AT + 9 * PAGE, 0), HVM_EXIT_MEMORY);
	KTAP_TRUE(t, guest_map(&r.g, AT + 9 * PAGE, other, PAGE, HVM_MAP_READONLY));
	KTAP_EQ(t, robot_resume(&r), HVM_EXIT_PIO);
	for (i = 0; i < n; i++)
		KTAP_EQ(t, robot_read(&r, AT + i * PAGE), i == 4 || i == 9 ? 1000 : i + 1);
	robot_write(&r, AT + 15 * PAGE, 3);
	KTAP_EQ(t, memory[15 * PAGE / 8], 3);
	guest_close(&r.g);
	munmap(memory, n * PAGE);
	munmap(other, PAGE);
}

/* Memory that is not RAM has no place in a guest yet: it is refused when it is touched. */
static void device_memory(struct ktap *t)
{
	int fd = open("/dev/mem", O_RDWR);
	struct robot r;
	void *memory = MAP_FAILED;

	if (fd >= 0)
		memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0xf0000);
	if (memory == MAP_FAILED)
		KTAP_SKIP(t, "/dev/mem: %s", strerror(errno));
	if (!robot_open(&r, t))
		return;
	KTAP_TRUE(t, guest_map(&r.g, AT, memory, PAGE, 0));
	expect_fault(&r, ROBOT_READ, AT, EFAULT);
	guest_close(&r.g);
	munmap(memory, PAGE);
	close(fd);
}

static void secret_memory(struct ktap *t)
{
	int fd = syscall(SYS_memfd_secret, 0);
	struct robot r;
	void *memory;

	if (fd < 0)
		KTAP_SKIP(t, "memfd_secret: %s", strerror(errno));
	if (!robot_open(&r, t))
		return;
	KTAP_OK(t, ftruncate(fd, PAGE));
	memory = map_fd(&r, fd, PAGE, MAP_SHARED);
	KTAP_REQUIRE(t, memory);
	*(uint64_t *)memory = 1;
	expect_fault(&r, ROBOT_READ, AT, EFAULT);
	guest_close(&r.g);
	munmap(memory, PAGE);
	close(fd);
}

/* The guest may have its own run page as memory; what it writes there is hostile input like any. */
static void the_run_page_as_memory(struct ktap *t)
{
	struct robot r;

	if (!robot_open(&r, t))
		return;
	KTAP_TRUE(t, guest_map(&r.g, AT, r.g.run, PAGE, 0));
	KTAP_EQ(t, robot_read(&r, AT + offsetof(struct hvm_run, gpr) + 8 * HVM_RBX),
		AT + offsetof(struct hvm_run, gpr) + 8 * HVM_RBX);
	robot_write(&r, AT + PAGE - 8, 9);
	KTAP_EQ(t, ((uint64_t *)r.g.run)[PAGE / 8 - 1], 9);
	guest_close(&r.g);
}

static const struct ktap_case cases[] = {
	{ "faulted_in_lazily", faulted_in_lazily },
	{ "many_pages", many_pages },
	{ "nothing_attached", nothing_attached },
	{ "read_only_range", read_only_range },
	{ "madvise_dontneed", madvise_dontneed },
	{ "munmap_and_mmap_again", munmap_and_mmap_again },
	{ "mprotect", mprotect_ },
	{ "mremap", mremap_ },
	{ "memfd_shared_truncated_punched", memfd_shared_truncated_punched },
	{ "private_file_is_not_changed", private_file_is_not_changed },
	{ "file_for_reading", file_for_reading },
	{ "fork_and_copy_on_write", fork_and_copy_on_write },
	{ "transparent_huge_pages", transparent_huge_pages },
	{ "huge_pages_at_odd_addresses", huge_pages_at_odd_addresses },
	{ "hugetlbfs_2m", hugetlbfs_2m },
	{ "hugetlbfs_1g", hugetlbfs_1g },
	{ "hugetlbfs_exit_on_fault", hugetlbfs_exit_on_fault },
	{ "ksm", ksm },
	{ "swapped_out", swapped_out },
	{ "exit_on_fault", exit_on_fault },
	{ "one_memory_at_two_places", one_memory_at_two_places },
	{ "replace_and_split", replace_and_split },
	{ "device_memory", device_memory },
	{ "secret_memory", secret_memory },
	{ "the_run_page_as_memory", the_run_page_as_memory },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
