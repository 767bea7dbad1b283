/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with several virtual processors, each with a thread of its own when the test wants one,
 * for tests of what they do to each other. The accesses to the APIC page that its codes make, MOV
 * of EAX to or from (%rbx), are finished here; the guest leaves by a write to TEAM_DONE.
 */
#ifndef SELFTESTS_LIB_TEAM_H
#define SELFTESTS_LIB_TEAM_H

#include <pthread.h>
#include <sys/types.h>

#include "guest.h"

#define TEAM_MAX	32
#define TEAM_DONE	0x10	/* port */

/* The interrupt command register (SDM "Interrupt Command Register (ICR)"). */
#define ICR_FIXED	0x000
#define ICR_LOWEST	0x100
#define ICR_SMI		0x200
#define ICR_RESERVED	0x300
#define ICR_NMI		0x400
#define ICR_INIT	0x500
#define ICR_SIPI	0x600
#define ICR_EXTINT	0x700
#define ICR_LOGICAL	0x800
#define ICR_ASSERT	0x4000
#define ICR_LEVEL	0x8000
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000
#define ICR_WIDE(destination, low)	((uint64_t)(destination) << 32 | (low))	/* x2APIC */
#define ICR_NARROW(destination, low)	((uint64_t)(destination) << 56 | (low))	/* xAPIC */

/*
 * Each member has 64 bytes of guest memory, at which its GS points: a counter, the #GPs that were
 * stepped over, and room for the test.
 */
enum team_word {
	TEAM_COUNT,		/* %gs:0 */
	TEAM_FAULTS,		/* %gs:8: RDMSR and WRMSR that raised #GP */
	TEAM_NEXT,		/* %gs:16 */
	TEAM_NMIS,		/* %gs:24 */
};

#define TEAM_DATA(i)	(GUEST_DATA + 64UL * (i))
#define TEAM_GO		0x2f000UL	/* not 0: a word that codes wait for */
#define TEAM_STOP	0x2f008UL	/* likewise, for the end */
#define TEAM_HANDLERS	0x40000UL	/* free for handlers */

#define REG_LDR		0x0d
#define REG_DFR		0x0e
#define REG_SVR		0x0f
#define REG_IRR		0x20

/* Pieces of code for the members. */
#define TEAM_EOI	"mov $0x80b,%ecx; xor %eax,%eax; xor %edx,%edx; wrmsr;"
#define TEAM_PUSH	"push %rax; push %rbx; push %rcx; push %rdx;"
#define TEAM_POP	"pop %rdx; pop %rcx; pop %rbx; pop %rax;"

extern const struct guest_code team_count_nmi;	/* handler */
extern const struct guest_code team_sending;	/* what team_sender() runs */

/**
 * struct member - one virtual processor
 * @g: the guest, seen from it: memory and fds are the team's, vcpu and run its own
 * @apic_id: its APIC id
 * @thread: in HVM_RUN
 * @tid: the same; 0: it has none
 * @reason: how the thread's run ended, as guest_run()
 * @back: it did
 */
struct member {
	struct guest g;
	uint32_t apic_id;
	pthread_t thread;
	volatile pid_t tid;
	volatile int reason;
	volatile bool back;
};

/**
 * struct team - all of them
 * @m: the members; the first one's guest is the team's
 * @count: how many
 */
struct team {
	struct member m[TEAM_MAX];
	unsigned int count;
};

bool team_open(struct team *team, struct ktap *t, const uint32_t *ids, unsigned int count);
bool team_open_row(struct team *team, struct ktap *t, unsigned int count);
void team_close(struct team *team);
bool team_add(struct team *team, uint32_t apic_id);
void team_long(struct team *team, unsigned int i, const struct guest_code *code);
void team_enter(struct team *team, unsigned int i, uint64_t rip);
void team_apic(struct team *team, unsigned int i, bool x2apic);
void team_logical(struct team *team, unsigned int i, uint32_t ldr, uint32_t dfr);
int team_run(struct member *m);
bool team_sender(struct team *team, bool x2apic);
void team_send(struct team *team, uint64_t icr, bool page);
bool team_start(struct team *team, unsigned int i);
int team_join(struct team *team, unsigned int i);
void team_stop(struct team *team);
void team_expect_done(struct team *team, unsigned int i);
volatile uint64_t *team_word(struct team *team, unsigned int i);
volatile uint64_t *team_ram(struct team *team, uint64_t gpa);

#endif /* SELFTESTS_LIB_TEAM_H */
