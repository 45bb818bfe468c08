// SPDX-License-Identifier: BSD-2-Clause
/* Which slots settle, which remember whose they were, and what a sweep may not overlook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "steering/settle.h"

enum { SLOTS = 6, BACKENDS = 8, NOW = 1000, LIVE = 2000 };

static struct backend backends[BACKENDS];

static void all_live(void)
{
	memset(backends, 0, sizeof(backends));
	for (int id = 1; id < BACKENDS; id++)
		for (int c = 0; c < CLASS_COUNT; c++)
			backends[id].until[c] = LIVE;
}

static struct settle_count sweep(struct ring_slot *ring)
{
	return settle_sweep(ring, SLOTS, backends, BACKENDS, CLASS_CLASSIFIED, NOW);
}

static void fill(struct ring_slot *ring, uint16_t primary, uint16_t fallback)
{
	for (int i = 0; i < SLOTS; i++)
		ring[i] = (struct ring_slot){ primary, fallback };
}

/* A new ring is young for one sweep and settled by the next. */
static void test_it_takes_a_whole_period(void **state)
{
	struct ring_slot ring[SLOTS];

	(void)state;
	all_live();
	fill(ring, 1, 2);
	settle_carry(NULL, 0, ring, SLOTS);
	assert_int_equal(ring[0].fallback, 2 | SLOT_YOUNG);
	assert_int_equal(sweep(ring).settled, 0);
	assert_int_equal(ring[0].fallback, 2);
	assert_int_equal(ring[0].primary, 1);
	assert_int_equal(sweep(ring).settled, SLOTS);
	assert_int_equal(ring[0].primary, 1 | SLOT_SETTLED);
	assert_int_equal(sweep(ring).settled, SLOTS);
}

/* The packet path saw a flow of somebody else: another whole period. */
static void test_a_foreign_flow_keeps_it_young(void **state)
{
	struct ring_slot ring[SLOTS];

	(void)state;
	all_live();
	fill(ring, 1, 2);
	ring[3].fallback |= SLOT_YOUNG;
	assert_int_equal(sweep(ring).settled, SLOTS - 1);
	assert_int_equal(ring[3].primary, 1);
	ring[3].fallback |= SLOT_YOUNG;
	assert_int_equal(sweep(ring).young, 1);
	assert_int_equal(sweep(ring).young, 0);
}

static void test_only_who_may_have_flows_settles(void **state)
{
	struct ring_slot ring[SLOTS];

	(void)state;
	all_live();
	backends[2].until[CLASS_CLASSIFIED] = NOW;
	backends[3].flags = BACKEND_DRAINED;
	backends[4].flags = BACKEND_EVICTED;
	fill(ring, 1, 5);
	ring[1].primary = 2;
	ring[2].primary = 3;
	ring[3].primary = 4;
	ring[4].primary = 0;
	ring[5].primary = BACKENDS; /* beyond the table */
	assert_int_equal(sweep(ring).settled, 1);
	assert_int_equal(ring[0].primary, 1 | SLOT_SETTLED);
	for (int i = 1; i < SLOTS; i++)
		assert_false(ring[i].primary & SLOT_SETTLED);
}

/* What moves from a settled slot's backend remembers it, through every further move. */
static void test_a_move_remembers_whose_it_was(void **state)
{
	struct ring_slot a[SLOTS], b[SLOTS], c[SLOTS], d[SLOTS];

	(void)state;
	all_live();
	fill(a, 1 | SLOT_SETTLED, 2);
	fill(b, 3, 4);
	settle_carry(a, SLOTS, b, SLOTS);
	assert_int_equal(b[0].primary, 3 | SLOT_MOVED);
	assert_int_equal(b[0].fallback, 1 | SLOT_YOUNG);
	fill(c, 5, 4);
	settle_carry(b, SLOTS, c, SLOTS);
	assert_int_equal(c[0].primary, 5 | SLOT_MOVED);
	assert_int_equal(c[0].fallback, 1 | SLOT_YOUNG);
	/* Home again: what the others had meanwhile is remembered flow by flow. */
	fill(d, 1, 4);
	settle_carry(c, SLOTS, d, SLOTS);
	assert_int_equal(d[0].primary, 1);
	assert_int_equal(d[0].fallback, 4 | SLOT_YOUNG);
}

static void test_what_stays_stays_settled(void **state)
{
	struct ring_slot a[SLOTS], b[SLOTS];

	(void)state;
	all_live();
	fill(a, 1 | SLOT_SETTLED, 2);
	fill(b, 1, 4); /* another fallback */
	b[5].primary = 3;
	settle_carry(a, SLOTS, b, SLOTS);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(b[i].primary, 1 | SLOT_SETTLED);
		assert_int_equal(b[i].fallback, 4);
	}
	assert_int_equal(b[5].primary, 3 | SLOT_MOVED);
}

/* Settling forgets the move; the fallback is an ordinary one from then on. */
static void test_a_moved_slot_settles(void **state)
{
	struct ring_slot ring[SLOTS];

	(void)state;
	all_live();
	fill(ring, 3 | SLOT_MOVED, 1 | SLOT_YOUNG);
	assert_int_equal(sweep(ring).settled, 0);
	assert_int_equal(ring[0].primary, 3 | SLOT_MOVED);
	assert_int_equal(sweep(ring).settled, SLOTS);
	assert_int_equal(ring[0].primary, 3 | SLOT_SETTLED);
	assert_int_equal(ring[0].fallback, 1);
}

/* A ring of another size: each slot belonged to whoever had the middle of its hashes. */
static void test_another_size(void **state)
{
	struct ring_slot a[SLOTS], b[2 * SLOTS];

	(void)state;
	all_live();
	for (int i = 0; i < SLOTS; i++)
		a[i] = (struct ring_slot){ (uint16_t)((i + 1) | SLOT_SETTLED), 7 };
	for (int i = 0; i < 2 * SLOTS; i++)
		b[i] = (struct ring_slot){ (uint16_t)(i / 2 + 1), 7 };
	b[11].primary = 1;
	settle_carry(a, SLOTS, b, 2 * SLOTS);
	for (int i = 0; i < 11; i++)
		assert_int_equal(b[i].primary, (i / 2 + 1) | SLOT_SETTLED);
	assert_int_equal(b[11].primary, 1 | SLOT_MOVED);
	assert_int_equal(b[11].fallback, 6 | SLOT_YOUNG);
}

static void test_same(void **state)
{
	struct ring_slot a[SLOTS], b[SLOTS];

	(void)state;
	fill(a, 1, 2);
	fill(b, 1 | SLOT_SETTLED, 2 | SLOT_YOUNG);
	assert_true(settle_same(a, b, SLOTS));
	b[2].fallback = 3;
	assert_false(settle_same(a, b, SLOTS));
	b[2].primary |= SLOT_MOVED; /* whose it was, not the fallback */
	assert_true(settle_same(a, b, SLOTS));
	b[2].primary = 2 | SLOT_MOVED;
	assert_false(settle_same(a, b, SLOTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_takes_a_whole_period),
		cmocka_unit_test(test_a_foreign_flow_keeps_it_young),
		cmocka_unit_test(test_only_who_may_have_flows_settles),
		cmocka_unit_test(test_a_move_remembers_whose_it_was),
		cmocka_unit_test(test_what_stays_stays_settled),
		cmocka_unit_test(test_a_moved_slot_settles),
		cmocka_unit_test(test_another_size),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
