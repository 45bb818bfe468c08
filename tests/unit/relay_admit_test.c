// SPDX-License-Identifier: BSD-2-Clause
/* Who may connect, over a time that the test makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/addr.h"
#include "relay/admit.h"

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct source *enter(struct admit *a, const char *from, uint64_t now_ms, const char *why)
{
	struct addr addr = addr_of(from);
	enum admit_reason got;
	struct source *s = admit_enter(a, &addr, now_ms, &got);

	assert_string_equal(s ? "" : admit_str(got), why);
	return s;
}

static void test_connections(void **state)
{
	static const struct admit_limits limits = { 5, 3, 1000, 1000 };
	struct admit *a = admit_new(&limits, 1);
	struct source *s;

	(void)state;
	for (int i = 0; i < 3; i++)
		s = enter(a, "192.0.2.1", 1000, "");
	enter(a, "192.0.2.1", 1000, "too many connections from its source");
	enter(a, "192.0.2.2", 1000, "");
	admit_leave(s);
	enter(a, "192.0.2.1", 1000, "");
	admit_free(a);
}

/* Two seconds' worth at once, then what the time brings; a second source has its own. */
static void test_rates(void **state)
{
	static const struct admit_limits limits = { 10000, 10000, 1000, 10 };
	struct admit *a = admit_new(&limits, 1);
	static const char why[] = "its source connects too often";
	uint64_t t = 50000;

	(void)state;
	for (int i = 0; i < 20; i++)
		admit_leave(enter(a, "192.0.2.1", t, ""));
	enter(a, "192.0.2.1", t, why);
	enter(a, "192.0.2.1", t + 99, why);
	enter(a, "192.0.2.2", t + 99, "");
	enter(a, "192.0.2.1", t + 100, "");
	enter(a, "192.0.2.1", t + 100, why);
	t += 100000;
	for (int i = 0; i < 20; i++)
		enter(a, "192.0.2.1", t, "");
	enter(a, "192.0.2.1", t, why);
	admit_free(a);
}

static void test_rate_of_all(void **state)
{
	static const struct admit_limits limits = { 10000, 10000, 4, 1000 };
	struct admit *a = admit_new(&limits, 1);

	(void)state;
	for (int i = 0; i < 8; i++)
		enter(a, i % 2 ? "192.0.2.1" : "192.0.2.2", 9000, "");
	enter(a, "192.0.2.3", 9000, "too many connect at once");
	enter(a, "192.0.2.3", 9250, "");
	admit_free(a);
}

/* A /64 is one source, an IPv4 address is one. */
static void test_sources(void **state)
{
	static const struct admit_limits limits = { 100, 1, 1000, 1000 };
	struct admit *a = admit_new(&limits, 1);

	(void)state;
	enter(a, "2001:db8:0:1::1", 1000, "");
	enter(a, "2001:db8:0:1:2::1", 1000, "too many connections from its source");
	enter(a, "2001:db8:0:2::1", 1000, "");
	enter(a, "192.0.2.1", 1000, "");
	enter(a, "192.0.2.2", 1000, "");
	enter(a, "192.0.2.1", 1000, "too many connections from its source");
	admit_free(a);
}

/* However many sources come and go, those that are here keep their count. */
static void test_many_sources(void **state)
{
	static const struct admit_limits limits = { 100, 1, 1000000, 1000 };
	struct admit *a = admit_new(&limits, 77);
	struct source *here = enter(a, "192.0.2.1", 1, "");
	enum admit_reason why;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		struct addr addr = addr_of("10.0.0.0");
		struct source *s;

		addr.w[3] |= (i & 0xff) << 24 | (i >> 8 & 0xff) << 16 | (i >> 16) << 8;
		s = admit_enter(a, &addr, 2 + i, &why);
		if (!s)
			fail_msg("%u: %s", i, admit_str(why));
		admit_leave(s);
	}
	assert_int_equal(here->connections, 1);
	enter(a, "192.0.2.1", 200000, "too many connections from its source");
	admit_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),  cmocka_unit_test(test_rates),
		cmocka_unit_test(test_rate_of_all),  cmocka_unit_test(test_sources),
		cmocka_unit_test(test_many_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
