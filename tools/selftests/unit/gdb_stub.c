// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's protocol without a machine: framing, registers, memory, threads, and what is wrong with
 * packets.
 */
#include <errno.h>

#include "gdb/stub.h"
#include "ktap.h"

#define RAM	64

/* What stands in for the machine. */
struct toy {
	struct gdb_stub stub;
	struct gdb_in in;
	struct gdb_out out;
	struct gdb_registers registers[3];
	uint8_t ram[RAM];
	unsigned int breaks;
};

static struct toy toy;

static int get_registers(struct gdb_stub *stub, unsigned int thread, struct gdb_registers *r)
{
	(void)stub;
	*r = toy.registers[thread];
	return 0;
}

static int set_registers(struct gdb_stub *stub, unsigned int thread,
			 const struct gdb_registers *r)
{
	(void)stub;
	toy.registers[thread] = *r;
	return 0;
}

static int read_ram(struct gdb_stub *stub, unsigned int thread, uint64_t gva, void *data,
		    size_t bytes)
{
	(void)stub;
	(void)thread;
	if (gva > RAM || (bytes && gva == RAM))
		return -EFAULT;
	if (bytes > RAM - gva)
		bytes = RAM - gva;
	memcpy(data, toy.ram + gva, bytes);
	return (int)bytes;
}

static int write_ram(struct gdb_stub *stub, unsigned int thread, uint64_t gva, const void *data,
		     size_t bytes)
{
	(void)stub;
	(void)thread;
	if (gva > RAM || bytes > RAM - gva)
		return -EFAULT;
	memcpy(toy.ram + gva, data, bytes);
	return 0;
}

static int set_break(struct gdb_stub *stub, unsigned int thread, enum gdb_break kind,
		     uint64_t gva, unsigned int bytes, bool set)
{
	(void)stub;
	(void)thread;
	(void)gva;
	(void)bytes;
	if (set)
		toy.breaks |= 1u << kind;
	else
		toy.breaks &= ~(1u << kind);
	return 0;
}

static const struct gdb_ops ops = { get_registers, set_registers, read_ram, write_ram, set_break };

static void begin(void)
{
	memset(&toy, 0, sizeof(toy));
	for (int i = 0; i < RAM; i++)
		toy.ram[i] = (uint8_t)i;
	gdb_stub_init(&toy.stub, &ops, 3);
}

static enum gdb_answer send_raw(const char *content, size_t length)
{
	toy.in.length = length;
	memcpy(toy.in.data, content, length);
	toy.in.data[length] = 0;
	return gdb_stub_packet(&toy.stub, &toy.in, &toy.out);
}

/* The reply's content. */
static const char *ask(const char *content)
{
	static char reply[sizeof(toy.out.data)];

	if (send_raw(content, strlen(content)) != GDB_REPLY)
		return "(no reply)";
	memcpy(reply, toy.out.data + 1, toy.out.length - 4);
	reply[toy.out.length - 4] = 0;
	return reply;
}

static enum gdb_input feed(const char *bytes)
{
	enum gdb_input input = GDB_INPUT_MORE;

	while (*bytes)
		input = gdb_in_byte(&toy.in, (uint8_t)*bytes++);
	return input;
}

static void framing(struct ktap *t)
{
	begin();
	KTAP_EQ(t, feed("+++-garbage$g#67"), GDB_INPUT_PACKET);
	KTAP_STREQ(t, toy.in.data, "g");
	KTAP_EQ(t, feed("$g#68"), GDB_INPUT_BAD);
	KTAP_EQ(t, feed("$g#zz"), GDB_INPUT_BAD);
	KTAP_EQ(t, feed("\x03"), GDB_INPUT_BREAK);
	KTAP_EQ(t, feed("$half$g#67"), GDB_INPUT_PACKET);
	KTAP_EQ(t, toy.in.length, 1);
	KTAP_EQ(t, feed("$}\x03}\x04#24"), GDB_INPUT_BAD);
	KTAP_EQ(t, feed("$}\x03}\x04#01"), GDB_INPUT_PACKET);
	KTAP_STREQ(t, toy.in.data, "#$");
}

static void too_long(struct ktap *t)
{
	begin();
	feed("$");
	for (int i = 0; i < GDB_PACKET_MAX; i++)
		KTAP_EQ(t, feed("a"), GDB_INPUT_MORE);
	KTAP_EQ(t, feed("a"), GDB_INPUT_TOO_LONG);
	KTAP_EQ(t, feed("$g#67"), GDB_INPUT_PACKET);
}

static void replies_are_framed(struct ktap *t)
{
	begin();
	ask("qC");
	KTAP_EQ(t, toy.out.length, 7);
	KTAP_TRUE(t, !memcmp(toy.out.data, "$QC1#c5", 7));
}

static void unknown_is_empty(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("vMustReplyEmpty"), "");
	KTAP_STREQ(t, ask(""), "");
	KTAP_STREQ(t, ask("qTStatus"), "");
	KTAP_STREQ(t, ask("Z9,0,1"), "");
}

static void registers(struct ktap *t)
{
	char packet[2 * sizeof(struct gdb_registers) + 2];

	begin();
	toy.registers[0].gpr[0] = 0x1122334455667788;
	toy.registers[0].ymmh[15][15] = 0xab;
	KTAP_EQ(t, strlen(ask("g")), 2 * sizeof(struct gdb_registers));
	KTAP_STREQ(t, ask("p0"), "8877665544332211");
	KTAP_EQ(t, strlen(ask("p10")), 16);	/* RIP */
	KTAP_EQ(t, strlen(ask("p11")), 8);	/* EFLAGS */
	KTAP_EQ(t, strlen(ask("p18")), 20);	/* ST0 */
	KTAP_EQ(t, strlen(ask("p28")), 32);	/* XMM0 */
	KTAP_EQ(t, strlen(ask("p38")), 8);	/* MXCSR */
	KTAP_STREQ(t, ask("p4a") + 30, "ab");	/* YMM15H */
	KTAP_STREQ(t, ask("P1=0102030405060708"), "OK");
	KTAP_EQ(t, toy.registers[0].gpr[1], 0x0807060504030201);
	snprintf(packet, sizeof(packet), "G%s", ask("g"));
	toy.registers[0].gpr[1] = 0;
	KTAP_STREQ(t, ask(packet), "OK");
	KTAP_EQ(t, toy.registers[0].gpr[1], 0x0807060504030201);
}

static void wrong_registers(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("p51"), "E16");
	KTAP_STREQ(t, ask("pffffffffffffffff"), "E16");
	KTAP_STREQ(t, ask("p11111111111111111"), "E16");
	KTAP_STREQ(t, ask("p"), "E16");
	KTAP_STREQ(t, ask("P0"), "E16");
	KTAP_STREQ(t, ask("P0=01"), "E16");
	KTAP_STREQ(t, ask("P0=zz02030405060708"), "E16");
	KTAP_STREQ(t, ask("G00"), "E16");
}

static void memory(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("m10,4"), "10111213");
	KTAP_STREQ(t, ask("M10,2:beef"), "OK");
	KTAP_STREQ(t, ask("m10,4"), "beef1213");
	KTAP_EQ(t, send_raw("X11,2:\0#", 8), GDB_REPLY);
	KTAP_STREQ(t, ask("m10,4"), "be002313");
	KTAP_STREQ(t, ask("X0,0:"), "OK");
	KTAP_STREQ(t, ask("m0,0"), "");
}

/* What is there comes, and nothing of what was in the buffer before. */
static void memory_that_ends(struct ktap *t)
{
	begin();
	KTAP_EQ(t, strlen(ask("m0,40")), 2 * RAM);
	KTAP_STREQ(t, ask("m3f,1"), "3f");
	KTAP_STREQ(t, ask("m3f,2"), "3f");
	KTAP_STREQ(t, ask("m3c,1000"), "3c3d3e3f");
	KTAP_STREQ(t, ask("M3f,2:beef"), "E0e");
	KTAP_STREQ(t, ask("m3f,1"), "3f");
}

static void wrong_memory(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("m40,1"), "E0e");
	KTAP_STREQ(t, ask("mffffffffffffffff,2"), "E0e");
	KTAP_STREQ(t, ask("m0,ffffffffffffffff"), "E16");
	KTAP_STREQ(t, ask("m0"), "E16");
	KTAP_STREQ(t, ask("m,1"), "E16");
	KTAP_STREQ(t, ask("m0,1,"), "E16");
	KTAP_STREQ(t, ask("M0,2:00"), "E16");
	KTAP_STREQ(t, ask("M0,1:0g"), "E16");
	KTAP_STREQ(t, ask("X0,5:abc"), "E16");
}

static void breakpoints(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("Z0,10,1"), "OK");
	KTAP_STREQ(t, ask("Z4,10,8"), "OK");
	KTAP_EQ(t, toy.breaks, 0x11);
	KTAP_STREQ(t, ask("z0,10,1"), "OK");
	KTAP_EQ(t, toy.breaks, 0x10);
	KTAP_STREQ(t, ask("Z0,10"), "E16");
	KTAP_STREQ(t, ask("Z,,"), "E16");
	KTAP_STREQ(t, ask("z0,10,1;X"), "E16");
}

static void threads(struct ktap *t)
{
	begin();
	toy.registers[2].gpr[0] = 0x33;
	KTAP_STREQ(t, ask("qfThreadInfo"), "m1,2,3");
	KTAP_STREQ(t, ask("qsThreadInfo"), "l");
	KTAP_STREQ(t, ask("Hg3"), "OK");
	KTAP_STREQ(t, ask("p0"), "3300000000000000");
	KTAP_STREQ(t, ask("qC"), "QC3");
	KTAP_STREQ(t, ask("Hg4"), "E16");
	KTAP_STREQ(t, ask("Hg0"), "OK");
	KTAP_STREQ(t, ask("Hc-1"), "OK");
	KTAP_STREQ(t, ask("T3"), "OK");
	KTAP_STREQ(t, ask("T4"), "E16");
	KTAP_STREQ(t, ask("qThreadExtraInfo,1"), "6370752030");
}

static void expect_actions(struct ktap *t, const char *packet, const uint8_t expected[3])
{
	KTAP_EQ(t, send_raw(packet, strlen(packet)), GDB_RESUME);
	for (int i = 0; i < 3; i++)
		if (toy.stub.action[i] != expected[i])
			KTAP_FAIL(t, "%s: thread %d: %u, not %u", packet, i + 1,
				  toy.stub.action[i], expected[i]);
}

static void running(struct ktap *t)
{
	begin();
	expect_actions(t, "vCont;c", (uint8_t[]){ GDB_CONTINUE, GDB_CONTINUE, GDB_CONTINUE });
	expect_actions(t, "vCont;s:2", (uint8_t[]){ GDB_STAY, GDB_STEP, GDB_STAY });
	expect_actions(t, "vCont;S05:1;C05", (uint8_t[]){ GDB_STEP, GDB_CONTINUE, GDB_CONTINUE });
	expect_actions(t, "vCont;s:3;c:-1", (uint8_t[]){ GDB_CONTINUE, GDB_CONTINUE, GDB_STEP });
	expect_actions(t, "c", (uint8_t[]){ GDB_CONTINUE, GDB_CONTINUE, GDB_CONTINUE });
	ask("Hg2");
	expect_actions(t, "s", (uint8_t[]){ GDB_STAY, GDB_STEP, GDB_STAY });
	KTAP_STREQ(t, ask("vCont?"), "vCont;c;C;s;S");
}

static void wrong_running(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("vCont"), "E16");
	KTAP_STREQ(t, ask("vCont;"), "E16");
	KTAP_STREQ(t, ask("vCont;x"), "E16");
	KTAP_STREQ(t, ask("vCont;c:9"), "E16");
	KTAP_STREQ(t, ask("vCont;C"), "E16");
	KTAP_STREQ(t, ask("vCont;c;!"), "E16");
	KTAP_STREQ(t, ask("c1000"), "E16");
}

static void description(struct ktap *t)
{
	static char all[GDB_PACKET_MAX];
	char request[64];
	const char *piece;

	begin();
	do {
		snprintf(request, sizeof(request), "qXfer:features:read:target.xml:%zx,100",
			 strlen(all));
		piece = ask(request);
		strcat(all, piece + 1);
	} while (piece[0] == 'm');
	KTAP_EQ(t, piece[0], 'l');
	KTAP_TRUE(t, strstr(all, "<architecture>i386:x86-64</architecture>"));
	KTAP_TRUE(t, strstr(all, "name=\"ymm15h\""));
	KTAP_TRUE(t, strstr(all, "</feature></target>"));
	KTAP_STREQ(t, ask("qXfer:features:read:target.xml:ffff,10"), "l");
	KTAP_STREQ(t, ask("qXfer:features:read:target.xml:x"), "E16");
	KTAP_STREQ(t, ask("qXfer:features:read:other.xml:0,10"), "");
}

static void endings(struct ktap *t)
{
	begin();
	KTAP_EQ(t, send_raw("D", 1), GDB_DETACH);
	KTAP_EQ(t, send_raw("D;1", 3), GDB_DETACH);
	KTAP_EQ(t, send_raw("k", 1), GDB_KILL);
	KTAP_EQ(t, send_raw("vKill;1", 7), GDB_KILL);
}

static void stops(struct ktap *t)
{
	begin();
	KTAP_STREQ(t, ask("?"), "T05thread:1;");
	gdb_stub_stopped(&toy.stub, 2, 5, "watch:1234;", &toy.out);
	KTAP_TRUE(t, !memcmp(toy.out.data, "$T05thread:3;watch:1234;#", 25));
	KTAP_STREQ(t, ask("?"), "T05thread:3;watch:1234;");
	KTAP_STREQ(t, ask("qC"), "QC3");
}

static void acknowledging(struct ktap *t)
{
	begin();
	KTAP_TRUE(t, strstr(ask("qSupported:swbreak+"), "QStartNoAckMode+"));
	KTAP_TRUE(t, !toy.stub.no_ack);
	KTAP_STREQ(t, ask("QStartNoAckMode"), "OK");
	KTAP_TRUE(t, toy.stub.no_ack);
}

static const struct ktap_case cases[] = {
	{ "framing", framing },
	{ "too_long", too_long },
	{ "replies_are_framed", replies_are_framed },
	{ "unknown_is_empty", unknown_is_empty },
	{ "registers", registers },
	{ "wrong_registers", wrong_registers },
	{ "memory", memory },
	{ "memory_that_ends", memory_that_ends },
	{ "wrong_memory", wrong_memory },
	{ "breakpoints", breakpoints },
	{ "threads", threads },
	{ "running", running },
	{ "wrong_running", wrong_running },
	{ "description", description },
	{ "endings", endings },
	{ "stops", stops },
	{ "acknowledging", acknowledging },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
