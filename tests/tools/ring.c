// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long a ring takes: from nothing, when costs have changed, and when a member has
 * gone, each with all the checks that stand before a publication.  Medians of processor
 * time, as JSON; and how long this processor takes for walk(), to be compared with others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "steering/ring.h"

enum { TIMES = 21, MOVED_PERMILLE = 100, WEIGHT = 10000, WALKS = 10, STRIDE = 48271 };

struct bench {
	struct ring_member *members;
	size_t count;
	uint32_t slots;
	struct ring_work *work;
	struct ring_slot *old, *new;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void make_members(struct bench *b, unsigned int seed)
{
	char name[32];

	srand(seed);
	for (size_t i = 0; i < b->count; i++) {
		snprintf(name, sizeof(name), "backend-%zu", i);
		b->members[i] = (struct ring_member){ ring_key(name), (uint16_t)(i + 1),
						      WEIGHT / 2 + (uint32_t)rand() % WEIGHT };
	}
}

static void update(struct bench *b, size_t count, const struct ring_slot *old)
{
	struct ring_want want = { b->members, count, b->slots, false, MOVED_PERMILLE };
	struct ring_moves moves;

	if (ring_update(b->work, &want, old, b->new, &moves)) {
		fprintf(stderr, "ring: a ring that may not be published\n");
		exit(1);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* gone: how many members are no more; each time their weights are others. */
static double median_ms(struct bench *b, size_t gone, bool from_old)
{
	double ms[TIMES];

	for (unsigned int i = 0; i < TIMES; i++) {
		uint64_t begun;

		make_members(b, 1);
		update(b, b->count, NULL);
		memcpy(b->old, b->new, b->slots * sizeof(*b->old));
		make_members(b, gone ? 1 : i + 2);
		begun = now_ns();
		update(b, b->count - gone, from_old ? b->old : NULL);
		ms[i] = (double)(now_ns() - begun) / 1e6;
	}
	qsort(ms, TIMES, sizeof(*ms), by_size);
	return ms[TIMES / 2];
}

/*
 * What a ring is made of, and nothing of ours: steps through a table of its size by a permutation,
 * each of which is to be divided and may miss the caches.
 */
static uint32_t walk(struct bench *b)
{
	uint32_t at = 1, taken = 0;

	memset(b->new, 0, b->slots * sizeof(*b->new));
	for (uint32_t i = 0; i < WALKS * b->slots; i++) {
		at = (uint32_t)(((uint64_t)at * STRIDE + i) % b->slots);
		taken += b->new[at].primary++;
	}
	return taken;
}

static double walk_ms(struct bench *b)
{
	double ms[TIMES];
	volatile uint32_t taken = 0;

	for (unsigned int i = 0; i < TIMES; i++) {
		uint64_t begun = now_ns();

		taken += walk(b);
		ms[i] = (double)(now_ns() - begun) / 1e6;
	}
	qsort(ms, TIMES, sizeof(*ms), by_size);
	return ms[TIMES / 2];
}

int main(int argc, char **argv)
{
	struct bench b = { .count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0 };

	b.slots = b.count ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	if (b.count < 2 || !ring_is_prime(b.slots)) {
		fprintf(stderr, "usage: ring MEMBERS SLOTS (a prime)\n");
		return 2;
	}
	b.members = calloc(b.count, sizeof(*b.members));
	b.work = ring_work_new(b.count, b.slots);
	b.old = calloc(b.slots, sizeof(*b.old));
	b.new = calloc(b.slots, sizeof(*b.new));
	if (!b.members || !b.work || !b.old || !b.new)
		return 1;
	printf("{\"members\":%zu,\"slots\":%u,\"new_ms\":%.2f,\"costs_ms\":%.2f,\"gone_ms\":%.2f,"
	       "\"walk_ms\":%.2f}\n",
	       b.count, b.slots, median_ms(&b, 0, false), median_ms(&b, 0, true),
	       median_ms(&b, 1, true), walk_ms(&b));
	ring_work_free(b.work);
	free(b.members);
	free(b.old);
	free(b.new);
	return 0;
}
