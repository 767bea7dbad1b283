// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: the guest's TSC, the clock ioctl, and the paravirtual clock's pages.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"
#include "step.h"
#include "task.h"

#define HOUR		3600ULL		/* s */
#define NS_PER_S	1000000000ULL
#define STAYS		0x40000ULL	/* a page that the little guests leave alone */

/* --- time -------------------------------------------------------------------------- */

static struct hvm_clock get_clock(struct guest *g)
{
	struct hvm_clock clock = { .size = sizeof(clock) };

	KTAP_OK(g->t, ioctl(g->vm, HVM_CLOCK, &clock));
	return clock;
}

/* Can the processor give a guest a frequency of its own? */
static bool scales(struct guest *g)
{
	struct hvm_get_info info = { .size = sizeof(info) };

	KTAP_OK(g->t, ioctl(g->dev, HVM_GET_INFO, &info));
	return info.features & HVM_FEATURE_TSC_SCALING;
}

static void tsc_starts_at_zero_and_goes_on(struct ktap *t)
{
	uint64_t tsc, last = 0, born = __builtin_ia32_rdtsc();
	struct hvm_clock before, after;
	struct guest g;

	if (!step_open(&g, t))
		return;
	before = get_clock(&g);
	/* It counts from the guest's beginning on, and not from the host's. */
	tsc = step_rdtsc(&g);
	KTAP_TRUE(t, tsc <= __builtin_ia32_rdtsc() - born);
	for (int i = 0; i < 1000; i++) {
		tsc = step_rdtsc(&g);
		KTAP_TRUE(t, tsc >= last);
		last = tsc;
	}
	KTAP_TRUE(t, step_rdmsr(&g, MSR_TSC, &tsc));
	KTAP_TRUE(t, tsc >= last);
	after = get_clock(&g);
	KTAP_TRUE(t, after.host_tsc > before.host_tsc);
	KTAP_TRUE(t, after.realtime_ns >= before.realtime_ns);
	/* The guest lives for a minute at most. */
	KTAP_TRUE(t, last < 60000ULL * after.tsc_khz);
	guest_close(&g);
}

static void tsc_writes_move_tsc_adjust(struct ktap *t)
{
	uint64_t adjust, tsc, slack = 1ULL << 36;
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_rdmsr(&g, MSR_TSC_ADJUST, &adjust));
	KTAP_EQ(t, adjust, 0);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_TSC, 1ULL << 50));
	tsc = step_rdtsc(&g);
	KTAP_TRUE(t, tsc - (1ULL << 50) < slack);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_TSC_ADJUST, &adjust));
	KTAP_TRUE(t, (1ULL << 50) - adjust < slack);
	/* Taking the adjustment back leads to where the TSC would be without. */
	KTAP_TRUE(t, step_wrmsr(&g, MSR_TSC_ADJUST, 0));
	KTAP_TRUE(t, step_rdtsc(&g) < slack);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_TSC_ADJUST, -(1ULL << 40)));
	KTAP_TRUE(t, step_rdtsc(&g) + (1ULL << 40) < slack);
	guest_close(&g);
}

static void clock_state(struct ktap *t)
{
	struct hvm_state state, back;
	struct guest g;
	uint64_t adjust;

	if (!step_open(&g, t))
		return;
	KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &state));
	KTAP_EQ(t, state.clock.tsc_scale, 0);
	state.clock.tsc_offset += 1ULL << 55;
	state.clock.tsc_adjust = 4711;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CLOCK, &state));
	KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &back));
	KTAP_EQ(t, back.clock.tsc_offset, state.clock.tsc_offset);
	KTAP_EQ(t, back.clock.tsc_adjust, 4711);
	KTAP_EQ(t, step_rdtsc(&g) >> 55, 1);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_TSC_ADJUST, &adjust));
	KTAP_EQ(t, adjust, 4711);
	state.clock.tsc_scale = 1ULL << 48;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CLOCK, &state));
	KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &back));
	KTAP_EQ(t, back.clock.tsc_scale, 0);
	state.clock.tsc_scale = 1;
	KTAP_ERRNO(t, guest_set(&g, HVM_STATE_CLOCK, &state), scales(&g) ? EINVAL : EOPNOTSUPP);
	guest_close(&g);
}

static void clock_arguments(struct ktap *t)
{
	struct hvm_clock clock = { .size = sizeof(clock), .flags = 4 };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_CLOCK, &clock), EOPNOTSUPP);
	clock.flags = 0;
	clock.size = 4;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_CLOCK, &clock), EINVAL);
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_CLOCK, &clock), ENOTTY);
	KTAP_ERRNO(t, ioctl(g.vm, HVM_CLOCK, KERNEL_ADDRESS), EFAULT);
	guest_close(&g);
}

struct time_page {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
	uint8_t pad2[2];
};

static uint64_t scaled_by(const struct time_page *page, uint64_t delta)
{
	delta = page->shift < 0 ? delta >> -page->shift : delta << page->shift;
	return (unsigned __int128)delta * page->mul >> 32;
}

/* The clock at @tsc, which may lie before the page: that may be renewed on the guest's way out. */
static uint64_t page_ns(const struct time_page *page, uint64_t tsc)
{
	if (tsc < page->tsc)
		return page->ns - scaled_by(page, page->tsc - tsc);
	return page->ns + scaled_by(page, tsc - page->tsc);
}

static struct time_page read_page(struct guest *g, uint64_t gpa)
{
	struct time_page page;

	memcpy(&page, g->ram + gpa, sizeof(page));
	KTAP_TRUE(g->t, page.version && !(page.version & 1));
	return page;
}

/* --- frequencies -------------------------------------------------------------------- */

static int set_khz(int vm, uint32_t khz)
{
	struct hvm_clock clock = {
		.size = sizeof(clock),
		.flags = HVM_CLOCK_SET_KHZ,
		.guest_khz = khz,
	};

	return ioctl(vm, HVM_CLOCK, &clock);
}

static void frequency_is_given_or_refused(struct ktap *t)
{
	struct hvm_create_vm create = { .size = sizeof(create) };
	struct hvm_create_vcpu create_vcpu = { .size = sizeof(create_vcpu) };
	struct guest g, other;
	uint32_t host;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	host = get_clock(&g).tsc_khz;
	KTAP_EQ(t, get_clock(&g).guest_khz, host);
	KTAP_ERRNO(t, set_khz(g.vm, host), EBUSY);
	other = g;
	other.vm = ioctl(g.dev, HVM_CREATE_VM, &create);
	KTAP_OK(t, set_khz(other.vm, host));
	KTAP_ERRNO(t, set_khz(other.vm, 0), EINVAL);
	KTAP_ERRNO(t, set_khz(other.vm, 3999), EINVAL);
	if (scales(&g)) {
		KTAP_OK(t, set_khz(other.vm, host / 3 * 2));
		KTAP_EQ(t, get_clock(&other).guest_khz, host / 3 * 2);
		other.vcpu = ioctl(other.vm, HVM_CREATE_VCPU, &create_vcpu);
		KTAP_ERRNO(t, set_khz(other.vm, host), EBUSY);
		close(other.vcpu);
		KTAP_OK(t, set_khz(other.vm, host));
	} else {
		KTAP_ERRNO(t, set_khz(other.vm, host + 1), EOPNOTSUPP);
		KTAP_ERRNO(t, set_khz(other.vm, host / 2), EOPNOTSUPP);
	}
	close(other.vm);
	guest_close(&g);
}

static uint64_t scaled(uint64_t tsc, const struct hvm_state *state)
{
	const uint64_t scale = state->clock.tsc_scale;

	return (scale ? (uint64_t)((unsigned __int128)tsc * scale >> 48) : tsc) +
	       state->clock.tsc_offset;
}

/* Slower and faster: the TSC is what the state says, and the clock's page fits to it. */
static void tsc_runs_at_its_frequency(struct ktap *t)
{
	static const uint64_t scales_of[] = { 1ULL << 47, 3ULL << 47, 0x123456789abcULL };
	struct hvm_clock before, after;
	struct hvm_state state, back;
	struct time_page page;
	struct guest g;
	uint64_t tsc, ns;

	if (!step_open(&g, t))
		return;
	if (!scales(&g)) {
		guest_close(&g);
		KTAP_SKIP(t, "the processor has no TSC scaling");
	}
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	for (size_t i = 0; i < ARRAY_SIZE(scales_of); i++) {
		before = get_clock(&g);
		KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &state));
		state.clock.tsc_scale = scales_of[i];
		state.clock.tsc_offset = 0;
		KTAP_OK(t, guest_set(&g, HVM_STATE_CLOCK, &state));
		KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &back));
		KTAP_TRUE(t, !memcmp(&back.clock, &state.clock, sizeof(back.clock)));
		tsc = step_rdtsc(&g);
		page = read_page(&g, GUEST_DATA);
		ns = page_ns(&page, tsc);
		after = get_clock(&g);
		KTAP_TRUE(t, tsc >= scaled(before.host_tsc, &state));
		KTAP_TRUE(t, tsc <= scaled(after.host_tsc, &state));
		if (page.flags & 1)
			KTAP_TRUE(t, ns + 1000 >= before.guest_ns && ns <= after.guest_ns + 1000);
		KTAP_TRUE(t, step_rdmsr(&g, MSR_TSC, &ns));
		KTAP_TRUE(t, ns >= tsc && ns <= scaled(get_clock(&g).host_tsc, &state));
	}
	guest_close(&g);
}

/* --- pauses ------------------------------------------------------------------------- */

/* Nothing is done about a pause: the clocks have gone on. */
static void clocks_run_on(struct ktap *t)
{
	struct hvm_clock then, now;
	struct hvm_state state;
	struct time_page page;
	struct guest g;
	uint64_t tsc;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &state));
	usleep(20000);
	then = get_clock(&g);
	tsc = step_rdtsc(&g);
	now = get_clock(&g);
	KTAP_TRUE(t, tsc >= scaled(then.host_tsc, &state) && tsc <= scaled(now.host_tsc, &state));
	page = read_page(&g, GUEST_DATA);
	if (page.flags & 1) {
		KTAP_TRUE(t, page_ns(&page, tsc) + 1000 >= then.guest_ns);
		KTAP_TRUE(t, page_ns(&page, tsc) <= now.guest_ns + 1000);
	}
	guest_close(&g);
}

/*
 * No more guest time since @begin than the host's TSC says since @end. A reading may be interrupted
 * in its middle where the host does not trust its TSC, but not each of a few in a row; after many
 * the difference of the two clocks would hide what is looked for.
 */
static bool has_stood_still(struct guest *g, const struct hvm_clock *begin,
			    const struct hvm_clock *end)
{
	struct hvm_clock now;

	for (int i = 0; i < 20; i++) {
		now = get_clock(g);
		if (now.guest_ns - begin->guest_ns <=
		    (now.host_tsc - end->host_tsc) * 1000000 / now.tsc_khz + 1000000)
			return true;
	}
	return false;
}

/*
 * The clocks stand still meanwhile: the guest finds less time gone since the pause began than the
 * host's clocks say since it ended. What waits in the timer waits that much longer.
 */
static void clocks_stand_still(struct ktap *t)
{
	struct hvm_state state, lapic;
	struct hvm_clock pause, resume, now;
	struct time_page page;
	struct guest g;
	uint64_t tsc, ns, start;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	pause = get_clock(&g);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CLOCK, &state));
	start = scaled(pause.host_tsc, &state);
	/* A deadline an hour after the pause began. */
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &lapic));
	lapic.lapic.regs[0x0f] |= 0x100;
	lapic.lapic.regs[0x32] = 0x40061;
	lapic.lapic.tsc_deadline = start + 3600ULL * 1000 * pause.tsc_khz;
	KTAP_OK(t, guest_set(&g, HVM_STATE_LAPIC, &lapic));
	usleep(50000);

	resume = pause;
	resume.flags = HVM_CLOCK_SET;
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, &resume));
	KTAP_EQ(t, resume.guest_ns, pause.guest_ns);
	KTAP_TRUE(t, resume.host_tsc > pause.host_tsc && resume.realtime_ns > pause.realtime_ns);
	state.clock.tsc_offset -= resume.host_tsc - pause.host_tsc;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CLOCK, &state));

	tsc = step_rdtsc(&g);
	now = get_clock(&g);
	KTAP_TRUE(t, tsc >= start && tsc - start <= now.host_tsc - resume.host_tsc);
	page = read_page(&g, GUEST_DATA);
	ns = page_ns(&page, tsc);
	if (page.flags & 1)
		KTAP_TRUE(t, ns + 1000 >= pause.guest_ns && ns <= now.guest_ns + 1000);
	KTAP_TRUE(t, has_stood_still(&g, &pause, &resume));
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &lapic));
	KTAP_EQ(t, lapic.lapic.tsc_deadline, start + 3600ULL * 1000 * pause.tsc_khz);
	guest_close(&g);
}

/* --- several vCPUs, several CPUs ------------------------------------------------------ */

#define WARPS(g)	((volatile uint64_t *)((g)->ram + GUEST_DATA + 0x50))

/* Under a lock: no TSC is behind the one that was read last, on whatever vCPU. */
extern const struct guest_code reads_in_turn;
GUEST_CODE("reads_in_turn", "code64",
	   "sti\n"
	   "1:	mov $1, %eax\n"
	   "	xchg %eax, 0x20040\n"
	   "	test %eax, %eax\n"
	   "	jz 2f\n"
	   "	pause\n"
	   "	jmp 1b\n"
	   "2:	rdtsc\n"
	   "	shl $32, %rdx\n"
	   "	or %rdx, %rax\n"
	   "	cmp 0x20048, %rax\n"
	   "	jae 3f\n"
	   "	incq 0x20050\n"
	   "3:	mov %rax, 0x20048\n"
	   "	incq 0x20000\n"
	   "	movl $0, 0x20040\n"
	   "	cmpq $0, 0x20008\n"
	   "	je 1b\n"
	   "	out %al, $0x80\n"
	   "	jmp 1b");

static bool add_runner(struct runner *r, const struct runner *first)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = 1 };
	struct hvm_state state;

	*r = (struct runner) { .g = first->g };
	r->g.vcpu = ioctl(r->g.vm, HVM_CREATE_VCPU, &create);
	r->g.run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r->g.vcpu, 0);
	if (r->g.run == MAP_FAILED || guest_get(&r->g, HVM_STATE_EVENTS, &state))
		return false;
	state.events.mp_state = HVM_MP_RUNNING;
	guest_long(&r->g, &reads_in_turn);
	return !guest_set(&r->g, HVM_STATE_EVENTS, &state) && runner_go_on(r);
}

/*
 * An hour in which the guest did not run and its owner wants its clocks to have run on: both are an
 * hour on, and a timer that should have fired meanwhile fires, once.
 */
static void an_hour_passes(struct ktap *t)
{
	struct hvm_state state, lapic;
	struct hvm_clock before, set, now;
	struct time_page page;
	uint64_t hour, tsc, start;
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	start = step_rdtsc(&g);
	before = get_clock(&g);
	hour = HOUR * before.tsc_khz * 1000;
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &lapic));
	lapic.lapic.regs[0x0f] |= 0x100;
	lapic.lapic.regs[0x32] = 0x40061;
	lapic.lapic.tsc_deadline = start + hour / 2;
	KTAP_OK(t, guest_set(&g, HVM_STATE_LAPIC, &lapic));
	step_rdtsc(&g);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC | HVM_STATE_CLOCK, &state));
	KTAP_EQ(t, state.lapic.tsc_deadline, start + hour / 2);

	set = before;
	set.flags = HVM_CLOCK_SET;
	set.guest_ns += HOUR * NS_PER_S;
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, &set));
	state.clock.tsc_offset += hour;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CLOCK, &state));
	tsc = step_rdtsc(&g);
	now = get_clock(&g);
	KTAP_TRUE(t, tsc >= start + hour && tsc <= scaled(now.host_tsc, &state));
	page = read_page(&g, GUEST_DATA);
	if (page.flags & 1) {
		KTAP_TRUE(t, page_ns(&page, tsc) + 1000 >= set.guest_ns);
		KTAP_TRUE(t, page_ns(&page, tsc) <= now.guest_ns + 1000);
	}
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	KTAP_EQ(t, state.lapic.tsc_deadline, 0);
	KTAP_EQ(t, state.lapic.regs[0x23], 2);		/* IRR: vector 0x61 */
	guest_close(&g);
}

static void tscs_are_one(struct ktap *t)
{
	struct runner one = {}, two;
	int cpus[TASK_CPUS];
	unsigned int n = task_cpus(cpus);

	if (n < 2)
		KTAP_SKIP(t, "one processor");
	if (!runner_start(&one, t, &reads_in_turn))
		return;
	KTAP_TRUE(t, add_runner(&two, &one));
	for (int i = 0; i < 20; i++) {
		KTAP_TRUE(t, task_pin(one.tid, cpus[i % n]));
		KTAP_TRUE(t, task_pin(two.tid, cpus[(i / 2 + 1) % n]));
		KTAP_TRUE(t, task_wait_count(RUNNER_COUNT(&one.g), *RUNNER_COUNT(&one.g) + 500));
	}
	KTAP_EQ(t, *WARPS(&one.g), 0);
	runner_stop(&two);
	close(two.g.vcpu);
	munmap(two.g.run, 4096);
	runner_end(&one);
}

/* --- the paravirtual clock ----------------------------------------------------------- */

/* What the guest reads lies between what HVM_CLOCK says before and after. */
static void clock_page_agrees_with_the_ioctl(struct ktap *t)
{
	uint64_t before, after, ns, last = 0, tolerance;
	struct time_page page;
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_SYSTEM_TIME, &ns));
	KTAP_EQ(t, ns, GUEST_DATA | 1);
	for (int i = 0; i < 200; i++) {
		before = get_clock(&g).guest_ns;
		ns = step_rdtsc(&g);
		page = read_page(&g, GUEST_DATA);
		ns = page_ns(&page, ns);
		after = get_clock(&g).guest_ns;
		/* On a host whose TSC is not stable the page is near the truth, and no more. */
		tolerance = page.flags & 1 ? 1000000 : 1000000000;
		KTAP_TRUE(t, before <= ns + tolerance && ns <= after + tolerance);
		KTAP_TRUE(t, ns >= last || !(page.flags & 1));
		last = ns;
	}
	guest_close(&g);
}

static void clock_can_be_set(struct ktap *t)
{
	struct hvm_clock clock = {
		.size = sizeof(clock),
		.flags = HVM_CLOCK_SET,
		.guest_ns = 1ULL << 60,
	};
	struct time_page page;
	struct guest g;
	uint64_t ns;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, &clock));
	ns = step_rdtsc(&g);
	page = read_page(&g, GUEST_DATA);
	ns = page_ns(&page, ns);
	KTAP_TRUE(t, ns - (1ULL << 60) < 60000000000ULL);
	KTAP_TRUE(t, get_clock(&g).guest_ns - (1ULL << 60) < 60000000000ULL);
	guest_close(&g);
}

/* All vCPUs with one TSC: stable, if the host's is. One that goes its own way: not any more. */
static void stable_flag_is_honest(struct ktap *t)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = 1 };
	struct guest g;
	bool stable;
	int other;

	if (!step_open(&g, t))
		return;
	stable = step_cpuid(&g, 0x40000001, 0).eax >> 24 & 1;
	other = ioctl(g.vm, HVM_CREATE_VCPU, &create);
	KTAP_TRUE(t, other >= 0);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	step_rdtsc(&g);
	KTAP_EQ(t, read_page(&g, GUEST_DATA).flags & 1, stable);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_TSC_ADJUST, 1000));
	step_rdtsc(&g);
	KTAP_EQ(t, read_page(&g, GUEST_DATA).flags & 1, 0);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_TSC_ADJUST, 0));
	close(other);
	guest_close(&g);
}

/* A page of the clock, and the version that it is to reach. */
struct renewal {
	const volatile struct time_page *page;
	uint32_t version;
};

static bool was_renewed(void *arg)
{
	const struct renewal *renewal = arg;

	return (int32_t)(renewal->page->version - renewal->version) >= 0;
}

/*
 * A vCPU alone on its CPU, which it never leaves: what its page says is renewed all the same where
 * the host does not trust its TSC, and stays as it is where it does.
 */
static void page_of_a_vcpu_that_stays(struct ktap *t)
{
	const volatile struct time_page *page;
	struct renewal renewal;
	struct runner r = {};
	int cpus[TASK_CPUS];

	if (!runner_open(&r.g, t, &runner_spin))
		return;
	page = (struct time_page *)(r.g.ram + STAYS);
	KTAP_OK(t, guest_set_msr(&r.g, MSR_SYSTEM_TIME, STAYS | 1));
	KTAP_TRUE(t, runner_go_on(&r));
	task_cpus(cpus);
	KTAP_TRUE(t, task_pin(r.tid, cpus[0]));
	KTAP_TRUE(t, task_wait_count(RUNNER_COUNT(&r.g), *RUNNER_COUNT(&r.g) + 1000));
	renewal = (struct renewal){ page, page->version };
	if (page->flags & 1) {
		KTAP_TRUE(t, task_wait_count(RUNNER_COUNT(&r.g), *RUNNER_COUNT(&r.g) + 1000000));
		KTAP_EQ(t, page->version, renewal.version);
	} else {
		renewal.version += 4;	/* twice */
		KTAP_TRUE(t, task_wait(was_renewed, &renewal));
	}
	runner_end(&r);
}

static void disabled_page_is_left_alone(struct ktap *t)
{
	struct hvm_clock clock = { .size = sizeof(clock), .flags = HVM_CLOCK_SET };
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA));
	memset(g.ram + GUEST_DATA, 0x5a, 64);
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, &clock));
	step_rdtsc(&g);
	for (int i = 0; i < 64; i++)
		KTAP_EQ(t, g.ram[GUEST_DATA + i], 0x5a);
	guest_close(&g);
}

static void wall_clock_is_the_time_of_day(struct ktap *t)
{
	struct {
		uint32_t version, sec, nsec;
	} wall;
	struct guest g;
	uint64_t now;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_WALL_CLOCK, GUEST_DATA));
	memcpy(&wall, g.ram + GUEST_DATA, sizeof(wall));
	KTAP_TRUE(t, wall.version && !(wall.version & 1));
	KTAP_TRUE(t, wall.nsec < 1000000000);
	now = wall.sec + get_clock(&g).guest_ns / 1000000000;
	KTAP_TRUE(t, now + 3 > (uint64_t)time(NULL) && now < (uint64_t)time(NULL) + 3);
	guest_close(&g);
}

/* An address that leads nowhere hurts nobody. */
static void wild_clock_pages(struct ktap *t)
{
	static const uint64_t pages[] = {
		GUEST_RAM, GUEST_RAM - 4, GUEST_RAM - 28, GUEST_DATA + 0xffc, GUEST_DATA + 0xff0,
		0xd0000000, 0xfee00000, 0xffffffff000, 1ULL << 51, (1ULL << 52) - 4, ~0ULL << 2,
		1ULL << 63, 0x400000, 0x400ffc,
	};
	void *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, guest_map(&g, 0x400000, readonly, 4096, HVM_MAP_READONLY));
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, pages[i] | 1));
		KTAP_TRUE(t, step_wrmsr(&g, MSR_WALL_CLOCK, pages[i]));
		step_rdtsc(&g);
	}
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 3));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_WALL_CLOCK, GUEST_DATA | 1));
	for (int i = 0; i < 4096; i++)
		if (((uint8_t *)readonly)[i])
			KTAP_FAIL(t, "a read-only range was written at %d", i);
	/* It goes on: a good page works after all that. */
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	read_page(&g, GUEST_DATA);
	guest_close(&g);
	munmap(readonly, 4096);
}

/* The page's memory goes away under it, and comes back. */
static void clock_page_is_unmapped(struct ktap *t)
{
	struct hvm_clock clock = { .size = sizeof(clock), .flags = HVM_CLOCK_SET };
	struct hvm_unmap unmap = {
		.size = sizeof(unmap),
		.gpa = GUEST_DATA,
		.bytes = 4096,
	};
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_OK(t, ioctl(g.vm, HVM_UNMAP, &unmap));
	memset(g.ram + GUEST_DATA, 0, 64);
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, &clock));
	step_rdtsc(&g);
	KTAP_EQ(t, *(uint32_t *)(g.ram + GUEST_DATA), 0);
	KTAP_TRUE(t, guest_map(&g, GUEST_DATA, g.ram + GUEST_DATA, 4096, 0));
	KTAP_OK(t, ioctl(g.vm, HVM_CLOCK, &clock));
	step_rdtsc(&g);
	read_page(&g, GUEST_DATA);
	guest_close(&g);
}

static bool present(struct ktap *t, uint8_t *page)
{
	unsigned char in;

	KTAP_OK(t, mincore(page, 4096, &in));
	return in & 1;
}

/* The last step waits for a page: it is not brought in, and named again until it is there. */
static void expect_absent(struct guest *g, int reason, uint64_t gpa, uint8_t *page)
{
	for (int i = 0; i < 3; i++) {
		KTAP_EQ(g->t, reason, HVM_EXIT_FAULT);
		KTAP_EQ(g->t, g->run->memory.gpa, gpa);
		KTAP_EQ(g->t, g->run->memory.access, HVM_ACCESS_WRITE);
		KTAP_TRUE(g->t, !present(g->t, page));
		if (i < 2)
			reason = guest_run(g);
	}
}

/*
 * Where absent pages are to exit, the kernel brings none in, and enters no guest whose page is
 * stale: userspace is told to, page by page.
 */
static void clock_page_is_absent(struct ktap *t)
{
	const int prot = PROT_READ | PROT_WRITE;
	struct time_page *page;
	struct guest g;
	uint8_t *memory;

	if (!step_open(&g, t))
		return;
	memory = mmap(NULL, 3 * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	KTAP_TRUE(t, guest_map(&g, 0x400000, memory, 3 * 4096, HVM_MAP_EXIT_ON_FAULT));
	/* The page of the clock lies across two. */
	expect_absent(&g, step_exit(&g, STEP_WRMSR, MSR_SYSTEM_TIME, 0x400ff0 | 1), 0x400000,
		      memory);
	*(volatile uint8_t *)memory = 1;
	expect_absent(&g, guest_run(&g), 0x401000, memory + 4096);
	page = (struct time_page *)(memory + 0xff0);
	KTAP_EQ(t, page->version & 1, 1);
	*(volatile uint8_t *)(memory + 4096 + 1000) = 1;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_TRUE(t, page->version && !(page->version & 1));
	KTAP_TRUE(t, page->mul != 0);

	expect_absent(&g, step_exit(&g, STEP_WRMSR, MSR_WALL_CLOCK, 0x402000), 0x402000,
		      memory + 8192);
	/* A state that is set meanwhile changes nothing about it. */
	KTAP_OK(t, guest_set_msr(&g, MSR_SYSTEM_TIME, 0));
	expect_absent(&g, guest_run(&g), 0x402000, memory + 8192);
	*(volatile uint32_t *)(memory + 8192) = 7;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, *(uint32_t *)(memory + 8192), 10);
	step_rdtsc(&g);
	KTAP_EQ(t, *(uint32_t *)(memory + 8192), 10);
	guest_close(&g);
	munmap(memory, 3 * 4096);
}

/* The numbers of old reach the same registers, where they are announced. */
static void old_msrs_are_the_same(struct ktap *t)
{
	uint64_t value;
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_OLD_SYSTEM_TIME, GUEST_DATA | 1));
	read_page(&g, GUEST_DATA);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_SYSTEM_TIME, &value));
	KTAP_EQ(t, value, GUEST_DATA | 1);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_OLD_WALL_CLOCK, GUEST_DATA + 0x100));
	KTAP_EQ(t, g.ram[GUEST_DATA + 0x100], 2);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_WALL_CLOCK, &value));
	KTAP_EQ(t, value, GUEST_DATA + 0x100);
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_OLD_SYSTEM_TIME, GUEST_DATA | 3));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_OLD_WALL_CLOCK, GUEST_DATA | 1));
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "tsc_starts_at_zero_and_goes_on", tsc_starts_at_zero_and_goes_on },
	{ "tsc_writes_move_tsc_adjust", tsc_writes_move_tsc_adjust },
	{ "clock_state", clock_state },
	{ "clock_arguments", clock_arguments },
	{ "frequency_is_given_or_refused", frequency_is_given_or_refused },
	{ "tsc_runs_at_its_frequency", tsc_runs_at_its_frequency },
	{ "clocks_run_on", clocks_run_on },
	{ "clocks_stand_still", clocks_stand_still },
	{ "an_hour_passes", an_hour_passes },
	{ "tscs_are_one", tscs_are_one },
	{ "clock_page_agrees_with_the_ioctl", clock_page_agrees_with_the_ioctl },
	{ "clock_can_be_set", clock_can_be_set },
	{ "stable_flag_is_honest", stable_flag_is_honest },
	{ "page_of_a_vcpu_that_stays", page_of_a_vcpu_that_stays },
	{ "disabled_page_is_left_alone", disabled_page_is_left_alone },
	{ "wall_clock_is_the_time_of_day", wall_clock_is_the_time_of_day },
	{ "wild_clock_pages", wild_clock_pages },
	{ "clock_page_is_unmapped", clock_page_is_unmapped },
	{ "clock_page_is_absent", clock_page_is_absent },
	{ "old_msrs_are_the_same", old_msrs_are_the_same },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
