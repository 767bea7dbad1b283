// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab's hand inside a test host: it runs one command there and carries the command's input,
 * output and exit status over one byte channel (a virtio port or a serial line), in frames.
 * It sets nothing up; the host's init script has done that. Usage: agent CHANNEL
 *
 * A frame is a type, a length of two bytes (low first) and that many bytes.
 *
 *	to the host:   R run: flags, rows, columns, then NUL-ended arguments (a frame that is not
 *	                 the last one has 0 in its first byte and only carries argument bytes)
 *	               I input	E end of input	W new window size
 *	from the host: O output  e error output  A one input frame was consumed
 *	               X exit status
 *
 * The other side sends the next input frame only after an A, so nothing overruns a serial line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define FRAME_MAX	4096
#define ARGS_MAX	65536
#define ARGC_MAX	512
#define RUN_LAST	1
#define RUN_TTY		2
#define HELLO		"\n#hvm-lab-agent\n"

struct frame {
	uint8_t type;
	uint16_t length;
	uint8_t data[FRAME_MAX];
};

struct agent {
	int channel;
	int input;		/* the command's standard input, -1 once closed */
	int output[2];		/* the command's standard and error output, -1 at their end */
	bool tty;
	struct winsize window;
	pid_t child;
	bool input_ends;	/* close the input when what is pending is written */
	size_t pending;		/* bytes of input not yet written, from @pending_from */
	size_t pending_from;
	uint8_t pending_data[FRAME_MAX];
};

static void die(const char *what)
{
	FILE *log = fopen("/dev/kmsg", "w");

	if (log) {
		fprintf(log, "lab: FAIL: agent: %s: %s\n", what, strerror(errno));
		fclose(log);
	}
	exit(125);
}

static void write_all(int fd, const void *data, size_t length)
{
	const uint8_t *from = data;

	while (length) {
		ssize_t n = write(fd, from, length);

		if (n < 0 && errno != EINTR)
			die("write to the channel");
		if (n > 0) {
			from += n;
			length -= n;
		}
	}
}

static void read_all(int fd, void *data, size_t length)
{
	uint8_t *to = data;

	while (length) {
		ssize_t n = read(fd, to, length);

		if (!n || (n < 0 && errno != EINTR))
			die("read from the channel");
		if (n > 0) {
			to += n;
			length -= n;
		}
	}
}

static void send_frame(struct agent *agent, uint8_t type, const void *data, size_t length)
{
	uint8_t frame[3 + FRAME_MAX] = { type, length & 0xff, length >> 8 };

	if (length)
		memcpy(frame + 3, data, length);
	write_all(agent->channel, frame, 3 + length);
}

static void receive_frame(struct agent *agent, struct frame *frame)
{
	uint8_t head[3];

	read_all(agent->channel, head, sizeof(head));
	frame->type = head[0];
	frame->length = head[1] | head[2] << 8;
	if (frame->length > FRAME_MAX) {
		errno = EPROTO;
		die("frame length");
	}
	read_all(agent->channel, frame->data, frame->length);
}

static void open_channel(struct agent *agent, const char *path)
{
	struct termios raw;

	agent->channel = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (agent->channel < 0)
		die(path);
	if (tcgetattr(agent->channel, &raw) == 0) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		raw.c_cflag |= CLOCAL | CREAD;
		tcsetattr(agent->channel, TCSANOW, &raw);
	}
	write_all(agent->channel, HELLO, strlen(HELLO));
}

static uint16_t get_u16(const uint8_t *from)
{
	return from[0] | from[1] << 8;
}

/* Collect the run frames; return the arguments as one block of NUL-ended strings. */
static size_t receive_command(struct agent *agent, char *args)
{
	static struct frame frame;
	size_t used = 0;

	do {
		receive_frame(agent, &frame);
		if (frame.type != 'R' || frame.length < 5 || used + frame.length > ARGS_MAX) {
			errno = EPROTO;
			die("run frame");
		}
		memcpy(args + used, frame.data + 5, frame.length - 5);
		used += frame.length - 5;
	} while (!(frame.data[0] & RUN_LAST));
	agent->tty = frame.data[0] & RUN_TTY;
	agent->window.ws_row = get_u16(frame.data + 1);
	agent->window.ws_col = get_u16(frame.data + 3);
	return used;
}

static void split_arguments(char *args, size_t used, char **argv)
{
	size_t at = 0;
	int argc = 0;

	while (at < used && argc < ARGC_MAX) {
		argv[argc++] = args + at;
		at += strlen(args + at) + 1;
	}
	argv[argc] = NULL;
}

static void exec_command(char **argv)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void start_on_tty(struct agent *agent, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;

	if (master < 0 || grantpt(master) || unlockpt(master))
		die("pseudo terminal");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		die("pseudo terminal");
	ioctl(master, TIOCSWINSZ, &agent->window);
	agent->child = fork();
	if (agent->child < 0)
		die("fork");
	if (!agent->child) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		exec_command(argv);
	}
	close(slave);
	agent->input = master;
	agent->output[0] = dup(master);
	agent->output[1] = -1;
}

static void start_on_pipes(struct agent *agent, char **argv)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	agent->child = fork();
	if (agent->child < 0)
		die("fork");
	if (!agent->child) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		exec_command(argv);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	agent->input = in[1];
	agent->output[0] = out[0];
	agent->output[1] = err[0];
}

static void close_input(struct agent *agent)
{
	if (agent->input >= 0)
		close(agent->input);
	agent->input = -1;
	agent->pending = 0;
}

static void handle_frame(struct agent *agent)
{
	static struct frame frame;

	receive_frame(agent, &frame);
	switch (frame.type) {
	case 'I':
		memcpy(agent->pending_data, frame.data, frame.length);
		agent->pending = frame.length;
		agent->pending_from = 0;
		if (agent->input < 0)
			agent->pending = 0;
		break;
	case 'E':
		agent->input_ends = true;
		if (!agent->pending)
			close_input(agent);
		break;
	case 'W':
		agent->window.ws_row = get_u16(frame.data);
		agent->window.ws_col = get_u16(frame.data + 2);
		if (agent->tty && agent->input >= 0)
			ioctl(agent->input, TIOCSWINSZ, &agent->window);
		break;
	}
	if (frame.type == 'I' && !agent->pending)
		send_frame(agent, 'A', NULL, 0);
}

static void write_input(struct agent *agent)
{
	ssize_t n = write(agent->input, agent->pending_data + agent->pending_from,
			  agent->pending);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		close_input(agent);
	} else {
		agent->pending -= n;
		agent->pending_from += n;
	}
	if (!agent->pending)
		send_frame(agent, 'A', NULL, 0);
	if (!agent->pending && agent->input_ends)
		close_input(agent);
}

static void forward_output(struct agent *agent, int which)
{
	static uint8_t data[FRAME_MAX];
	ssize_t n = read(agent->output[which], data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(agent->output[which]);
		agent->output[which] = -1;
		return;
	}
	send_frame(agent, which ? 'e' : 'O', data, n);
}

/*
 * Wait for something to do and do it. Input is taken from the channel only while none is pending,
 * so a command that does not read cannot keep its own output from leaving.
 * Return false when nothing happened within @timeout milliseconds.
 */
static bool turn(struct agent *agent, int timeout)
{
	struct timespec wait = { .tv_nsec = timeout * 1000000L };
	struct pollfd fds[4] = {
		{ .fd = agent->output[0], .events = POLLIN },
		{ .fd = agent->output[1], .events = POLLIN },
		{ .fd = agent->pending ? agent->input : -1, .events = POLLOUT },
		{ .fd = agent->pending ? -1 : agent->channel, .events = POLLIN },
	};

	sigset_t none;

	sigemptyset(&none);
	if (ppoll(fds, 4, &wait, &none) <= 0)
		return false;
	if (fds[0].revents)
		forward_output(agent, 0);
	if (fds[1].revents)
		forward_output(agent, 1);
	if (fds[2].revents)
		write_input(agent);
	if (fds[3].revents & POLLIN)
		handle_frame(agent);
	return fds[0].revents || fds[1].revents || fds[2].revents || fds[3].revents & POLLIN;
}

static void on_child(int number)
{
	(void)number;	/* only there to interrupt ppoll() */
}

/* Let a child's end interrupt ppoll(), and nothing else, so that it is never missed. */
static void watch_children(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child }, NULL);
}

/* Serve until the command has ended and what it wrote is sent; what it left running is ended. */
static uint8_t serve(struct agent *agent)
{
	int status;

	while (waitpid(agent->child, &status, WNOHANG) == 0)
		turn(agent, 200);
	kill(-1, SIGKILL);
	while ((agent->output[0] >= 0 || agent->output[1] >= 0) && turn(agent, 50))
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	static struct agent agent = { .input = -1 };
	static char args[ARGS_MAX + 1];
	static char *command[ARGC_MAX + 1];
	uint8_t status;

	if (argc != 2)
		return 2;
	open_channel(&agent, argv[1]);
	split_arguments(args, receive_command(&agent, args), command);
	if (!command[0])
		return 2;
	watch_children();
	signal(SIGPIPE, SIG_IGN);
	if (agent.tty)
		start_on_tty(&agent, command);
	else
		start_on_pipes(&agent, command);
	status = serve(&agent);
	send_frame(&agent, 'X', &status, 1);
	tcdrain(agent.channel);
	return status;
}
