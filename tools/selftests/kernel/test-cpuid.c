// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID tells a guest: what the host offers, tables and their errors, and what the kernel
 * fills in. Not here: what follows from a feature.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "step.h"

#define MAX_CPUID	256

/* --- CPUID: what the host offers ------------------------------------------- */

static uint32_t get_offer(struct guest *g, struct hvm_cpuid_entry entries[MAX_CPUID])
{
	struct hvm_cpuid arg = {
		.size = sizeof(arg),
		.count = MAX_CPUID,
		.entries = (uintptr_t)entries,
	};

	KTAP_OK(g->t, ioctl(g->dev, HVM_GET_CPUID, &arg));
	return arg.count <= MAX_CPUID ? arg.count : 0;
}

static struct hvm_cpuid_entry *find(struct hvm_cpuid_entry *entries, uint32_t count, uint32_t leaf)
{
	for (uint32_t i = 0; i < count; i++)
		if (entries[i].leaf == leaf)
			return &entries[i];
	return NULL;
}

static void offer_is_sorted_and_well_formed(struct ktap *t)
{
	struct hvm_cpuid_entry e[MAX_CPUID] = {};
	struct guest g;
	uint32_t n;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	n = get_offer(&g, e);
	KTAP_TRUE(t, n >= 20);
	for (uint32_t i = 0; i < n; i++) {
		KTAP_EQ(t, e[i].reserved, 0);
		KTAP_EQ(t, e[i].flags & ~HVM_CPUID_SUBLEAF, 0);
		if (i)
			KTAP_TRUE(t, e[i].leaf > e[i - 1].leaf ||
				  (e[i].leaf == e[i - 1].leaf &&
				   e[i].subleaf > e[i - 1].subleaf));
	}
	KTAP_REQUIRE(t, find(e, n, 0) && find(e, n, 0x80000000));
	for (uint32_t i = 0; i < n; i++)
		if (e[i].leaf < 0x40000000)
			KTAP_TRUE(t, e[i].leaf <= find(e, n, 0)->eax);
		else if (e[i].leaf >= 0x80000000)
			KTAP_TRUE(t, e[i].leaf <= find(e, n, 0x80000000)->eax);
	guest_close(&g);
}

static void offer_is_honest(struct ktap *t)
{
	struct hvm_cpuid_entry e[MAX_CPUID] = {}, *one, *ext, *pv;
	struct guest g;
	uint32_t n;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	n = get_offer(&g, e);
	one = find(e, n, 1);
	ext = find(e, n, 0x80000001);
	KTAP_REQUIRE(t, one && ext && find(e, n, 0x40000000));
	/* x2APIC, TSC deadline, a hypervisor; no MONITOR, VMX, PDCM, OSXSAVE. */
	KTAP_EQ(t, one->ecx & 0x81200000, 0x81200000);
	KTAP_EQ(t, one->ecx & (1 << 3 | 1 << 5 | 1 << 15 | 1 << 27), 0);
	KTAP_EQ(t, one->edx & (1 << 9), 1 << 9);
	KTAP_EQ(t, ext->ecx & (1 << 2), 0);
	KTAP_TRUE(t, !find(e, n, 0xa) && !find(e, n, 0x12) && !find(e, n, 0x14));
	KTAP_TRUE(t, !memcmp(&find(e, n, 0x40000000)->ebx, "KVMK", 4));
	pv = find(e, n, 0x40000001);
	KTAP_REQUIRE(t, pv);
	KTAP_EQ(t, pv->eax & ~(0xbU | 1 << 5 | 1 << 6 | 1 << 9 | 3 << 11 | 1 << 15 | 1 << 24), 0);
	KTAP_EQ(t, pv->eax & (1 << 3), 1 << 3);
	guest_close(&g);
}

static void offer_fills_only_the_places_given(struct ktap *t)
{
	struct hvm_cpuid_entry e[MAX_CPUID];
	struct hvm_cpuid arg = { .size = sizeof(arg), .count = 2, .entries = (uintptr_t)e };
	struct guest g;

	memset(e, 0x5a, sizeof(e));
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, ioctl(g.dev, HVM_GET_CPUID, &arg));
	KTAP_TRUE(t, arg.count > 2);
	KTAP_EQ(t, e[0].leaf, 0);
	KTAP_EQ(t, e[1].leaf, 1);
	KTAP_EQ(t, e[2].leaf, 0x5a5a5a5a);
	arg.count = 0;
	arg.entries = KERNEL_ADDRESS;
	KTAP_OK(t, ioctl(g.dev, HVM_GET_CPUID, &arg));
	KTAP_TRUE(t, arg.count > 2);
	KTAP_ERRNO(t, ioctl(g.dev, HVM_GET_CPUID, &arg), EFAULT);
	guest_close(&g);
}

/* --- CPUID: setting ---------------------------------------------------------- */

static void cpuid_arguments(struct ktap *t)
{
	static struct hvm_cpuid_entry many[MAX_CPUID + 1];
	struct hvm_cpuid_entry e[2] = {};
	struct hvm_cpuid arg = { .size = sizeof(arg) };
	struct guest g;
	int fds[2];

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	fds[0] = g.vm;
	fds[1] = g.vcpu;
	for (uint32_t i = 0; i <= MAX_CPUID; i++)
		many[i] = (struct hvm_cpuid_entry) { .leaf = 0x100 - i };
	for (int i = 0; i < 2; i++) {
		int fd = fds[i];

		KTAP_OK(t, step_set_cpuid(fd, NULL, 0));
		KTAP_OK(t, step_set_cpuid(fd, many, MAX_CPUID));
		KTAP_ERRNO(t, step_set_cpuid(fd, many, MAX_CPUID + 1), ENOSPC);
		KTAP_ERRNO(t, step_set_cpuid(fd, many, ~0U), ENOSPC);
		KTAP_ERRNO(t, step_set_cpuid(fd, (void *)KERNEL_ADDRESS, 1), EFAULT);
		KTAP_ERRNO(t, step_set_cpuid(fd, NULL, 1), EFAULT);
		KTAP_ERRNO(t, step_set_cpuid(fd, e, 2), EINVAL);
		e[1] = (struct hvm_cpuid_entry) { .leaf = 1, .flags = 2 };
		KTAP_ERRNO(t, step_set_cpuid(fd, e, 2), EOPNOTSUPP);
		e[1] = (struct hvm_cpuid_entry) { .leaf = 1, .reserved = 1 };
		KTAP_ERRNO(t, step_set_cpuid(fd, e, 2), EINVAL);
		e[1] = (struct hvm_cpuid_entry) { .leaf = 1, .subleaf = 1 };
		KTAP_ERRNO(t, step_set_cpuid(fd, e, 2), EINVAL);
		e[1] = (struct hvm_cpuid_entry) { .leaf = 0, .flags = HVM_CPUID_SUBLEAF };
		KTAP_ERRNO(t, step_set_cpuid(fd, e, 2), EINVAL);
		memset(e, 0, sizeof(e));
		arg.size = 8;
		KTAP_ERRNO(t, ioctl(fd, HVM_SET_CPUID, &arg), EINVAL);
		arg.size = 0;
		KTAP_ERRNO(t, ioctl(fd, HVM_SET_CPUID, &arg), EINVAL);
		arg.size = 5000;
		KTAP_ERRNO(t, ioctl(fd, HVM_SET_CPUID, &arg), E2BIG);
		arg.size = sizeof(arg);
	}
	guest_close(&g);
}

static void cpuid_freezes_at_the_first_run(struct ktap *t)
{
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_ERRNO(t, step_set_cpuid(g.vm, NULL, 0), EBUSY);
	KTAP_ERRNO(t, step_set_cpuid(g.vcpu, NULL, 0), EBUSY);
	guest_close(&g);
}

static void cpuid_of_a_vcpu_goes_before_the_guests(struct ktap *t)
{
	static const struct hvm_cpuid_entry common[] = { { .leaf = 0x123, .eax = 1 } };
	static const struct hvm_cpuid_entry own[] = { { .leaf = 0x123, .eax = 2 } };
	struct guest g;

	for (int i = 0; i < 2; i++) {
		if (!guest_open(&g, t, GUEST_RAM))
			return;
		KTAP_OK(t, step_set_cpuid(g.vm, common, 1));
		if (i)
			KTAP_OK(t, step_set_cpuid(g.vcpu, own, 1));
		if (!step_start(&g))
			return;
		KTAP_EQ(t, step_cpuid(&g, 0x123, 0).eax, 1 + i);
		KTAP_EQ(t, step_cpuid(&g, 0x124, 0).eax, 0);
		guest_close(&g);
	}
}

static void cpuid_without_a_table_is_zero(struct ktap *t)
{
	static const uint32_t leaves[] = { 0, 1, 7, 0xb, 0x40000000, 0x80000000, 0xffffffff };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM) || !step_start(&g))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct step_cpuid r = step_cpuid(&g, leaves[i], 0);

		KTAP_EQ(t, r.eax | r.ebx | r.ecx | r.edx, 0);
	}
	guest_close(&g);
}

/* --- CPUID: what the kernel fills in ------------------------------------------ */

static int add_vcpu(struct guest *g, uint32_t apic_id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = apic_id };

	return ioctl(g->vm, HVM_CREATE_VCPU, &create);
}

/* Let the test's guest go on with another virtual CPU, of the given APIC id. */
static bool use_vcpu(struct guest *g, uint32_t apic_id)
{
	struct hvm_state state;
	int fd = add_vcpu(g, apic_id);

	if (fd < 0) {
		KTAP_FAIL(g->t, "vCPU %u: %s", apic_id, strerror(errno));
		return false;
	}
	munmap(g->run, 4096);
	close(g->vcpu);
	g->vcpu = fd;
	g->run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_EVENTS, &state));
	state.events.mp_state = HVM_MP_RUNNING;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_EVENTS, &state));
	return g->run != MAP_FAILED;
}

static void apic_ids_are_the_vcpus_own(struct ktap *t)
{
	static const uint32_t ids[] = { 0, 1, 7, 255, 256, 4095 };
	struct hvm_cpuid_entry e[] = {
		{ .leaf = 1, .ebx = 0xab012345 },
		{ .leaf = 0xb, .subleaf = 0, .flags = 1, .ebx = 2, .ecx = 0x100, .edx = 99 },
		{ .leaf = 0x1f, .subleaf = 0, .flags = 1, .edx = 99 },
		{ .leaf = 0x8000001e, .eax = 99, .ebx = 0x1ff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		uint32_t id = ids[i];
		struct guest g;

		if (!guest_open(&g, t, GUEST_RAM))
			return;
		KTAP_OK(t, step_set_cpuid(g.vm, e, ARRAY_SIZE(e)));
		if ((id && !use_vcpu(&g, id)) || !step_start(&g)) {
			guest_close(&g);
			return;
		}
		KTAP_EQ(t, step_cpuid(&g, 1, 0).ebx, (id & 0xff) << 24 | 0x012345);
		KTAP_EQ(t, step_cpuid(&g, 0xb, 0).edx, id);
		KTAP_EQ(t, step_cpuid(&g, 0xb, 0).ebx, 2);
		KTAP_EQ(t, step_cpuid(&g, 0xb, 77).edx, id);
		KTAP_EQ(t, step_cpuid(&g, 0xb, 77).ecx, 77);
		KTAP_EQ(t, step_cpuid(&g, 0x1f, 0).edx, id);
		KTAP_EQ(t, step_cpuid(&g, 0x8000001e, 0).eax, id);
		KTAP_EQ(t, step_cpuid(&g, 0x8000001e, 0).ebx, 0x100 | (id / 2 & 0xff));
		guest_close(&g);
	}
}

static bool set_cr4(struct guest *g, uint64_t bits)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_CONTROL, &state));
	state.control.cr4 |= bits;
	return !guest_set(g, HVM_STATE_CONTROL, &state);
}

static void osxsave_and_ospke_follow_cr4(struct ktap *t)
{
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_EQ(t, step_cpuid(&g, 1, 0).ecx >> 27 & 1, 0);
	KTAP_EQ(t, step_cpuid(&g, 7, 0).ecx >> 4 & 1, 0);
	if (step_cpuid(&g, 1, 0).ecx >> 26 & 1) {
		KTAP_TRUE(t, set_cr4(&g, 1 << 18));
		KTAP_EQ(t, step_cpuid(&g, 1, 0).ecx >> 27 & 1, 1);
	}
	if (step_cpuid(&g, 7, 0).ecx >> 3 & 1) {
		KTAP_TRUE(t, set_cr4(&g, 1 << 22));
		KTAP_EQ(t, step_cpuid(&g, 7, 0).ecx >> 4 & 1, 1);
	}
	guest_close(&g);
}

static void xsave_sizes_follow_xcr0(struct ktap *t)
{
	struct hvm_state state;
	struct step_cpuid all, avx;
	struct guest g;

	if (!step_open(&g, t))
		return;
	all = step_cpuid(&g, 0xd, 0);
	avx = step_cpuid(&g, 0xd, 2);
	if (!(all.eax & 4)) {
		guest_close(&g);
		KTAP_SKIP(t, "no AVX");
	}
	KTAP_EQ(t, all.ebx, 576);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &state));
	state.control.xcr0 = 7;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CONTROL, &state));
	KTAP_EQ(t, step_cpuid(&g, 0xd, 0).ebx, avx.ebx + avx.eax);
	state.control.xcr0 = all.eax;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CONTROL, &state));
	KTAP_EQ(t, step_cpuid(&g, 0xd, 0).ebx, all.ecx);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "offer_is_sorted_and_well_formed", offer_is_sorted_and_well_formed },
	{ "offer_is_honest", offer_is_honest },
	{ "offer_fills_only_the_places_given", offer_fills_only_the_places_given },
	{ "cpuid_arguments", cpuid_arguments },
	{ "cpuid_freezes_at_the_first_run", cpuid_freezes_at_the_first_run },
	{ "cpuid_of_a_vcpu_goes_before_the_guests", cpuid_of_a_vcpu_goes_before_the_guests },
	{ "cpuid_without_a_table_is_zero", cpuid_without_a_table_is_zero },
	{ "apic_ids_are_the_vcpus_own", apic_ids_are_the_vcpus_own },
	{ "osxsave_and_ospke_follow_cr4", osxsave_and_ospke_follow_cr4 },
	{ "xsave_sizes_follow_xcr0", xsave_sizes_follow_xcr0 },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
