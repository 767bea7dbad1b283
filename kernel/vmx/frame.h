/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What enter.S and C agree on: offsets into struct vmx_frame and the order of the guest's
 * registers. No C types here, the assembler reads this file too; vmx.h proves that the struct fits.
 */
#ifndef HVM_VMX_FRAME_H
#define HVM_VMX_FRAME_H

#define VMX_FRAME_HOST_RSP	0	/* u64: what HOST_RSP holds */
#define VMX_FRAME_LAUNCHED	8	/* u32: bit 0: VMRESUME, not VMLAUNCH */
#define VMX_FRAME_GUEST_SPEC	12	/* u32: SPEC_CTRL inside the guest */
#define VMX_FRAME_HOST_SPEC	16	/* u32: SPEC_CTRL outside */

#endif /* HVM_VMX_FRAME_H */
