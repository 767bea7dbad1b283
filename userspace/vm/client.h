/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks running machines over their control sockets.
 */
#ifndef VM_CLIENT_H
#define VM_CLIENT_H

#include <json-c/json.h>

#include "vmm/failure.h"

/**
 * client_get() - ask a machine for a page
 * @name: the guest's
 * @path: such as "/v1/stats"
 * @f: filled in on failure: no such guest, no permission, no answer
 *
 * Return: the answer, to be freed with json_object_put(), or NULL.
 */
struct json_object *client_get(const char *name, const char *path, struct failure *f);

/**
 * client_names() - the names of the guests whose sockets are there
 * @each: called for each, in no order
 * @arg: handed to it
 */
void client_names(void (*each)(const char *name, void *arg), void *arg);

#endif
