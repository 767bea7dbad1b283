// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with several processors goes on in another guest: all of its state, its memory and its
 * clocks are carried over while an interrupt goes round among the processors. It must not get lost,
 * whichever of them has it and however far it has come, and no processor may see time go back.
 * Not here: state that is wrong (test-bad-state).
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "msr.h"
#include "random.h"
#include "task.h"
#include "team.h"

#define VECTOR		0x61
#define CPUS		4
#define MSRS_MAX	512
#define LAST_TSC	(*(volatile uint64_t *)(ram + 0x2f010))
#define WENT_BACK	(*(volatile uint64_t *)(ram + 0x2f018))
#define CLOCK_PAGES	0x60000UL	/* one for each processor */

/* It counts, looks whether the last one's TSC was later than its own, and hands on. */
extern const struct guest_code carry, rest;
GUEST_CODE("carry", "code64", TEAM_PUSH "incq %gs:0;"
	   "rdtsc; shl $32, %rdx; or %rdx, %rax; cmp %rax, 0x2f010; jbe 1f; incq 0x2f018;"
	   "1: mov %rax, 0x2f010;" TEAM_EOI
	   "mov %gs:16, %edx; mov $0x61, %eax; mov $0x830, %ecx; wrmsr;" TEAM_POP "iretq");
GUEST_CODE("rest", "code64", "1: sti; hlt; jmp 1b");

/**
 * struct image - a vCPU's state, all of it
 * @state: the blocks
 * @msrs: its MSR block
 * @xsave: its XSAVE block
 */
struct image {
	struct hvm_state state;
	struct hvm_msr_value msrs[MSRS_MAX];
	uint8_t *xsave;
};

/* Places for all that there is. */
static bool make_image(struct image *image, struct guest *g)
{
	static uint32_t indices[MSRS_MAX];
	struct hvm_get_info info = {
		.size = sizeof(info),
		.msrs = (uintptr_t)indices,
		.msr_count = MSRS_MAX,
	};

	KTAP_OK(g->t, ioctl(g->dev, HVM_GET_INFO, &info));
	image->xsave = calloc(1, info.xsave_bytes);
	if (info.msr_count > MSRS_MAX || !image->xsave) {
		KTAP_FAIL(g->t, "no room for %u MSRs, %u bytes of registers", info.msr_count,
			  info.xsave_bytes);
		return false;
	}
	for (uint32_t i = 0; i < info.msr_count; i++)
		image->msrs[i] = (struct hvm_msr_value) { .index = indices[i] };
	image->state.size = sizeof(image->state);
	image->state.mask = HVM_STATE_ALL;
	image->state.msr = (struct hvm_state_buffer) {
		.address = (uintptr_t)image->msrs,
		.count = info.msr_count,
	};
	image->state.xsave = (struct hvm_state_buffer) {
		.address = (uintptr_t)image->xsave,
		.count = info.xsave_bytes,
	};
	return true;
}

static void expect_same(struct ktap *t, const struct image *old, const struct image *new)
{
	const struct hvm_state *a = &old->state, *b = &new->state;

	KTAP_TRUE(t, !memcmp(&a->gpr, &b->gpr, sizeof(a->gpr)));
	KTAP_TRUE(t, !memcmp(&a->segments, &b->segments, sizeof(a->segments)));
	KTAP_TRUE(t, !memcmp(&a->control, &b->control, sizeof(a->control)));
	KTAP_TRUE(t, !memcmp(&a->lapic, &b->lapic, sizeof(a->lapic)));
	KTAP_TRUE(t, !memcmp(&a->events, &b->events, sizeof(a->events)));
	KTAP_TRUE(t, !memcmp(&a->debug, &b->debug, sizeof(a->debug)));
	KTAP_TRUE(t, !memcmp(old->xsave, new->xsave, a->xsave.count));
	for (uint32_t i = 0; i < a->msr.count; i++)
		if (old->msrs[i].value != new->msrs[i].value && old->msrs[i].index != MSR_TSC)
			KTAP_FAIL(t, "MSR 0x%x was 0x%llx, is 0x%llx", old->msrs[i].index,
				  (unsigned long long)old->msrs[i].value,
				  (unsigned long long)new->msrs[i].value);
}

/* One vCPU's state; what the host's TSC went on by, its own shall not have seen. */
static void move_one(struct guest *from, struct guest *to, uint64_t not_seen)
{
	struct image old = {}, new = {};

	if (!make_image(&old, from) || !make_image(&new, to))
		return;
	KTAP_OK(from->t, ioctl(from->vcpu, HVM_GET_STATE, &old.state));
	old.state.clock.tsc_offset -= not_seen;
	KTAP_OK(to->t, ioctl(to->vcpu, HVM_SET_STATE, &old.state));
	KTAP_OK(to->t, ioctl(to->vcpu, HVM_GET_STATE, &new.state));
	KTAP_EQ(to->t, new.state.clock.tsc_offset, old.state.clock.tsc_offset);
	expect_same(to->t, &old, &new);
	free(old.xsave);
	free(new.xsave);
}

static struct hvm_clock clock_of(struct guest *g, const struct hvm_clock *set)
{
	struct hvm_clock clock = { .size = sizeof(clock) };

	if (set) {
		clock.flags = HVM_CLOCK_SET;
		clock.guest_ns = set->guest_ns;
	}
	KTAP_OK(g->t, ioctl(g->vm, HVM_CLOCK, &clock));
	return clock;
}

/* Stop @from, and have @to go on where it stood; with @stopped, its clocks stood, too. */
static bool move(struct team *from, struct team *to, struct ktap *t, bool stopped)
{
	struct guest *a = &from->m[0].g, *b = &to->m[0].g;
	struct hvm_clock then, now;
	unsigned int i;

	team_stop(from);
	then = clock_of(a, NULL);
	if (!team_open_row(to, t, CPUS))
		return false;
	memcpy(b->ram, a->ram, a->bytes);
	now = clock_of(b, stopped ? &then : NULL);
	for (i = 0; i < CPUS; i++) {
		KTAP_EQ(t, from->m[i].reason, HVM_EXIT_STOPPED);
		move_one(&from->m[i].g, &to->m[i].g, stopped ? now.host_tsc - then.host_tsc : 0);
	}
	team_close(from);
	for (i = 0; i < CPUS; i++)
		team_start(to, i);
	return true;
}

static bool begin(struct team *team, struct ktap *t)
{
	struct hvm_msi ball = { .size = sizeof(ball), .address = 0xfee00000, .data = VECTOR };
	unsigned int i;

	if (!team_open_row(team, t, CPUS))
		return false;
	guest_gate(&team->m[0].g, VECTOR, &carry, TEAM_HANDLERS);
	for (i = 0; i < CPUS; i++) {
		team_apic(team, i, true);
		team_long(team, i, &rest);
		team_word(team, i)[TEAM_NEXT] = (i + 1) % CPUS;
		KTAP_OK(t, guest_set_msr(&team->m[i].g, MSR_SYSTEM_TIME,
					 (CLOCK_PAGES + 4096 * i) | 1));
	}
	for (i = 0; i < CPUS; i++)
		team_start(team, i);
	KTAP_EQ(t, ioctl(team->m[0].g.vm, HVM_MSI, &ball), 1);
	return true;
}

static void expect_rounds(struct team *team, unsigned int rounds)
{
	const volatile uint64_t *last = team_word(team, CPUS - 1);

	KTAP_TRUE(team->m[0].g.t, task_wait_count(last, *last + rounds));
}

/* There is one ball, and nobody saw time go back. */
static void expect_sound(struct team *team)
{
	struct ktap *t = team->m[0].g.t;
	const uint8_t *ram = team->m[0].g.ram;

	for (unsigned int i = 0; i < CPUS; i++) {
		KTAP_TRUE(t, *team_word(team, i) <= *team_word(team, 0));
		KTAP_TRUE(t, *team_word(team, i) + 1 >= *team_word(team, 0));
	}
	KTAP_TRUE(t, LAST_TSC > 0);
	KTAP_EQ(t, WENT_BACK, 0);
}

static void go_on(struct ktap *t, bool stopped)
{
	uint64_t random = random_seed(stopped ? 71 : 72);
	static struct team teams[2];
	unsigned int i, now = 0;

	if (!begin(&teams[0], t))
		return;
	for (i = 0; i < 12 && !t->failures; i++) {
		expect_rounds(&teams[now], random64(&random) % 4);
		if (!move(&teams[now], &teams[!now], t, stopped))
			return;
		now = !now;
		expect_rounds(&teams[now], 1);
	}
	team_stop(&teams[now]);
	expect_sound(&teams[now]);
	team_close(&teams[now]);
}

static void clocks_run_on(struct ktap *t)
{
	go_on(t, false);
}

static void clocks_stand_still(struct ktap *t)
{
	go_on(t, true);
}

/* Who was never started waits for it there, too. */
static void those_that_wait_for_sipi(struct ktap *t)
{
	static struct team from, to;
	struct hvm_state state;
	unsigned int i;

	if (!team_open_row(&from, t, CPUS))
		return;
	if (!team_open_row(&to, t, CPUS)) {
		team_close(&from);
		return;
	}
	for (i = 0; i < CPUS; i++) {
		move_one(&from.m[i].g, &to.m[i].g, 0);
		KTAP_OK(t, guest_get(&to.m[i].g, HVM_STATE_EVENTS, &state));
		KTAP_EQ(t, state.events.mp_state, i ? HVM_MP_WAIT_SIPI : HVM_MP_RUNNING);
	}
	team_close(&from);
	team_close(&to);
}

static const struct ktap_case cases[] = {
	{ "an_interrupt_goes_round_while_clocks_run_on", clocks_run_on },
	{ "an_interrupt_goes_round_while_clocks_stand_still", clocks_stand_still },
	{ "those_that_wait_for_sipi", those_that_wait_for_sipi },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
