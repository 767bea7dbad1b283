/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of MSRs (SDM volume 4, APM volume 2 "MSR Cross-Reference"), by number. The kernel's own
 * list is not among the headers for programs.
 */
#ifndef SELFTESTS_LIB_MSR_H
#define SELFTESTS_LIB_MSR_H

#define MSR_TSC			0x10
#define MSR_OLD_WALL_CLOCK	0x11
#define MSR_OLD_SYSTEM_TIME	0x12
#define MSR_TSC_ADJUST		0x3b
#define MSR_SPEC_CTRL		0x48
#define MSR_UCODE_REV		0x8b
#define MSR_MTRR_CAP		0xfe
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_DEBUGCTL		0x1d9
#define MSR_MTRR_BASE0		0x200
#define MSR_PAT			0x277
#define MSR_MTRR_DEF_TYPE	0x2ff
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_WALL_CLOCK		0x4b564d00
#define MSR_SYSTEM_TIME		0x4b564d01
#define MSR_STEAL_TIME		0x4b564d03
#define MSR_PV_EOI		0x4b564d04
#define MSR_PV_POLL_CONTROL	0x4b564d05
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103
#define MSR_HWCR		0xc0010015

#endif
