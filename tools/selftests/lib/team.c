// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with several virtual processors; see team.h.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task.h"
#include "team.h"

#define RECOVERY	0x2e000UL	/* handler of #GP */
#define NMI_HANDLER	0x2d000UL
#define BASE_X2APIC	0xc00
#define BASE_BSP	0x100
#define BASE		0xfee00800

/* RDMSR and WRMSR are stepped over. */
extern const struct guest_code team_step_over;
GUEST_CODE("team_step_over", "code64",
	   "incq %gs:8; addq $2,8(%rsp); add $8,%rsp; iretq");

GUEST_CODE("team_count_nmi", "code64", "incq %gs:24; iretq");

/* The sender: asks for RDX:RAX and writes it to the ICR; RSI: 0: the MSR, else the APIC page. */
GUEST_CODE("team_sending", "code64",
	   "1:	out %al,$0x10\n"
	   "	test %esi,%esi\n"
	   "	jnz 2f\n"
	   "	mov $0x830,%ecx\n"
	   "	wrmsr\n"
	   "	jmp 1b\n"
	   "2:	mov $0xfee00310,%ebx\n"
	   "	xchg %eax,%edx\n"
	   "	mov %eax,(%rbx)\n"
	   "	mov $0xfee00300,%ebx\n"
	   "	xchg %eax,%edx\n"
	   "	mov %eax,(%rbx)\n"
	   "	jmp 1b\n");

/* What a test looks at or sets in a member's memory. */
volatile uint64_t *team_word(struct team *team, unsigned int i)
{
	return team_ram(team, TEAM_DATA(i));
}

/* Guest memory at @gpa. */
volatile uint64_t *team_ram(struct team *team, uint64_t gpa)
{
	return (volatile uint64_t *)(team->m[0].g.ram + gpa);
}

/**
 * team_add() - one more member
 * @team: the team
 * @apic_id: its APIC id
 *
 * Return: false after a failure, which is recorded
 */
bool team_add(struct team *team, uint32_t apic_id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = apic_id };
	struct member *m = &team->m[team->count];
	void *page;

	*m = (struct member) { .g = team->m[0].g, .apic_id = apic_id };
	m->g.vcpu = ioctl(m->g.vm, HVM_CREATE_VCPU, &create);
	page = m->g.vcpu < 0 ? MAP_FAILED :
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->g.vcpu, 0);
	if (page == MAP_FAILED) {
		KTAP_FAIL(m->g.t, "vCPU %u: %s", apic_id, strerror(errno));
		return false;
	}
	m->g.run = page;
	team->count++;
	return true;
}

/**
 * team_open() - a guest whose virtual processors are in reset state
 * @team: filled in
 * @t: the running case
 * @ids: APIC ids; the first is 0
 * @count: how many, up to TEAM_MAX
 *
 * Return: false after a failure, which is recorded; nothing is left open then
 */
bool team_open(struct team *team, struct ktap *t, const uint32_t *ids, unsigned int count)
{
	struct guest *g = &team->m[0].g;
	unsigned int i;

	memset(team, 0, sizeof(*team));
	if (!guest_open(g, t, GUEST_RAM) || !guest_default_cpuid(g))
		return false;
	team->count = 1;
	guest_gate(g, 13, &team_step_over, RECOVERY);
	for (i = 1; i < count; i++) {
		if (!team_add(team, ids[i])) {
			team_close(team);
			return false;
		}
	}
	return true;
}

/**
 * team_open_row() - team_open() with ids 0, 1, 2 and so on
 * @team: filled in
 * @t: the running case
 * @count: how many
 *
 * Return: as team_open()
 */
bool team_open_row(struct team *team, struct ktap *t, unsigned int count)
{
	uint32_t ids[TEAM_MAX];
	unsigned int i;

	for (i = 0; i < count; i++)
		ids[i] = i;
	return team_open(team, t, ids, count);
}

/**
 * team_close() - reverse of team_open()
 * @team: the team, without threads
 */
void team_close(struct team *team)
{
	while (team->count > 1) {
		struct guest *g = &team->m[--team->count].g;

		munmap(g->run, 4096);
		close(g->vcpu);
	}
	guest_close(&team->m[0].g);
}

/**
 * team_apic() - the member's local APIC is on, in this mode
 * @team: the team
 * @i: which
 * @x2apic: x2APIC mode
 */
void team_apic(struct team *team, unsigned int i, bool x2apic)
{
	struct guest *g = &team->m[i].g;
	uint32_t id = team->m[i].apic_id;
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_LAPIC, &state));
	state.lapic.base = BASE | (i ? 0 : BASE_BSP) | (x2apic ? BASE_X2APIC : 0);
	state.lapic.regs[0x02] = x2apic ? id : id << 24;
	state.lapic.regs[REG_LDR] = x2apic ? (id >> 4) << 16 | 1U << (id & 15) : 0;
	state.lapic.regs[REG_SVR] = 0x1ff;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_LAPIC, &state));
}

/**
 * team_logical() - set the logical id of xAPIC mode
 * @team: the team
 * @i: which
 * @ldr: logical destination register, bits 31:24
 * @dfr: destination format register, bits 31:28
 */
void team_logical(struct team *team, unsigned int i, uint32_t ldr, uint32_t dfr)
{
	struct guest *g = &team->m[i].g;
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_LAPIC, &state));
	state.lapic.regs[REG_LDR] = ldr << 24;
	state.lapic.regs[REG_DFR] = dfr << 28 | 0x0fffffff;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_LAPIC, &state));
}

/**
 * team_long() - stand before a code in 64-bit mode, with RDI = @i and a stack of its own
 * @team: the team
 * @i: which
 * @code: the same for all members
 */
void team_long(struct team *team, unsigned int i, const struct guest_code *code)
{
	struct guest *g = &team->m[i].g;
	struct hvm_state state;

	guest_long(g, code);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_EVENTS, &state));
	state.gpr.gpr[HVM_RDI] = i;
	state.gpr.gpr[HVM_RSP] = GUEST_STACK - 0x1000UL * i;
	state.segments.seg[HVM_GS].base = TEAM_DATA(i);
	state.events.mp_state = HVM_MP_RUNNING;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_EVENTS, &state));
}

/**
 * team_enter() - stand before a code that lies elsewhere
 * @team: the team
 * @i: which, after team_long()
 * @rip: where
 */
void team_enter(struct team *team, unsigned int i, uint64_t rip)
{
	struct guest *g = &team->m[i].g;
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.rip = rip;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
}

/* The accesses to the APIC page that the codes make: two bytes, EAX. */
static void finish_apic(struct hvm_run *run)
{
	if (run->apic.write)
		run->apic.value = run->gpr[HVM_RAX] & 0xffffffff;
	else
		run->gpr[HVM_RAX] = run->apic.value;
	run->complete = HVM_COMPLETE;
	run->complete_len = 2;
}

/**
 * team_run() - run a member in this thread until it leaves by something that is to be looked at
 * @m: the member
 *
 * Return: as guest_run()
 */
int team_run(struct member *m)
{
	int reason;

	do {
		reason = guest_run(&m->g);
		if (reason == HVM_EXIT_APIC)
			finish_apic(m->g.run);
	} while (reason == HVM_EXIT_APIC || reason == HVM_EXIT_EOI);
	return reason;
}

/**
 * team_sender() - let the first member wait for what it shall send, with interrupts off
 * @team: the team
 * @x2apic: its APIC's mode
 *
 * It counts its own NMIs in TEAM_NMIS.
 *
 * Return: false after a failure, which is recorded
 */
bool team_sender(struct team *team, bool x2apic)
{
	struct guest *g = &team->m[0].g;
	int reason;

	guest_gate(g, 2, &team_count_nmi, NMI_HANDLER);
	team_apic(team, 0, x2apic);
	team_long(team, 0, &team_sending);
	reason = team_run(&team->m[0]);
	if (reason == HVM_EXIT_PIO)
		return true;
	KTAP_FAIL(g->t, "the sender does not start: %s", guest_reason(reason));
	return false;
}

/**
 * team_send() - have the sender write to its ICR
 * @team: the team, after team_sender()
 * @icr: ICR_WIDE() or ICR_NARROW()
 * @page: through the APIC page
 */
void team_send(struct team *team, uint64_t icr, bool page)
{
	struct guest *g = &team->m[0].g;
	int reason;

	g->run->gpr[HVM_RAX] = icr & 0xffffffff;
	g->run->gpr[HVM_RDX] = icr >> 32;
	g->run->gpr[HVM_RSI] = page;
	g->run->complete = HVM_COMPLETE;
	g->run->complete_len = 0;
	reason = team_run(&team->m[0]);
	if (reason != HVM_EXIT_PIO)
		KTAP_FAIL(g->t, "ICR 0x%llx: exit %s", (unsigned long long)icr,
			  guest_reason(reason));
}

/* Not guest_run(): there is one watchdog in a process, and it is the case's. */
static int run_patiently(struct member *m)
{
	for (;;) {
		int err = ioctl(m->g.vcpu, HVM_RUN, 0) ? errno : 0;

		if (err == EINTR)
			continue;
		if (err)
			return GUEST_ERRNO(err);
		if (m->g.run->reason == HVM_EXIT_APIC)
			finish_apic(m->g.run);
		else if (m->g.run->reason != HVM_EXIT_EOI)
			return m->g.run->reason;
	}
}

static void *run_thread(void *arg)
{
	struct member *m = arg;

	m->tid = gettid();
	m->reason = run_patiently(m);
	m->back = true;
	return NULL;
}

static bool has_tid(void *arg)
{
	return ((struct member *)arg)->tid;
}

/**
 * team_start() - a thread for a member that has none
 * @team: the team
 * @i: which
 *
 * Return: false after a failure, which is recorded
 */
bool team_start(struct team *team, unsigned int i)
{
	struct member *m = &team->m[i];
	sigset_t alarm, old;
	int err;

	m->back = false;
	m->tid = 0;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	err = pthread_create(&m->thread, NULL, run_thread, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err && task_wait(has_tid, m))
		return true;
	KTAP_FAIL(m->g.t, "no thread for vCPU %u", m->apic_id);
	return false;
}

static bool is_back(void *arg)
{
	return ((struct member *)arg)->back;
}

/**
 * team_join() - wait until the member leaves by itself, and end its thread
 * @team: the team
 * @i: which
 *
 * Return: as guest_run(); ETIME: it did not
 */
int team_join(struct team *team, unsigned int i)
{
	struct member *m = &team->m[i];
	bool hung = !task_wait(is_back, m);

	while (hung && !m->back) {
		guest_kick(m->g.vcpu);
		usleep(1000);
	}
	pthread_join(m->thread, NULL);
	m->tid = 0;
	if (!hung)
		return m->reason;
	guest_report(&m->g);
	return GUEST_ERRNO(ETIME);
}

/**
 * team_stop() - end all threads that there are
 * @team: the team
 */
void team_stop(struct team *team)
{
	unsigned int i;

	guest_kick(team->m[0].g.vm);
	for (i = 0; i < team->count; i++) {
		if (team->m[i].tid)
			team_join(team, i);
	}
}

/**
 * team_expect_done() - team_join(), and it has written to TEAM_DONE
 * @team: the team
 * @i: which
 */
void team_expect_done(struct team *team, unsigned int i)
{
	struct member *m = &team->m[i];
	int reason = team_join(team, i);

	if (reason != HVM_EXIT_PIO || m->g.run->pio.port != TEAM_DONE)
		KTAP_FAIL(m->g.t, "vCPU %u: exit %s", m->apic_id, guest_reason(reason));
}
