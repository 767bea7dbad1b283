// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's protocol under bytes that no gdb sends: whatever arrives, replies are whole packets, memory
 * is touched only through the callbacks, and threads are those that there are.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "gdb/stub.h"

const unsigned int fuzz_inputs = 60000;

#define THREADS	3
#define RAM	4096

static struct gdb_registers registers[THREADS];
static uint8_t ram[RAM];

static int get_registers(struct gdb_stub *stub, unsigned int thread, struct gdb_registers *r)
{
	(void)stub;
	FUZZ_ASSERT(thread < THREADS);
	*r = registers[thread];
	return 0;
}

static int set_registers(struct gdb_stub *stub, unsigned int thread,
			 const struct gdb_registers *r)
{
	(void)stub;
	FUZZ_ASSERT(thread < THREADS);
	registers[thread] = *r;
	return 0;
}

static int read_ram(struct gdb_stub *stub, unsigned int thread, uint64_t gva, void *data,
		    size_t bytes)
{
	(void)stub;
	FUZZ_ASSERT(thread < THREADS && bytes <= GDB_PACKET_MAX);
	if (gva > RAM || (bytes && gva == RAM))
		return -EFAULT;
	if (bytes > RAM - gva)
		bytes = RAM - gva;
	memcpy(data, ram + gva, bytes);
	return (int)bytes;
}

static int write_ram(struct gdb_stub *stub, unsigned int thread, uint64_t gva, const void *data,
		     size_t bytes)
{
	(void)stub;
	FUZZ_ASSERT(thread < THREADS && bytes <= GDB_PACKET_MAX);
	if (gva > RAM || bytes > RAM - gva)
		return -EFAULT;
	memcpy(ram + gva, data, bytes);
	return 0;
}

static int set_break(struct gdb_stub *stub, unsigned int thread, enum gdb_break kind,
		     uint64_t gva, unsigned int bytes, bool set)
{
	(void)stub;
	(void)gva;
	(void)bytes;
	(void)set;
	FUZZ_ASSERT(thread < THREADS && kind <= GDB_BREAK_ACCESS);
	return 0;
}

static const struct gdb_ops ops = { get_registers, set_registers, read_ram, write_ram, set_break };

static struct gdb_stub stub;
static struct gdb_in in;
static struct gdb_out out;

static void answer(void)
{
	enum gdb_answer what = gdb_stub_packet(&stub, &in, &out);
	bool some = false;

	FUZZ_ASSERT(out.length >= 4 && out.length <= sizeof(out.data));
	FUZZ_ASSERT(out.data[0] == '$' && out.data[out.length - 3] == '#');
	for (unsigned int i = 0; i < THREADS; i++)
		some |= stub.action[i] != GDB_STAY;
	FUZZ_ASSERT(what != GDB_RESUME || some);
}

/* A packet whose checksum is right, whose beginning is known, and whose rest looks like one. */
static void speak(const uint8_t *data, size_t size)
{
	static const char *const beginnings[] = {
		"g", "G", "p", "P", "m", "M", "X", "Z", "z", "Hg", "Hc", "T", "c", "s", "D", "k",
		"vCont", "vCont;", "qXfer:features:read:target.xml:", "qThreadExtraInfo,", "?", "",
	};
	static const char letters[] = "0123456789abcdef,;:=-cCsS#$}";
	size_t n;

	if (!size || size > GDB_PACKET_MAX / 2)
		return;
	n = (size_t)snprintf(in.data, sizeof(in.data), "%s",
			     beginnings[data[0] % (sizeof(beginnings) / sizeof(beginnings[0]))]);
	for (size_t i = 1; i < size; i++)
		in.data[n++] = letters[data[i] % (sizeof(letters) - 1)];
	in.data[n] = 0;
	in.length = n;
	answer();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct gdb_in){ 0 };
	gdb_stub_init(&stub, &ops, THREADS);
	for (size_t i = 0; i < size; i++)
		if (gdb_in_byte(&in, data[i]) == GDB_INPUT_PACKET)
			answer();
	speak(data, size);
	return 0;
}
