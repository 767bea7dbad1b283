/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is on its way into the guest: exceptions, NMIs, interrupts, in the order in which the
 * processor takes them.
 */
#ifndef HVM_CPU_EVENT_H
#define HVM_CPU_EVENT_H

#include "../types.h"

struct hvm_vcpu;

/**
 * struct hvm_events - events of one vCPU
 * @injected: [V] handed to the hardware, and not known to have been delivered: goes first
 * @pending: [V] exception that waits
 * @nmi_pending: [V] NMIs that wait, 0 to 2
 * @mp_state: [V] HVM_MP_*
 * @window_prio: [V] priority class of the window asked for
 * @window: [V] HVM_WINDOW_* asked for
 * @user_window: [V] &hvm_run.want_window when the window was last asked for
 *
 * [V] the vCPU's lock.
 */
struct hvm_events {
	struct hvm_event injected;
	struct hvm_event pending;
	u8 nmi_pending;
	u8 mp_state;
	u8 window_prio;
	u8 user_window;
	u32 window;
};

void hvm_event_reset(struct hvm_vcpu *vcpu);
void hvm_event_prepare(struct hvm_vcpu *vcpu);
void hvm_event_close_window(struct hvm_vcpu *vcpu);
void hvm_event_raise(struct hvm_vcpu *vcpu, u8 vector);
void hvm_event_raise_error(struct hvm_vcpu *vcpu, u8 vector, u32 error);
void hvm_event_single_step(struct hvm_vcpu *vcpu);
void hvm_event_interrupted(struct hvm_vcpu *vcpu, const struct hvm_event *event);
bool hvm_event_reflect(struct hvm_vcpu *vcpu, const struct hvm_event *event);
bool hvm_event_runnable(struct hvm_vcpu *vcpu);
bool hvm_event_takes_intr(struct hvm_vcpu *vcpu);
int hvm_event_check(const struct hvm_event *event);
int hvm_event_inject(struct hvm_vcpu *vcpu, const struct hvm_inject *arg);

#endif /* HVM_CPU_EVENT_H */
