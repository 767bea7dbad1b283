// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: off they leave nothing, on they tell what a guest did, in words and formats that
 * tools can read. Everything goes through an instance of tracefs of the suite's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "guest.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/hvm-selftest"
#define EVENTS		INSTANCE "/events/hvm"
#define RECORD_NAMES	TRACEFS "/options/record-cmd"

/* What stands in a file of the instance, until the next one is read. */
static const char *slurp(struct ktap *t, const char *path)
{
	const char *text = file_read(path);

	if (!text)
		KTAP_FAIL(t, "%s: %s", path, strerror(errno));
	return text ?: "";
}

static void put(struct ktap *t, const char *path, const char *text)
{
	if (!file_write(path, text))
		KTAP_FAIL(t, "%s: %s", path, strerror(errno));
}

/*
 * An instance takes the options over as they are. With the names of tasks recorded, an event that
 * is switched on makes the kernel rewrite the scheduler's code under running processors, where an
 * emulator may go on executing the breakpoint that stands there meanwhile.
 */
static bool make_instance(struct ktap *t)
{
	const bool names = slurp(t, RECORD_NAMES)[0] == '1';
	bool made;

	put(t, RECORD_NAMES, "0");
	made = !mkdir(INSTANCE, 0700) || errno == EEXIST;
	if (!made)
		KTAP_FAIL(t, INSTANCE ": %s", strerror(errno));
	if (names)
		put(t, RECORD_NAMES, "1");
	return made;
}

static bool open_instance(struct ktap *t)
{
	if (access(TRACEFS "/events", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	return make_instance(t);
}

static void close_instance(struct ktap *t)
{
	put(t, EVENTS "/enable", "0");
	KTAP_OK(t, rmdir(INSTANCE));
}

extern const struct guest_code busy, handler;
GUEST_CODE("busy", "code64",
	   "mov $7, %eax; mov $3, %ecx; cpuid; movb $1, 0x40000; sti; hlt; jmp .");
GUEST_CODE("handler", "code64", "out %al, $0x80; jmp .");

/* CPUID, a fault, HLT, an interrupt that wakes it, a port write; an exception behind that. */
static void run_busy_guest(struct ktap *t)
{
	struct hvm_inject ud = {
		.size = sizeof(ud),
		.event = { .type = HVM_EVENT_EXCEPTION, .vector = 6 },
	};
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &busy);
	guest_gate(&g, 0x40, &handler, GUEST_DATA);
	guest_gate(&g, 6, &handler, GUEST_DATA);
	guest_enable_apic(&g);
	KTAP_EQ(t, guest_msi(&g, 0x40), 1);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_OK(t, ioctl(g.vcpu, HVM_INJECT, &ud));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
}

static void expect(struct ktap *t, const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		KTAP_FAIL(t, "no '%s' in the trace", wanted);
}

static void events_exist(struct ktap *t)
{
	static const char *const names[] = { "entry", "exit", "fault", "inject", "irq", "ioctl" };
	char path[128];

	if (!open_instance(t))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), EVENTS "/hvm_%s/enable", names[i]);
		KTAP_EQ(t, slurp(t, path)[0], '0');
	}
	close_instance(t);
}

static void off_leaves_nothing(struct ktap *t)
{
	if (!open_instance(t))
		return;
	run_busy_guest(t);
	KTAP_TRUE(t, !strstr(slurp(t, INSTANCE "/trace"), "hvm_"));
	close_instance(t);
}

/* What is told while @run does something, of the events that @enable switches on. */
static const char *record(struct ktap *t, const char *enable, void (*run)(struct ktap *t))
{
	put(t, enable, "1");
	run(t);
	put(t, enable, "0");
	return slurp(t, INSTANCE "/trace");
}

static void on_tells_all(struct ktap *t)
{
	const char *text;

	if (!open_instance(t))
		return;
	text = record(t, EVENTS "/enable", run_busy_guest);
	expect(t, text, "hvm_entry: vcpu 0 rip 0x10000\n");
	/* The instruction stands behind two moves of five bytes. */
	expect(t, text, "hvm_exit: vcpu 0 reason cpuid rip 0x1000a detail 0x7 0x3 vectoring 0/0\n");
	/* Where the host gives memory in larger pieces, one fault is all there is. */
	expect(t, text, "hvm_exit: vcpu 0 reason fault rip 0x");
	KTAP_TRUE(t, strstr(text, " outcome fixed ") || strstr(text, " outcome fetched "));
	expect(t, text, "hvm_irq: vcpu 0 fixed vector 64 edge\n");
	expect(t, text, "hvm_inject: vcpu 0 interrupt vector 64 error 0x0\n");
	expect(t, text, "hvm_exit: vcpu 0 reason pio rip 0x20000 detail 0x80 0x1 ");
	expect(t, text, "hvm_inject: vcpu 0 exception vector 6 error 0x0\n");
	expect(t, text, "hvm_ioctl: CREATE_VM ret ");
	expect(t, text, "hvm_ioctl: SET_STATE ret 0\n");
	expect(t, text, "hvm_ioctl: INJECT ret 0\n");
	expect(t, text, "hvm_ioctl: RUN ret 0\n");
	close_instance(t);
}

/* INIT and SIPI, as a guest starts its second processor. */
extern const struct guest_code starts_another;
GUEST_CODE("starts_another", "code64",
	   X2APIC_ON "mov $0x830, %ecx; mov $1, %edx; mov $0x500, %eax; wrmsr;"
	   "mov $0x612, %eax; wrmsr; out %al, $0x80; jmp .");

static void run_starting_guest(struct ktap *t)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = 1 };
	struct guest g;
	int other;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	other = ioctl(g.vm, HVM_CREATE_VCPU, &create);
	KTAP_TRUE(t, other >= 0);
	guest_long(&g, &starts_another);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, guest_msi(&g, 0x400), 1);
	close(other);
	guest_close(&g);
}

static void signals_are_told(struct ktap *t)
{
	const char *text, *init, *sipi;

	if (!open_instance(t))
		return;
	text = record(t, EVENTS "/hvm_irq/enable", run_starting_guest);
	init = strstr(text, "hvm_irq: vcpu 1 init vector 0 edge\n");
	sipi = strstr(text, "hvm_irq: vcpu 1 sipi vector 18 edge\n");
	KTAP_TRUE(t, init && sipi && init < sipi);
	expect(t, text, "hvm_irq: vcpu 0 nmi vector 0 edge\n");
	KTAP_TRUE(t, !strstr(text, " fixed ") && !strstr(text, "vcpu 1 nmi "));
	close_instance(t);
}

/* The number that the format of an event gives a name; -1: none. */
static int number_of(struct ktap *t, const char *event, const char *name)
{
	char path[128], quoted[64];
	const char *text, *at;

	snprintf(path, sizeof(path), EVENTS "/%s/format", event);
	snprintf(quoted, sizeof(quoted), ", \"%s\" }", name);
	text = slurp(t, path);
	at = strstr(text, quoted);
	while (at && at > text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at && *at != ',')
		return atoi(at);
	KTAP_FAIL(t, "%s has no number for '%s'", event, name);
	return -1;
}

static void one_event_alone(struct ktap *t)
{
	char filter[32];
	const char *text;

	if (!open_instance(t))
		return;
	snprintf(filter, sizeof(filter), "reason == %d", number_of(t, "hvm_exit", "cpuid"));
	put(t, EVENTS "/hvm_exit/filter", filter);
	text = record(t, EVENTS "/hvm_exit/enable", run_busy_guest);
	expect(t, text, "reason cpuid");
	KTAP_TRUE(t, !strstr(text, "reason pio") && !strstr(text, "hvm_entry"));
	close_instance(t);
}

/* perf and trace-cmd read the format and know no names of the kernel's. */
static void formats_have_numbers(struct ktap *t)
{
	if (!open_instance(t))
		return;
	KTAP_EQ(t, number_of(t, "hvm_fault", "fixed"), 0);
	KTAP_TRUE(t, !strstr(slurp(t, EVENTS "/hvm_exit/format"), "HVM_"));
	KTAP_TRUE(t, !strstr(slurp(t, EVENTS "/hvm_fault/format"), "HVM_"));
	KTAP_TRUE(t, !strstr(slurp(t, EVENTS "/hvm_inject/format"), "HVM_"));
	close_instance(t);
}

static const struct ktap_case cases[] = {
	{ "every_event_is_there_and_off", events_exist },
	{ "off_they_leave_nothing", off_leaves_nothing },
	{ "on_they_tell_what_the_guest_did", on_tells_all },
	{ "nmi_init_and_sipi_are_told", signals_are_told },
	{ "one_can_be_had_alone_and_filtered", one_event_alone },
	{ "formats_have_numbers_for_names", formats_have_numbers },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
