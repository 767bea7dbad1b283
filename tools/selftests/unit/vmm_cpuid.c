// SPDX-License-Identifier: GPL-2.0-only
/*
 * The topology leaves of CPUID for several numbers of processors, on tables as Intel's and AMD's
 * hosts offer them.
 */
#include "ktap.h"
#include "vmm/cpuid.h"

static struct cpuid_table table;

static void add(uint32_t leaf, uint32_t subleaf, uint32_t flags, uint32_t eax)
{
	table.entry[table.count++] = (struct hvm_cpuid_entry){
		.leaf = leaf, .subleaf = subleaf, .flags = flags, .eax = eax,
		.ebx = 0x12345678, .ecx = 0x87654321, .edx = 0xffffffff,
	};
}

static const struct hvm_cpuid_entry *get(uint32_t leaf, uint32_t subleaf)
{
	static const struct hvm_cpuid_entry none;

	for (uint32_t i = 0; i < table.count; i++) {
		if (table.entry[i].leaf == leaf && table.entry[i].subleaf == subleaf)
			return &table.entry[i];
	}
	return &none;
}

static void offer_ids(uint32_t cpus, uint32_t last_id)
{
	table.count = 0;
	add(0, 0, 0, 0x1f);
	add(1, 0, 0, 0);
	add(4, 0, HVM_CPUID_SUBLEAF, 0xfc01c121);	/* L1 data */
	add(4, 1, HVM_CPUID_SUBLEAF, 0xfc01c163);	/* L3 */
	add(4, 2, HVM_CPUID_SUBLEAF, 0);
	add(0xb, 0, HVM_CPUID_SUBLEAF, 7);
	add(0x80000008, 0, 0, 0x3030);
	add(0x8000001e, 0, 0, 9);
	cpuid_set_topology(&table, cpus, last_id);
}

static void offer(uint32_t cpus)
{
	offer_ids(cpus, cpus - 1);
}

static void one_processor(struct ktap *t)
{
	offer(1);
	KTAP_EQ(t, get(1, 0)->ebx, 0x12015678);
	KTAP_EQ(t, get(1, 0)->edx, 0xefffffff);
	KTAP_EQ(t, get(4, 0)->eax, 0x00000121);
	KTAP_EQ(t, get(4, 1)->eax, 0x00000163);
	KTAP_EQ(t, get(0x80000008, 0)->ecx, 0x87650300);
}

static void many_processors(struct ktap *t)
{
	offer(6);
	KTAP_EQ(t, get(1, 0)->ebx, 0x12085678);
	KTAP_EQ(t, get(1, 0)->edx, 0xffffffff);
	KTAP_EQ(t, get(4, 0)->eax, 7U << 26 | 0x121);
	KTAP_EQ(t, get(4, 1)->eax, 7U << 26 | 7 << 14 | 0x163);
	KTAP_EQ(t, get(4, 2)->eax, 0);
	KTAP_EQ(t, get(0xb, 0)->eax, 0);
	KTAP_EQ(t, get(0xb, 0)->ebx, 1);
	KTAP_EQ(t, get(0xb, 0)->ecx, 0x100);
	KTAP_EQ(t, get(0xb, 1)->flags, HVM_CPUID_SUBLEAF);
	KTAP_EQ(t, get(0xb, 1)->eax, 3);
	KTAP_EQ(t, get(0xb, 1)->ebx, 6);
	KTAP_EQ(t, get(0xb, 1)->ecx, 0x201);
	KTAP_EQ(t, get(0x80000008, 0)->ecx, 0x87653305);
	KTAP_EQ(t, get(0x8000001e, 0)->ebx & 0xff00, 0);
	KTAP_EQ(t, get(0, 0)->eax, 0x1f);
}

static void most_processors(struct ktap *t)
{
	offer(1024);
	KTAP_EQ(t, get(1, 0)->ebx >> 16 & 0xff, 255);
	KTAP_EQ(t, get(4, 1)->eax >> 26, 63);
	KTAP_EQ(t, get(4, 1)->eax >> 14 & 0xfff, 1023);
	KTAP_EQ(t, get(0xb, 1)->eax, 10);
	KTAP_EQ(t, get(0x80000008, 0)->ecx & 0xf0ff, 0xa0ff);
}

static void sparse_ids(struct ktap *t)
{
	offer_ids(3, 1023);
	KTAP_EQ(t, get(1, 0)->ebx >> 16 & 0xff, 255);
	KTAP_EQ(t, get(1, 0)->edx, 0xffffffff);
	KTAP_EQ(t, get(4, 1)->eax >> 14 & 0xfff, 1023);
	KTAP_EQ(t, get(0xb, 1)->eax, 10);
	KTAP_EQ(t, get(0xb, 1)->ebx, 3);
	KTAP_EQ(t, get(0x80000008, 0)->ecx & 0xf0ff, 0xa002);
	offer_ids(2, 4095);
	KTAP_EQ(t, get(0xb, 1)->eax, 12);
	KTAP_EQ(t, get(0x80000008, 0)->ecx & 0xf0ff, 0xc001);
}

static void leaves_are_added_only_to_those_offered(struct ktap *t)
{
	table.count = 0;
	add(1, 0, 0, 0);
	cpuid_set_topology(&table, 4, 3);
	KTAP_EQ(t, table.count, 1);
	table.count = 0;
	for (uint32_t i = 0; i < 256; i++)
		add(0xb, i ? i + 1 : 0, HVM_CPUID_SUBLEAF, 0);
	cpuid_set_topology(&table, 4, 3);
	KTAP_EQ(t, table.count, 256);
}

static const struct ktap_case cases[] = {
	{ "one_processor", one_processor },
	{ "many_processors", many_processors },
	{ "most_processors", most_processors },
	{ "sparse_ids", sparse_ids },
	{ "leaves_are_added_only_to_those_offered", leaves_are_added_only_to_those_offered },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
