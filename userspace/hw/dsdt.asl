/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices a guest finds by name rather than by a bus: the serial port and the clock, and the value
 * that switches the machine off. Compiled by iasl when the VMM is built. Must agree with
 * hw/pm.h (S5), vmm/machine.c (serial port) and hw/rtc.h.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "HVM", "VMBOARD", 1)
{
	Name (\_S5, Package () { 5, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x3F8, 0x3F8, 1, 8)
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 4 }
			})
		}

		Device (RTC0)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x70, 0x70, 1, 2)
			})
		}
	}
}
