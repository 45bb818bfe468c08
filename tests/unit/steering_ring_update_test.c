// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rings in use: a change moves what it must and no more, costs move no more than they may, and
 * who has left is gone at once.
 */
#include "unit/steering_ring_bench.h"

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

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* not what others take */
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
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
		assert_int_equal(ring_update(f->w, &want, f->a, f->b, &moves), 0);
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
