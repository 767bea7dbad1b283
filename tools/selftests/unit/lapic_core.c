// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the local APIC's core: posting, priority, EOI, errors, signals, reset.
 */
#include "lapic_fixture.h"

static void nothing_pending_at_reset(struct ktap *t)
{
	struct fixture *f = fixture_one(AT_RESET);

	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	KTAP_EQ(t, hvm_lapic_waiting(f->lapic), -1);
	KTAP_EQ(t, hvm_lapic_signalled(f->lapic), false);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	fixture_free(f);
}

static void every_vector_goes_through(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;
	int v;

	for (v = HVM_FIRST_VECTOR; v < 256; v++) {
		hvm_lapic_post(lapic, v, false);
		KTAP_EQ(t, rings(f, 0), 1);
		KTAP_EQ(t, hvm_lapic_pending(lapic), v);
		KTAP_EQ(t, hvm_lapic_pending(lapic), v);
		hvm_lapic_accept(lapic, v);
		KTAP_EQ(t, hvm_lapic_pending(lapic), -1);
		hvm_lapic_eoi(lapic);
		KTAP_EQ(t, hvm_lapic_take_eoi(lapic), -1);
		rings(f, 0);
	}
	fixture_free(f);
}

static void one_ring_until_the_owner_looks(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x40, false);
	hvm_lapic_post(f->lapic, 0x41, false);
	hvm_lapic_post(f->lapic, 0x40, false);
	KTAP_EQ(t, rings(f, 0), 1);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), 0x41);
	hvm_lapic_post(f->lapic, 0x42, false);
	KTAP_EQ(t, rings(f, 0), 1);
	fixture_free(f);
}

static void highest_first_and_same_vector_once(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	static const u8 posted[] = { 0x31, 0xff, 0x80, 0x7f, 0x31, 0x10, 0x80 };
	static const int taken[] = { 0xff, 0x80, 0x7f, 0x31, 0x10, -1 };
	unsigned int i;

	for (i = 0; i < sizeof(posted); i++)
		hvm_lapic_post(f->lapic, posted[i], false);
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		KTAP_EQ(t, run_vector(f->lapic), taken[i]);
	fixture_free(f);
}

/* One in service and one requested, as real APICs hold. */
static void same_vector_again_while_in_service(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x55, false);
	KTAP_EQ(t, take_vector(f->lapic), 0x55);
	hvm_lapic_post(f->lapic, 0x55, false);
	hvm_lapic_post(f->lapic, 0x55, false);
	KTAP_EQ(t, take_vector(f->lapic), -1);
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, run_vector(f->lapic), 0x55);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	fixture_free(f);
}

static void classes_nest(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x45, false);
	KTAP_EQ(t, take_vector(f->lapic), 0x45);
	hvm_lapic_post(f->lapic, 0x4f, false);
	KTAP_EQ(t, take_vector(f->lapic), -1);
	hvm_lapic_post(f->lapic, 0x50, false);
	KTAP_EQ(t, take_vector(f->lapic), 0x50);
	hvm_lapic_post(f->lapic, 0xf0, false);
	KTAP_EQ(t, take_vector(f->lapic), 0xf0);
	hvm_lapic_eoi(f->lapic);
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, take_vector(f->lapic), -1);
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, take_vector(f->lapic), 0x4f);
	fixture_free(f);
}

static void task_priority_masks(struct ktap *t)
{
	static const struct {
		u8 tpr, vector;
		bool taken;
	} rows[] = {
		{ 0x00, 0x10, true }, { 0x0f, 0x10, true }, { 0x10, 0x1f, false },
		{ 0x10, 0x20, true }, { 0x1f, 0x20, true }, { 0x20, 0x20, false },
		{ 0xe0, 0xff, true }, { 0xf0, 0xff, false }, { 0xff, 0xff, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_one(X2APIC);

		hvm_lapic_set_tpr(f->lapic, rows[i].tpr);
		hvm_lapic_post(f->lapic, rows[i].vector, false);
		KTAP_EQ(t, hvm_lapic_pending(f->lapic), rows[i].taken ? rows[i].vector : -1);
		/* The window's priority does not depend on the task priority. */
		KTAP_EQ(t, hvm_lapic_waiting(f->lapic), rows[i].vector);
		fixture_free(f);
	}
}

static void waiting_respects_what_is_in_service(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x60, false);
	take_vector(f->lapic);
	hvm_lapic_post(f->lapic, 0x6f, false);
	KTAP_EQ(t, hvm_lapic_waiting(f->lapic), -1);
	hvm_lapic_post(f->lapic, 0x70, false);
	KTAP_EQ(t, hvm_lapic_waiting(f->lapic), 0x70);
	fixture_free(f);
}

static void retract_undoes_accept(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x90, true);
	KTAP_EQ(t, take_vector(f->lapic), 0x90);
	hvm_lapic_retract(f->lapic, 0x90);
	KTAP_EQ(t, hvm_lapic_ppr(f->lapic), 0);
	KTAP_EQ(t, run_vector(f->lapic), 0x90);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x90);
	fixture_free(f);
}

static void eoi_with_nothing_in_service(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_eoi(f->lapic);
	hvm_lapic_post(f->lapic, 0x30, true);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), 0x30);
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), 0x30);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	fixture_free(f);
}

static void eoi_has_the_owner_look_again(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x30, false);
	take_vector(f->lapic);
	hvm_lapic_post(f->lapic, 0x31, false);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	rings(f, 0);
	f->lapic->recheck = false;
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, f->lapic->recheck, true);
	f->lapic->recheck = false;
	run_vector(f->lapic);
	KTAP_EQ(t, f->lapic->recheck, false);
	KTAP_EQ(t, rings(f, 0), 0);
	fixture_free(f);
}

static void level_reports_its_eoi(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x71, true);
	hvm_lapic_post(f->lapic, 0x72, false);
	KTAP_EQ(t, run_vector(f->lapic), 0x72);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	KTAP_EQ(t, run_vector(f->lapic), 0x71);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x71);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	fixture_free(f);
}

static void trigger_mode_follows_the_last_message(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post(f->lapic, 0x80, true);
	run_vector(f->lapic);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x80);
	hvm_lapic_post(f->lapic, 0x80, false);
	run_vector(f->lapic);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	hvm_lapic_post(f->lapic, 0x80, true);
	run_vector(f->lapic);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x80);
	fixture_free(f);
}

static void processor_priority(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_set_tpr(lapic, 0x35);
	KTAP_EQ(t, hvm_lapic_ppr(lapic), 0x35);
	hvm_lapic_post(lapic, 0x7c, false);
	take_vector(lapic);
	KTAP_EQ(t, hvm_lapic_ppr(lapic), 0x70);
	hvm_lapic_set_tpr(lapic, 0x75);
	KTAP_EQ(t, hvm_lapic_ppr(lapic), 0x75);
	hvm_lapic_set_tpr(lapic, 0x82);
	KTAP_EQ(t, hvm_lapic_ppr(lapic), 0x82);
	fixture_free(f);
}

static void local_sources(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	hvm_lapic_post_lvt(f->lapic, HVM_LVT_MASKED | 0x50);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	hvm_lapic_post_lvt(f->lapic, 0x50);
	KTAP_EQ(t, run_vector(f->lapic), 0x50);
	hvm_lapic_post_lvt(f->lapic, 0x0f);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	KTAP_EQ(t, f->lapic->esr_next, HVM_ESR_RECV_ILLEGAL);
	fixture_free(f);
}

static void error_interrupt_once_a_bit(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_msr_write(lapic, MSR(HVM_APIC_LVT + HVM_LVT_ERROR), 0xfe);
	hvm_lapic_raise_errors(lapic, HVM_ESR_SEND_ILLEGAL);
	KTAP_EQ(t, run_vector(lapic), 0xfe);
	hvm_lapic_raise_errors(lapic, HVM_ESR_SEND_ILLEGAL);
	KTAP_EQ(t, run_vector(lapic), -1);
	hvm_lapic_post_error(lapic, HVM_ESR_RECV_ILLEGAL);
	hvm_lapic_pending(lapic);
	KTAP_EQ(t, run_vector(lapic), 0xfe);
	hvm_lapic_msr_write(lapic, MSR(HVM_APIC_ESR), 0);
	hvm_lapic_raise_errors(lapic, HVM_ESR_SEND_ILLEGAL);
	KTAP_EQ(t, run_vector(lapic), 0xfe);
	fixture_free(f);
}

/* An error interrupt that is itself an error comes to an end. */
static void error_vector_illegal(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;
	int i;

	hvm_lapic_msr_write(lapic, MSR(HVM_APIC_LVT + HVM_LVT_ERROR), 3);
	hvm_lapic_raise_errors(lapic, HVM_ESR_SEND_ILLEGAL);
	for (i = 0; i < 5; i++)
		KTAP_EQ(t, hvm_lapic_pending(lapic), -1);
	KTAP_EQ(t, lapic->esr_next, HVM_ESR_SEND_ILLEGAL | HVM_ESR_RECV_ILLEGAL);
	KTAP_EQ(t, hvm_lapic_signalled(lapic), false);
	fixture_free(f);
}

static void nmis(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;
	int i;

	KTAP_EQ(t, hvm_lapic_take_nmi(lapic), 0);
	hvm_lapic_signal_nmi(lapic);
	KTAP_EQ(t, hvm_lapic_signalled(lapic), true);
	KTAP_EQ(t, hvm_lapic_take_nmi(lapic), 1);
	KTAP_EQ(t, hvm_lapic_signalled(lapic), false);
	for (i = 0; i < 5; i++)
		hvm_lapic_signal_nmi(lapic);
	KTAP_EQ(t, hvm_lapic_take_nmi(lapic), 2);
	KTAP_EQ(t, hvm_lapic_take_nmi(lapic), 0);
	fixture_free(f);
}

static void init_and_sipi(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	KTAP_EQ(t, hvm_lapic_take_start(lapic), 0);

	hvm_lapic_signal_sipi(lapic, 0x11);
	hvm_lapic_signal_init(lapic);
	KTAP_EQ(t, hvm_lapic_take_start(lapic), HVM_SIGNAL_INIT);

	hvm_lapic_signal_init(lapic);
	hvm_lapic_signal_sipi(lapic, 0x9f);
	hvm_lapic_signal_nmi(lapic);
	KTAP_EQ(t, hvm_lapic_take_start(lapic), HVM_SIGNAL_INIT | HVM_SIGNAL_SIPI | 0x9f);
	KTAP_EQ(t, hvm_lapic_take_start(lapic), 0);
	KTAP_EQ(t, hvm_lapic_take_nmi(lapic), 1);
	KTAP_EQ(t, hvm_lapic_signalled(lapic), false);

	hvm_lapic_signal_sipi(lapic, 0);
	KTAP_EQ(t, hvm_lapic_take_start(lapic), HVM_SIGNAL_SIPI);
	fixture_free(f);
}

static void reset_reports_dropped_levels(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_post(lapic, 0x30, true);
	hvm_lapic_post(lapic, 0x41, false);
	take_vector(lapic);
	hvm_lapic_eoi(lapic);
	take_vector(lapic);
	hvm_lapic_post(lapic, 0x62, true);
	hvm_lapic_pending(lapic);
	hvm_lapic_post(lapic, 0xf3, true);
	hvm_lapic_post(lapic, 0xf4, false);
	hvm_lapic_reset(lapic, true);

	KTAP_EQ(t, hvm_lapic_pending(lapic), -1);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0xf3);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0x62);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0x30);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), -1);
	fixture_free(f);
}

static void init_keeps_mode_and_signals(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_set_tpr(lapic, 0x50);
	hvm_lapic_signal_sipi(lapic, 7);
	hvm_lapic_reset(lapic, true);
	KTAP_EQ(t, hvm_lapic_x2apic(lapic), true);
	KTAP_EQ(t, hvm_lapic_tpr(lapic), 0);
	KTAP_EQ(t, lapic->svr, 0xff);
	KTAP_EQ(t, hvm_lapic_signalled(lapic), true);

	hvm_lapic_reset(lapic, false);
	KTAP_EQ(t, hvm_lapic_x2apic(lapic), false);
	KTAP_EQ(t, hvm_lapic_enabled(lapic), true);
	KTAP_EQ(t, hvm_lapic_signalled(lapic), false);
	fixture_free(f);
}

static void disabled_drops_what_was_posted(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, HVM_APIC_PAGE | HVM_APIC_BASE_BSP);
	/* A deliverer that had looked before the APIC was disabled. */
	hvm_lapic_post(lapic, 0x44, true);
	hvm_lapic_post(lapic, 0x45, false);
	KTAP_EQ(t, hvm_lapic_pending(lapic), -1);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0x44);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), -1);
	fixture_free(f);
}

static const struct ktap_case cases[] = {
	{ "nothing_pending_at_reset", nothing_pending_at_reset },
	{ "every_vector_goes_through", every_vector_goes_through },
	{ "one_ring_until_the_owner_looks", one_ring_until_the_owner_looks },
	{ "highest_first_and_same_vector_once", highest_first_and_same_vector_once },
	{ "same_vector_again_while_in_service", same_vector_again_while_in_service },
	{ "classes_nest", classes_nest },
	{ "task_priority_masks", task_priority_masks },
	{ "waiting_respects_what_is_in_service", waiting_respects_what_is_in_service },
	{ "retract_undoes_accept", retract_undoes_accept },
	{ "eoi_with_nothing_in_service", eoi_with_nothing_in_service },
	{ "eoi_has_the_owner_look_again", eoi_has_the_owner_look_again },
	{ "level_reports_its_eoi", level_reports_its_eoi },
	{ "trigger_mode_follows_the_last_message", trigger_mode_follows_the_last_message },
	{ "processor_priority", processor_priority },
	{ "local_sources", local_sources },
	{ "error_interrupt_once_a_bit", error_interrupt_once_a_bit },
	{ "error_vector_illegal", error_vector_illegal },
	{ "nmis", nmis },
	{ "init_and_sipi", init_and_sipi },
	{ "reset_reports_dropped_levels", reset_reports_dropped_levels },
	{ "init_keeps_mode_and_signals", init_keeps_mode_and_signals },
	{ "disabled_drops_what_was_posted", disabled_drops_what_was_posted },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
