// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest in sixty lines: twelve bytes of real-mode code add two numbers and send the sum, as a
 * digit, to a port; the port accesses come back here. Build: cc guest.c $(pkg-config --cflags
 * --libs libhvm)
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "libhvm.h"

/* mov dx, 3f8h; add al, bl; add al, '0'; out dx, al; mov al, 0ah; out dx, al; hlt */
static const uint8_t code[] = {
	0xba, 0xf8, 0x03, 0x00, 0xd8, 0x04, '0', 0xee, 0xb0, '\n', 0xee, 0xf4,
};

static int check(int ret, const char *what)
{
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	return ret;
}

/* Start in real mode at address 1000h with 2 in AX and 2 in BX. */
static int prepare(struct hvm_vcpu *vcpu)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS;
	struct hvm_state state;
	int ret = hvm_vcpu_get_state(vcpu, &state, mask);

	state.segments.seg[HVM_CS].base = 0;
	state.segments.seg[HVM_CS].selector = 0;
	state.gpr.rip = 0x1000;
	state.gpr.gpr[HVM_RAX] = 2;
	state.gpr.gpr[HVM_RBX] = 2;
	return ret < 0 ? ret : hvm_vcpu_set_state(vcpu, &state, mask);
}

int main(void)
{
	void *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int device = check(hvm_open(NULL), "/dev/vm");
	int vm = device < 0 ? -1 : check(hvm_vm_create(device), "create the guest");
	struct hvm_vcpu vcpu;
	int digits;

	if (memory == MAP_FAILED || vm < 0 ||
	    check(hvm_vm_map(vm, 0, memory, 8192, 0), "attach memory") < 0 ||
	    check(hvm_vcpu_create(&vcpu, vm, 0), "create the vCPU") < 0)
		return 1;
	memcpy((char *)memory + 0x1000, code, sizeof(code));
	if (check(prepare(&vcpu), "set the start state") < 0)
		return 1;
	for (digits = 0; digits < 2; digits++) {
		if (check(hvm_vcpu_run(&vcpu), "run") < 0 || vcpu.run->reason != HVM_EXIT_PIO)
			return 1;
		putchar((int)(vcpu.run->gpr[HVM_RAX] & 0xff));
		hvm_complete(vcpu.run, 0);
	}
	hvm_vcpu_destroy(&vcpu);
	return 0;
}
