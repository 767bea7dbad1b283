/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user asks for: the words of `vm run` as one struct, checked as far as they can be
 * without looking at the machine. Pure: no file is opened here, nothing is printed.
 */
#ifndef VMM_CONFIG_H
#define VMM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/failure.h"

#define CONFIG_MAX_MODULES	16
#define CONFIG_MAX_CPUS		1024
#define CONFIG_MAX_APIC_ID	4095
#define CONFIG_MIN_MEMORY	(2ULL << 20)
/* The board's own limit; the processor's address width may set a lower one. */
#define CONFIG_MAX_MEMORY	(1ULL << 46)
#define CONFIG_DEBUG_EXIT	0xf4

/**
 * struct config - one machine, as asked for
 * @kernel: path of the image to boot
 * @initrd: path of the initial RAM disk, or NULL
 * @append: the guest's command line, or NULL: the board's default
 * @module: paths of multiboot modules
 * @modules: how many
 * @name: name of the guest, shown by ps; empty: the process id
 * @memory: bytes of RAM, multiple of 4096
 * @cpus: number of vCPUs
 * @ids: how many APIC ids were asked for; 0: the board chooses
 * @apic_id: APIC ids of the vCPUs, ascending from 0
 * @gdb: path of the debugger's socket, or NULL
 * @gdb_nowait: the guest starts without waiting for the debugger
 * @debug_exit: first of the four ports where a write ends the process
 * @help: the user wants to read how to use this, not to run
 */
struct config {
	const char *kernel;
	const char *initrd;
	const char *append;
	const char *module[CONFIG_MAX_MODULES];
	unsigned int modules;
	char name[32];
	uint64_t memory;
	uint32_t cpus;
	uint32_t ids;
	uint32_t apic_id[CONFIG_MAX_CPUS];
	const char *gdb;
	bool gdb_nowait;
	uint16_t debug_exit;
	int help;
};

/**
 * config_parse() - read the arguments of `vm run`
 * @config: the result; its strings point into @argv
 * @argc: number of arguments behind the subcommand
 * @argv: the arguments behind the subcommand
 * @f: filled in on failure
 *
 * Return: 0, or -1.
 */
int config_parse(struct config *config, int argc, char *const argv[], struct failure *f);

/**
 * config_parse_size() - read a size such as 512M
 * @text: decimal digits, then K, M, G, T or nothing (MiB)
 * @bytes: the result
 *
 * Return: 0, or -1 when it is malformed or does not fit 64 bits.
 */
int config_parse_size(const char *text, uint64_t *bytes);

#endif
