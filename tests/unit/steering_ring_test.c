// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rings: shares follow weights, every slot has two choices, a change moves what it must and no
 * more, costs move no more than they may, and nothing unfit is ever handed out.
 */
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

static uint32_t dice(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static struct fixture *fixture_of(void **state)
{
	return *state;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->w = ring_work_new(MEMBERS, SLOTS);
	assert_non_null(f->w);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	ring_work_free(fixture_of(state)->w);
	free(*state);
	return 0;
}

/* Members b0, b1, … of one weight, ids from 1. */
static void make_members(struct ring_member *m, size_t n, uint32_t weight)
{
	char name[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "b%zu", i);
		m[i] = (struct ring_member){ ring_key(name), i + 1, weight };
	}
}

static void count_primaries(struct fixture *f, const struct ring_slot *ring, uint32_t slots)
{
	memset(f->count, 0, sizeof(f->count));
	for (uint32_t s = 0; s < slots; s++)
		f->count[ring[s].primary]++;
}

static uint32_t differ(const struct ring_slot *a, const struct ring_slot *b, uint32_t slots)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < slots; s++)
		n += a[s].primary != b[s].primary;
	return n;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void test_primes(void **state)
{
	(void)state;
	assert_false(ring_is_prime(0));
	assert_false(ring_is_prime(1));
	assert_true(ring_is_prime(2));
	assert_true(ring_is_prime(3));
	assert_false(ring_is_prime(9));
	assert_true(ring_is_prime(4093));
	assert_true(ring_is_prime(16381));
	assert_true(ring_is_prime(65537));
	assert_false(ring_is_prime(65536));
	assert_false(ring_is_prime(4093 * 3));
	assert_int_equal(ring_next_prime(4090), 4091);
	assert_int_equal(ring_next_prime(4092), 4093);
	assert_int_equal(ring_next_prime(65537), 65537);
	assert_int_equal(ring_next_prime(RING_SLOTS_MOST), 0);
	assert_int_equal(ring_next_prime(UINT32_MAX), 0);
}

static void test_keys(void **state)
{
	(void)state;
	assert_true(ring_key("b1") == ring_key("b1"));
	assert_true(ring_key("b1") != ring_key("b2"));
	assert_true(ring_key("") != ring_key("\1"));
	/* The places of flows hang on it: two versions that disagree here move them all. */
	assert_int_equal(ring_key("backend-1"), 0xa080d5e2d5db0066ull);
}

static void test_shares_follow_weights(void **state)
{
	static const uint32_t sizes[] = { 4093, 16381, 65537 };
	static const size_t counts[] = { 1, 2, 3, 7, 20, 100, 1000 };
	struct fixture *f = fixture_of(state);

	for (size_t k = 0; k < 3; k++) {
		for (size_t j = 0; j < 7; j++) {
			size_t n = counts[j];
			uint64_t sum = 0;

			make_members(f->m, n, 0);
			for (size_t i = 0; i < n; i++)
				sum += f->m[i].weight = 1000 + dice(19001);
			assert_int_equal(ring_build(f->w, f->m, n, sizes[k], f->a), 0);
			assert_int_equal(ring_balanced(f->w, f->m, n, f->a, sizes[k]), RING_OK);
			count_primaries(f, f->a, sizes[k]);
			for (size_t i = 0; i < n; i++) {
				double share = (double)sizes[k] * f->m[i].weight / sum;
				double off = f->count[i + 1] - share;

				/* 1 %, or the slot that cannot be cut. */
				assert_true((off < 0 ? -off : off) <= 1 + share / 100);
			}
		}
	}
}

static void test_order_of_listing_is_nothing(void **state)
{
	struct fixture *f = fixture_of(state);

	make_members(f->m, 50, 700);
	f->m[7].weight = 90;
	f->m[8].key = f->m[9].key; /* two names of one hash */
	assert_int_equal(ring_build(f->w, f->m, 50, 4093, f->a), 0);
	for (size_t i = 49; i > 0; i--) {
		size_t j = dice(i + 1);
		struct ring_member t = f->m[i];

		f->m[i] = f->m[j];
		f->m[j] = t;
	}
	assert_int_equal(ring_build(f->w, f->m, 50, 4093, f->b), 0);
	assert_memory_equal(f->a, f->b, 4093 * sizeof(*f->a));
}

static void test_places_do_not_depend_on_ids(void **state)
{
	struct fixture *f = fixture_of(state);

	make_members(f->m, 20, 1);
	assert_int_equal(ring_build(f->w, f->m, 20, 4093, f->a), 0);
	for (size_t i = 0; i < 20; i++)
		f->m[i].id += 1000;
	assert_int_equal(ring_build(f->w, f->m, 20, 4093, f->b), 0);
	for (uint32_t s = 0; s < 4093; s++)
		assert_int_equal(f->a[s].primary + 1000, f->b[s].primary);
}

/* The slots of one backend fall back to all others, in proportion to their weights. */
static void test_fallbacks_are_spread(void **state)
{
	struct fixture *f = fixture_of(state);
	uint32_t weights = 0, total = 0;

	make_members(f->m, 10, 1000);
	f->m[3].weight = 3000;
	assert_int_equal(ring_build(f->w, f->m, 10, SLOTS, f->a), 0);
	memset(f->count, 0, sizeof(f->count));
	for (uint32_t s = 0; s < SLOTS; s++) {
		assert_int_not_equal(f->a[s].fallback, 0);
		assert_int_not_equal(f->a[s].fallback, f->a[s].primary);
		if (f->a[s].primary == 1)
			f->count[f->a[s].fallback]++, total++;
	}
	for (size_t i = 1; i < 10; i++)
		weights += f->m[i].weight;
	for (size_t i = 1; i < 10; i++) {
		double share = (double)total * f->m[i].weight / weights;

		assert_true(f->count[i + 1] > share * 0.8 && f->count[i + 1] < share * 1.2);
	}
}

static void test_lopsided_rings_have_fallbacks(void **state)
{
	struct fixture *f = fixture_of(state);

	make_members(f->m, 3, 1);
	f->m[0].weight = RING_WEIGHT_MAX;
	assert_int_equal(ring_build(f->w, f->m, 3, 4093, f->a), 0);
	assert_int_equal(ring_check(f->w, f->m, 3, f->a, 4093), RING_OK);
	memset(f->count, 0, sizeof(f->count));
	for (uint32_t s = 0; s < 4093; s++)
		f->count[f->a[s].fallback]++;
	assert_true(f->count[2] > 4093 / 3 && f->count[3] > 4093 / 3);
}

static void test_one_member_and_weightless_ones(void **state)
{
	struct fixture *f = fixture_of(state);

	make_members(f->m, 5, 0);
	f->m[2].weight = 5;
	assert_int_equal(ring_build(f->w, f->m, 5, 4093, f->a), 0);
	for (uint32_t s = 0; s < 4093; s++) {
		assert_int_equal(f->a[s].primary, 3);
		assert_int_equal(f->a[s].fallback, 0);
	}
	assert_int_equal(ring_check(f->w, f->m, 5, f->a, 4093), RING_OK);
}

static void test_refusals_leave_out_alone(void **state)
{
	struct fixture *f = fixture_of(state);

	memset(f->a, 0xee, sizeof(f->a));
	memset(f->b, 0xee, sizeof(f->b));
	make_members(f->m, 5, 0);
	assert_int_equal(ring_build(f->w, f->m, 5, 4093, f->a), -ENODATA);
	assert_int_equal(ring_build(f->w, f->m, 0, 4093, f->a), -ENODATA);
	assert_int_equal(ring_build_cheapest(f->m, 5, 4093, f->a), -ENODATA);
	make_members(f->m, 5, 1);
	assert_int_equal(ring_build(f->w, f->m, 5, 4092, f->a), -EINVAL);
	assert_int_equal(ring_build(f->w, f->m, 5, 0, f->a), -EINVAL);
	assert_int_equal(ring_build(f->w, f->m, 5, 3, f->a), -EINVAL);
	assert_int_equal(ring_build(f->w, f->m, 5, 65539, f->a), -ENOSPC);
	assert_int_equal(ring_build(f->w, f->m, MEMBERS + 1, SLOTS, f->a), -ENOSPC);
	f->m[4].id = f->m[0].id;
	assert_int_equal(ring_build(f->w, f->m, 5, 4093, f->a), -EINVAL);
	f->m[4].id = 0;
	assert_int_equal(ring_build(f->w, f->m, 5, 4093, f->a), -EINVAL);
	assert_int_equal(ring_build_cheapest(f->m, 5, 4093, f->a), -EINVAL);
	assert_memory_equal(f->a, f->b, sizeof(f->a));
	assert_null(ring_work_new(0, 4093));
	assert_null(ring_work_new(10, RING_SLOTS_MOST + 1));
	assert_null(ring_work_new(RING_MEMBERS_MAX + 1, 4093));
}

static void test_cheapest(void **state)
{
	struct fixture *f = fixture_of(state);

	make_members(f->m, 4, 1);
	f->m[0].weight = 0;
	assert_int_equal(ring_build_cheapest(f->m, 4, 4093, f->a), 0);
	for (uint32_t s = 0; s < 4093; s++) {
		assert_int_equal(f->a[s].primary, 2);
		assert_int_equal(f->a[s].fallback, 3);
	}
}

static void test_check_finds_faults(void **state)
{
	struct fixture *f = fixture_of(state);

	make_members(f->m, 5, 10);
	assert_int_equal(ring_build(f->w, f->m, 5, 4093, f->a), 0);
	assert_int_equal(ring_check(f->w, f->m, 5, f->a, 0), RING_EMPTY_SLOT);

	memcpy(f->b, f->a, sizeof(f->a));
	f->b[4092].primary = 0;
	assert_int_equal(ring_check(f->w, f->m, 5, f->b, 4093), RING_EMPTY_SLOT);
	f->b[4092].primary = 6;
	assert_int_equal(ring_check(f->w, f->m, 5, f->b, 4093), RING_STRANGER);
	f->b[4092] = (struct ring_slot){ 1, 6 };
	assert_int_equal(ring_check(f->w, f->m, 5, f->b, 4093), RING_STRANGER);
	f->b[4092] = (struct ring_slot){ 1, 1 };
	assert_int_equal(ring_check(f->w, f->m, 5, f->b, 4093), RING_NO_FALLBACK);
	f->b[4092] = (struct ring_slot){ 1, 0 };
	assert_int_equal(ring_check(f->w, f->m, 5, f->b, 4093), RING_NO_FALLBACK);

	for (uint32_t s = 0; s < 4093; s++)
		f->b[s] = (struct ring_slot){ 1 + (s % 16 ? s % 5 : 0), 2 + (s % 16 ? s % 5 : 0) };
	for (uint32_t s = 0; s < 4093; s++)
		if (f->b[s].fallback == 6)
			f->b[s].fallback = 1;
	assert_int_equal(ring_check(f->w, f->m, 5, f->b, 4093), RING_OK);
	assert_int_equal(ring_balanced(f->w, f->m, 5, f->b, 4093), RING_UNBALANCED);
	for (int i = RING_OK; i <= RING_UNBALANCED; i++)
		assert_string_not_equal(ring_fault_str(i), "unknown");
}

/* One goes, one comes back: only its own share moves, and its old slots are its own again. */
static void test_coming_and_going_moves_one_share(void **state)
{
	static const uint32_t sizes[] = { 4093, 16381, 65537 };
	static const size_t counts[] = { 2, 3, 10, 100, 1000 };
	struct fixture *f = fixture_of(state);

	for (size_t k = 0; k < 15; k++) {
		uint32_t slots = sizes[k / 5];
		size_t n = counts[k % 5], gone = dice(n);
		struct ring_want want = { f->m, n, slots, false, 0 };
		struct ring_moves moves;

		make_members(f->m, n, 1000);
		assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
		assert_int_equal(moves.left + moves.joined + moves.moved, 0);
		count_primaries(f, f->a, slots);

		f->m[gone].weight = 0;
		assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
		assert_int_equal(moves.left, f->count[gone + 1]);
		assert_int_equal(differ(f->a, f->b, slots), f->count[gone + 1]);
		assert_int_equal(ring_balanced(f->w, f->m, n, f->b, slots), RING_OK);

		f->m[gone].weight = 1000;
		assert_int_equal(ring_update(f->w, &want, f->b, f->c, &moves), 0);
		assert_int_equal(moves.joined, f->count[gone + 1]);
		assert_int_equal(differ(f->a, f->c, slots), 0);
	}
}

/* Who has had the flows of the one that left keeps them, as far as its share allows. */
static void test_fallbacks_inherit(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 10, SLOTS, false, 0 };
	struct ring_moves moves;
	uint32_t inherited = 0;

	make_members(f->m, 10, 1000);
	assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
	f->m[0].weight = 0;
	assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
	for (uint32_t s = 0; s < SLOTS; s++)
		inherited += f->a[s].primary == 1 && f->b[s].primary == f->a[s].fallback;
	assert_true(inherited > moves.left * 9 / 10);
}

/* How far a ring made anew is from the one before: what the ring in use is spared. */
static void test_a_ring_made_anew(void **state)
{
	static const size_t counts[] = { 3, 10, 30, 50, 1000 };
	struct fixture *f = fixture_of(state);

	for (size_t k = 0; k < 5; k++) {
		size_t n = counts[k];
		double moved;

		make_members(f->m, n, 1000);
		assert_int_equal(ring_build(f->w, f->m, n, SLOTS, f->a), 0);
		count_primaries(f, f->a, SLOTS);
		f->m[n / 2].weight = 0;
		assert_int_equal(ring_build(f->w, f->m, n, SLOTS, f->b), 0);
		moved = (double)differ(f->a, f->b, SLOTS) / f->count[n / 2 + 1];
		print_message("%zu members, one leaves, ring made anew: %.2f of its share moves\n",
			      n, moved);
		assert_true(n > 50 || moved <= 1.5);
	}
}

/* A changed cost moves at most its permille at a time, and gets there in the end. */
static void test_costs_are_damped(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 10, 16381, false, 50 };
	struct ring_moves moves;
	int rounds = 0;

	make_members(f->m, 10, 1000);
	assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
	f->m[4].weight = 20000;
	do {
		uint32_t waited = moves.waiting;

		assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
		assert_int_equal(moves.left + moves.joined, 0);
		assert_int_equal(moves.moved, differ(f->a, f->b, 16381));
		assert_true(moves.moved <= 16381 * 50 / 1000);
		assert_true(!rounds || moves.waiting < waited);
		memcpy(f->a, f->b, sizeof(f->a));
		rounds++;
	} while (moves.waiting);
	assert_true(rounds > 10); /* 58 % of the slots had to move, 5 % a round */
	assert_int_equal(ring_balanced(f->w, f->m, 10, f->a, 16381), RING_OK);

	want.moved_permille = 0;
	f->m[4].weight = 1000;
	assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
	assert_int_equal(differ(f->a, f->b, 16381), 0);
	assert_true(moves.waiting > 0);
}

static void test_small_rings_move_at_last(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 2, 13, false, 10 };
	struct ring_moves moves;

	make_members(f->m, 2, 1);
	assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
	f->m[0].weight = 3;
	assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
	assert_int_equal(moves.moved, 1);
}

/* Eviction is not damped, even while a cost moves: who left has no slot, as fallback neither. */
static void test_eviction_is_never_damped(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 10, 16381, false, 1 };
	struct ring_moves moves;

	make_members(f->m, 10, 1000);
	assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
	f->m[4].weight = 20000;
	f->m[5].weight = 0;
	f->m[6].weight = 0;
	assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
	assert_true(moves.moved <= 16);
	for (uint32_t s = 0; s < 16381; s++) {
		assert_true(f->b[s].primary != 6 && f->b[s].primary != 7);
		assert_true(f->b[s].fallback != 6 && f->b[s].fallback != 7);
	}
	/* All leave and others come. */
	make_members(f->m, 10, 1000);
	for (size_t i = 0; i < 10; i++)
		f->m[i].id += 100;
	assert_int_equal(ring_update(f->w, &want, f->b, f->a, &moves), 0);
	assert_int_equal(moves.left, 16381);
	assert_int_equal(ring_balanced(f->w, f->m, 10, f->a, 16381), RING_OK);
}

static void test_cheapest_is_damped_too(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 3, 4093, true, 100 };
	struct ring_moves moves;
	struct ring_member t;
	int rounds = 0;

	make_members(f->m, 3, 1);
	assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
	t = f->m[0];
	f->m[0] = f->m[2];
	f->m[2] = t;
	do {
		assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
		assert_true(moves.moved <= 409);
		assert_int_equal(ring_check(f->w, f->m, 3, f->b, 4093), RING_OK);
		memcpy(f->a, f->b, sizeof(f->a));
		rounds++;
	} while (moves.waiting);
	assert_int_equal(rounds, 11);
	for (uint32_t s = 0; s < 4093; s++) {
		assert_int_equal(f->a[s].primary, 3);
		assert_int_equal(f->a[s].fallback, 2);
	}
	/* The cheapest leaves: nobody waits. */
	want.members = f->m + 1;
	want.count = 2;
	assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
	assert_int_equal(moves.left, 4093);
	assert_int_equal(f->b[77].primary, 2);
	assert_int_equal(f->b[77].fallback, 1);
}

/* Any history of weights, comings and goings: sound rings, limits kept, counts true. */
static void test_any_history(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 40, 1021, false, 30 };
	struct ring_moves moves;

	make_members(f->m, 40, 1000);
	assert_int_equal(ring_update(f->w, &want, NULL, f->a, &moves), 0);
	for (int round = 0; round < 300; round++) {
		size_t i = dice(40);

		f->m[i].weight = dice(3) ? 1000 + dice(19001) : 0;
		want.cheapest = dice(8) == 0;
		if (ring_update(f->w, &want, f->a, f->b, &moves) == -ENODATA)
			continue;
		assert_int_equal(ring_check(f->w, f->m, 40, f->b, 1021), RING_OK);
		assert_int_equal(moves.left + moves.joined + moves.moved, differ(f->a, f->b, 1021));
		assert_true(moves.moved <= 30);
		if (!moves.waiting && !want.cheapest)
			assert_int_equal(ring_balanced(f->w, f->m, 40, f->b, 1021), RING_OK);
		memcpy(f->a, f->b, sizeof(f->a));
	}
}

static void test_speed(void **state)
{
	struct fixture *f = fixture_of(state);
	struct ring_want want = { f->m, 1000, SLOTS, false, 50 };
	struct ring_moves moves;
	double t, build, update;

	make_members(f->m, 1000, 0);
	for (size_t i = 0; i < 1000; i++)
		f->m[i].weight = 1000 + dice(19001);
	t = now_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(ring_build(f->w, f->m, 1000, SLOTS, f->a), 0);
	build = (now_ms() - t) / 10;
	t = now_ms();
	for (int i = 0; i < 10; i++) {
		f->m[i].weight = i & 1 ? 1000 : 20000;
		assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
	}
	update = (now_ms() - t) / 10;
	print_message("1000 members on 65537 slots: build %.1f ms, build + check + merge %.1f ms; "
		      "100 services %.0f ms\n",
		      build, update, update * 100);
	/* Far above what it takes, sanitized or not: this notices a square, not a slow machine. */
	assert_true(build < 200 && update < 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_order_of_listing_is_nothing),
		cmocka_unit_test(test_places_do_not_depend_on_ids),
		cmocka_unit_test(test_fallbacks_are_spread),
		cmocka_unit_test(test_lopsided_rings_have_fallbacks),
		cmocka_unit_test(test_one_member_and_weightless_ones),
		cmocka_unit_test(test_refusals_leave_out_alone),
		cmocka_unit_test(test_cheapest),
		cmocka_unit_test(test_check_finds_faults),
		cmocka_unit_test(test_coming_and_going_moves_one_share),
		cmocka_unit_test(test_fallbacks_inherit),
		cmocka_unit_test(test_a_ring_made_anew),
		cmocka_unit_test(test_costs_are_damped),
		cmocka_unit_test(test_small_rings_move_at_last),
		cmocka_unit_test(test_eviction_is_never_damped),
		cmocka_unit_test(test_cheapest_is_damped_too),
		cmocka_unit_test(test_any_history),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
