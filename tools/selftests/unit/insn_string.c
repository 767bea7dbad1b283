// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of string and port instructions: repetition and its bound, faults
 * in the middle, port permissions, address sizes and segments.
 */
#include "insn_model.h"
#include "ktap.h"

#define M16	INSN_MODE_16
#define M32	INSN_MODE_32
#define M64	INSN_MODE_64

static struct insn_model m;

static void bounded_repeat(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDI] = 0x1000;
	m.gpr[INSN_RAX] = 0x5a;
	m.gpr[INSN_RCX] = INSN_MAX_REPEAT + 10;
	KTAP_EQ(t, RUN(&m, 0xf3, 0xaa), INSN_AGAIN);			/* rep stosb */
	KTAP_EQ(t, m.gpr[INSN_RCX], 10);
	KTAP_EQ(t, m.gpr[INSN_RDI], 0x1000 + INSN_MAX_REPEAT);
	KTAP_EQ(t, m.cpu.rip, 0);
	KTAP_EQ(t, RUN(&m, 0xf3, 0xaa), INSN_OK);
	KTAP_EQ(t, m.gpr[INSN_RCX], 0);
	KTAP_EQ(t, m.writes, INSN_MAX_REPEAT + 10);
	KTAP_EQ(t, RUN(&m, 0xf3, 0xaa), INSN_OK);
	KTAP_EQ(t, m.writes, INSN_MAX_REPEAT + 10);
}

static void fault_in_the_middle(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RSI] = 0x1000;
	m.gpr[INSN_RDI] = 0x2ff0;
	m.gpr[INSN_RCX] = 8;
	m.fault_at = 0x3000;
	KTAP_EQ(t, RUN(&m, 0xf3, 0xa5), INSN_EXCEPTION);		/* rep movsd */
	KTAP_EQ(t, m.cpu.exception.vector, INSN_PF);
	KTAP_EQ(t, m.cpu.exception.cr2, 0x3000);
	KTAP_EQ(t, m.gpr[INSN_RCX], 4);
	KTAP_EQ(t, m.gpr[INSN_RSI], 0x1010);
	KTAP_EQ(t, m.gpr[INSN_RDI], 0x3000);
}

static void backwards_16(struct ktap *t)
{
	model_init(&m, M16, false);
	m.seg[INSN_SEG_DS].base = 0x1000;
	m.seg[INSN_SEG_ES].base = 0x2000;
	m.seg[INSN_SEG_FS].base = 0x3000;
	m.cpu.rflags |= FLAG_DF;
	m.gpr[INSN_RSI] = 0xaaaa0002;
	m.gpr[INSN_RDI] = 0xbbbb0012;
	m.gpr[INSN_RCX] = 0xcccc0002;
	model_put(&m, 0x3000, 0x44332211, 4);
	KTAP_EQ(t, RUN(&m, 0x64, 0xf3, 0xa5), INSN_OK);	/* rep movsw from fs */
	KTAP_EQ(t, model_get(&m, 0x2010, 4), 0x44332211);
	KTAP_EQ(t, m.gpr[INSN_RCX], 0xcccc0000);
	KTAP_EQ(t, m.gpr[INSN_RSI], 0xaaaafffe);
	KTAP_EQ(t, m.gpr[INSN_RDI], 0xbbbb000e);
}

static void compare_ends(struct ktap *t)
{
	model_init(&m, M64, true);
	strcpy((char *)m.memory + 0x1000, "serial");
	strcpy((char *)m.memory + 0x2000, "series");
	m.gpr[INSN_RSI] = 0x1000;
	m.gpr[INSN_RDI] = 0x2000;
	m.gpr[INSN_RCX] = 6;
	KTAP_EQ(t, RUN(&m, 0xf3, 0xa6), INSN_OK);			/* repe cmpsb */
	KTAP_EQ(t, m.gpr[INSN_RCX], 1);
	KTAP_EQ(t, m.cpu.rflags & (FLAG_ZF | FLAG_CF), FLAG_CF);
	m.gpr[INSN_RDI] = 0x1000;
	m.gpr[INSN_RCX] = ~0ull;
	KTAP_EQ(t, RUN(&m, 0xf2, 0xae), INSN_OK);			/* repne scasb, al = 0 */
	KTAP_EQ(t, m.gpr[INSN_RDI], 0x1007);
}

static void string_out_in(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDX] = 0x103f8;
	m.gpr[INSN_RSI] = 0x1000;
	m.gpr[INSN_RCX] = 5;
	memcpy(m.memory + 0x1000, "\1\2\3\4\5", 5);
	KTAP_EQ(t, RUN(&m, 0xf3, 0x6e), INSN_OK);			/* rep outsb */
	KTAP_EQ(t, m.outs, 5);
	KTAP_EQ(t, m.out_sum, 15);
	KTAP_EQ(t, m.last_port, 0x3f8);
	KTAP_EQ(t, m.last_size, 1);
	m.gpr[INSN_RDI] = 0x2000;
	m.gpr[INSN_RCX] = 3;
	m.in_value = 0x100;
	KTAP_EQ(t, RUN(&m, 0xf3, 0x66, 0x6d), INSN_OK);			/* rep insw */
	KTAP_EQ(t, model_get(&m, 0x2000, 8), 0x010201010100);
	KTAP_EQ(t, m.probes, 3);
}

/* Nothing is taken from a port that cannot be stored. */
static void input_probes_first(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDI] = 0x2ffe;
	m.gpr[INSN_RCX] = 3;
	m.fault_at = 0x3000;
	KTAP_EQ(t, RUN(&m, 0xf3, 0x66, 0x6d), INSN_EXCEPTION);
	KTAP_EQ(t, m.ins, 1);
	KTAP_EQ(t, m.gpr[INSN_RCX], 2);
	m.gpr[INSN_RDI] = 0x8000000000000000;
	KTAP_EQ(t, RUN(&m, 0xf3, 0x66, 0x6d), INSN_EXCEPTION);
	KTAP_EQ(t, m.cpu.exception.vector, INSN_GP);
	KTAP_EQ(t, m.ins, 1);
}

static void plain_ports(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RAX] = 0x1122334455667788;
	m.gpr[INSN_RDX] = 0xcfc;
	m.in_value = 0xaabbccdd;
	KTAP_EQ(t, RUN(&m, 0xe6, 0x80), INSN_OK);			/* out 0x80, al */
	KTAP_EQ(t, m.last_port, 0x80);
	KTAP_EQ(t, m.out_sum, 0x88);
	KTAP_EQ(t, RUN(&m, 0x66, 0xed), INSN_OK);			/* in ax, dx */
	KTAP_EQ(t, m.last_port, 0xcfc);
	KTAP_EQ(t, m.gpr[INSN_RAX], 0x112233445566ccdd);
	KTAP_EQ(t, RUN(&m, 0xed), INSN_OK);
	KTAP_EQ(t, m.gpr[INSN_RAX], 0xaabbccde);
}

/* Above IOPL only the port that the hardware checked may be touched. */
static void port_permission(struct ktap *t)
{
	model_init(&m, M64, true);
	m.cpu.cpl = 3;
	m.gpr[INSN_RDX] = 0x64;
	KTAP_EQ(t, RUN(&m, 0xee), INSN_EXCEPTION);
	KTAP_EQ(t, m.cpu.exception.vector, INSN_GP);
	m.cpu.io_checked = true;
	m.cpu.io_port = 0x64;
	m.cpu.io_size = 1;
	KTAP_EQ(t, RUN(&m, 0xee), INSN_OK);
	KTAP_EQ(t, RUN(&m, 0xef), INSN_EXCEPTION);
	m.gpr[INSN_RDX] = 0x65;
	KTAP_EQ(t, RUN(&m, 0xee), INSN_EXCEPTION);
	m.cpu.rflags |= FLAG_IOPL;
	KTAP_EQ(t, RUN(&m, 0xee), INSN_OK);
	m.cpu.rflags |= FLAG_VM;
	KTAP_EQ(t, insn_cpu_mode(&m.cpu), M64);
	KTAP_EQ(t, RUN(&m, 0xee), INSN_EXCEPTION);
	KTAP_EQ(t, m.outs, 2);
}

/* A device that cannot answer now: what was done stays done, the rest waits. */
static void stop_in_the_middle(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDI] = MODEL_MEMORY - 2;
	m.gpr[INSN_RCX] = 4;
	KTAP_EQ(t, RUN(&m, 0xf3, 0xaa), INSN_STOP);
	KTAP_EQ(t, m.gpr[INSN_RCX], 2);
	m.stop_port = true;
	m.gpr[INSN_RAX] = 0x55;
	KTAP_EQ(t, RUN(&m, 0xec), INSN_STOP);
	KTAP_EQ(t, m.gpr[INSN_RAX], 0x55);
}

/* ECX counts where addresses have 32 bits, and its upper half is cleared. */
static void address_size_override(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDI] = 0xffffffff00001000;
	m.gpr[INSN_RCX] = 0xffffffff00000002;
	KTAP_EQ(t, RUN(&m, 0x67, 0xf3, 0xab), INSN_OK);
	KTAP_EQ(t, m.gpr[INSN_RDI], 0x1008);
	KTAP_EQ(t, m.gpr[INSN_RCX], 0);
}

static void destination_segment(struct ktap *t)
{
	model_init(&m, M32, true);
	m.seg[INSN_SEG_ES].limit = 0x1003;
	m.gpr[INSN_RDI] = 0x1000;
	m.gpr[INSN_RCX] = 2;
	/* An override does not move the destination out of ES. */
	KTAP_EQ(t, RUN(&m, 0x64, 0xf3, 0xab), INSN_EXCEPTION);
	KTAP_EQ(t, m.cpu.exception.vector, INSN_GP);
	KTAP_EQ(t, m.gpr[INSN_RCX], 1);
	KTAP_EQ(t, m.writes, 1);
}

static const struct ktap_case cases[] = {
	{ "bounded_repeat", bounded_repeat },
	{ "fault_in_the_middle", fault_in_the_middle },
	{ "backwards_16", backwards_16 },
	{ "compare_ends", compare_ends },
	{ "string_out_in", string_out_in },
	{ "input_probes_first", input_probes_first },
	{ "plain_ports", plain_ports },
	{ "port_permission", port_permission },
	{ "stop_in_the_middle", stop_in_the_middle },
	{ "address_size_override", address_size_override },
	{ "destination_segment", destination_segment },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
