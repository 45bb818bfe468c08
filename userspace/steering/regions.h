/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which slots of the map `rings` belong to a ring, which may still be looked at by a
 * packet in flight, and which are free.  Pure bookkeeping, sorted by place.
 */
#ifndef REGIONS_H
#define REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REGION_ALIGN = 16, /* slots: rings begin on cache lines of their own */
};

struct region {
	uint32_t first, slots;
	bool retired; /* not to be written before a grace */
};

struct regions {
	struct region *list;
	size_t count, capacity;
	uint32_t total; /* slots */
};

int regions_init(struct regions *r, uint32_t total, size_t capacity); /* 0 or -ENOMEM */
void regions_free(struct regions *r);

/* The first gap that fits: 0 and *first, or -ENOSPC. */
int regions_take(struct regions *r, uint32_t slots, uint32_t *first);
/* One that is in use already, found in the maps.  -EINVAL: out of bounds, empty or overlapping. */
int regions_claim(struct regions *r, uint32_t first, uint32_t slots);
void regions_retire(struct regions *r, uint32_t first); /* its user has left */
bool regions_reap(struct regions *r); /* frees the retired; false when there were none */
uint32_t regions_free_slots(const struct regions *r);

#endif
