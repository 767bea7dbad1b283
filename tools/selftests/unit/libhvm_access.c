// SPDX-License-Identifier: GPL-2.0-only
/*
 * From exits to finished instructions: access.c with a run page made here and the vCPU's ioctls
 * replaced by records of what was asked. Guest memory is 64 KiB at 0; a device answers from 1 MiB
 * on.
 */
#include <errno.h>

#include "access.h"
#include "ktap.h"

#define RAM_BYTES	0x10000
#define DEVICE		0x100000ULL
#define CODE		0x1000
#define XSAVE_BYTES	832

struct fixture {
	struct hvm_run run;
	struct hvm_vcpu vcpu;
	struct hvm_access access;
	uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
	uint8_t device[0x2000];
	unsigned int lookups;
	unsigned int reads;
	unsigned int writes;
	uint64_t last_gpa;
	unsigned int last_bytes;
	uint16_t port;
	unsigned int port_accesses;
	uint32_t port_value;
	int answer;
	unsigned int injects;
	struct hvm_event event;
	unsigned int sets;
	struct hvm_state_gpr set_gpr;
	uint8_t xsave[XSAVE_BYTES];
	bool xsave_set;
};

static struct fixture x;

/* --- in place of the kernel ----------------------------------------------- */

int hvm_vcpu_inject(const struct hvm_vcpu *vcpu, const struct hvm_event *event)
{
	(void)vcpu;
	x.injects++;
	x.event = *event;
	return 0;
}

int hvm_vcpu_get_state(const struct hvm_vcpu *vcpu, struct hvm_state *state, uint32_t mask)
{
	(void)vcpu;
	if (mask == HVM_STATE_XSAVE)
		memcpy((void *)(uintptr_t)state->xsave.address, x.xsave, sizeof(x.xsave));
	if (mask == HVM_STATE_SEGMENTS)
		state->segments.seg[HVM_DS].selector = 0x2b;
	return 0;
}

int hvm_vcpu_set_state(const struct hvm_vcpu *vcpu, struct hvm_state *state, uint32_t mask)
{
	(void)vcpu;
	if (mask == HVM_STATE_GPR) {
		x.sets++;
		x.set_gpr = state->gpr;
	} else if (mask == HVM_STATE_XSAVE) {
		memcpy(x.xsave, (void *)(uintptr_t)state->xsave.address, sizeof(x.xsave));
		x.xsave_set = true;
	}
	return 0;
}

/* --- the guest's world ------------------------------------------------------ */

static void *ram(struct hvm_access *access, uint64_t gpa, uint64_t bytes, bool write)
{
	(void)access;
	(void)write;
	x.lookups++;
	return gpa < RAM_BYTES && bytes <= RAM_BYTES - gpa ? x.ram + gpa : NULL;
}

static int device_read(struct hvm_access *access, uint64_t gpa, void *data, unsigned int bytes)
{
	(void)access;
	x.reads++;
	x.last_gpa = gpa;
	x.last_bytes = bytes;
	if (x.answer)
		return x.answer;
	memcpy(data, x.device + (gpa & 0x1fff), bytes);
	return 0;
}

static int device_write(struct hvm_access *access, uint64_t gpa, const void *data,
			unsigned int bytes)
{
	(void)access;
	x.writes++;
	x.last_gpa = gpa;
	x.last_bytes = bytes;
	if (x.answer)
		return x.answer;
	memcpy(x.device + (gpa & 0x1fff), data, bytes);
	return 0;
}

static int port_in(struct hvm_access *access, uint16_t port, unsigned int bytes, uint32_t *value)
{
	(void)access;
	x.port = port;
	x.last_bytes = bytes;
	x.port_accesses++;
	*value = 0xa1b2c3d4;
	return x.answer;
}

static int port_out(struct hvm_access *access, uint16_t port, unsigned int bytes, uint32_t value)
{
	(void)access;
	x.port = port;
	x.last_bytes = bytes;
	x.port_accesses++;
	x.port_value = value;
	return x.answer;
}

static const struct hvm_access_ops ops = {
	ram, device_read, device_write, port_in, port_out, true
};

static const struct hvm_access_ops moving_ops = {
	ram, device_read, device_write, port_in, port_out, false
};

static void flat_segments(uint16_t code)
{
	for (int i = 0; i < 6; i++)
		x.run.seg[i] = (struct hvm_segment){ 0, 0xffffffff, 0x18, 0xc93 };
	x.run.seg[HVM_CS].attributes = code;
}

/* An exit of 32-bit code without paging; the code lies in memory and is fetched. */
static void setup(uint32_t reason, const void *code, size_t bytes)
{
	struct hvm_get_info info = { .gpa_bits = 40, .xsave_bytes = XSAVE_BYTES };

	hvm_access_deinit(&x.access);
	memset(&x, 0, sizeof(x));
	x.vcpu.run = &x.run;
	x.run.reason = reason;
	x.run.rip = CODE;
	x.run.rflags = 2;
	x.run.cr0 = 1;
	x.run.cr4 = 1 << 9;
	x.run.gpr[HVM_RAX] = 0x1122334455667788ULL;
	flat_segments(0xc9b);
	memcpy(x.ram + CODE, code, bytes);
	hvm_access_init(&x.access, &ops, &x.vcpu, &info);
}

static void setup_memory(const void *code, size_t bytes, uint64_t gpa, uint32_t access)
{
	setup(HVM_EXIT_MEMORY, code, bytes);
	x.run.memory.gpa = gpa;
	x.run.memory.access = access;
}

/* 64-bit code under paging: the tables are at 0x2000; linear 0 to 2 MiB is mapped to itself. */
static void long_mode(void)
{
	uint64_t *top = (uint64_t *)(x.ram + 0x2000), *pointers = (uint64_t *)(x.ram + 0x3000);
	uint64_t *directory = (uint64_t *)(x.ram + 0x4000);

	/* Marked accessed: what the walk would mark changes under whoever keeps it in mind. */
	top[0] = 0x3023;
	pointers[0] = 0x4023;
	directory[0] = 0xa3;
	x.run.cr0 = 0x80000001;
	x.run.cr3 = 0x2000;
	x.run.cr4 |= 0x20;
	x.run.efer = 0x500;
	flat_segments(0xa9b);
}

static void completed(struct ktap *t, unsigned int length)
{
	KTAP_EQ(t, hvm_access_finish(&x.access), 0);
	KTAP_EQ(t, x.run.complete, HVM_COMPLETE);
	KTAP_EQ(t, x.run.complete_len, length);
}

/* --- ports -------------------------------------------------------------------- */

static void port_write(struct ktap *t)
{
	static const uint32_t values[] = { [1] = 0x88, [2] = 0x7788, [4] = 0x55667788 };

	for (unsigned int bytes = 1; bytes <= 4; bytes *= 2) {
		setup(HVM_EXIT_PIO, "\xee", 1);
		x.run.pio.port = 0x3f8;
		x.run.pio.bytes = (uint8_t)bytes;
		completed(t, 0);
		KTAP_EQ(t, x.port, 0x3f8);
		KTAP_EQ(t, x.port_value, values[bytes]);
	}
}

static void port_read(struct ktap *t)
{
	static const uint64_t values[] = {
		[1] = 0x11223344556677d4ULL, [2] = 0x112233445566c3d4ULL, [4] = 0xa1b2c3d4,
	};

	for (unsigned int bytes = 1; bytes <= 4; bytes *= 2) {
		setup(HVM_EXIT_PIO, "\xec", 1);
		x.run.pio.bytes = (uint8_t)bytes;
		x.run.pio.flags = HVM_PIO_IN;
		completed(t, 0);
		KTAP_EQ(t, x.run.gpr[HVM_RAX], values[bytes]);
	}
}

static void port_that_refuses(struct ktap *t)
{
	setup(HVM_EXIT_PIO, "\xee", 1);
	x.run.pio.bytes = 1;
	x.answer = -EIO;
	KTAP_EQ(t, hvm_access_finish(&x.access), -EIO);
	KTAP_EQ(t, x.run.complete, 0);
}

static void string_port_write(struct ktap *t)
{
	setup(HVM_EXIT_PIO, "\xf3\x6e", 2);
	x.run.pio.bytes = 1;
	x.run.pio.port = 0x3f8;
	x.run.pio.flags = HVM_PIO_STRING | HVM_PIO_REP;
	x.run.gpr[HVM_RCX] = 4000;
	x.run.gpr[HVM_RSI] = 0x6000;
	x.run.gpr[HVM_RDX] = 0x3f8;
	x.ram[0x6000 + 3999] = 0x5a;
	completed(t, 2);
	KTAP_EQ(t, x.port_accesses, 4000);
	KTAP_EQ(t, x.port_value, 0x5a);
	KTAP_EQ(t, x.run.gpr[HVM_RCX], 0);
	KTAP_EQ(t, x.run.gpr[HVM_RSI], 0x6000 + 4000);
}

/* Interrupts come in between the parts of a long string instruction; its registers are kept. */
static void string_is_interrupted(struct ktap *t)
{
	setup(HVM_EXIT_PIO, "\xf3\x6e", 2);
	x.run.pio.bytes = 1;
	x.run.pio.flags = HVM_PIO_STRING | HVM_PIO_REP;
	x.run.gpr[HVM_RCX] = 10000;
	KTAP_EQ(t, hvm_access_finish(&x.access), 0);
	KTAP_EQ(t, x.run.complete, 0);
	KTAP_EQ(t, x.sets, 1);
	KTAP_EQ(t, x.set_gpr.gpr[HVM_RCX], 10000 - INSN_MAX_REPEAT);
	KTAP_EQ(t, x.set_gpr.rip, CODE);
}

/* --- device memory ---------------------------------------------------------------- */

static void store_and_load(struct ktap *t)
{
	setup_memory("\xa3\x10\x00\x10\x00", 5, DEVICE + 0x10, HVM_ACCESS_WRITE);
	completed(t, 5);
	KTAP_EQ(t, x.last_gpa, DEVICE + 0x10);
	KTAP_EQ(t, x.last_bytes, 4);
	KTAP_EQ(t, *(uint32_t *)(x.device + 0x10), 0x55667788);
	setup_memory("\xa1\x10\x00\x10\x00", 5, DEVICE + 0x10, HVM_ACCESS_READ);
	*(uint32_t *)(x.device + 0x10) = 0xfedcba98;
	completed(t, 5);
	KTAP_EQ(t, x.run.gpr[HVM_RAX], 0xfedcba98);
	KTAP_EQ(t, x.reads, 1);
}

static void read_modify_write(struct ktap *t)
{
	setup_memory("\x83\x05\x10\x00\x10\x00\x01", 7, DEVICE + 0x10, HVM_ACCESS_WRITE);
	*(uint32_t *)(x.device + 0x10) = 0xffffffff;
	completed(t, 7);
	KTAP_EQ(t, *(uint32_t *)(x.device + 0x10), 0);
	KTAP_EQ(t, x.reads + x.writes, 2);
	/* Carry, parity, adjust, zero. */
	KTAP_EQ(t, x.run.rflags & 0x8d5, 0x55);
}

static void copy_from_device_to_memory(struct ktap *t)
{
	setup_memory("\xf3\xa4", 2, DEVICE, HVM_ACCESS_READ);
	x.run.gpr[HVM_RCX] = 100;
	x.run.gpr[HVM_RSI] = DEVICE;
	x.run.gpr[HVM_RDI] = 0x8000;
	for (int i = 0; i < 100; i++)
		x.device[i] = (uint8_t)i;
	completed(t, 2);
	KTAP_TRUE(t, !memcmp(x.ram + 0x8000, x.device, 100));
	KTAP_EQ(t, x.reads, 100);
	KTAP_EQ(t, x.run.gpr[HVM_RCX], 0);
}

static void device_that_refuses(struct ktap *t)
{
	setup_memory("\xa3\x10\x00\x10\x00", 5, DEVICE + 0x10, HVM_ACCESS_WRITE);
	x.answer = -ENXIO;
	KTAP_EQ(t, hvm_access_finish(&x.access), -ENXIO);
	KTAP_EQ(t, x.run.complete, 0);
}

static void across_memory_and_device(struct ktap *t)
{
	/* Four bytes of which two are the last of memory. */
	setup_memory("\xa3\xfe\xff\x00\x00", 5, RAM_BYTES, HVM_ACCESS_WRITE);
	completed(t, 5);
	KTAP_EQ(t, x.ram[RAM_BYTES - 2], 0x88);
	KTAP_EQ(t, x.ram[RAM_BYTES - 1], 0x77);
	KTAP_EQ(t, x.writes, 1);
	KTAP_EQ(t, x.last_gpa, RAM_BYTES);
	KTAP_EQ(t, x.last_bytes, 2);
}

static void not_known(struct ktap *t)
{
	char line[128];

	setup_memory("\xd9\x05\x00\x00\x10\x00", 6, DEVICE, HVM_ACCESS_READ);
	KTAP_EQ(t, hvm_access_finish(&x.access), -EOPNOTSUPP);
	KTAP_TRUE(t, strstr(hvm_access_describe(&x.access, line, sizeof(line)), "d9 05"));
	KTAP_EQ(t, x.run.complete, 0);
	setup_memory("", 0, DEVICE, HVM_ACCESS_EXEC);
	KTAP_EQ(t, hvm_access_finish(&x.access), -EOPNOTSUPP);
	/* Code that lies where no memory is cannot be fetched. */
	setup_memory("", 0, DEVICE, HVM_ACCESS_READ);
	x.run.rip = DEVICE + 0x100;
	KTAP_EQ(t, hvm_access_finish(&x.access), -EOPNOTSUPP);
	KTAP_EQ(t, x.reads, 0);
	setup(HVM_EXIT_SHUTDOWN, "", 0);
	KTAP_EQ(t, hvm_access_finish(&x.access), -EINVAL);
}

/* --- paging ------------------------------------------------------------------------ */

static void under_paging(struct ktap *t)
{
	setup_memory("\x89\x03", 2, DEVICE + 0x20, HVM_ACCESS_WRITE);
	long_mode();
	x.run.gpr[HVM_RBX] = DEVICE + 0x20;
	completed(t, 2);
	KTAP_EQ(t, x.last_gpa, DEVICE + 0x20);
}

/* With the instruction's bytes from hardware, the operand is known without any walk. */
static void without_a_walk(struct ktap *t)
{
	setup_memory("", 0, DEVICE + 0x123, HVM_ACCESS_WRITE);
	long_mode();
	x.run.cr3 = 0x7fff0000;
	x.run.gpr[HVM_RBX] = 0xffff888012345123ULL;
	memcpy(x.run.insn_bytes, "\x88\x03", 2);
	x.run.insn_bytes_len = 15;
	completed(t, 2);
	KTAP_EQ(t, x.last_gpa, DEVICE + 0x123);
	KTAP_EQ(t, x.last_bytes, 1);
	/* A copy has two operands: which one the exit is about must be walked for. */
	setup_memory("", 0, DEVICE + 0x123, HVM_ACCESS_WRITE);
	long_mode();
	x.run.cr3 = 0x7fff0000;
	memcpy(x.run.insn_bytes, "\xa4", 1);
	x.run.insn_bytes_len = 15;
	KTAP_EQ(t, hvm_access_finish(&x.access), -EOPNOTSUPP);
}

/* mov %eax, (%rbx) in 64-bit code, once; what the second time costs is counted from here. */
static void stored_once(struct ktap *t, const struct hvm_access_ops *ops_used)
{
	setup_memory("\x89\x03", 2, DEVICE + 0x20, HVM_ACCESS_WRITE);
	long_mode();
	x.access.ops = ops_used;
	x.run.gpr[HVM_RBX] = DEVICE + 0x20;
	completed(t, 2);
	x.run.complete = 0;
	x.lookups = 0;
}

static void same_store_again(struct ktap *t)
{
	stored_once(t, &ops);
	x.run.gpr[HVM_RBX] = DEVICE + 0x84;
	x.run.gpr[HVM_RAX] = 0xabcdef01;
	x.run.memory.gpa = DEVICE + 0x84;
	x.run.rflags = 0x247;
	completed(t, 2);
	KTAP_EQ(t, x.lookups, 0);
	KTAP_EQ(t, x.last_gpa, DEVICE + 0x84);
	KTAP_EQ(t, x.last_bytes, 4);
	KTAP_EQ(t, *(uint32_t *)(x.device + 0x84), 0xabcdef01);
	KTAP_EQ(t, x.run.rflags, 0x247);
	/* A device that refuses is heard. */
	x.run.complete = 0;
	x.answer = -ENXIO;
	KTAP_EQ(t, hvm_access_finish(&x.access), -ENXIO);
	KTAP_EQ(t, x.run.complete, 0);
}

static void same_load_again(struct ktap *t)
{
	setup_memory("\x8b\x03", 2, DEVICE + 0x20, HVM_ACCESS_READ);
	long_mode();
	x.run.gpr[HVM_RBX] = DEVICE + 0x20;
	completed(t, 2);
	x.lookups = 0;
	*(uint32_t *)(x.device + 0x20) = 0x13579bdf;
	completed(t, 2);
	/* Only whether the operand is memory. */
	KTAP_EQ(t, x.lookups, 1);
	KTAP_EQ(t, x.run.gpr[HVM_RAX], 0x13579bdf);
}

/* Its bytes, its tables or its mode are others: nothing is taken from the last time. */
static void another_store_there(struct ktap *t)
{
	stored_once(t, &ops);
	memcpy(x.ram + CODE, "\x88\x03", 2);
	completed(t, 2);
	KTAP_EQ(t, x.last_bytes, 1);
	stored_once(t, &ops);
	*(uint64_t *)(x.ram + 0x4000) = 0;
	KTAP_EQ(t, hvm_access_finish(&x.access), 0);
	KTAP_EQ(t, x.injects, 1);
	KTAP_EQ(t, x.event.vector, 14);
	KTAP_EQ(t, x.event.payload, CODE);
	stored_once(t, &ops);
	x.run.cr3 = 0x5000;
	KTAP_EQ(t, hvm_access_finish(&x.access), 0);
	KTAP_EQ(t, x.injects, 1);
	/* 32-bit code of the compatibility mode. */
	stored_once(t, &ops);
	flat_segments(0xc9b);
	completed(t, 2);
	KTAP_TRUE(t, x.lookups > 0);
}

/* The second time its operand begins in memory: two bytes there, two in the device. */
static void same_store_across_pages(struct ktap *t)
{
	stored_once(t, &ops);
	x.run.gpr[HVM_RBX] = RAM_BYTES - 2;
	x.run.memory.gpa = RAM_BYTES;
	completed(t, 2);
	KTAP_EQ(t, x.ram[RAM_BYTES - 2], 0x88);
	KTAP_EQ(t, x.ram[RAM_BYTES - 1], 0x77);
	KTAP_EQ(t, x.last_gpa, RAM_BYTES);
	KTAP_EQ(t, x.last_bytes, 2);
}

static void memory_that_moves(struct ktap *t)
{
	stored_once(t, &moving_ops);
	completed(t, 2);
	KTAP_TRUE(t, x.lookups > 0);
	KTAP_EQ(t, x.writes, 2);
}

/* In 64-bit code the run page has no selectors: mov %ds, (%rbx) has them fetched. */
static void selector_in_64bit_code(struct ktap *t)
{
	setup_memory("\x8c\x1b", 2, DEVICE + 0x20, HVM_ACCESS_WRITE);
	long_mode();
	x.run.gpr[HVM_RBX] = DEVICE + 0x20;
	completed(t, 2);
	KTAP_EQ(t, x.last_bytes, 2);
	KTAP_EQ(t, *(uint16_t *)(x.device + 0x20), 0x2b);
	/* Again, and that it is not stored with what the page holds. */
	*(uint16_t *)(x.device + 0x20) = 0;
	completed(t, 2);
	KTAP_EQ(t, *(uint16_t *)(x.device + 0x20), 0x2b);
	/* Elsewhere it does have them. */
	setup_memory("\x8c\x1d\x00\x00\x10\x00", 6, DEVICE, HVM_ACCESS_WRITE);
	completed(t, 6);
	KTAP_EQ(t, *(uint16_t *)x.device, 0x18);
}

static void page_fault(struct ktap *t)
{
	/* movs from the device to an address that is not mapped. */
	setup_memory("\xa4", 1, DEVICE, HVM_ACCESS_READ);
	long_mode();
	x.run.gpr[HVM_RSI] = DEVICE;
	x.run.gpr[HVM_RDI] = 0x40000000;
	x.run.cpl = 3;
	*(uint64_t *)(x.ram + 0x2000) |= 4;
	*(uint64_t *)(x.ram + 0x3000) |= 4;
	*(uint64_t *)(x.ram + 0x4000) |= 4;
	KTAP_EQ(t, hvm_access_finish(&x.access), 0);
	KTAP_EQ(t, x.run.complete, 0);
	KTAP_EQ(t, x.injects, 1);
	KTAP_EQ(t, x.event.type, HVM_EVENT_EXCEPTION);
	KTAP_EQ(t, x.event.vector, 14);
	KTAP_EQ(t, x.event.flags, HVM_EVENT_ERROR | HVM_EVENT_PAYLOAD);
	KTAP_EQ(t, x.event.error, 6);
	KTAP_EQ(t, x.event.payload, 0x40000000);
}

static void exception_without_error_code(struct ktap *t)
{
	/* lock mov: #UD. */
	setup_memory("\xf0\xa3\x00\x00\x10\x00", 6, DEVICE, HVM_ACCESS_WRITE);
	KTAP_EQ(t, hvm_access_finish(&x.access), 0);
	KTAP_EQ(t, x.event.vector, 6);
	KTAP_EQ(t, x.event.flags, 0);
}

/* --- local APIC, vector registers -------------------------------------------------- */

static void local_apic(struct ktap *t)
{
	setup(HVM_EXIT_APIC, "\xa1\x30\x00\xe0\xfe", 5);
	x.run.apic.offset = 0x30;
	x.run.apic.value = 0x50014;
	completed(t, 5);
	KTAP_EQ(t, x.run.gpr[HVM_RAX], 0x50014);
	setup(HVM_EXIT_APIC, "\xc7\x05\xb0\x00\xe0\xfe\x21\x43\x65\x87", 10);
	x.run.apic.offset = 0xb0;
	x.run.apic.write = 1;
	completed(t, 10);
	KTAP_EQ(t, x.run.apic.value, 0x87654321);
	KTAP_EQ(t, x.reads + x.writes, 0);
}

static void vector_registers(struct ktap *t)
{
	/* movups xmm1, [device]; then movups [device], xmm1. */
	setup_memory("\x0f\x10\x0d\x00\x00\x10\x00", 7, DEVICE, HVM_ACCESS_READ);
	memset(x.device, 0x3c, 16);
	completed(t, 7);
	KTAP_TRUE(t, x.xsave_set);
	KTAP_TRUE(t, !memcmp(x.xsave + 160 + 16, x.device, 16));
	KTAP_EQ(t, x.xsave[512] & 2, 2);
	setup_memory("\x0f\x11\x0d\x00\x00\x10\x00", 7, DEVICE, HVM_ACCESS_WRITE);
	x.xsave[512] = 2;
	memset(x.xsave + 160 + 16, 0x77, 16);
	completed(t, 7);
	KTAP_EQ(t, x.device[15], 0x77);
	KTAP_TRUE(t, !x.xsave_set);
	/* A component in its initial state is zero, whatever the image holds. */
	setup_memory("\x0f\x11\x0d\x00\x00\x10\x00", 7, DEVICE, HVM_ACCESS_WRITE);
	memset(x.xsave + 160 + 16, 0x77, 16);
	completed(t, 7);
	KTAP_EQ(t, x.device[15], 0);
}

static const struct ktap_case cases[] = {
	{ "port_write", port_write },
	{ "port_read", port_read },
	{ "port_that_refuses", port_that_refuses },
	{ "string_port_write", string_port_write },
	{ "string_is_interrupted", string_is_interrupted },
	{ "store_and_load", store_and_load },
	{ "read_modify_write", read_modify_write },
	{ "copy_from_device_to_memory", copy_from_device_to_memory },
	{ "device_that_refuses", device_that_refuses },
	{ "across_memory_and_device", across_memory_and_device },
	{ "not_known", not_known },
	{ "under_paging", under_paging },
	{ "without_a_walk", without_a_walk },
	{ "same_store_again", same_store_again },
	{ "same_load_again", same_load_again },
	{ "another_store_there", another_store_there },
	{ "same_store_across_pages", same_store_across_pages },
	{ "memory_that_moves", memory_that_moves },
	{ "selector_in_64bit_code", selector_in_64bit_code },
	{ "page_fault", page_fault },
	{ "exception_without_error_code", exception_without_error_code },
	{ "local_apic", local_apic },
	{ "vector_registers", vector_registers },
};

int main(int argc, char **argv)
{
	int status = KTAP_MAIN(argc, argv, cases);

	hvm_access_deinit(&x.access);
	return status;
}
