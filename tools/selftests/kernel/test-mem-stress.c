// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory while the host is busy with it: virtual processors count in pages, each in its own,
 * while another thread forks, protects, swaps out, merges, collapses, moves or replaces that
 * memory. At the end every page has to hold exactly the rounds that were counted: one write that
 * went to a page the process does not have any more, and a count is short. Where pages of a file
 * are cut off and what they held is gone, the process has to see that the counting goes on.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "robot.h"
#include "task.h"

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define AT		0x40000000UL
#define BYTES		(4 * MIB)
#define CPUS		2
#define PART		(BYTES / CPUS)	/* of each processor */
#define PAGES		64UL		/* that it counts in, from the start of its part */
#define GO_ON_MS	10000		/* until a processor that was held up has to have gone on */

#define SENT		8		/* pages that change their NUMA node at once */
#define MOVE_OWN	2		/* MPOL_MF_MOVE of move_pages(2) */
#define BALANCING	"/sys/kernel/debug/sched/numa_balancing/"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

struct stress;

/**
 * struct counter - one virtual processor that counts, and its thread
 * @r: the processor
 * @thread: runs it
 * @gpa: its pages, PAGES of them
 * @left: it left the guest so often on the way
 * @failed: with this exit
 */
struct counter {
	struct robot r;
	pthread_t thread;
	uint64_t gpa;
	atomic_ulong left;
	int failed;
};

/**
 * struct stress - a guest that counts and a host that disturbs it
 * @t: the case
 * @counters: the processors; the first one's guest is the guest
 * @memory: attached at AT, aligned to 2 MiB
 * @flags: of HVM_MAP
 * @fd: a file that is the memory, -1: none
 * @kept: of the PAGES of a part, so many from the first keep what was counted in them
 * @disturbed: how often
 * @unseen: what it is to do to the memory has not happened yet
 * @sent: pages that were found on the node they were sent to
 */
struct stress {
	struct ktap *t;
	struct counter counters[CPUS];
	char *memory;
	uint32_t flags;
	int fd;
	uint64_t kept;
	unsigned long disturbed;
	bool unseen;
	unsigned long sent[2];
};

static char *aligned_memory(void)
{
	char *all = mmap(NULL, BYTES + 2 * MIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start = (char *)(((uintptr_t)all + 2 * MIB - 1) & ~(2 * MIB - 1));

	if (all == MAP_FAILED)
		return NULL;
	munmap(all, start - all);
	munmap(start + BYTES, all + 2 * MIB - start);
	return start;
}

static void *count(void *arg)
{
	struct counter *c = arg;
	int reason = robot_start(&c->r, ROBOT_COUNT, c->gpa, PAGES);

	while (reason == HVM_EXIT_FAULT || reason == HVM_EXIT_MEMORY) {
		c->left++;
		sched_yield();
		reason = robot_resume(&c->r);
	}
	c->failed = reason == HVM_EXIT_PIO ? 0 : reason;
	if (c->failed)
		guest_report(&c->r.g);
	return NULL;
}

static bool stress_open(struct stress *s, struct ktap *t, uint32_t flags)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->t = t;
	s->flags = flags;
	s->fd = -1;
	s->kept = PAGES;
	s->memory = aligned_memory();
	if (!s->memory || !robot_open(&s->counters[0].r, t))
		return false;
	if (!guest_map(&s->counters[0].r.g, AT, s->memory, BYTES, flags))
		return false;
	for (i = 0; i < CPUS; i++) {
		if (i && !robot_join(&s->counters[i].r, &s->counters[0].r, i))
			return false;
		s->counters[i].gpa = AT + i * PART;
	}
	return true;
}

/* STRESS_MS in the environment: for how long each case disturbs. */
static unsigned long milliseconds(void)
{
	const char *text = getenv("STRESS_MS");

	return text ? strtoul(text, NULL, 10) : 1000;
}

static volatile uint64_t *page_of(const struct stress *s, const struct counter *c, uint64_t page)
{
	return (uint64_t *)(s->memory + (c->gpa - AT) + page * PAGE);
}

/* The pages that lost what was in them: is what the process sees of each still being counted in? */
static void see_them_go_on(struct stress *s)
{
	uint64_t end = task_now_ms() + GO_ON_MS, page, before;
	struct counter *c;

	for (c = s->counters; c < s->counters + CPUS; c++) {
		for (page = s->kept; page < PAGES; page++) {
			before = *page_of(s, c, page);
			while (*page_of(s, c, page) == before && task_now_ms() < end)
				usleep(500);
			if (*page_of(s, c, page) == before)
				KTAP_FAIL(s->t, "nobody counts in page %llu at 0x%llx any more",
					  (unsigned long long)page, (unsigned long long)c->gpa);
		}
	}
}

/* Pages that do not hold the rounds of their processor, or more where some were lost. */
static uint64_t wrong_pages(const struct stress *s, const struct counter *c)
{
	uint64_t page, wrong = 0, value;

	for (page = 0; page < PAGES; page++) {
		value = *page_of(s, c, page);
		wrong += page < s->kept ? value != c->r.value : value > c->r.value;
	}
	return wrong;
}

/*
 * Has every processor been through its pages and on, and the disturbance done what it is for? On a
 * busy machine that takes its time.
 */
static bool all_happened(const struct stress *s)
{
	const struct counter *c;

	if (s->unseen)
		return false;
	for (c = s->counters; c < s->counters + CPUS; c++)
		if (*page_of(s, c, 0) < 2)
			return false;
	return true;
}

/* Let them count, disturb them for a while, and look at the pages. */
static void stress_run(struct stress *s, void (*disturb)(struct stress *s))
{
	atomic_ulong *stop = (atomic_ulong *)(s->counters[0].r.g.ram + ROBOT_STOP);
	uint64_t end = task_now_ms() + milliseconds();
	struct counter *c;

	for (c = s->counters; c < s->counters + CPUS; c++)
		pthread_create(&c->thread, NULL, count, c);
	while (task_now_ms() < end || (!all_happened(s) && task_now_ms() < end + GO_ON_MS)) {
		disturb(s);
		s->disturbed++;
		/* Without a pause a host that only flushes leaves an emulated guest no time. */
		usleep(500);
	}
	see_them_go_on(s);
	atomic_store(stop, 1);
	for (c = s->counters; c < s->counters + CPUS; c++) {
		pthread_join(c->thread, NULL);
		if (c->failed)
			KTAP_FAIL(s->t, "it left with %s", guest_reason(c->failed));
		KTAP_EQ(s->t, wrong_pages(s, c), 0);
		KTAP_TRUE(s->t, c->r.value > 0);
		printf("# %llu rounds, %lu exits, %lu disturbances\n",
		       (unsigned long long)c->r.value, c->left, s->disturbed);
	}
}

static void stress_close(struct stress *s)
{
	unsigned int i;

	for (i = 1; i < CPUS; i++)
		robot_leave(&s->counters[i].r);
	guest_close(&s->counters[0].r.g);
	if (s->memory)
		munmap(s->memory, BYTES);
	if (s->fd >= 0)
		close(s->fd);
}

static void run(struct ktap *t, uint32_t flags, void (*prepare)(struct stress *s),
		void (*disturb)(struct stress *s))
{
	struct stress s;

	if (stress_open(&s, t, flags)) {
		prepare(&s);
		stress_run(&s, disturb);
	} else {
		KTAP_FAIL(t, "no guest: %s", strerror(errno));
	}
	stress_close(&s);
}

/* One page after the other of those that are counted in, as an offset. */
static uint64_t some_page(const struct stress *s)
{
	return s->disturbed % CPUS * PART + s->disturbed / CPUS * 5 % PAGES * PAGE;
}

static void small_pages(struct stress *s)
{
	madvise(s->memory, BYTES, MADV_NOHUGEPAGE);
}

static void huge_pages(struct stress *s)
{
	madvise(s->memory, BYTES, MADV_HUGEPAGE);
}

static void fork_once(struct stress *s)
{
	pid_t pid = fork();

	if (!pid) {
		memset(s->memory, 0xff, PAGES / 2 * PAGE);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void forks(struct ktap *t)
{
	run(t, 0, small_pages, fork_once);
}

static void forks_with_huge_pages(struct ktap *t)
{
	run(t, 0, huge_pages, fork_once);
}

static void protect_once(struct stress *s)
{
	char *part = s->memory + some_page(s);
	size_t bytes = (1 + s->disturbed % 20) * PAGE;

	mprotect(part, bytes, s->disturbed & 1 ? PROT_READ : PROT_NONE);
	sched_yield();
	mprotect(part, bytes, PROT_READ | PROT_WRITE);
}

static void protection_changes(struct ktap *t)
{
	run(t, 0, small_pages, protect_once);
}

static void protection_changes_of_huge_pages(struct ktap *t)
{
	run(t, 0, huge_pages, protect_once);
}

static void collapse_once(struct stress *s)
{
	/* Splitting: a protection for one page; collapsing: on demand. */
	mprotect(s->memory + some_page(s), PAGE, PROT_READ);
	mprotect(s->memory + some_page(s), PAGE, PROT_READ | PROT_WRITE);
	madvise(s->memory, BYTES, MADV_COLLAPSE);
}

static void huge_pages_split_and_collapse(struct ktap *t)
{
	run(t, 0, huge_pages, collapse_once);
}

static void move_once(struct stress *s)
{
	char *there = mmap(NULL, PART, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mremap(s->memory, PART, PART, MREMAP_MAYMOVE | MREMAP_FIXED, there);
	mremap(there, PART, PART, MREMAP_MAYMOVE | MREMAP_FIXED, s->memory);
}

static void mappings_move_away_and_back(struct ktap *t)
{
	run(t, 0, small_pages, move_once);
}

static void swap_once(struct stress *s)
{
	madvise(s->memory, BYTES, MADV_PAGEOUT);
}

static void pages_are_swapped_out(struct ktap *t)
{
	if (system("modprobe zram num_devices=1 2>/dev/null && "
		   "echo 64M >/sys/block/zram0/disksize && "
		   "mkswap /dev/zram0 >/dev/null 2>&1 && swapon /dev/zram0 2>/dev/null"))
		KTAP_SKIP(t, "no swap device can be made");
	run(t, 0, small_pages, swap_once);
	if (system("swapoff /dev/zram0 && echo 1 >/sys/block/zram0/reset"))
		KTAP_FAIL(t, "swapoff failed");
}

static bool has_two_nodes(void)
{
	return !access("/sys/devices/system/node/node1", F_OK);
}

static void send_to_node(struct stress *s, int node)
{
	int nodes[SENT], status[SENT];
	void *pages[SENT];
	int i;

	for (i = 0; i < SENT; i++) {
		pages[i] = s->memory + (some_page(s) + i * PAGE) % BYTES;
		nodes[i] = node;
	}
	if (syscall(SYS_move_pages, 0, SENT, pages, nodes, status, MOVE_OWN) < 0)
		KTAP_FAIL(s->t, "move_pages: %s", strerror(errno));
	for (i = 0; i < SENT; i++)
		s->sent[node] += status[i] == node;
}

/* Some pages to the other node and back. */
static void send_once(struct stress *s)
{
	send_to_node(s, 1);
	sched_yield();
	send_to_node(s, 0);
	s->unseen = !s->sent[0] || !s->sent[1];
}

static void run_on_two_nodes(struct ktap *t, void (*prepare)(struct stress *s))
{
	struct stress s;

	if (!has_two_nodes())
		KTAP_SKIP(t, "the host has one NUMA node");
	if (stress_open(&s, t, 0)) {
		prepare(&s);
		stress_run(&s, send_once);
		KTAP_TRUE(t, s.sent[0] && s.sent[1]);
		printf("# %lu moves of a page and %lu back\n", s.sent[1], s.sent[0]);
	}
	stress_close(&s);
}

static void pages_move_between_nodes(struct ktap *t)
{
	run_on_two_nodes(t, small_pages);
}

static void huge_pages_move_between_nodes(struct ktap *t)
{
	run_on_two_nodes(t, huge_pages);
}

/* A counter of the host's memory management; 0: it does not have it. */
static unsigned long vmstat(const char *name)
{
	const char *text = file_read("/proc/vmstat");
	const char *at = text ? strstr(text, name) : NULL;

	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static void look_on(struct stress *s)
{
	(void)s;
}

/* The host takes pages away to see who touches them, as often as it can. */
static void nodes_are_balanced(struct ktap *t)
{
	unsigned long before = vmstat("numa_pte_updates ");

	if (!has_two_nodes())
		KTAP_SKIP(t, "the host has one NUMA node");
	if (!file_write("/proc/sys/kernel/numa_balancing", "1") ||
	    !file_write(BALANCING "scan_delay_ms", "10") ||
	    !file_write(BALANCING "scan_period_min_ms", "10") ||
	    !file_write(BALANCING "scan_period_max_ms", "10"))
		KTAP_SKIP(t, "the host cannot balance its nodes");
	run(t, 0, small_pages, look_on);
	KTAP_TRUE(t, vmstat("numa_pte_updates ") - before >= PAGES);
	printf("# %lu pages taken away\n", vmstat("numa_pte_updates ") - before);
	KTAP_TRUE(t, file_write("/proc/sys/kernel/numa_balancing", "0"));
}

static void absent_once(struct stress *s)
{
	volatile char *page = s->memory;
	unsigned long i, cpu;

	/* What is not there is left to us: bring it in, as a guest's owner would. */
	for (cpu = 0; cpu < CPUS; cpu++)
		for (i = 0; i < PAGES; i++)
			page[cpu * PART + i * PAGE + 64] = 1;
	protect_once(s);
}

static void nothing_is_brought_in_for_it(struct ktap *t)
{
	run(t, HVM_MAP_EXIT_ON_FAULT, small_pages, absent_once);
}

/* The same memory in the place of itself: as one range, in pieces, whole again. */
static void replace_once(struct stress *s)
{
	struct guest *g = &s->counters[0].r.g;
	uint64_t at = some_page(s);

	if (!guest_map(g, AT + at, s->memory + at, PAGE, HVM_MAP_REPLACE))
		KTAP_FAIL(s->t, "HVM_MAP of a page: %s", strerror(errno));
	if (s->disturbed % 64 == 63 && !guest_map(g, AT, s->memory, BYTES, HVM_MAP_REPLACE))
		KTAP_FAIL(s->t, "HVM_MAP: %s", strerror(errno));
}

static void ranges_are_replaced(struct ktap *t)
{
	struct stress s;
	unsigned int i;

	if (stress_open(&s, t, 0)) {
		stress_run(&s, replace_once);
		/* No virtual processor ever found nothing there. */
		for (i = 0; i < CPUS; i++)
			KTAP_EQ(t, s.counters[i].left, 0);
	}
	stress_close(&s);
}

static void unmap_once(struct stress *s)
{
	struct hvm_unmap unmap = {
		.size = sizeof(unmap), .gpa = AT + some_page(s), .bytes = PAGE,
	};
	struct guest *g = &s->counters[0].r.g;

	if (ioctl(g->vm, HVM_UNMAP, &unmap))
		KTAP_FAIL(s->t, "HVM_UNMAP: %s", strerror(errno));
	if (!guest_map(g, unmap.gpa, s->memory + (unmap.gpa - AT), PAGE, 0))
		KTAP_FAIL(s->t, "HVM_MAP: %s", strerror(errno));
	if (s->disturbed % 64 == 63 && !guest_map(g, AT, s->memory, BYTES, HVM_MAP_REPLACE))
		KTAP_FAIL(s->t, "HVM_MAP: %s", strerror(errno));
}

static void ranges_come_and_go(struct ktap *t)
{
	run(t, 0, small_pages, unmap_once);
}

/* A file in the place of the memory, of whose pages the second halves come to be lost. */
static void pages_of_a_file(struct stress *s)
{
	s->kept = PAGES / 2;
	s->fd = memfd_create("ram", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, BYTES) ||
	    mmap(s->memory, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, s->fd, 0) ==
	    MAP_FAILED)
		KTAP_FAIL(s->t, "a file for the guest: %s", strerror(errno));
}

/* The file ends within the last part for a moment, in which its processor leaves with a fault. */
static void truncate_once(struct stress *s)
{
	uint64_t bytes = BYTES - PART + (s->kept + s->disturbed % s->kept) * PAGE;
	const struct counter *last = &s->counters[CPUS - 1];
	uint64_t end = task_now_ms() + GO_ON_MS;

	KTAP_OK(s->t, ftruncate(s->fd, bytes));
	/* The first time it is given until it did. */
	do
		usleep(500);
	while (!s->disturbed && !last->left && task_now_ms() < end);
	KTAP_OK(s->t, ftruncate(s->fd, BYTES));
}

static void files_are_truncated(struct ktap *t)
{
	struct stress s;

	if (stress_open(&s, t, 0)) {
		pages_of_a_file(&s);
		stress_run(&s, truncate_once);
		KTAP_EQ(t, s.counters[0].left, 0);
		KTAP_TRUE(t, s.counters[CPUS - 1].left > 0);
	}
	stress_close(&s);
}

/* A hole where pages of either part were: they are there again, empty, for who touches them. */
static void punch_once(struct stress *s)
{
	uint64_t first = s->kept + s->disturbed % s->kept;
	uint64_t at = s->disturbed / s->kept % CPUS * PART + first * PAGE;

	KTAP_OK(s->t, fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
				(1 + s->disturbed % (PAGES - first)) * PAGE));
}

static void files_get_holes(struct ktap *t)
{
	struct stress s;

	if (stress_open(&s, t, 0)) {
		pages_of_a_file(&s);
		stress_run(&s, punch_once);
		for (unsigned int i = 0; i < CPUS; i++)
			KTAP_EQ(t, s.counters[i].left, 0);
	}
	stress_close(&s);
}

static const struct ktap_case cases[] = {
	{ "forks", forks },
	{ "forks_with_huge_pages", forks_with_huge_pages },
	{ "protection_changes", protection_changes },
	{ "protection_changes_of_huge_pages", protection_changes_of_huge_pages },
	{ "huge_pages_split_and_collapse", huge_pages_split_and_collapse },
	{ "mappings_move_away_and_back", mappings_move_away_and_back },
	{ "pages_are_swapped_out", pages_are_swapped_out },
	{ "pages_move_between_nodes", pages_move_between_nodes },
	{ "huge_pages_move_between_nodes", huge_pages_move_between_nodes },
	{ "nodes_are_balanced", nodes_are_balanced },
	{ "nothing_is_brought_in_for_it", nothing_is_brought_in_for_it },
	{ "ranges_are_replaced", ranges_are_replaced },
	{ "ranges_come_and_go", ranges_come_and_go },
	{ "files_are_truncated", files_are_truncated },
	{ "files_get_holes", files_get_holes },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
