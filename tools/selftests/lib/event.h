/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eventfds, and what a guest does with them: doorbells and interrupts.
 */
#ifndef SELFTESTS_LIB_EVENT_H
#define SELFTESTS_LIB_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/hvm.h>

#include "ktap.h"

int event_new(struct ktap *t);
uint64_t event_take(int fd);
bool event_add(int fd, uint64_t count);
long event_id(int fd);
void event_expect_none_lost(struct ktap *t, void (*once)(struct ktap *t));

int event_doorbell(int vm, int fd, uint16_t port, uint8_t bytes);
int event_doorbell_match(int vm, int fd, uint16_t port, uint8_t bytes, uint32_t data);
int event_doorbell_remove(int vm, int fd, uint16_t port, uint8_t bytes);

int event_bind(int vm, int fd, uint32_t flags, uint32_t data);
int event_bind_resample(int vm, int fd, int resample, uint32_t flags, uint32_t data);
int event_unbind(int vm, int fd);

#endif /* SELFTESTS_LIB_EVENT_H */
