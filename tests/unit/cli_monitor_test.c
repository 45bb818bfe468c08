// SPDX-License-Identifier: BSD-2-Clause
/* Refused packets as people and programs read them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/addr.h"
#include "base/outcome.h"
#include "cli/monitor_event.h"

static const struct monitor_names names = { "pay4", "genuine-1", "eth0" };
static const int64_t noon = 1795262400123456789; /* 2026-11-21T12:00:00.123456789Z */

static struct event event(void)
{
	struct event e = {
		.sport = htons(40000),
		.dport = htons(443),
		.proto = IPPROTO_TCP,
		.outcome = OUT_LEASE_LAPSED,
		.service = 3,
		.backend = 7,
		.length = 66,
		.ifindex = 2,
	};

	assert_true(addr_parse("10.77.0.1", &e.src));
	assert_true(addr_parse("10.99.0.1", &e.dst));
	return e;
}

static void expect_line(const struct event *e, const struct monitor_names *n, const char *wanted)
{
	char line[MONITOR_LINE_MAX];

	monitor_line(e, n, noon, line);
	assert_string_equal(line, wanted);
}

static void expect_json(const struct event *e, const struct monitor_names *n, const char *wanted)
{
	json_t *v = monitor_json(e, n, noon), *w = json_loads(wanted, 0, NULL);
	char *text;

	assert_non_null(v);
	assert_non_null(w);
	text = json_dumps(v, JSON_COMPACT);
	if (!json_equal(v, w))
		assert_string_equal(text, wanted);
	free(text);
	json_decref(v);
	json_decref(w);
}

static void test_line(void **state)
{
	struct event e = event();

	(void)state;
	expect_line(&e, &names,
		    "2026-11-21T12:00:00.123Z lease_lapsed tcp 10.77.0.1:40000 > 10.99.0.1:443 "
		    "service pay4 backend genuine-1 length 66 in eth0");
	e.backend = 0;
	e.proto = IPPROTO_UDP;
	assert_true(addr_parse("fd77::1", &e.src));
	assert_true(addr_parse("fd99::1", &e.dst));
	expect_line(&e, &names,
		    "2026-11-21T12:00:00.123Z lease_lapsed udp [fd77::1]:40000 > [fd99::1]:443 "
		    "service pay4 length 66 in eth0");
}

/* Nothing is made up: no port, no service, no name. */
static void test_unknown(void **state)
{
	static const struct monitor_names none;
	struct event e = event();

	(void)state;
	e.sport = e.dport = 0;
	e.proto = 132;
	e.outcome = OUT_FRAGMENT;
	expect_line(&e, &none,
		    "2026-11-21T12:00:00.123Z fragment 132 10.77.0.1 > 10.99.0.1 service #3 "
		    "backend #7 length 66 in #2");
	e.service = MONITOR_NO_SERVICE;
	e.backend = 0;
	e.proto = IPPROTO_ICMPV6;
	expect_line(&e, &names,
		    "2026-11-21T12:00:00.123Z fragment icmpv6 10.77.0.1 > 10.99.0.1 length 66 in "
		    "eth0");
}

static void test_json(void **state)
{
	struct event e = event();

	(void)state;
	expect_json(&e, &names,
		    "{\"time\":\"2026-11-21T12:00:00.123Z\",\"outcome\":\"lease_lapsed\","
		    "\"protocol\":\"tcp\",\"source\":\"10.77.0.1\",\"destination\":\"10.99.0.1\","
		    "\"service\":\"pay4\",\"backend\":\"genuine-1\",\"length\":66,\"interface\":"
		    "\"eth0\",\"source_port\":40000,\"destination_port\":443}");
	e.sport = e.dport = 0;
	e.service = MONITOR_NO_SERVICE;
	e.backend = 0;
	expect_json(&e, &names,
		    "{\"time\":\"2026-11-21T12:00:00.123Z\",\"outcome\":\"lease_lapsed\","
		    "\"protocol\":\"tcp\",\"source\":\"10.77.0.1\",\"destination\":\"10.99.0.1\","
		    "\"service\":null,\"backend\":null,\"length\":66,\"interface\":\"eth0\","
		    "\"source_port\":null,\"destination_port\":null}");
}

static void test_decode(void **state)
{
	struct event e = event(), out;
	unsigned char longer[sizeof(e) + 8] = { 0 };

	(void)state;
	assert_true(monitor_decode(&e, sizeof(e), &out));
	assert_memory_equal(&e, &out, sizeof(e));
	for (size_t n = 0; n < sizeof(e); n++)
		assert_false(monitor_decode(&e, n, &out));
	memcpy(longer, &e, sizeof(e));
	assert_true(monitor_decode(longer, sizeof(longer), &out));
	for (int outcome = 0; outcome < 256; outcome++) {
		e.outcome = outcome;
		assert_int_equal(monitor_decode(&e, sizeof(e), &out),
				 outcome < OUT_COUNT && outcome_is_refusal(outcome));
	}
}

static void test_outcome(void **state)
{
	(void)state;
	for (int i = 0; i < OUT_COUNT; i++)
		assert_int_equal(monitor_outcome(outcome_label(i)), outcome_is_refusal(i) ? i : -1);
	assert_int_equal(monitor_outcome("lease"), OUT_LEASE_LAPSED);
	assert_int_equal(monitor_outcome("no_"), -2);
	assert_int_equal(monitor_outcome("steered"), -1); /* no refusal */
	assert_int_equal(monitor_outcome("nonsense"), -1);
	assert_int_equal(monitor_outcome(""), -1);
}

static void test_filter(void **state)
{
	struct monitor_filter f = { 0 };
	struct event e = event();

	(void)state;
	assert_true(monitor_chosen(&f, &e));
	f.outcomes = 1ull << OUT_FRAGMENT | 1ull << OUT_LEASE_LAPSED;
	assert_true(monitor_chosen(&f, &e));
	f.services[f.services_count++] = 2;
	assert_false(monitor_chosen(&f, &e));
	f.services[f.services_count++] = 3;
	assert_true(monitor_chosen(&f, &e));
	f.outcomes = 1ull << OUT_FRAGMENT;
	assert_false(monitor_chosen(&f, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),	cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_decode),
		cmocka_unit_test(test_outcome), cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
