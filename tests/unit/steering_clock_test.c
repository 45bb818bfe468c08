// SPDX-License-Identifier: BSD-2-Clause
/* HZ from two samples, and whether time stood still between them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "steering/clock.h"

#define MS 1000000ull

static void test_hz_is_told_from_a_tenth_of_a_second(void **state)
{
	(void)state;
	assert_int_equal(clock_hz_of(10, 100 * MS), 100);
	assert_int_equal(clock_hz_of(11, 100 * MS + 50000), 100);
	assert_int_equal(clock_hz_of(25, 100 * MS), 250);
	assert_int_equal(clock_hz_of(26, 100 * MS), 250);
	assert_int_equal(clock_hz_of(29, 100 * MS), 300);
	assert_int_equal(clock_hz_of(30, 100 * MS), 300);
	assert_int_equal(clock_hz_of(100, 100 * MS), 1000);
	assert_int_equal(clock_hz_of(1235, 1234567890), 1000);
}

static void test_hz_is_never_guessed(void **state)
{
	(void)state;
	assert_int_equal(clock_hz_of(0, 100 * MS), 0);
	assert_int_equal(clock_hz_of(17, 100 * MS), 0);
	assert_int_equal(clock_hz_of(500, 1000 * MS), 0);
	assert_int_equal(clock_hz_of(0, 0), 0);
	/* Too short to tell 100 from anything. */
	assert_int_equal(clock_hz_of(1, 10 * MS), 0);
}

static void test_a_suspended_second_is_noticed(void **state)
{
	struct clock_reading a = { .jiffies = 1000, .boot_ns = 50 * MS, .mono_ns = 40 * MS };
	struct clock_reading b = a;

	(void)state;
	b.jiffies += 250;
	b.boot_ns += 1000 * MS;
	b.mono_ns += 1000 * MS;
	assert_false(clock_stood_still(&a, &b, 250));
	b.boot_ns += 100 * MS; /* boot time went on, monotonic time did not */
	assert_true(clock_stood_still(&a, &b, 250));
	b.mono_ns += 100 * MS; /* a late reading is no suspend */
	assert_false(clock_stood_still(&a, &b, 250));
	b.boot_ns += 1000 * MS; /* both went on, jiffies did not */
	b.mono_ns += 1000 * MS;
	assert_true(clock_stood_still(&a, &b, 250));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hz_is_told_from_a_tenth_of_a_second),
		cmocka_unit_test(test_hz_is_never_guessed),
		cmocka_unit_test(test_a_suspended_second_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
