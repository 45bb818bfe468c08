// SPDX-License-Identifier: BSD-2-Clause
/* A sorted list of used slots; see regions.h. */
#include "steering/regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int regions_init(struct regions *r, uint32_t total, size_t capacity)
{
	*r = (struct regions){ .total = total, .capacity = capacity };
	r->list = calloc(capacity ? capacity : 1, sizeof(*r->list));
	return r->list ? 0 : -ENOMEM;
}

void regions_free(struct regions *r)
{
	free(r->list);
	*r = (struct regions){ 0 };
}

/* In 64 bits: a ring at the very end of the map does not wrap. */
static uint64_t end_of(const struct region *g)
{
	uint64_t end = (uint64_t)g->first + g->slots;

	return (end + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
}

static int insert(struct regions *r, size_t at, struct region g)
{
	if (r->count == r->capacity)
		return -ENOSPC;
	memmove(&r->list[at + 1], &r->list[at], (r->count - at) * sizeof(*r->list));
	r->list[at] = g;
	r->count++;
	return 0;
}

int regions_take(struct regions *r, uint32_t slots, uint32_t *first)
{
	uint64_t from = 0;
	int err;

	if (!slots)
		return -EINVAL;
	for (size_t i = 0; i <= r->count; i++) {
		uint64_t to = i < r->count ? r->list[i].first : r->total;

		if (from + slots <= to) {
			err = insert(r, i, (struct region){ (uint32_t)from, slots, false });
			if (!err)
				*first = (uint32_t)from;
			return err;
		}
		if (i < r->count)
			from = end_of(&r->list[i]);
	}
	return -ENOSPC;
}

int regions_claim(struct regions *r, uint32_t first, uint32_t slots)
{
	struct region g = { first, slots, false };
	size_t at = 0;

	if (!slots || (uint64_t)first + slots > r->total || first % REGION_ALIGN)
		return -EINVAL;
	while (at < r->count && r->list[at].first < first)
		at++;
	if ((at && end_of(&r->list[at - 1]) > first) ||
	    (at < r->count && r->list[at].first < end_of(&g)))
		return -EINVAL;
	return insert(r, at, g);
}

void regions_retire(struct regions *r, uint32_t first)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].first == first)
			r->list[i].retired = true;
}

bool regions_reap(struct regions *r)
{
	size_t kept = 0, before = r->count;

	for (size_t i = 0; i < r->count; i++)
		if (!r->list[i].retired)
			r->list[kept++] = r->list[i];
	r->count = kept;
	return kept < before;
}

uint32_t regions_free_slots(const struct regions *r)
{
	uint64_t used = 0;

	for (size_t i = 0; i < r->count; i++)
		if (!r->list[i].retired)
			used += end_of(&r->list[i]) - r->list[i].first;
	return used < r->total ? r->total - (uint32_t)used : 0;
}
