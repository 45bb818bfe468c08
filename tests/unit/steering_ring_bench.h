/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of rings share: room for rings, members, dice. */
#ifndef STEERING_RING_BENCH_H
#define STEERING_RING_BENCH_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "steering/ring.h"

enum {
	MEMBERS = 1001,
	SLOTS = 65537,
};

struct fixture {
	struct ring_work *w;
	struct ring_member m[MEMBERS];
	struct ring_slot a[SLOTS], b[SLOTS], c[SLOTS];
	uint32_t count[65536];
};

static uint64_t seed = 42;

static inline uint32_t dice(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static inline struct fixture *fixture_of(void **state)
{
	return *state;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->w = ring_work_new(MEMBERS, SLOTS);
	assert_non_null(f->w);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	ring_work_free(fixture_of(state)->w);
	free(*state);
	return 0;
}

/* Members b0, b1, … of one weight, ids from 1. */
static inline void make_members(struct ring_member *m, size_t n, uint32_t weight)
{
	char name[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "b%zu", i);
		m[i] = (struct ring_member){ ring_key(name), i + 1, weight };
	}
}

static inline void count_primaries(struct fixture *f, const struct ring_slot *ring, uint32_t slots)
{
	memset(f->count, 0, sizeof(f->count));
	for (uint32_t s = 0; s < slots; s++)
		f->count[ring[s].primary]++;
}

#endif
