// SPDX-License-Identifier: BSD-2-Clause
/* Costs: the founding formula to the digit, damping, and what a liar can get out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "steering/cost.h"

/* Mission S0-07: {45 ms, 0.62} costs 107, {120 ms, 0.31} costs 151. */
static void test_formula(void **state)
{
	(void)state;
	assert_int_equal(cost_of(45000, 620), 107000);
	assert_int_equal(cost_of(120000, 310), 151000);
	assert_int_equal(cost_of(0, 0), 0);
	assert_int_equal(cost_of(0, 1000), 100000);
	assert_int_equal(cost_of(1, 1), 101);
}

static void test_fixture_order(void **state)
{
	struct cost east = { 0 }, west = { 0 }, nobody = { 0 };

	(void)state;
	assert_true(cost_sample(&east, 45000, 620, 100));
	assert_true(cost_sample(&west, 120000, 310, 100));
	assert_true(cost_compare(&east, &west) < 0);
	assert_true(cost_compare(&west, &east) > 0);
	assert_int_equal(cost_compare(&east, &east), 0);
	assert_true(cost_compare(&nobody, &west) > 0);
	assert_true(cost_compare(&west, &nobody) < 0);
	assert_int_equal(cost_compare(&nobody, &nobody), 0);
}

static void test_clamped(void **state)
{
	struct cost c = { 0 };

	(void)state;
	assert_int_equal(cost_of(UINT64_MAX, UINT64_MAX), COST_LATENCY_MAX_US + 100000);
	for (int i = 0; i < 1000; i++)
		cost_sample(&c, UINT64_MAX, UINT64_MAX, 0);
	assert_int_equal(c.cost_us, COST_LATENCY_MAX_US + 100000);
	for (int i = 0; i < 1000; i++)
		cost_sample(&c, 0, 0, 0);
	assert_true(c.cost_us < 100);
}

/* One wild sample is an eighth of the news; many of them are believed. */
static void test_smoothing(void **state)
{
	struct cost c = { 0 };

	(void)state;
	cost_sample(&c, 8000, 0, 0);
	cost_sample(&c, 16000, 0, 0);
	assert_int_equal(c.cost_us, 9000);
	for (int i = 0; i < 60; i++)
		cost_sample(&c, 16000, 0, 0);
	assert_true(c.cost_us > 15900 && c.cost_us <= 16000);
	cost_sample(&c, 16000, 800, 0);
	assert_true(c.cost_us > 25000 && c.cost_us < 27000);
}

static void test_hysteresis(void **state)
{
	struct cost c = { 0 };
	int changes = 0;

	(void)state;
	assert_true(cost_sample(&c, 10000, 0, 100));
	for (int i = 0; i < 100; i++)
		assert_false(cost_sample(&c, i & 1 ? 10900 : 9100, 0, 100));
	assert_int_equal(c.cost_us, 10000);
	for (int i = 0; i < 100; i++)
		changes += cost_sample(&c, 20000, 0, 100);
	assert_true(changes > 1 && changes < 10);
	assert_true(c.cost_us > 18000);
	/* A permille beyond all is as good as 1000: never stuck for good. */
	for (int i = 0; i < 100; i++)
		cost_sample(&c, 60000, 0, UINT64_MAX);
	assert_true(c.cost_us > 36000);
}

static void weigh(const uint64_t us[], size_t n, uint32_t weights[])
{
	struct cost_range range = { 0, 0 };
	struct cost c[8] = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (us[i] != UINT64_MAX)
			cost_sample(&c[i], us[i], 0, 0);
		cost_range_add(&range, &c[i]);
	}
	for (size_t i = 0; i < n; i++)
		weights[i] = cost_weight(&range, &c[i]);
}

static void test_weights_are_inverse(void **state)
{
	uint32_t w[4];

	(void)state;
	weigh((uint64_t[]){ 10000, 20000, 40000, 25000 }, 4, w);
	assert_int_equal(w[0], COST_WEIGHT_MAX);
	assert_int_equal(w[1], COST_WEIGHT_MAX / 2);
	assert_int_equal(w[2], COST_WEIGHT_MAX / 4);
	assert_int_equal(w[3], COST_WEIGHT_MAX * 2 / 5);
}

static void test_nobody_starves_and_nobody_takes_all(void **state)
{
	uint32_t w[3];

	(void)state;
	weigh((uint64_t[]){ 0, 1000000, 60000000 }, 3, w);
	assert_int_equal(w[0], COST_WEIGHT_MAX);
	assert_int_equal(w[1], COST_WEIGHT_MAX / COST_RANGE);
	assert_int_equal(w[2], COST_WEIGHT_MAX / COST_RANGE);
	/* A zero is not cheaper than the least cost that we believe. */
	weigh((uint64_t[]){ 0, COST_LEAST_US, 2 * COST_LEAST_US }, 3, w);
	assert_int_equal(w[0], w[1]);
	assert_int_equal(w[2], w[1] / 2);
}

static void test_unknown_is_as_the_dearest(void **state)
{
	uint32_t w[3];

	(void)state;
	weigh((uint64_t[]){ 10000, UINT64_MAX, 30000 }, 3, w);
	assert_int_equal(w[1], w[2]);
	weigh((uint64_t[]){ UINT64_MAX, UINT64_MAX, UINT64_MAX }, 3, w);
	assert_int_equal(w[0], w[1]);
	assert_int_equal(w[1], w[2]);
	assert_int_equal(w[0], COST_WEIGHT_MAX);
}

static void test_any_stream_gives_bounded_weights(void **state)
{
	struct cost c[5] = { 0 };
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct cost_range range = { 0, 0 };

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		cost_sample(&c[seed >> 60 & 3], seed >> (seed >> 8 & 63), seed >> (seed & 63),
			    seed >> 40 & 511);
		for (int i = 0; i < 4; i++) /* the fifth is outside of the range */
			cost_range_add(&range, &c[i]);
		for (int i = 0; i < 5; i++) {
			assert_true(c[i].cost_us <= COST_LATENCY_MAX_US + 100000);
			assert_in_range(cost_weight(&range, &c[i]), COST_WEIGHT_MAX / COST_RANGE,
					COST_WEIGHT_MAX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formula),
		cmocka_unit_test(test_fixture_order),
		cmocka_unit_test(test_clamped),
		cmocka_unit_test(test_smoothing),
		cmocka_unit_test(test_hysteresis),
		cmocka_unit_test(test_weights_are_inverse),
		cmocka_unit_test(test_nobody_starves_and_nobody_takes_all),
		cmocka_unit_test(test_unknown_is_as_the_dearest),
		cmocka_unit_test(test_any_stream_gives_bounded_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
