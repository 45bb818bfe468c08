/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes that shall get no answer for a while.  A full table forgets the oldest.  Pure. */
#ifndef HOLD_H
#define HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/messages.h"

enum {
	HOLDS_MAX = 64,
};

struct holds {
	struct {
		char node[NAME_MAX_BYTES];
		uint64_t until_us;
	} all[HOLDS_MAX];
	uint32_t next; /* the oldest */
};

static inline void holds_add(struct holds *h, const char *node, uint64_t until_us)
{
	uint32_t i = h->next++ % HOLDS_MAX;

	snprintf(h->all[i].node, sizeof(h->all[i].node), "%s", node);
	h->all[i].until_us = until_us;
}

static inline bool holds_has(const struct holds *h, const char *node, uint64_t now_us)
{
	for (uint32_t i = 0; i < HOLDS_MAX; i++)
		if (h->all[i].until_us > now_us && !strcmp(h->all[i].node, node))
			return true;
	return false;
}

#endif
