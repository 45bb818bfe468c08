// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rings made anew: shares follow weights, every slot has two choices, faults are found.
 */
#include "unit/steering_ring_bench.h"

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

/* Many of one weight do not all round the same way, at the expense of another. */
static void test_equals_do_not_round_together(void **state)
{
	struct fixture *f = fixture_of(state);

	for (size_t n = 10; n < 200; n++) {
		double share = 0;

		make_members(f->m, n, 1000);
		f->m[3].weight = 20000;
		share = 1021.0 * 20000 / (20000 + 1000.0 * (n - 1));
		assert_int_equal(ring_build(f->w, f->m, n, 1021, f->a), 0);
		assert_int_equal(ring_balanced(f->w, f->m, n, f->a, 1021), RING_OK);
		count_primaries(f, f->a, 1021);
		assert_in_range(f->count[4], share * 0.99 - 1, share * 1.01 + 1);
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
		f->m[i].id = 1001 - f->m[i].id; /* in the other order, too */
	assert_int_equal(ring_build(f->w, f->m, 20, 4093, f->b), 0);
	for (uint32_t s = 0; s < 4093; s++)
		assert_int_equal(1001 - f->a[s].primary, f->b[s].primary);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_equals_do_not_round_together),
		cmocka_unit_test(test_order_of_listing_is_nothing),
		cmocka_unit_test(test_places_do_not_depend_on_ids),
		cmocka_unit_test(test_fallbacks_are_spread),
		cmocka_unit_test(test_lopsided_rings_have_fallbacks),
		cmocka_unit_test(test_one_member_and_weightless_ones),
		cmocka_unit_test(test_refusals_leave_out_alone),
		cmocka_unit_test(test_cheapest),
		cmocka_unit_test(test_check_finds_faults),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
