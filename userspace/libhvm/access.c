// SPDX-License-Identifier: MIT
/*
 * From an exit to a finished instruction. Port accesses that name their operand take the short way;
 * everything else is decoded and executed, with guest memory reached through the guest's own page
 * tables.
 *
 * Manuals: SDM volume 1, "Managing State Using the XSAVE Feature Set" (layout of the image).
 */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "insn/table.h"

#define PAGE_BYTES	4096u
#define APIC_PAGE	0xfee00000ULL

#define RFLAGS_AC	(1ULL << 18)

/* Offsets in an XSAVE image of the standard format, and its component bits. */
#define XSAVE_XMM	160
#define XSAVE_BV	512
#define XSAVE_YMM_HIGH	576
#define XSAVE_AVX_END	832
#define XFEATURE_SSE	2ULL
#define XFEATURE_AVX	4ULL
#define XFEATURE_ZMM	64ULL	/* the upper halves of ZMM0 to 15 */
#define ZMM_HALF	32

static struct hvm_access *access_of(struct insn_cpu *cpu)
{
	return (struct hvm_access *)((char *)cpu - offsetof(struct hvm_access, cpu));
}

/* --- the same instruction again -------------------------------------------- */

/* All that the way to an instruction and its meaning depend on, but for memory. */
static bool is_same_place(const struct hvm_access *a)
{
	const struct hvm_run *run = a->vcpu->run;
	const struct hvm_access_memo *m = &a->memo;
	const struct insn_cpu *cpu = &a->cpu;

	return !((run->rip ^ cpu->rip) | (run->cr0 ^ cpu->cr0) | (run->cr3 ^ m->cr3) |
		 (run->cr4 ^ cpu->cr4) | (run->efer ^ cpu->efer) | (run->cpl ^ cpu->cpl) |
		 (run->seg[HVM_CS].attributes ^ m->cs) | cpu->io_checked | run->insn_bytes_len);
}

/*
 * Drivers reach a device from few places. Where the bytes of the last instruction were found is
 * kept, with every table entry on the way: while all of them are what they were, so are the way,
 * the bytes and the decoded instruction. To read these few words again takes a fraction of a walk,
 * and the guest need not tell what it changed.
 */
static bool is_repeated(const struct hvm_access *a)
{
	const struct hvm_access_memo *m = &a->memo;
	unsigned int i;

	if (!m->count || !is_same_place(a) || a->vcpu->run->reason == HVM_EXIT_PIO)
		return false;
	for (i = 0; i < m->count; i++)
		if (__atomic_load_n(m->at[i], __ATOMIC_RELAXED) != m->entry[i])
			return false;
	return !memcmp(m->code, a->bytes, 8) && !memcmp(m->code + 7, a->bytes + 7, 8);
}

/* The bytes of an instruction are about to be looked for: note the steps. */
static void begin_memo(struct hvm_access *a)
{
	const struct hvm_run *run = a->vcpu->run;

	a->memo = (struct hvm_access_memo) {
		.cs = run->seg[HVM_CS].attributes,
		.cr3 = run->cr3,
	};
	a->noting = a->ops->ram_stays;
}

static void note_entry(struct hvm_access *a, const uint64_t *at, uint64_t entry)
{
	struct hvm_access_memo *m = &a->memo;

	if (m->count < HVM_ACCESS_LEVELS) {
		m->at[m->count] = at;
		m->entry[m->count] = entry;
	}
	m->count++;
}

/* Worth keeping only where one walk of 64-bit tables found all that an instruction may have. */
static void end_memo(struct hvm_access *a, uint64_t gpa, unsigned int bytes)
{
	if (!a->noting)
		return;
	a->noting = false;
	a->memo.code = bytes < INSN_MAX_LENGTH ? NULL : a->ops->ram(a, gpa, bytes, false);
	if (!a->memo.code || a->memo.count > HVM_ACCESS_LEVELS ||
	    insn_cpu_mode(&a->cpu) != INSN_MODE_64)
		a->memo.count = 0;
}

/* --- guest memory -------------------------------------------------------- */

static bool read_entry(struct walk_memory *memory, uint64_t gpa, void *entry, unsigned int size)
{
	struct hvm_access *a = (struct hvm_access *)((char *)memory -
						     offsetof(struct hvm_access, memory));
	void *at = a->ops->ram(a, gpa, size, false);

	if (!at)
		return false;
	if (size == 8)
		*(uint64_t *)entry = __atomic_load_n((uint64_t *)at, __ATOMIC_RELAXED);
	else
		*(uint32_t *)entry = __atomic_load_n((uint32_t *)at, __ATOMIC_RELAXED);
	if (a->noting && size == 8)
		note_entry(a, at, *(uint64_t *)entry);
	return true;
}

static bool update_entry(struct walk_memory *memory, uint64_t gpa, uint64_t old, uint64_t new,
			 unsigned int size)
{
	struct hvm_access *a = (struct hvm_access *)((char *)memory -
						     offsetof(struct hvm_access, memory));
	void *at = a->ops->ram(a, gpa, size, true);
	uint32_t old32 = (uint32_t)old;

	if (!at)
		return false;
	if (size == 8)
		return __atomic_compare_exchange_n((uint64_t *)at, &old, new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	return __atomic_compare_exchange_n((uint32_t *)at, &old32, (uint32_t)new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Copies of an operand's size are one access, as the guest's other processors expect. */
static void copy(void *to, const void *from, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		__builtin_memcpy(to, from, 1);
		break;
	case 2:
		__builtin_memcpy(to, from, 2);
		break;
	case 4:
		__builtin_memcpy(to, from, 4);
		break;
	case 8:
		__builtin_memcpy(to, from, 8);
		break;
	default:
		memcpy(to, from, bytes);
	}
}

static enum insn_status stop(struct hvm_access *a, int error)
{
	a->error = error;
	return INSN_STOP;
}

/* The register is known from the exit; no other may be touched by the same instruction. */
static bool is_apic(const struct hvm_access *a, uint64_t gpa)
{
	const struct hvm_run *run = a->vcpu->run;

	return run->reason == HVM_EXIT_APIC && gpa == APIC_PAGE + run->apic.offset;
}

static enum insn_status read_piece(struct hvm_access *a, uint64_t gpa, void *data,
				   unsigned int bytes, enum insn_access access)
{
	void *ram = a->ops->ram(a, gpa, bytes, false);
	int ret;

	if (ram) {
		copy(data, ram, bytes);
		return INSN_OK;
	}
	if (access == INSN_FETCH)
		return stop(a, -EOPNOTSUPP);
	if (is_apic(a, gpa)) {
		memset(data, 0, bytes);
		memcpy(data, &a->vcpu->run->apic.value, bytes < 8 ? bytes : 8);
		return INSN_OK;
	}
	ret = a->ops->read(a, gpa, data, bytes);
	return ret < 0 ? stop(a, ret) : INSN_OK;
}

static enum insn_status write_device(struct hvm_access *a, uint64_t gpa, const void *data,
				     unsigned int bytes)
{
	int ret;

	if (is_apic(a, gpa)) {
		uint64_t value = 0;

		memcpy(&value, data, bytes < 8 ? bytes : 8);
		a->vcpu->run->apic.value = value;
		return INSN_OK;
	}
	ret = a->ops->write(a, gpa, data, bytes);
	return ret < 0 ? stop(a, ret) : INSN_OK;
}

static enum insn_status write_piece(struct hvm_access *a, uint64_t gpa, const void *data,
				    unsigned int bytes)
{
	void *ram = a->ops->ram(a, gpa, bytes, true);

	if (!ram)
		return write_device(a, gpa, data, bytes);
	copy(ram, data, bytes);
	return INSN_OK;
}

/* --- addresses ----------------------------------------------------------- */

static bool has_two_operands(const struct insn *insn)
{
	switch (insn->op) {
	case OP_MOVS:
	case OP_CMPS:
	case OP_PUSH:
	case OP_POP:
		return true;
	default:
		return false;
	}
}

/*
 * The processor has just translated the operand that made it leave, rights included: where there is
 * only one, its first address is the exit's, and no walk is needed.
 */
static bool use_hint(struct hvm_access *a, uint64_t gva, unsigned int bytes, uint64_t *gpa)
{
	const struct hvm_run *run = a->vcpu->run;
	uint64_t known = run->reason == HVM_EXIT_MEMORY ? run->memory.gpa :
			 APIC_PAGE + run->apic.offset;

	if (run->reason == HVM_EXIT_PIO || has_two_operands(&a->insn))
		return false;
	if ((gva ^ known) % PAGE_BYTES || bytes > PAGE_BYTES - gva % PAGE_BYTES)
		return false;
	if (a->hinted && a->hint != gva)
		return false;
	a->hinted = true;
	a->hint = gva;
	*gpa = known;
	return true;
}

static unsigned int walk_access(const struct hvm_access *a, enum insn_access access)
{
	unsigned int bits = a->cpu.cpl == 3 ? WALK_USER : 0;

	if (access == INSN_WRITE || access == INSN_MODIFY)
		bits |= WALK_WRITE;
	if (access == INSN_FETCH)
		bits |= WALK_FETCH;
	return bits;
}

static enum insn_status translate(struct hvm_access *a, uint64_t gva, unsigned int bytes,
				  enum insn_access access, struct walk_result results[2],
				  unsigned int *first)
{
	uint64_t fault_gva = gva;
	enum walk_status found;

	a->paging.cr0 = a->cpu.cr0;
	a->paging.cr3 = a->vcpu->run->cr3;
	a->paging.cr4 = a->cpu.cr4;
	a->paging.efer = a->cpu.efer;
	a->paging.ac = a->cpu.rflags & RFLAGS_AC;
	if (access == INSN_FETCH && !a->n)
		begin_memo(a);
	found = walk_range(&a->paging, &a->memory, gva, bytes, walk_access(a, access), results,
			   &fault_gva, first);
	end_memo(a, results[0].gpa, found == WALK_OK ? *first : 0);
	switch (found) {
	case WALK_OK:
		return INSN_OK;
	case WALK_FAULT:
		return insn_page_fault(&a->cpu, fault_gva, results[0].error | results[1].error);
	default:
		return stop(a, -EOPNOTSUPP);
	}
}

static enum insn_status mem_read(struct insn_cpu *cpu, uint64_t gva, void *buf, unsigned int size,
				 enum insn_access access)
{
	struct hvm_access *a = access_of(cpu);
	struct walk_result results[2];
	enum insn_status status;
	unsigned int first;

	if (access != INSN_FETCH && use_hint(a, gva, size, &results[0].gpa))
		return read_piece(a, results[0].gpa, buf, size, access);
	results[1].error = 0;
	status = translate(a, gva, size, access, results, &first);
	if (status)
		return status;
	status = read_piece(a, results[0].gpa, buf, first, access);
	if (status || first == size)
		return status;
	return read_piece(a, results[1].gpa, (uint8_t *)buf + first, size - first, access);
}

static enum insn_status mem_write(struct insn_cpu *cpu, uint64_t gva, const void *buf,
				  unsigned int size)
{
	struct hvm_access *a = access_of(cpu);
	struct walk_result results[2];
	enum insn_status status;
	unsigned int first;

	/* What made the processor leave is that there is no memory to write to. */
	if (use_hint(a, gva, size, &results[0].gpa))
		return write_device(a, results[0].gpa, buf, size);
	results[1].error = 0;
	status = translate(a, gva, size, INSN_WRITE, results, &first);
	if (status)
		return status;
	status = write_piece(a, results[0].gpa, buf, first);
	if (status || first == size)
		return status;
	return write_piece(a, results[1].gpa, (const uint8_t *)buf + first, size - first);
}

static enum insn_status mem_probe(struct insn_cpu *cpu, uint64_t gva, unsigned int size)
{
	struct hvm_access *a = access_of(cpu);
	struct walk_result results[2];
	unsigned int first;

	if (use_hint(a, gva, size, &results[0].gpa))
		return INSN_OK;
	results[1].error = 0;
	return translate(a, gva, size, INSN_WRITE, results, &first);
}

static enum insn_status io_in(struct insn_cpu *cpu, uint16_t port, unsigned int size,
			      uint32_t *value)
{
	struct hvm_access *a = access_of(cpu);
	int ret = a->ops->in(a, port, size, value);

	return ret < 0 ? stop(a, ret) : INSN_OK;
}

static enum insn_status io_out(struct insn_cpu *cpu, uint16_t port, unsigned int size,
			       uint32_t value)
{
	struct hvm_access *a = access_of(cpu);
	int ret = a->ops->out(a, port, size, value);

	return ret < 0 ? stop(a, ret) : INSN_OK;
}

static const struct insn_ops insn_ops = {
	.read = mem_read,
	.write = mem_write,
	.probe = mem_probe,
	.io_in = io_in,
	.io_out = io_out,
};

/* --- vector registers ----------------------------------------------------- */

static uint64_t *xstate_bv(struct hvm_access *a)
{
	return (uint64_t *)(a->xsave + XSAVE_BV);
}

static int transfer_xsave(struct hvm_access *a, bool set)
{
	struct hvm_state state;
	struct hvm_state_buffer buffer = {
		.address = (uintptr_t)a->xsave,
		.count = a->xsave_bytes,
	};

	memset(&state, 0, sizeof(state));
	state.xsave = buffer;
	if (set)
		return hvm_vcpu_set_state(a->vcpu, &state, HVM_STATE_XSAVE);
	return hvm_vcpu_get_state(a->vcpu, &state, HVM_STATE_XSAVE);
}

/* Components that the image says are in their initial state may hold anything. */
static int load_vectors(struct hvm_access *a)
{
	int ret = a->xsave ? transfer_xsave(a, false) : -EOPNOTSUPP;

	if (ret < 0)
		return ret;
	if (!(*xstate_bv(a) & XFEATURE_SSE))
		memset(a->xsave + XSAVE_XMM, 0, 16 * 16);
	a->cpu.xmm = (uint8_t (*)[16])(a->xsave + XSAVE_XMM);
	if (a->xsave_bytes >= XSAVE_AVX_END) {
		if (!(*xstate_bv(a) & XFEATURE_AVX))
			memset(a->xsave + XSAVE_YMM_HIGH, 0, 16 * 16);
		a->cpu.ymm_high = (uint8_t (*)[16])(a->xsave + XSAVE_YMM_HIGH);
	}
	return 0;
}

/* A VEX encoding clears all of the register that it does not load. */
static void clear_zmm(struct hvm_access *a)
{
	unsigned int size, at, c, d;

	if (!(*xstate_bv(a) & XFEATURE_ZMM) || !__get_cpuid_count(0xd, 6, &size, &at, &c, &d))
		return;
	at += (a->insn.reg & 15) * ZMM_HALF;
	if (at + ZMM_HALF <= a->xsave_bytes)
		memset(a->xsave + at, 0, ZMM_HALF);
}

static int store_vectors(struct hvm_access *a)
{
	*xstate_bv(a) |= XFEATURE_SSE;
	if (a->insn.flags & INSN_F_VEX) {
		*xstate_bv(a) |= XFEATURE_AVX;
		clear_zmm(a);
	}
	return transfer_xsave(a, true);
}

/* Fetched only for the instructions that need them: the block is large. */
static enum insn_status step_with_vectors(struct hvm_access *a)
{
	enum insn_status status;

	if (load_vectors(a) < 0)
		return INSN_UNSUPPORTED;
	status = insn_step(&a->cpu, a->bytes, &a->n, &a->insn);
	if (status == INSN_OK && a->insn.op == OP_VLOAD) {
		int ret = store_vectors(a);

		if (ret < 0)
			status = stop(a, ret);
	}
	a->cpu.xmm = NULL;
	a->cpu.ymm_high = NULL;
	return status;
}

/* In 64-bit code the page does not have them: hardly an instruction asks. */
static enum insn_status step_with_selectors(struct hvm_access *a)
{
	struct hvm_state state;
	enum insn_status status;

	if (hvm_vcpu_get_state(a->vcpu, &state, HVM_STATE_SEGMENTS) < 0)
		return INSN_UNSUPPORTED;
	a->cpu.seg = state.segments.seg;
	a->cpu.no_selectors = false;
	status = insn_execute(&a->cpu, &a->insn);
	a->cpu.seg = a->vcpu->run->seg;
	a->cpu.no_selectors = true;
	return status;
}

static bool needs_selectors(const struct hvm_access *a)
{
	return a->insn.length && a->insn.op == OP_STORE_SEG && a->cpu.no_selectors;
}

static bool needs_vectors(const struct hvm_access *a)
{
	return a->insn.length && (a->insn.op == OP_VLOAD || a->insn.op == OP_VSTORE);
}

/* --- outcomes ------------------------------------------------------------- */

/* Registers that a string instruction has moved on without being complete. */
static int commit_registers(struct hvm_access *a)
{
	struct hvm_state state;

	if (!a->insn.length || !(a->insn.flags & (INSN_F_REP | INSN_F_REPNE)))
		return 0;
	memset(&state, 0, sizeof(state));
	memcpy(state.gpr.gpr, a->cpu.gpr, sizeof(state.gpr.gpr));
	state.gpr.rip = a->cpu.rip;
	state.gpr.rflags = a->cpu.rflags;
	return hvm_vcpu_set_state(a->vcpu, &state, HVM_STATE_GPR);
}

static int raise(struct hvm_access *a)
{
	const struct insn_exception *e = &a->cpu.exception;
	struct hvm_event event = {
		.type = HVM_EVENT_EXCEPTION,
		.vector = e->vector,
		.flags = e->has_error ? HVM_EVENT_ERROR : 0,
		.error = e->has_error ? e->error : 0,
	};
	int ret = commit_registers(a);

	if (ret < 0)
		return ret;
	if (e->vector == INSN_PF) {
		event.flags |= HVM_EVENT_PAYLOAD;
		event.payload = e->cr2;
	}
	return hvm_vcpu_inject(a->vcpu, &event);
}

static int conclude(struct hvm_access *a, enum insn_status status)
{
	struct hvm_run *run = a->vcpu->run;
	int ret;

	switch (status) {
	case INSN_OK:
		run->rflags = a->cpu.rflags;
		hvm_complete(run, a->insn.length);
		return 0;
	case INSN_AGAIN:
		return commit_registers(a);
	case INSN_EXCEPTION:
		return raise(a);
	case INSN_STOP:
		ret = commit_registers(a);
		return ret < 0 ? ret : a->error;
	default:
		return -EOPNOTSUPP;
	}
}

static void load_cpu(struct hvm_access *a)
{
	const struct hvm_run *run = a->vcpu->run;

	a->cpu.rip = run->rip;
	a->cpu.rflags = run->rflags;
	a->cpu.cr0 = run->cr0;
	a->cpu.cr4 = run->cr4;
	a->cpu.efer = run->efer;
	a->cpu.cpl = run->cpl;
	a->cpu.no_selectors = insn_cpu_mode(&a->cpu) == INSN_MODE_64;
	a->cpu.io_checked = run->reason == HVM_EXIT_PIO;
	a->cpu.io_port = run->pio.port;
	a->cpu.io_size = run->pio.bytes;
}

/* A new instruction; hardware may have delivered its bytes. */
static void load_bytes(struct hvm_access *a)
{
	const struct hvm_run *run = a->vcpu->run;
	size_t n = run->insn_bytes_len;

	a->n = n < INSN_MAX_LENGTH ? n : INSN_MAX_LENGTH;
	memcpy(a->bytes, run->insn_bytes, sizeof(run->insn_bytes));
	a->memo.count = 0;
	a->insn.length = 0;
	a->insn.op = OP_UNSUPPORTED;
}

static enum insn_status first_step(struct hvm_access *a, bool repeated)
{
	enum insn_status status;

	a->hinted = false;
	if (repeated) {
		a->cpu.rflags = a->vcpu->run->rflags;
		return insn_execute(&a->cpu, &a->insn);
	}
	load_cpu(a);
	load_bytes(a);
	status = insn_step(&a->cpu, a->bytes, &a->n, &a->insn);
	if (!a->insn.length)
		a->memo.count = 0;
	return status;
}

static __attribute__((noinline)) int execute(struct hvm_access *a, bool repeated)
{
	enum insn_status status;

	if (a->vcpu->run->reason == HVM_EXIT_MEMORY &&
	    (a->vcpu->run->memory.access & HVM_ACCESS_EXEC)) {
		load_cpu(a);
		load_bytes(a);
		return -EOPNOTSUPP;
	}
	status = first_step(a, repeated);
	if (status == INSN_UNSUPPORTED && needs_vectors(a))
		status = step_with_vectors(a);
	else if (status == INSN_UNSUPPORTED && needs_selectors(a))
		status = step_with_selectors(a);
	return conclude(a, status);
}

/*
 * What drivers do most: a register or a number goes to where the processor said, with no more ado.
 * The address that the exit tells is not the operand's where that began in the page before.
 */
static int finish_memory(struct hvm_access *a)
{
	struct hvm_run *run = a->vcpu->run;
	uint64_t gva, value, gpa = run->memory.gpa;
	int ret;

	if (!is_repeated(a))
		return execute(a, false);
	if (run->reason != HVM_EXIT_MEMORY || !insn_plain_store(&a->cpu, &a->insn, &gva, &value) ||
	    (gva ^ gpa) % PAGE_BYTES || a->insn.size > PAGE_BYTES - gva % PAGE_BYTES)
		return execute(a, true);
	ret = a->ops->write(a, gpa, &value, a->insn.size);
	if (ret < 0)
		return ret;
	hvm_complete(run, a->insn.length);
	return 0;
}

static int finish_port(struct hvm_access *a)
{
	struct hvm_run *run = a->vcpu->run;
	uint64_t mask = run->pio.bytes == 4 ? 0xffffffff : (1ULL << (8 * run->pio.bytes)) - 1;
	uint32_t value = 0;
	int ret;

	if (!(run->pio.flags & HVM_PIO_IN)) {
		value = (uint32_t)(run->gpr[HVM_RAX] & mask);
		ret = a->ops->out(a, run->pio.port, run->pio.bytes, value);
	} else {
		ret = a->ops->in(a, run->pio.port, run->pio.bytes, &value);
		if (run->pio.bytes == 4)
			run->gpr[HVM_RAX] = 0;
		run->gpr[HVM_RAX] = (run->gpr[HVM_RAX] & ~mask) | (value & mask);
	}
	if (ret < 0)
		return ret;
	hvm_complete(run, 0);
	return 0;
}

int hvm_access_finish(struct hvm_access *access)
{
	const struct hvm_run *run = access->vcpu->run;

	switch (run->reason) {
	case HVM_EXIT_PIO:
		if (!(run->pio.flags & HVM_PIO_STRING))
			return finish_port(access);
		return execute(access, false);
	case HVM_EXIT_MEMORY:
	case HVM_EXIT_APIC:
		return finish_memory(access);
	default:
		return -EINVAL;
	}
}

const char *hvm_access_describe(const struct hvm_access *access, char *buf, size_t size)
{
	return insn_describe(buf, size, access->bytes, access->n, &access->cpu);
}

int hvm_access_init(struct hvm_access *access, const struct hvm_access_ops *ops,
		    struct hvm_vcpu *vcpu, const struct hvm_get_info *info)
{
	*access = (struct hvm_access){
		.ops = ops,
		.vcpu = vcpu,
		.xsave_bytes = info->xsave_bytes,
		.cpu = {
			.ops = &insn_ops,
			.gpr = (uint64_t *)vcpu->run->gpr,
			.seg = vcpu->run->seg,
		},
		.paging = { .phys_bits = (uint8_t)info->gpa_bits },
		.memory = { .read = read_entry, .update = update_entry },
	};
	if (info->xsave_bytes >= XSAVE_YMM_HIGH) {
		access->xsave = aligned_alloc(64, (info->xsave_bytes + 63) & ~63U);
		if (!access->xsave)
			return -ENOMEM;
	}
	return 0;
}

void hvm_access_deinit(struct hvm_access *access)
{
	free(access->xsave);
	access->xsave = NULL;
}
