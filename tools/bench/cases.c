// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cases. Each is measured in batches short enough that most see no host timer interrupt; the
 * cheapest batch counts, as it is the one without.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cpuid.h>

#include "bench.h"

#define BATCHES		12
#define PAGE		4096UL
#define HUGE		0x200000UL
#define VECTORS		100U

/* Pages that fault one by one are so far apart that no neighbour is mapped along. */
#define FAULT_PAGES	64UL
#define FAULT_STRIDE	(17 * PAGE)
#define HUGE_PAGES	8UL
#define CYCLES		8

struct bench {
	const struct bench_engine *engine;
	uint8_t *low;
	const char *only;
};

static const struct guest_result *result_of(const struct bench *bench)
{
	return (const void *)(bench->low + GUEST_RESULT);
}

static uint64_t address_of(const uint8_t *routine)
{
	return GUEST_CODE + (routine - guest_code);
}

/* --- the guest's tables --------------------------------------------------- */

static void fill_tables(uint8_t *low)
{
	uint64_t *pml4 = (void *)(low + GUEST_TABLES), *pdpt = pml4 + 512, *pd = pdpt + 512;
	uint64_t *gdt = (void *)(low + GUEST_GDT);
	uint64_t i;

	pml4[0] = (GUEST_TABLES + PAGE) | 3;
	for (i = 0; i < 2; i++)
		pdpt[i] = (GUEST_TABLES + (2 + i) * PAGE) | 3;
	for (i = 0; i < 1024; i++)
		pd[i] = i * HUGE | 0x83;
	gdt[1] = 0x00af9b000000ffffULL;
	gdt[2] = 0x00cf93000000ffffULL;
}

/* SDM "64-Bit Mode IDT": interrupt gates. */
static void fill_idt(uint8_t *low)
{
	uint64_t handler = address_of(guest_interrupt);
	uint64_t *gate = (void *)(low + GUEST_IDT);
	unsigned int i;

	for (i = BENCH_FIRST_VECTOR; i < 256; i++) {
		gate[2 * i] = (handler & 0xffff) | 8 << 16 | 0x8e00ULL << 32 |
			      (handler >> 16 & 0xffff) << 48;
		gate[2 * i + 1] = handler >> 32;
	}
}

static void *memory(size_t bytes, int flags)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void prepare(struct bench *bench)
{
	bench->low = memory(GUEST_LOW_BYTES, MAP_POPULATE);
	if (!bench->low)
		bench_die("mmap");
	fill_tables(bench->low);
	fill_idt(bench->low);
	memcpy(bench->low + GUEST_CODE, guest_code, guest_code_end - guest_code);
}

/* --- measuring -------------------------------------------------------------- */

static bool wanted(const struct bench *bench, const char *name)
{
	return !bench->only || !strncmp(bench->only, name, strlen(bench->only));
}

/* Whoever asks for one case looks on from outside (profile) and ends it. */
static bool goes_on(const struct bench *bench, int done, int batches)
{
	return bench->only || done < batches;
}

static void report(const char *name, double instructions)
{
	printf("%s\t%.0f\n", name, instructions);
	fflush(stdout);
}

/* Run a routine to its end; what it asks for on the way is counted by the caller. */
static uint64_t run_once(const struct bench *bench, const struct guest_start *start)
{
	enum bench_exit exit;

	bench->engine->start(start);
	do {
		exit = bench->engine->run();
	} while (exit == BENCH_PORT || exit == BENCH_DEVICE);
	if (exit != BENCH_DONE) {
		errno = EPROTO;
		bench_die("the guest left in an unexpected way");
	}
	return result_of(bench)->end - result_of(bench)->begin;
}

static void measure(const struct bench *bench, const char *name, const uint8_t *routine,
		    uint64_t count, uint64_t base)
{
	const struct guest_start start = { address_of(routine), count, base, 0 };
	uint64_t best = UINT64_MAX;
	int i;

	if (!wanted(bench, name))
		return;
	for (i = 0; goes_on(bench, i, BATCHES); i++) {
		uint64_t ticks = run_once(bench, &start);

		if (ticks < best)
			best = ticks;
	}
	report(name, (double)best / count);
}

/* The local APIC has VECTORS vectors where the case wants them. */
static void measure_vectors(const struct bench *bench, const char *name, const uint8_t *routine,
			    enum bench_vectors where)
{
	const struct guest_start start = { address_of(routine), VECTORS, 0, 0 };
	uint64_t best = UINT64_MAX;
	int i;

	if (!wanted(bench, name))
		return;
	for (i = 0; goes_on(bench, i, BATCHES); i++) {
		uint64_t ticks;

		bench->engine->vectors(where, VECTORS);
		ticks = run_once(bench, &start);
		if (ticks < best)
			best = ticks;
	}
	report(name, (double)best / VECTORS);
}

static void measure_apic(const struct bench *bench)
{
	measure(bench, "timer interrupt", guest_timer, 20, 0);
	measure_vectors(bench, "EOI, x2APIC, vector in service", guest_eoi, BENCH_ISR);
	measure(bench, "TSC-deadline write", guest_deadline, 50, 0);
	bench->engine->add_vcpu();
	measure(bench, "ICR write to a runnable vCPU that is not executing", guest_icr, 100, 0);
}

/* Nobody waits for the eventfd: what it costs to wake somebody is not the hypervisor's. */
static void measure_doorbell(const struct bench *bench)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t count = 0;

	bench_check(fd, "eventfd");
	bench->engine->doorbell(fd);
	measure(bench, "port write that ioeventfd takes", guest_doorbell, 100, 0);
	if (!bench->only && (read(fd, &count, sizeof(count)) < 0 || count != 100 * BATCHES)) {
		errno = EPROTO;
		bench_die("the doorbell was not rung each time");
	}
	close(fd);
}

struct waker {
	pthread_t thread;
	int fd;
	volatile bool stop;
};

/* It has the processor while the vCPU's thread sleeps, and only then. */
static void *wake(void *arg)
{
	struct waker *w = arg;
	const uint64_t one = 1;

	while (!w->stop && write(w->fd, &one, sizeof(one)) > 0)
		;
	return NULL;
}

static void set_policy(int policy)
{
	const struct sched_param param = { .sched_priority = policy == SCHED_FIFO };

	bench_check(sched_setscheduler(0, policy, &param), "sched_setscheduler");
}

/* HLT, the sleep of the thread, the write to the eventfd that wakes it, and the interrupt. */
static void measure_halt(const struct bench *bench)
{
	struct waker w = { .fd = eventfd(0, EFD_CLOEXEC) };
	cpu_set_t before, one;

	bench_check(w.fd, "eventfd");
	bench->engine->irqfd(w.fd);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	bench_check(sched_getaffinity(0, sizeof(before), &before), "sched_getaffinity");
	bench_check(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
	bench_check(-pthread_create(&w.thread, NULL, wake, &w), "pthread_create");
	set_policy(SCHED_FIFO);
	measure(bench, "HLT, and wake by an eventfd's MSI", guest_halt, 20, 0);
	set_policy(SCHED_OTHER);
	w.stop = true;
	pthread_join(w.thread, NULL);
	bench_check(sched_setaffinity(0, sizeof(before), &before), "sched_setaffinity");
	close(w.fd);
}

/* Attach populated memory, touch it once from the guest, detach it. */
static void measure_touch(const struct bench *bench, const char *name, uint8_t *region,
			  uint64_t count, uint64_t stride)
{
	const struct guest_start start = {
		address_of(guest_touch), count, GUEST_REGION, stride
	};
	uint64_t best = UINT64_MAX;
	int i;

	if (!wanted(bench, name))
		return;
	for (i = 0; goes_on(bench, i, BATCHES); i++) {
		uint64_t ticks;

		bench->engine->attach(GUEST_REGION, region, count * stride);
		ticks = run_once(bench, &start);
		bench->engine->attach(GUEST_REGION, NULL, count * stride);
		if (ticks < best)
			best = ticks;
	}
	report(name, (double)best / count);
}

static void measure_small_pages(const struct bench *bench)
{
	size_t bytes = FAULT_PAGES * FAULT_STRIDE;
	uint8_t *region = memory(bytes, 0);

	if (!region)
		bench_die("mmap");
	madvise(region, bytes, MADV_NOHUGEPAGE);
	memset(region, 1, bytes);
	measure_touch(bench, "second-level fault, 4 KiB, populated", region, FAULT_PAGES,
		      FAULT_STRIDE);
	measure_touch(bench, "touching populated memory in order, a page", region, 512, PAGE);
	munmap(region, bytes);
}

static void reserve_huge_pages(void)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (f) {
		fprintf(f, "%lu\n", HUGE_PAGES);
		fclose(f);
	}
}

static void measure_huge_pages(const struct bench *bench)
{
	uint8_t *region;

	reserve_huge_pages();
	region = memory(HUGE_PAGES * HUGE, MAP_HUGETLB | MAP_POPULATE);
	if (!region) {
		fprintf(stderr, "bench: no huge pages, so no case of theirs\n");
		return;
	}
	measure_touch(bench, "second-level fault, 2 MiB, hugetlb", region, HUGE_PAGES, HUGE);
	munmap(region, HUGE_PAGES * HUGE);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Ticks of the TSC in a nanosecond of the host's clock: over a busy stretch, so nothing idles. */
static double ticks_per_ns(void)
{
	uint64_t ns = wall_ns(), tsc = __rdtsc();
	uint64_t until = tsc + 20000000;

	while (__rdtsc() < until)
		;
	return (double)(__rdtsc() - tsc) / (wall_ns() - ns);
}

/* CPU time, since much of it is waiting; the process's own, since that is what its owner pays. */
static void measure_cycle(const struct bench *bench)
{
	static const char name[] = "create + destroy of a VM with one vCPU, process CPU time";
	double scale = ticks_per_ns();
	uint64_t best = UINT64_MAX;
	int i;

	if (!wanted(bench, name))
		return;
	bench->engine->cycle();
	for (i = 0; goes_on(bench, i, CYCLES); i++) {
		uint64_t ns = cpu_ns();

		bench->engine->cycle();
		ns = cpu_ns() - ns;
		if (ns < best)
			best = ns;
	}
	report(name, best * scale);
}

static bool is_amd(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & 4;
}

/**
 * bench_cases() - measure and print every case
 * @engine: the hypervisor
 * @only: or repeat the first case whose name begins so until somebody ends the process; NULL: all
 *
 * Return: the process's exit status.
 */
int bench_cases(const struct bench_engine *engine, const char *only)
{
	struct bench bench = { .engine = engine, .only = only };

	if (!engine->open())
		bench_die(engine->name);
	prepare(&bench);
	engine->create(bench.low);
	measure(&bench, "cpuid round trip (40 or more leaves set, on KVM too)", guest_cpuid, 100,
		0);
	measure(&bench, "hypercall", is_amd() ? guest_vmmcall : guest_vmcall, 100, 0);
	measure(&bench, "MSR read", guest_msr, 100, 0);
	measure(&bench, "port write to userspace", guest_port, 50, 0);
	measure_doorbell(&bench);
	measure(&bench, "MMIO write to userspace, decoded and finished by libhvm", guest_device, 50,
		GUEST_DEVICE);
	measure_small_pages(&bench);
	measure_huge_pages(&bench);
	measure_apic(&bench);
	measure_halt(&bench);
	engine->destroy();
	measure_cycle(&bench);
	/* Last: under Bochs KVM may lose an interrupt, and then waits for it. */
	engine->create(bench.low);
	measure_vectors(&bench, "interrupt, window and injection to EOI", guest_take, BENCH_IRR);
	engine->destroy();
	if (!only)
		return 0;
	fprintf(stderr, "bench: no case begins with '%s'\n", only);
	return 2;
}
