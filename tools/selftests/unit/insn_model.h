/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A processor with a little memory and one port for the executor's unit tests:
 * linear addresses from 0 are the memory, every callback is counted and the last
 * ones are remembered, and one address can be made to fault.
 */
#ifndef SELFTESTS_UNIT_INSN_MODEL_H
#define SELFTESTS_UNIT_INSN_MODEL_H

#include <stddef.h>
#include <string.h>

#include "insn/exec.h"
#include "insn/insn.h"

#define MODEL_MEMORY	0x20000u

/**
 * struct insn_model - the processor under test
 * @fault_at: a store or load that touches this address is #PF; 0: none
 * @stop_port: port accesses return INSN_STOP
 * @in_value: what the port gives, incremented by each read
 */
struct insn_model {
	struct insn_cpu cpu;
	struct hvm_segment seg[6];
	uint64_t gpr[16];
	uint8_t xmm[16][16];
	uint8_t ymm_high[16][16];
	uint8_t memory[MODEL_MEMORY];
	uint64_t fault_at;
	bool stop_port;
	unsigned int reads, writes, probes, ins, outs;
	unsigned int last_size;
	enum insn_access last_access;
	uint16_t last_port;
	uint32_t in_value, out_sum;
	struct insn insn;
};

static inline struct insn_model *model_of(struct insn_cpu *cpu)
{
	return (struct insn_model *)((char *)cpu - offsetof(struct insn_model, cpu));
}

static inline enum insn_status model_check(struct insn_model *m, uint64_t gva, unsigned int size)
{
	if (gva > MODEL_MEMORY - size)
		return INSN_STOP;
	if (m->fault_at && m->fault_at >= gva && m->fault_at < gva + size)
		return insn_page_fault(&m->cpu, m->fault_at, 2);
	return INSN_OK;
}

static inline enum insn_status model_read(struct insn_cpu *cpu, uint64_t gva, void *buf,
					  unsigned int size, enum insn_access access)
{
	struct insn_model *m = model_of(cpu);
	enum insn_status status = model_check(m, gva, size);

	m->reads++;
	m->last_size = size;
	m->last_access = access;
	if (status == INSN_OK)
		memcpy(buf, m->memory + gva, size);
	return status;
}

static inline enum insn_status model_write(struct insn_cpu *cpu, uint64_t gva, const void *buf,
					   unsigned int size)
{
	struct insn_model *m = model_of(cpu);
	enum insn_status status = model_check(m, gva, size);

	m->writes++;
	m->last_size = size;
	if (status == INSN_OK)
		memcpy(m->memory + gva, buf, size);
	return status;
}

static inline enum insn_status model_probe(struct insn_cpu *cpu, uint64_t gva, unsigned int size)
{
	model_of(cpu)->probes++;
	return model_check(model_of(cpu), gva, size);
}

static inline enum insn_status model_in(struct insn_cpu *cpu, uint16_t port, unsigned int size,
					uint32_t *value)
{
	struct insn_model *m = model_of(cpu);

	m->ins++;
	m->last_port = port;
	m->last_size = size;
	*value = m->in_value++;
	return m->stop_port ? INSN_STOP : INSN_OK;
}

static inline enum insn_status model_out(struct insn_cpu *cpu, uint16_t port, unsigned int size,
					 uint32_t value)
{
	struct insn_model *m = model_of(cpu);

	m->outs++;
	m->last_port = port;
	m->last_size = size;
	m->out_sum += value;
	return m->stop_port ? INSN_STOP : INSN_OK;
}

static const struct insn_ops insn_model_ops = {
	.read = model_read, .write = model_write, .probe = model_probe,
	.io_in = model_in, .io_out = model_out,
};

/* Flat segments of the mode, all registers zero, kernel privilege. */
static inline void model_init(struct insn_model *m, enum insn_mode mode, bool protected)
{
	static const uint16_t code[] = { 0, HVM_SEG_DB, HVM_SEG_L };

	memset(m, 0, sizeof(*m));
	for (unsigned int i = 0; i < 6; i++) {
		m->seg[i].limit = protected ? 0xffffffff : 0xffff;
		m->seg[i].attributes = HVM_SEG_P | HVM_SEG_S | 3;
		if (mode == INSN_MODE_32)
			m->seg[i].attributes |= HVM_SEG_DB;
	}
	m->seg[INSN_SEG_CS].attributes = HVM_SEG_P | HVM_SEG_S | 0xb | code[mode];
	m->cpu = (struct insn_cpu){
		.ops = &insn_model_ops, .gpr = m->gpr, .seg = m->seg, .xmm = m->xmm,
		.ymm_high = m->ymm_high, .rflags = 2, .cr0 = protected ? CR0_PE : 0,
		.cr4 = CR4_OSFXSR | CR4_OSXSAVE, .efer = mode == INSN_MODE_64 ? EFER_LMA : 0,
	};
}

/* Execute @n bytes as if the hardware had delivered them. */
static inline enum insn_status model_run(struct insn_model *m, const uint8_t *bytes, size_t n)
{
	uint8_t copy[INSN_MAX_LENGTH];

	memcpy(copy, bytes, n);
	return insn_step(&m->cpu, copy, &n, &m->insn);
}

#define RUN(m, ...) \
	model_run(m, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static inline uint64_t model_get(const struct insn_model *m, uint64_t at, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, m->memory + at, size);
	return value;
}

static inline void model_put(struct insn_model *m, uint64_t at, uint64_t value, unsigned int size)
{
	memcpy(m->memory + at, &value, size);
}

#endif
