// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of system calls, each with the reason why it is on it. Whoever takes over this process
 * from inside the guest is left with: its own open files, its own memory, and the ioctls below.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <linux/hvm.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/sandbox.h"

static const int calls[] = {
	SCMP_SYS(read),			/* standard input, eventfds, signalfd, control clients */
	SCMP_SYS(write),		/* standard output and error, eventfds, control clients */
	SCMP_SYS(poll),			/* whether standard output takes more */
	SCMP_SYS(epoll_wait),		/* the event loop */
	SCMP_SYS(epoll_pwait),		/* the same in other C libraries */
	SCMP_SYS(epoll_ctl),		/* watch standard output only while something waits */
	SCMP_SYS(futex),		/* locks, joining threads */
	SCMP_SYS(clock_gettime),	/* the guest's RTC, where the vDSO cannot answer */
	SCMP_SYS(accept4),		/* clients of sockets that listen already */
	SCMP_SYS(close),		/* teardown, control clients */
	SCMP_SYS(munmap),		/* teardown: guest memory, run pages, threads' stacks */
	SCMP_SYS(madvise),		/* the C library, for the stack of a thread that ends */
	SCMP_SYS(brk),			/* malloc() for answers to control clients, and free() */
	SCMP_SYS(rt_sigprocmask),	/* the C library, around a thread's end and in raise() */
	SCMP_SYS(rt_sigreturn),		/* return from a signal handler */
	SCMP_SYS(restart_syscall),	/* the kernel's own, after SIGSTOP and SIGCONT */
	SCMP_SYS(getpid),		/* raise() */
	SCMP_SYS(gettid),		/* raise() */
	SCMP_SYS(rseq),			/* the C library, at a thread's start */
	SCMP_SYS(set_robust_list),	/* the same */
	SCMP_SYS(exit),			/* a thread's end */
	SCMP_SYS(exit_group),		/* the process's end */
};

/* With a debugger's socket, which was made before. */
static const int debugger_calls[] = {
	SCMP_SYS(sendto),		/* send(): no SIGPIPE when the other end is gone */
};

static const unsigned long requests[] = {
	HVM_RUN,			/* run a vCPU */
	HVM_KICK,			/* stop one */
	HVM_MSI,			/* the IOAPIC's messages */
	HVM_GET_STATE,			/* vector instructions on device memory */
	HVM_SET_STATE,			/* likewise, and string instructions that are interrupted */
	HVM_DEBUG,			/* a debugger's breakpoints and steps */
	HVM_INJECT,			/* exceptions of instructions on device memory */
	TCSETSW,			/* the terminal: back at the end, raw after SIGCONT */
	TCGETS,				/* the C library, before it sets the terminal */
};

static int allow_calls(scmp_filter_ctx filter, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, list[i], 0);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int allow_requests(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					   SCMP_A1(SCMP_CMP_EQ, requests[i]));

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Die of the signal that ended the machine; but nobody gets over having broken the filter. */
static int allow_sigaction(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1,
				SCMP_A0(SCMP_CMP_NE, SIGSYS));
}

/* raise() and abort(): signals to this process and no other. */
static int allow_raise(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

/*
 * Remove the control socket at the end. The filter sees the path's address only; what stands there
 * cannot be changed, for nothing on the list makes memory writable or puts other memory there.
 */
static int allow_unlink(scmp_filter_ctx filter, const char *path)
{
	if (!path)
		return 0;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(unlink), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)(uintptr_t)path));
}

static int build(scmp_filter_ctx filter, const char *path, bool debugger)
{
	int ret;

	/* All threads, those that exist already too. */
	ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* HVM_RUN is what happens all the time: look at it first. */
	if (!ret)
		ret = seccomp_syscall_priority(filter, SCMP_SYS(ioctl), 255);
	if (!ret)
		ret = allow_requests(filter);
	if (!ret)
		ret = allow_calls(filter, calls, sizeof(calls) / sizeof(calls[0]));
	if (!ret && debugger)
		ret = allow_calls(filter, debugger_calls,
				  sizeof(debugger_calls) / sizeof(debugger_calls[0]));
	if (!ret)
		ret = allow_sigaction(filter);
	if (!ret)
		ret = allow_raise(filter);
	if (!ret)
		ret = allow_unlink(filter, path);
	return ret;
}

int sandbox_enter(const char *path, bool debugger)
{
	scmp_filter_ctx filter;
	int ret;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	/*
	 * As deadly as SCMP_ACT_KILL_PROCESS, but the terminal's handler of SIGSYS comes first. It
	 * can be neither blocked nor replaced.
	 */
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (!filter)
		return -ENOMEM;
	ret = build(filter, path, debugger);
	if (!ret)
		ret = seccomp_load(filter);
	seccomp_release(filter);
	return ret;
}
