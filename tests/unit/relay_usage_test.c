// SPDX-License-Identifier: BSD-2-Clause
/* What the relay counts of its work, and the page that is made of it. */
#include "relay_kit.h"

static struct kit *kit;
static struct identity relay_id, dest_id;
static struct origin echo;
static struct relay_config *config;
static struct proc relay;

enum { ECHO, NOBODY };

static int setup(void **state)
{
	(void)state;
	kit = kit_new();
	kit_issue(kit, &relay_id, "relay", "URI:fairlead://node/relay-1,IP:127.0.0.1");
	kit_issue(kit, &dest_id, "dest", "DNS:api.example");
	origin_start(&echo, &dest_id, TLS1_3_VERSION);
	config = relay_kit_config(&relay_id);
	config->limits.per_source = 2;
	relay_kit_pin(relay_kit_add(config, "echo", echo.port), &dest_id);
	relay_kit_add(config, "nobody", kit_port());
	relay_kit_start(kit, &relay, config, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proc_stop(&relay);
	origin_stop(&echo);
	usage_free(relay_kit_usage);
	free(config);
	kit_free(kit);
	return 0;
}

/* Until the relay has come so far. */
static void wants(const uint64_t *count, uint64_t n)
{
	for (int i = 0; __atomic_load_n(count, __ATOMIC_RELAXED) != n; i++) {
		struct timespec nap = { 0, 10000000 };

		if (i == KIT_WAIT_MS / 10)
			fail_msg("want %llu, counted %llu", (unsigned long long)n,
				 (unsigned long long)*count);
		nanosleep(&nap, NULL);
	}
}

static void test_carried(void **state)
{
	const struct usage *u = relay_kit_usage;
	struct guest *g = guest_new(config);

	(void)state;
	guest_comes(g, NULL);
	wants(&u->unproven, 1);
	assert_true(guest_asks(g, 1, "echo"));
	wants(&u->waiting, 1);
	wants(&u->unproven, 0);
	guest_free(g);
	wants(&u->open, 0);
	wants(&u->waiting, 0);
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, 0, RELAY_REPORT); /* nobody is there to have it */

	g = guest_new(config);
	guest_is_released(g, &relay, "echo");
	guest_exchanges(g, 12345, 1);
	wants(&u->open, 1);
	wants(&u->to[ECHO].up, 12345);
	wants(&u->to[ECHO].down, 12345);
	guest_free(g);
	wants(&u->open, 0);
	assert_int_equal(u->let_in, 2);
	assert_int_equal(u->evidence[USAGE_GIVEN], 1);
	assert_int_equal(u->to[ECHO].reached, 1);
	assert_int_equal(u->to[ECHO].failed, 0);
}

static void test_failures(void **state)
{
	const struct usage *u = relay_kit_usage;
	struct guest *g = guest_new(config);

	(void)state;
	guest_is_released(g, &relay, "nobody");
	wants(&u->to[NOBODY].failed, 1);
	assert_int_equal(u->to[NOBODY].reached, 0);
	guest_free(g);

	g = guest_new(config);
	guest_comes(g, NULL);
	assert_true(guest_asks(g, 1, "elsewhere"));
	wants(&u->evidence[USAGE_FAILED], 1);
	assert_true(guest_asks(g, 2, "echo"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, EBUSY, NULL);
	wants(&u->evidence[USAGE_BUSY], 1);
	guest_free(g);
	wants(&u->open, 0);
}

static void test_refused(void **state)
{
	const struct usage *u = relay_kit_usage;
	struct guest *g[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		g[i] = guest_new(config);
		assert_true(guest_connects(g[i]));
	}
	wants(&u->refused[ADMIT_PER_SOURCE], 1);
	wants(&u->open, 2);
	for (int i = 0; i < 3; i++)
		guest_free(g[i]);
	wants(&u->open, 0);
}

/* Every line of it, with numbers that are all different. */
static void test_page(void **state)
{
	static const struct usage u = {
		.open = 1,
		.unproven = 2,
		.waiting = 3,
		.let_in = 4,
		.refused = { 5, 6, 7, 8, 9 },
		.evidence = { 10, 11, 12 },
		.to = { { 13, 14, 15, 16 }, { 17, 18, 19, UINT64_MAX } },
	};
	static const char *const lines[] = {
		"connections 1",
		"unproven_connections 2",
		"waiting_connections 3",
		"connections_total 4",
		"refused_connections_total{reason=\"sources\"} 5",
		"refused_connections_total{reason=\"source_connections\"} 6",
		"refused_connections_total{reason=\"source_rate\"} 7",
		"refused_connections_total{reason=\"rate\"} 8",
		"refused_connections_total{reason=\"connections\"} 9",
		"evidence_total{result=\"given\"} 10",
		"evidence_total{result=\"busy\"} 11",
		"evidence_total{result=\"failed\"} 12",
		"destination_connections_total{destination=\"echo\"} 13",
		"destination_failures_total{destination=\"echo\"} 14",
		"bytes_total{destination=\"echo\",direction=\"up\"} 15",
		"bytes_total{destination=\"echo\",direction=\"down\"} 16",
		"destination_connections_total{destination=\"nobody\"} 17",
		"destination_failures_total{destination=\"nobody\"} 18",
		"bytes_total{destination=\"nobody\",direction=\"up\"} 19",
		"bytes_total{destination=\"nobody\",direction=\"down\"} 18446744073709551615",
		"build_info{version=\"" VERSION "\"} 1",
	};
	size_t n = 0, samples = 0;
	char *page = usage_page(&u, config, &n), line[128];

	(void)state;
	assert_non_null(page);
	assert_int_equal(n, strlen(page));
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(line, sizeof(line), "\nfairlead_relay_%s\n", lines[i]);
		if (!strstr(page, line))
			fail_msg("no line \"%s\" in\n%s", lines[i], page);
	}
	for (const char *p = page; *p; p = strchr(p, '\n') + 1)
		samples += *p != '#';
	assert_int_equal(samples, sizeof(lines) / sizeof(*lines));
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
