// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vm run`: reads the arguments, runs the machine, prints the one line that says what went wrong,
 * and returns the exit status the manual page promises.
 */
#include <signal.h>
#include <stdio.h>

#include "vm/vm.h"
#include "vmm/config.h"
#include "vmm/machine.h"
#include "vmm/power.h"

static const char help[] =
	"usage: vm run --kernel IMAGE [options]\n"
	"\n"
	"  --kernel IMAGE     bzImage, vmlinux or other ELF with a PVH entry, multiboot image\n"
	"  --initrd FILE      initial RAM disk of a Linux guest\n"
	"  --append WORDS     the guest's command line (Linux, if not given: console=ttyS0)\n"
	"  --memory SIZE      RAM, for example 512M or 4G (512M)\n"
	"  --cpus N           processors (1)\n"
	"  --apic-ids LIST    their APIC ids, for example 0,2,300 (0 to N-1)\n"
	"  --name NAME        name of the guest, as ps and top show it (the process id)\n"
	"  --module FILE      file for a multiboot image; may be repeated\n"
	"  --gdb SOCKET       make a unix socket for gdb, and wait for it before the first instruction\n"
	"  --gdb-nowait SOCKET  the same without waiting\n"
	"  --debug-exit PORT  port where a write of N ends with status 2N+1 (0xf4)\n"
	"\n"
	"The guest's serial port is on standard input and output. On a terminal, Ctrl-a x leaves,\n"
	"Ctrl-a Ctrl-a sends a Ctrl-a.\n"
	"\n"
	"exit status: 0 power-off, 1 error, 2 usage, 4 guest reboot, 6 triple fault, 8 left by\n"
	"Ctrl-a x, 10 the guest cannot go on, 2N+1 debug exit\n";

/* So that a shell or service manager sees what it sent. */
static int die_of(int number)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigaction(number, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 128 + number;
}

int vm_run(int argc, char *argv[])
{
	struct machine_end end = { 0 };
	struct failure failure = { 0 };
	struct config config;

	if (config_parse(&config, argc, argv, &failure) < 0)
		goto failed;
	if (config.help) {
		fputs(help, stdout);
		return 0;
	}
	if (machine_run(&config, &end, &failure) < 0)
		goto failed;
	if (end.message[0])
		fprintf(stderr, "%svm: %s\n", end.in_line ? "\n" : "", end.message);
	return end.signal ? die_of(end.signal) : end.status;

failed:
	fprintf(stderr, "vm: %s\n", failure.text);
	return failure.usage ? POWER_USAGE : POWER_ERROR;
}
