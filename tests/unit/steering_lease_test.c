// SPDX-License-Identifier: BSD-2-Clause
/* Leases: the limits to the millisecond, and that no rounding or overflow ever makes one longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "steering/clock.h"
#include "steering/lease.h"

enum {
	BOTH = 1 << CLASS_CONFIDENTIAL | 1 << CLASS_CLASSIFIED,
	T0 = 1000000000, /* some boot time, ms */
};

static const struct lease_grant both = { T0, LEASE_ENDLESS, BOTH };

static uint64_t until(enum class c, uint64_t configured, uint64_t now)
{
	return lease_until(c, &both, configured, now);
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(lease_limit_ms(CLASS_CONFIDENTIAL), 86400000);
	assert_int_equal(lease_limit_ms(CLASS_CLASSIFIED), 3600000);
	assert_int_equal(lease_limit_ms(CLASS_PUBLIC), 0);
	assert_int_equal(lease_limit_ms(CLASS_COUNT), 0);
	assert_int_equal(lease_limit_ms((enum class)77), 0);
}

static void test_until_counts_from_the_evidence(void **state)
{
	(void)state;
	assert_int_equal(until(CLASS_CONFIDENTIAL, UINT64_MAX, T0), T0 + 86400000ull);
	assert_int_equal(until(CLASS_CLASSIFIED, UINT64_MAX, T0), T0 + 3600000);
	assert_int_equal(until(CLASS_CLASSIFIED, UINT64_MAX, T0 + 3599999), T0 + 3600000);
	assert_int_equal(until(CLASS_CLASSIFIED, UINT64_MAX, T0 + 3600000), 0);
	assert_int_equal(until(CLASS_CONFIDENTIAL, UINT64_MAX, T0 + 86400000ull), 0);
}

static void test_config_shortens_only(void **state)
{
	(void)state;
	assert_int_equal(until(CLASS_CLASSIFIED, 60000, T0), T0 + 60000);
	assert_int_equal(until(CLASS_CLASSIFIED, 7200000, T0), T0 + 3600000);
	assert_int_equal(until(CLASS_CLASSIFIED, 0, T0), 0);
}

static void test_unknown_means_no(void **state)
{
	struct lease_grant g = both;

	(void)state;
	assert_int_equal(until(CLASS_PUBLIC, UINT64_MAX, T0), 0);
	assert_int_equal(until(CLASS_COUNT, UINT64_MAX, T0), 0);
	assert_int_equal(until((enum class)200, UINT64_MAX, T0), 0);
	assert_int_equal(until(CLASS_CLASSIFIED, UINT64_MAX, T0 - 1), 0); /* from the future */
	g.class_mask = 1 << CLASS_CONFIDENTIAL;
	assert_int_equal(lease_until(CLASS_CLASSIFIED, &g, UINT64_MAX, T0), 0);
	g = (struct lease_grant){ UINT64_MAX - 5, LEASE_ENDLESS, BOTH };
	assert_int_equal(lease_until(CLASS_CLASSIFIED, &g, UINT64_MAX, UINT64_MAX - 1), 0);
}

static void test_a_certificate_ends_a_lease(void **state)
{
	struct lease_grant g = { T0, T0 + 1000, BOTH };

	(void)state;
	assert_int_equal(lease_until(CLASS_CONFIDENTIAL, &g, UINT64_MAX, T0), T0 + 1000);
	assert_int_equal(lease_until(CLASS_CONFIDENTIAL, &g, UINT64_MAX, T0 + 1000), 0);
	g.not_after_ms = 0;
	assert_int_equal(lease_until(CLASS_CONFIDENTIAL, &g, UINT64_MAX, T0), 0);

	assert_int_equal(lease_not_after_ms(1700000010, 1700000000, 5000), 15000);
	assert_int_equal(lease_not_after_ms(1700000000, 1700000000, 5000), 0);
	assert_int_equal(lease_not_after_ms(1600000000, 1700000000, 5000), 0);
	assert_true(lease_not_after_ms(0, 1700000000, 5000) == LEASE_ENDLESS);
	assert_true(lease_not_after_ms(UINT64_MAX, 1, 5000) == LEASE_ENDLESS);
	assert_true(lease_not_after_ms(1800000000, 1700000000, 5000) == LEASE_ENDLESS);
}

static void test_jiffies_round_down(void **state)
{
	const struct clock_sample at250 = { 4294937296, 1000000000, 250 };
	const struct clock_sample at1000 = { 100, 1000000999, 1000 };

	(void)state;
	assert_int_equal(lease_jiffies(2000, &at250), 4294937296 + 250);
	assert_int_equal(lease_jiffies(2003, &at250), 4294937296 + 250);
	assert_int_equal(lease_jiffies(2004, &at250), 4294937296 + 251);
	assert_int_equal(lease_jiffies(1003, &at250), 0); /* not one whole step left */
	assert_int_equal(lease_jiffies(1004, &at250), 4294937297);
	assert_int_equal(lease_jiffies(1000, &at250), 0);
	assert_int_equal(lease_jiffies(0, &at250), 0);
	assert_int_equal(lease_jiffies(1001, &at1000), 0);
	assert_int_equal(lease_jiffies(1002, &at1000), 101);
	assert_true(lease_jiffies(LEASE_ENDLESS, &at250) == LEASE_ENDLESS);
}

static void test_jiffies_of_impossible_clocks(void **state)
{
	const struct clock_sample no_hz = { 100, 0, 0 };
	const struct clock_sample late = { UINT64_MAX - 10, 0, 1000 };
	const struct clock_sample wild = { 0, 0, UINT32_MAX };

	(void)state;
	assert_int_equal(lease_jiffies(5000, &no_hz), 0);
	assert_int_equal(lease_jiffies(5000, &late), 0);
	assert_int_equal(lease_jiffies(5000, &wild), 0);
	assert_int_equal(lease_jiffies(UINT64_MAX - 1, &late), 0);
	assert_int_equal(lease_boot_ms(200, &no_hz), 0);
}

/* Never later than until_ms, and less than a step and a millisecond earlier; nor on the way back.
 */
static void test_jiffies_are_never_late(void **state)
{
	static const uint32_t hz[] = { 100, 250, 300, 1000 };
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct clock_sample clock;
		uint64_t left, until_ms, jiffies, end_ns;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		clock = (struct clock_sample){ seed >> 20, seed >> 22, hz[seed >> 62] };
		left = 20 + (seed >> 13) % LEASE_CONFIDENTIAL_MAX_MS;
		until_ms = clock.boot_ns / 1000000 + left;
		jiffies = lease_jiffies(until_ms, &clock);
		assert_true(jiffies > clock.jiffies);
		end_ns = clock.boot_ns + (jiffies - clock.jiffies) * 1000000000 / clock.hz;
		assert_true(end_ns <= until_ms * 1000000);
		assert_true(until_ms * 1000000 - end_ns <= 1000000000 / clock.hz + 1000000);
		assert_true(lease_boot_ms(jiffies, &clock) <= until_ms);
		assert_true(lease_jiffies(lease_boot_ms(jiffies, &clock), &clock) <= jiffies);
	}
}

static void test_the_way_back(void **state)
{
	const struct clock_sample clock = { 5000, 10000000000, 250 };

	(void)state;
	assert_int_equal(lease_boot_ms(5250, &clock), 11000);
	assert_int_equal(lease_boot_ms(5001, &clock), 10004);
	assert_int_equal(lease_boot_ms(5000, &clock), 0);
	assert_int_equal(lease_boot_ms(0, &clock), 0);
	assert_true(lease_boot_ms(UINT64_MAX, &clock) == LEASE_ENDLESS);
}

/* Whatever the machine above says, no entry outlives its class. */
static void test_clamp(void **state)
{
	const struct clock_sample clock = { 5000, 10000000000, 1000 };

	(void)state;
	assert_int_equal(lease_clamp(CLASS_CLASSIFIED, 12000, &clock), 7000);
	assert_int_equal(lease_clamp(CLASS_CLASSIFIED, UINT64_MAX - 1, &clock), 5000 + 3600000);
	assert_int_equal(lease_clamp(CLASS_CLASSIFIED, LEASE_ENDLESS, &clock), 5000 + 3600000);
	assert_int_equal(lease_clamp(CLASS_CONFIDENTIAL, LEASE_ENDLESS, &clock), 5000 + 86400000);
	assert_int_equal(lease_clamp(CLASS_CONFIDENTIAL, 0, &clock), 0);
	assert_int_equal(lease_clamp(CLASS_PUBLIC, 12000, &clock), 0);
	assert_int_equal(lease_clamp(CLASS_PUBLIC, 0, &clock), 0);
	assert_true(lease_clamp(CLASS_PUBLIC, LEASE_ENDLESS, &clock) == LEASE_ENDLESS);
	assert_int_equal(lease_clamp(CLASS_COUNT, LEASE_ENDLESS, &clock), 0);
	assert_int_equal(lease_clamp((enum class)99, 12000, &clock), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_until_counts_from_the_evidence),
		cmocka_unit_test(test_config_shortens_only),
		cmocka_unit_test(test_unknown_means_no),
		cmocka_unit_test(test_a_certificate_ends_a_lease),
		cmocka_unit_test(test_jiffies_round_down),
		cmocka_unit_test(test_jiffies_of_impossible_clocks),
		cmocka_unit_test(test_jiffies_are_never_late),
		cmocka_unit_test(test_the_way_back),
		cmocka_unit_test(test_clamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
