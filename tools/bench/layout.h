/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The numbers of bench.h that the guest's assembly needs; main.c asserts that they agree.
 */
#ifndef BENCH_LAYOUT_H
#define BENCH_LAYOUT_H

#define LAYOUT_RESULT		0x18000
#define LAYOUT_PORT_DONE	0xf4
#define LAYOUT_PORT_TEST	0x10
#define LAYOUT_PORT_DOORBELL	0x20

#endif
