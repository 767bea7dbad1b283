/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommands of `vm`, one function each: arguments behind the subcommand's name in, exit
 * status out.
 */
#ifndef VM_VM_H
#define VM_VM_H

int vm_run(int argc, char *argv[]);
int vm_stats(int argc, char *argv[]);
int vm_list(int argc, char *argv[]);

#endif
