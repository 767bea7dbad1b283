/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an image file to a processor that can run it: finds out what kind of image it is, loads it
 * and what goes with it into guest memory, and says where and how the first processor starts. It
 * knows the boot protocols and nothing of devices.
 *
 * Guest memory below 1 MiB belongs to this room while the guest starts; images go above.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/image.h"
#include "vmm/config.h"
#include "vmm/failure.h"
#include "vmm/memory.h"

/* Guest physical addresses of what the protocols need. */
#define BOOT_GDT		0x1000
#define BOOT_PAGE_TABLES	0x2000	/* six pages */
#define BOOT_INFO		0x9000	/* the protocol's own structures, up to the command line */
#define BOOT_STRINGS		0xe000	/* names of modules */
#define BOOT_CMDLINE		0x10000
#define BOOT_CMDLINE_MAX	0x10000
#define BOOT_IMAGE_MIN		0x100000ULL

#define BOOT_HEAD_BYTES		8192
#define BOOT_MAP_MAX		8

/* Kinds of memory, in the numbers of the e820 interface, which all protocols share. */
enum boot_map_kind {
	BOOT_RAM = 1,
	BOOT_RESERVED = 2,
};

/**
 * struct boot_map - the memory map a guest is told
 * @entry: in order of addresses
 * @count: how many
 */
struct boot_map {
	struct {
		uint64_t gpa;
		uint64_t bytes;
		enum boot_map_kind kind;
	} entry[BOOT_MAP_MAX];
	unsigned int count;
};

/**
 * struct boot_start - where and how the first processor starts
 * @long_mode: 64-bit with paging, otherwise 32-bit protected mode without
 * @rip: entry point
 * @rax: register
 * @rbx: register
 * @rsi: register
 */
struct boot_start {
	bool long_mode;
	uint64_t rip;
	uint64_t rax;
	uint64_t rbx;
	uint64_t rsi;
};

/**
 * struct boot_terminal - the size of the terminal the guest's console is shown on
 * @lines: rows, 0: no terminal
 * @columns: columns
 */
struct boot_terminal {
	unsigned int lines;
	unsigned int columns;
};

/**
 * struct boot - one boot
 * @memory: guest RAM
 * @config: names of the files
 * @size: the terminal's, for Linux guests; zeroes: none
 * @rsdp: root of the ACPI tables
 * @map: memory map, made from @memory
 * @image: the kernel
 * @head: its first bytes, zeroes behind its end
 * @start: the result
 */
struct boot {
	const struct memory *memory;
	const struct config *config;
	struct boot_terminal size;
	uint64_t rsdp;
	struct boot_map map;
	struct image image;
	uint8_t head[BOOT_HEAD_BYTES];
	struct boot_start start;
};

/**
 * boot_load() - load what the configuration names
 * @boot: memory, config, size and rsdp set; the rest is filled in
 * @f: filled in on failure
 *
 * Return: 0, or -1.
 */
int boot_load(struct boot *boot, struct failure *f);

/* The protocols: each says whether the image is of its kind, and loads it. */
bool linux_probe(const struct boot *boot);
int linux_load(struct boot *boot, struct failure *f);
bool pvh_probe(const struct boot *boot);
int pvh_load(struct boot *boot, struct failure *f);
bool multiboot_probe(const struct boot *boot);
int multiboot_load(struct boot *boot, struct failure *f);

/**
 * boot_put_cmdline() - write a Linux guest's command line into guest memory
 * @boot: the boot
 * @max: longest the protocol takes, without the terminator
 * @f: filled in on failure
 *
 * That is what the user gives, or the serial console; before it, on a terminal, its size as LINES
 * and COLUMNS, which Linux hands to init as environment.
 *
 * Return: 0, or -1 when it is too long.
 */
int boot_put_cmdline(const struct boot *boot, uint64_t max, struct failure *f);

/**
 * struct boot_module - a file that goes with the kernel
 * @gpa: where it lies
 * @bytes: its length
 */
struct boot_module {
	uint64_t gpa;
	uint64_t bytes;
};

/**
 * boot_load_module() - load a file as high as it goes
 * @boot: the boot
 * @what: "initrd" or "module", for messages
 * @path: the file
 * @floor: nothing below may be used
 * @ceiling: in: nothing from here on may be used; out: where the file begins
 * @module: where it went
 * @f: filled in on failure
 */
int boot_load_module(const struct boot *boot, const char *what, const char *path, uint64_t floor,
		     uint64_t *ceiling, struct boot_module *module, struct failure *f);

#endif
