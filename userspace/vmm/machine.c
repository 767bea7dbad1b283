// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts the machine together in steps, each with its undoing, and waits for its end. The order:
 * what can be refused for the user's sake (device, memory, images) comes first; then threads,
 * then the cage, and only then the guest's first instruction.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot/start.h"
#include "container_of.h"
#include "hw/acpi.h"
#include "hw/ioapic.h"
#include "hw/pm.h"
#include "hw/rtc.h"
#include "hw/serial.h"
#include "libhvm.h"
#include "vmm/bus.h"
#include "vmm/console.h"
#include "vmm/control.h"
#include "vmm/cpuid.h"
#include "vmm/gdb.h"
#include "vmm/irq.h"
#include "vmm/loop.h"
#include "vmm/machine.h"
#include "vmm/memory.h"
#include "vmm/pause.h"
#include "vmm/power.h"
#include "vmm/sandbox.h"
#include "vmm/terminal.h"
#include "vmm/vcpu.h"

/* hw/dsdt.asl names the same. */
#define SERIAL_PORT	0x3f8
#define SERIAL_PIN	4
/* From this APIC id on, xAPIC mode cannot name a processor. */
#define FIRST_X2APIC_ID	255
/* Files of the process beside one a processor. */
#define OTHER_FILES	64

/**
 * struct machine - one machine
 * @config: what was asked for
 * @info: what /dev/vm offers
 * @device: /dev/vm
 * @vm: the guest
 * @memory: RAM
 * @loop: the event loop
 * @power: its end
 * @pause: whether the processors run
 * @signals: signalfd
 * @ports: port bus
 * @mmio: memory bus
 * @msi: messages to the local APICs
 * @ioapic: I/O APIC
 * @serial: first serial port
 * @rtc: real-time clock
 * @pm: power management
 * @console: serial port's other end
 * @control: its control socket
 * @named: the user chose the name
 * @board: what the processors see of all this
 * @vcpu: the processors
 * @created: how many of them exist
 */
struct machine {
	struct config *config;
	struct hvm_get_info info;
	int device;
	int vm;
	struct memory memory;
	struct loop loop;
	struct power power;
	struct pause pause;
	struct loop_source signals;
	struct bus ports;
	struct bus mmio;
	struct msi_sender msi;
	struct ioapic ioapic;
	struct serial serial;
	struct rtc rtc;
	struct pm pm;
	struct console console;
	struct control control;
	bool named;
	struct vcpu_board board;
	struct vcpu *vcpu;
	uint32_t created;
};

/* --- device and memory ------------------------------------------------------ */

static int open_device(struct machine *m, struct failure *f)
{
	m->device = hvm_open(NULL);
	if (m->device < 0)
		return fail(f, "/dev/vm %s (%s)", hvm_open_hint(m->device), strerror(-m->device));
	/* hvm_open() has asked the same a moment ago. */
	hvm_info(m->device, &m->info);
	m->vm = hvm_vm_create(m->device);
	if (m->vm < 0) {
		close(m->device);
		return fail(f, "/dev/vm gives no guest (%s)", strerror(-m->vm));
	}
	return 0;
}

static void close_device(struct machine *m)
{
	close(m->vm);
	close(m->device);
}

static uint32_t last_id(const struct machine *m)
{
	return m->config->apic_id[m->config->cpus - 1];
}

static int check_limits(const struct machine *m, struct failure *f)
{
	const struct config *config = m->config;
	uint64_t top = config->memory;

	if (top > MEMORY_LOW_END)
		top += MEMORY_HIGH_START - MEMORY_LOW_END;
	if (m->info.gpa_bits < 64 && top >> m->info.gpa_bits)
		return fail(f, "%" PRIu64 " MiB of memory is more than this processor's guests can"
			    " address (%u bits): give a smaller --memory", config->memory >> 20,
			    m->info.gpa_bits);
	if (last_id(m) > m->info.max_apic_id)
		return fail(f, "APIC id %" PRIu32 " is beyond the %u that /dev/vm offers",
			    last_id(m), m->info.max_apic_id);
	if (config->cpus > m->info.max_vcpus)
		return fail(f, "--cpus %" PRIu32 " is more than the %u that /dev/vm offers",
			    config->cpus, m->info.max_vcpus);
	return 0;
}

static int create_memory(struct machine *m, struct failure *f)
{
	if (memory_init(&m->memory, m->config->memory, f) < 0)
		return -1;
	if (memory_attach(&m->memory, m->vm, f) < 0) {
		memory_deinit(&m->memory);
		return -1;
	}
	return 0;
}

/* --- loop and signals --------------------------------------------------------- */

static void power_event(struct loop_source *source, uint32_t events)
{
	struct machine *m = container_of(source, struct machine, power.bell.source);

	(void)events;
	bell_clear(&m->power.bell);
	loop_stop(&m->loop);
}

static void signal_event(struct loop_source *source, uint32_t events)
{
	struct machine *m = container_of(source, struct machine, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGCONT)
		power_end_by_signal(&m->power, (int)info.ssi_signo);
	else if (m->console.terminal)
		terminal_raw();
}

/* What the parent ignores for us (nohup, a shell's background job) stays ignored. */
static void add_unless_ignored(sigset_t *set, int signal)
{
	struct sigaction action;

	if (!sigaction(signal, NULL, &action) && action.sa_handler != SIG_IGN)
		sigaddset(set, signal);
}

static int watch_signals(struct machine *m)
{
	sigset_t set;
	int ret;

	sigemptyset(&set);
	add_unless_ignored(&set, SIGINT);
	add_unless_ignored(&set, SIGTERM);
	add_unless_ignored(&set, SIGHUP);
	sigaddset(&set, SIGCONT);
	/* Blocked in this thread and in all that it starts. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	m->signals = (struct loop_source){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = signal_event,
	};
	if (m->signals.fd < 0)
		return -errno;
	ret = loop_add(&m->loop, &m->signals, EPOLLIN);
	if (ret < 0)
		close(m->signals.fd);
	return ret;
}

static int create_loop(struct machine *m, struct failure *f)
{
	int ret = loop_init(&m->loop);

	if (ret < 0)
		goto out;
	ret = power_init(&m->power, &m->loop, power_event);
	if (ret < 0)
		goto deinit_loop;
	ret = watch_signals(m);
	if (ret < 0)
		goto deinit_power;
	ret = console_init(&m->console, &m->loop, &m->serial, &m->power);
	if (ret < 0)
		goto close_signals;
	return 0;

close_signals:
	close(m->signals.fd);
deinit_power:
	power_deinit(&m->power);
deinit_loop:
	loop_deinit(&m->loop);
out:
	return fail(f, "the event loop cannot be made (%s)", strerror(-ret));
}

static void destroy_loop(struct machine *m)
{
	console_deinit(&m->console);
	close(m->signals.fd);
	power_deinit(&m->power);
	loop_deinit(&m->loop);
}

/* --- devices --------------------------------------------------------------------- */

static int create_devices(struct machine *m, struct failure *f)
{
	struct irq_line serial_irq = { &m->ioapic.lines, SERIAL_PIN };
	int ret;

	msi_sender_init(&m->msi, m->vm);
	ioapic_init(&m->ioapic, &m->msi.sink);
	serial_init(&m->serial, SERIAL_PORT, serial_irq, &m->console.wire);
	rtc_init(&m->rtc);
	pm_init(&m->pm, &m->power, m->config->debug_exit);
	ret = bus_add(&m->mmio, &m->ioapic.mmio);
	if (!ret)
		ret = bus_add(&m->ports, &m->serial.io);
	if (!ret)
		ret = bus_add(&m->ports, &m->rtc.io);
	if (!ret)
		ret = pm_add(&m->pm, &m->ports);
	if (ret < 0)
		return fail(f, "--debug-exit 0x%x lies on another device's ports: choose another",
			    m->config->debug_exit);
	return 0;
}

/* --- processors -------------------------------------------------------------------- */

static int set_cpuid(struct machine *m, struct failure *f)
{
	struct cpuid_table *table = malloc(sizeof(*table));
	int ret = -ENOMEM;

	if (table) {
		table->count = sizeof(table->entry) / sizeof(table->entry[0]);
		ret = hvm_cpuid_offer(m->device, table->entry, &table->count);
	}
	if (!ret && table->count > sizeof(table->entry) / sizeof(table->entry[0]))
		ret = -E2BIG;
	if (!ret) {
		cpuid_set_topology(table, m->config->cpus, last_id(m));
		ret = hvm_set_cpuid(m->vm, table->entry, table->count);
	}
	free(table);
	return ret < 0 ? fail(f, "/dev/vm refuses the guest's CPUID (%s)", strerror(-ret)) : 0;
}

static void destroy_vcpus(struct machine *m)
{
	while (m->created)
		vcpu_destroy(&m->vcpu[--m->created]);
	free(m->vcpu);
}

/* Each processor is a file, and there may be more of them than the usual soft limit. */
static void make_room_for_files(uint32_t cpus)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= cpus + OTHER_FILES)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int create_vcpu(struct machine *m, struct vcpu *vcpu, uint32_t apic_id)
{
	int ret = vcpu_create(vcpu, &m->board, m->vm, apic_id, &m->info);

	if (ret < 0 || last_id(m) < FIRST_X2APIC_ID)
		return ret;
	ret = vcpu_use_x2apic(vcpu);
	if (ret < 0)
		vcpu_destroy(vcpu);
	return ret;
}

static int create_vcpus(struct machine *m, struct failure *f)
{
	uint32_t cpus = m->config->cpus;

	m->board = (struct vcpu_board){
		.memory = &m->memory,
		.ports = &m->ports,
		.mmio = &m->mmio,
		.ioapic = &m->ioapic,
		.power = &m->power,
		.pause = &m->pause,
		.gate = PTHREAD_MUTEX_INITIALIZER,
		.name = m->config->name,
	};
	pause_init(&m->pause, m->vm);
	make_room_for_files(cpus);
	m->created = 0;
	m->vcpu = calloc(cpus, sizeof(m->vcpu[0]));
	if (!m->vcpu)
		return fail(f, "out of memory for %" PRIu32 " processors", cpus);
	for (; m->created < cpus; m->created++) {
		uint32_t id = m->config->apic_id[m->created];
		int ret = create_vcpu(m, &m->vcpu[m->created], id);

		if (ret < 0) {
			uint32_t failed = m->created;

			destroy_vcpus(m);
			return fail(f, "processor %" PRIu32 " of %" PRIu32 " cannot be had (%s):"
				    " give fewer --cpus", failed, cpus, strerror(-ret));
		}
	}
	return 0;
}

static int set_start(struct machine *m, const struct boot_start *start, struct failure *f)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL;
	const struct hvm_vcpu *first = &m->vcpu[0].handle;
	struct hvm_state state = { 0 };
	int ret = start_tables(&m->memory, start->long_mode);

	if (!ret)
		ret = hvm_vcpu_get_state(first, &state, mask);
	if (!ret) {
		start_state(&state, start);
		ret = hvm_vcpu_set_state(first, &state, mask);
	}
	if (ret < 0)
		return fail(f, "/dev/vm refuses the guest's start state (%s)", strerror(-ret));
	return 0;
}

static int attach_control(struct machine *m, struct failure *f)
{
	int ret = control_attach(&m->control, m->device, m->vm, m->created);

	for (uint32_t i = 0; !ret && i < m->created; i++)
		ret = control_attach_vcpu(&m->control, m->vcpu[i].handle.fd,
					  m->vcpu[i].handle.apic_id);
	return ret < 0 ? fail(f, "the guest's counters cannot be had (%s)", strerror(-ret)) : 0;
}

static int create_gdb(struct machine *m, struct failure *f)
{
	const struct config *config = m->config;
	int listener;

	if (!config->gdb)
		return 0;
	listener = gdb_listen(config->gdb, f);
	if (listener < 0)
		return -1;
	m->board.gdb = gdb_create(listener, &m->loop, &m->board, m->vcpu, m->created,
				  (uint8_t)m->info.gpa_bits, !config->gdb_nowait);
	if (m->board.gdb)
		return 0;
	close(listener);
	return fail(f, "--gdb: out of memory");
}

/* --- boot ------------------------------------------------------------------------------ */

static int load_image(struct machine *m, struct boot_start *start, struct failure *f)
{
	struct boot *boot = calloc(1, sizeof(*boot));
	struct terminal_size size = { 0 };
	int ret;

	if (!boot)
		return fail(f, "out of memory");
	if (m->console.terminal)
		size = terminal_get_size();
	boot->memory = &m->memory;
	boot->config = m->config;
	boot->size = (struct boot_terminal){ size.lines, size.columns };
	pm_put_reset_vector(&m->memory);
	boot->rsdp = acpi_build(&m->memory, m->config->apic_id, m->config->cpus);
	ret = boot_load(boot, f);
	*start = boot->start;
	free(boot);
	return ret;
}

/* --- running ------------------------------------------------------------------------------ */

static void stop_vcpus(struct machine *m, uint32_t started)
{
	/* All at once, and only then wait for each: they stop side by side. */
	for (uint32_t i = 0; i < started; i++)
		hvm_vcpu_stop(&m->vcpu[i].handle);
	pause_end(&m->pause);
	while (started)
		vcpu_join(&m->vcpu[--started]);
}

static int start_threads(struct machine *m, uint32_t *started, struct failure *f)
{
	for (*started = 0; *started < m->created; ++*started) {
		int ret = vcpu_start(&m->vcpu[*started]);

		if (ret < 0)
			return fail(f, "thread %" PRIu32 " of %" PRIu32 " cannot be started (%s):"
				    " give fewer --cpus", *started, m->created, strerror(-ret));
	}
	return 0;
}

static int start_console(struct machine *m, struct failure *f)
{
	int ret = console_start(&m->console);

	if (!ret && m->console.terminal)
		ret = terminal_raw();
	return ret < 0 ? fail(f, "the terminal cannot be used (%s)", strerror(-ret)) : 0;
}

static int enter_sandbox(struct machine *m, struct failure *f)
{
	int ret;

	/* What loading and building the cage needed is not needed any more. */
	malloc_trim(0);
	/* The cage has brk() only; what is large for a moment goes back the same way. */
	mallopt(M_MMAP_MAX, 0);
	ret = sandbox_enter(m->control.path, m->config->gdb);
	return ret < 0 ? fail(f, "the system call filter cannot be set (%s)", strerror(-ret)) : 0;
}

/* Threads that wait at the gate, and have never run the guest. */
static void discard_threads(struct machine *m, uint32_t started)
{
	for (uint32_t i = 0; i < started; i++)
		hvm_vcpu_stop(&m->vcpu[i].handle);
	pthread_mutex_unlock(&m->board.gate);
	stop_vcpus(m, started);
}

static int run(struct machine *m, struct failure *f)
{
	uint32_t started;
	bool hurry;
	int ret;

	pthread_mutex_lock(&m->board.gate);
	if (start_threads(m, &started, f) < 0 || start_console(m, f) < 0 ||
	    enter_sandbox(m, f) < 0) {
		discard_threads(m, started);
		terminal_restore();
		return -1;
	}
	pthread_mutex_unlock(&m->board.gate);
	ret = loop_run(&m->loop);
	if (ret < 0)
		power_end(&m->power, POWER_ERROR, "the event loop failed: %s", strerror(-ret));
	stop_vcpus(m, started);
	hurry = m->power.status == POWER_LEFT || m->power.signal;
	console_flush(&m->console, hurry ? -1 : m->signals.fd);
	terminal_restore();
	return 0;
}

static void set_name(struct config *config)
{
	char name[16];

	if (!config->name[0])
		snprintf(config->name, sizeof(config->name), "%d", (int)getpid());
	snprintf(name, sizeof(name), "vm:%.12s", config->name);
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

static int run_guest(struct machine *m, struct failure *f)
{
	struct boot_start start;
	int ret;

	if (create_devices(m, f) < 0 || load_image(m, &start, f) < 0 || set_cpuid(m, f) < 0 ||
	    create_vcpus(m, f) < 0)
		return -1;
	ret = set_start(m, &start, f);
	if (!ret)
		ret = attach_control(m, f);
	if (!ret)
		ret = create_gdb(m, f);
	if (!ret)
		ret = run(m, f);
	gdb_destroy(m->board.gdb, m->power.status);
	destroy_vcpus(m);
	return ret;
}

static int run_machine(struct machine *m, struct failure *f)
{
	int ret = -1;

	if (open_device(m, f) < 0)
		return -1;
	if (check_limits(m, f) < 0)
		goto close_device;
	if (create_memory(m, f) < 0)
		goto close_device;
	if (create_loop(m, f) < 0)
		goto deinit_memory;
	if (control_init(&m->control, &m->loop, m->config, m->named, f) < 0)
		goto destroy_loop;
	ret = run_guest(m, f);
	control_deinit(&m->control);
destroy_loop:
	destroy_loop(m);
deinit_memory:
	memory_deinit(&m->memory);
close_device:
	close_device(m);
	return ret;
}

int machine_run(struct config *config, struct machine_end *end, struct failure *f)
{
	struct machine *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return fail(f, "out of memory");
	m->named = config->name[0];
	set_name(config);
	m->config = config;
	ret = run_machine(m, f);
	end->status = m->power.status;
	end->signal = m->power.signal;
	end->in_line = m->console.terminal && m->console.last != '\n';
	memcpy(end->message, m->power.message, sizeof(end->message));
	free(m);
	return ret;
}
