// SPDX-License-Identifier: BSD-2-Clause
/* The table of services; see buckets.h. */
#include "steering/buckets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hash.h"

enum {
	SHIFTS_MAX = 32, /* full buckets in a row, at a load of a quarter: never seen */
};

static uint32_t home_of(const struct settings *s, const struct service *e)
{
	return service_hash(&e->vip, e->port, e->proto, e->kind) & s->services_mask;
}

/* From the first slot on, because an empty one ends the search. */
static bool put(struct service_bucket *b, const struct service *e)
{
	for (int i = 0; i < SERVICE_SLOTS; i++) {
		if (b->slot[i].kind != SERVICE_EMPTY)
			continue;
		b->slot[i] = *e;
		return true;
	}
	return false;
}

/*
 * The home bucket, or the next one; if both are full, an entry of the next one that is at home
 * there moves on by one, and so on.  A bucket that was left for the next one stays full.
 */
static bool insert(const struct settings *s, struct service_bucket *half, struct service e)
{
	uint32_t at = home_of(s, &e);

	if (put(&half[at], &e))
		return true;
	for (int shift = 0; shift < SHIFTS_MAX; shift++) {
		struct service moved;
		int i = 0;

		at = (at + 1) & s->services_mask;
		if (put(&half[at], &e))
			return true;
		while (i < SERVICE_SLOTS && home_of(s, &half[at].slot[i]) != at)
			i++;
		if (i == SERVICE_SLOTS)
			return false;
		moved = half[at].slot[i];
		half[at].slot[i] = e;
		e = moved;
	}
	return false;
}

int buckets_build(const struct settings *s, struct service_bucket *half,
		  const struct service entries[], size_t count, size_t *failed)
{
	memset(half, 0, ((size_t)s->services_mask + 1) * sizeof(*half));
	for (size_t i = 0; i < count; i++) {
		if (insert(s, half, entries[i]))
			continue;
		*failed = i;
		return -ENOSPC;
	}
	return 0;
}

static bool same(const struct service *a, const struct service *b)
{
	return !memcmp(&a->vip, &b->vip, sizeof(a->vip)) && a->port == b->port &&
	       a->proto == b->proto && a->kind == b->kind;
}

const struct service *buckets_find(const struct settings *s, const struct service_bucket *half,
				   const struct service *like)
{
	uint32_t home = home_of(s, like);

	for (uint32_t probe = 0; probe < SERVICE_PROBES; probe++) {
		const struct service_bucket *b = &half[(home + probe) & s->services_mask];

		for (int i = 0; i < SERVICE_SLOTS; i++) {
			if (b->slot[i].kind == SERVICE_EMPTY)
				return NULL;
			if (same(&b->slot[i], like))
				return &b->slot[i];
		}
	}
	return NULL;
}
