// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes and ends the local APICs that the tests of kernel/irq work on.
 */
#include "lapic_fixture.h"

struct fixture *fixture_new(enum fixture_mode mode, const u32 *ids, unsigned int count)
{
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) & ~63UL);
	unsigned int i;

	assert(f && count <= FIXTURE_LAPICS);
	memset(f, 0, sizeof(*f));
	assert(!hvm_irq_init(&f->irq));
	for (i = 0; i < count; i++) {
		assert(!hvm_lapic_init(&f->lapic[i], &f->irq, &f->bell[i], ids[i]));
		if (mode == X2APIC)
			assert(!hvm_lapic_msr_write(&f->lapic[i], HVM_MSR_APIC_BASE,
						    f->lapic[i].base | HVM_APIC_BASE_X2APIC));
		if (mode == X2APIC)
			assert(!hvm_lapic_msr_write(&f->lapic[i], MSR(HVM_APIC_SVR), 0x1ff));
		if (mode == XAPIC)
			wr(&f->lapic[i], HVM_APIC_SVR, 0x1ff);
	}
	f->count = count;
	return f;
}

struct fixture *fixture_one(enum fixture_mode mode)
{
	const u32 id = 0;

	return fixture_new(mode, &id, 1);
}

void fixture_free(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < f->count; i++)
		hvm_lapic_deinit(&f->lapic[i]);
	hvm_irq_deinit(&f->irq);
	free(f);
}
