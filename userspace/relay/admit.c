// SPDX-License-Identifier: BSD-2-Clause
#include "relay/admit.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

enum {
	SOURCES_MIN = 1024,
	PROBES = 16, /* slots that one source may be in */
};

static const struct {
	const char *text, *label;
} reasons[ADMIT_REASONS] = {
	[ADMIT_SOURCES] = { "too many sources at a time", "sources" },
	[ADMIT_PER_SOURCE] = { "too many connections from its source", "source_connections" },
	[ADMIT_SOURCE_RATE] = { "its source connects too often", "source_rate" },
	[ADMIT_RATE] = { "too many connect at once", "rate" },
	[ADMIT_FULL] = { "too many connections", "connections" },
};

const char *admit_str(enum admit_reason r)
{
	return reasons[r].text;
}

const char *admit_label(enum admit_reason r)
{
	return reasons[r].label;
}

struct admit {
	struct admit_limits limits;
	struct bucket bucket;
	uint64_t seed;
	uint32_t mask;
	struct source sources[];
};

struct admit *admit_new(const struct admit_limits *l, uint64_t seed)
{
	uint32_t n = SOURCES_MIN;
	struct admit *a;

	while (n < 4 * l->connections)
		n *= 2;
	a = calloc(1, sizeof(*a) + n * sizeof(*a->sources));
	if (!a)
		return NULL;
	a->limits = *l;
	a->seed = seed;
	a->mask = n - 1;
	return a;
}

void admit_free(struct admit *a)
{
	free(a);
}

/* Seeded, so that nobody can choose addresses that all meet in the same slots. */
static uint32_t slot_of(const struct admit *a, const struct addr *addr)
{
	uint64_t h = a->seed;

	for (int i = 0; i < 4; i++) {
		h = (h ^ addr->w[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h >> 32;
}

static bool bucket_take(struct bucket *b, uint64_t rate, uint64_t now_ms)
{
	uint64_t most = 2 * rate * 1000;

	if (now_ms - b->at_ms >= 2000)
		b->milli = most;
	else
		b->milli += (now_ms - b->at_ms) * rate;
	if (b->milli > most)
		b->milli = most;
	b->at_ms = now_ms;
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

/* Its slot, or the one longest out of use made its own; NULL when all are in use. */
static struct source *find(struct admit *a, const struct addr *addr, uint64_t now_ms)
{
	uint32_t at = slot_of(a, addr);
	struct source *s, *idle = NULL;

	for (uint32_t i = 0; i < PROBES; i++) {
		s = &a->sources[(at + i) & a->mask];
		if (s->bucket.at_ms && addr_equal(&s->addr, addr))
			return s;
		if (!s->connections && (!idle || s->bucket.at_ms < idle->bucket.at_ms))
			idle = s;
	}
	if (idle)
		*idle = (struct source){ .addr = *addr,
					 .bucket = { 2000 * a->limits.rate_per_source, now_ms } };
	return idle;
}

struct source *admit_enter(struct admit *a, const struct addr *from, uint64_t now_ms,
			   enum admit_reason *why)
{
	struct addr key = *from;
	struct source *s;

	if (!addr_is_ipv4(from))
		key.w[2] = key.w[3] = 0;
	s = find(a, &key, now_ms);
	if (!s)
		*why = ADMIT_SOURCES;
	else if (s->connections >= a->limits.per_source)
		*why = ADMIT_PER_SOURCE;
	else if (!bucket_take(&s->bucket, a->limits.rate_per_source, now_ms))
		*why = ADMIT_SOURCE_RATE;
	else if (!bucket_take(&a->bucket, a->limits.rate, now_ms))
		*why = ADMIT_RATE;
	else {
		s->connections++;
		return s;
	}
	return NULL;
}

void admit_leave(struct source *s)
{
	s->connections--;
}
