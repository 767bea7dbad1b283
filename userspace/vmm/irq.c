// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends message-signalled interrupts through /dev/vm.
 */
#include "container_of.h"
#include "libhvm.h"
#include "vmm/irq.h"

/*
 * A message that the kernel refuses (SMI, ExtINT, a reserved mode) or that no APIC takes is lost,
 * as on a bus: the guest programmed it.
 */
static void send(struct msi_sink *sink, uint64_t address, uint32_t data)
{
	struct msi_sender *sender = container_of(sink, struct msi_sender, sink);

	hvm_vm_msi(sender->vm, address, data);
}

void msi_sender_init(struct msi_sender *sender, int vm)
{
	*sender = (struct msi_sender){ .sink.send = send, .vm = vm };
}
