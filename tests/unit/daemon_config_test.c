// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead.yaml: each file of tests/data/config with a mistake gives exactly the lines
 * of its .errors; each without one, and the example, prints as a file that reads back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glob.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "daemon/config.h"
#include "daemon/control.h"

#define EXAMPLE "docs/fairlead.yaml"

enum {
	BAD_FILES = 20, /* at least: a data directory that is not found is no success */
	FLEET = 16382,
};

/* The file's text, to be freed; NULL when there is none. */
static char *slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &n, 0, f) < 0)
		fail_msg("%s: empty", path);
	fclose(f);
	return text;
}

/* Reads text; what was complained about comes in *errors, to be freed. */
static struct config *parse(const char *name, const char *text, char **errors)
{
	size_t n;
	FILE *f = open_memstream(errors, &n);
	struct config *c = config_parse(name, text, strlen(text), f);

	fclose(f);
	return c;
}

static char *print(const struct config *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_int_equal(config_print(c, f), 0);
	fclose(f);
	return text;
}

static struct config *parse_good(const char *name, const char *text)
{
	char *errors = NULL;
	struct config *c = parse(name, text, &errors);

	assert_string_equal(errors, "");
	assert_non_null(c);
	free(errors);
	return c;
}

static void compare_services(const struct config *a, const struct config *b)
{
	assert_int_equal(a->router.services_count, b->router.services_count);
	for (size_t i = 0; i < a->router.services_count; i++) {
		struct service_config x = a->router.services[i], y = b->router.services[i];

		assert_int_equal(x.backends_count, y.backends_count);
		assert_memory_equal(x.backends, y.backends, x.backends_count * sizeof(*x.backends));
		x.backends = y.backends = NULL;
		assert_int_equal(x.marks.sources_count, y.marks.sources_count);
		if (x.marks.sources_count)
			assert_memory_equal(x.marks.sources, y.marks.sources,
					    x.marks.sources_count * sizeof(*x.marks.sources));
		x.marks.sources = y.marks.sources = NULL;
		assert_memory_equal(&x, &y, sizeof(x));
	}
}

/* Field by field, which is byte by byte where memory came zeroed: no key may get lost. */
static void compare(const struct config *a, const struct config *b)
{
	struct config x = *a, y = *b;

	compare_services(a, b);
	assert_int_equal(a->router.backends_count, b->router.backends_count);
	assert_memory_equal(a->router.backends, b->router.backends,
			    a->router.backends_count * sizeof(*a->router.backends));
	assert_int_equal(a->agent.routers_count, b->agent.routers_count);
	if (a->agent.routers_count)
		assert_memory_equal(a->agent.routers, b->agent.routers,
				    a->agent.routers_count * sizeof(*a->agent.routers));
	assert_int_equal(a->agent.egress.count, b->agent.egress.count);
	if (a->agent.egress.count)
		assert_memory_equal(a->agent.egress.items, b->agent.egress.items,
				    a->agent.egress.count * sizeof(*a->agent.egress.items));
	assert_int_equal(a->policies_count, b->policies_count);
	for (size_t i = 0; i < a->policies_count; i++) {
		assert_string_equal(policy_name(a->policies[i]), policy_name(b->policies[i]));
		assert_string_equal(policy_digest(a->policies[i]), policy_digest(b->policies[i]));
		x.policies[i] = y.policies[i] = NULL;
	}
	x.router.services = y.router.services = NULL;
	x.router.backends = y.router.backends = NULL;
	x.agent.routers = y.agent.routers = NULL;
	x.agent.egress.items = y.agent.egress.items = NULL;
	assert_memory_equal(&x, &y, sizeof(x));
}

static void round_trip(const char *name, const char *text)
{
	struct config *first = parse_good(name, text), *second;
	char *printed = print(first), *again;

	second = parse_good("printed", printed);
	compare(first, second);
	again = print(second);
	assert_string_equal(printed, again);
	free(again);
	free(printed);
	config_free(second);
	config_free(first);
}

/* pattern is of YAML files; a .errors beside one says what is wrong with it. */
static void test_files(void **state)
{
	size_t bad = 0;
	glob_t g;

	(void)state;
	assert_int_equal(glob("tests/data/config/*.yaml", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *path = g.gl_pathv[i], *name = strrchr(path, '/') + 1;
		char expected_path[512], *text = slurp(path), *expected, *errors;

		snprintf(expected_path, sizeof(expected_path), "%.*s.errors",
			 (int)(strlen(path) - strlen(".yaml")), path);
		expected = slurp(expected_path);
		if (expected) {
			assert_null(parse(name, text, &errors));
			assert_string_equal(errors, expected);
			free(errors);
			bad++;
		} else {
			round_trip(name, text);
		}
		free(expected);
		free(text);
	}
	assert_true(bad >= BAD_FILES);
	globfree(&g);
}

static void test_example(void **state)
{
	char *text = slurp(EXAMPLE);
	struct config *c;

	(void)state;
	assert_non_null(text);
	round_trip(EXAMPLE, text);
	c = config_read(EXAMPLE, stderr);
	assert_non_null(c);
	assert_int_equal(c->router.services_count, 3);
	assert_int_equal(c->router.services[0].class, CLASS_CLASSIFIED);
	assert_int_equal(c->router.services[0].backends[1], 1);
	assert_int_equal(c->router.services[1].backends[1], 2);
	assert_int_equal(c->router.services[1].proto, IPPROTO_UDP);
	assert_int_equal(c->router.services[1].refusal, REFUSE_DROP);
	assert_int_equal(c->router.services[1].select, SELECT_CHEAPEST);
	assert_int_equal(c->router.services[1].ring_slots, 4093);
	assert_string_equal(c->router.backends[0].node, "db-1");
	assert_string_equal(c->router.backends[1].node, "guest-22");
	assert_int_equal(c->router.backends[2].check_port, 22);
	assert_non_null(config_policy(c, "production"));
	assert_null(config_policy(c, "produktion"));
	/* What is handed to the channel process. */
	assert_string_equal(c->channel.node, "router-1");
	assert_string_equal(c->channel.user, "nobody");
	assert_string_equal(c->channel.key, "/etc/fairlead/identity/node.key");
	assert_true(c->channel.metrics && c->channel.agent);
	assert_int_equal(c->channel.metrics_port, 9477);
	assert_int_equal(c->channel.listen_port, 9478);
	assert_int_equal(c->channel.tee, TEE_SNP);
	assert_int_equal(c->channel.endpoints_count, 1);
	assert_int_equal(c->channel.endpoints[0].port, 443);
	config_free(c);
	free(text);
}

static void test_defaults(void **state)
{
	struct config *c = parse_good("t", "node: n\nrouter: {services: [], backends: []}\n");
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_string_equal(c->pins, "/sys/fs/bpf/fairlead");
	assert_string_equal(c->control, CONTROL_SOCKET);
	assert_string_equal(c->control_group, "");
	assert_string_equal(c->user, "nobody");
	assert_true(c->channel.metrics);
	assert_string_equal(endpoint_text(&c->channel.metrics_addr, c->channel.metrics_port, text),
			    "127.0.0.1:9477");
	assert_int_equal(c->router.heartbeat_ms, 10000);
	assert_int_equal(c->router.heartbeats_missed, 3);
	assert_int_equal(c->router.reappraise_ms, 300000);
	assert_int_equal(c->router.lease_ms[CLASS_CONFIDENTIAL], 86400000);
	assert_int_equal(c->router.lease_ms[CLASS_CLASSIFIED], 3600000);
	assert_false(c->is_agent);
	assert_false(c->channel.agent);
	config_free(c);
	c = parse_good("t", "node: n\nrouter:\n  services: [{name: s, vip: 192.0.2.9, port: 1,"
			    " protocol: tcp, class: public, backends: [b]}]\n"
			    "  backends: [{name: b, address: 192.0.2.1}]\n");
	assert_int_equal(c->router.services[0].ring_slots, 65537);
	assert_int_equal(c->router.services[0].refusal, REFUSE_ANSWER);
	assert_int_equal(c->router.services[0].select, SELECT_WEIGHTED);
	assert_string_equal(c->router.backends[0].node, "b");
	assert_int_equal(c->router.backends[0].check_port, 0);
	assert_int_equal(c->router.backends[0].agent_port, 0);
	config_free(c);
	c = parse_good("t", "node: n\nmetrics: off\nrouter: {services: [], backends: []}\n");
	assert_false(c->channel.metrics);
	config_free(c);
}

/* The largest fleet is read in a moment, and one too many is refused. */
static void test_large(void **state)
{
	char *text = NULL, *errors = NULL;
	struct config *c;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	fprintf(f, "node: n\nrouter:\n sizes: {backends: 16383}\n services: []\n backends:\n");
	for (int i = 0; i < FLEET; i++)
		fprintf(f, " - {name: b%d, address: 10.%d.%d.1}\n", i, i >> 8, i & 255);
	fflush(f);
	c = parse_good("large", text);
	assert_int_equal(c->router.backends_count, FLEET);
	assert_string_equal(c->router.backends[FLEET - 1].name, "b16381");
	config_free(c);
	fprintf(f, " - {name: b0, address: 10.0.0.1}\n");
	fclose(f);
	assert_null(parse("large", text, &errors));
	assert_string_equal(errors,
			    "large:16388: backend \"b0\": the name is taken since line 6\n"
			    "large:3: router: want sizes.backends of at least 16384, got 16383\n");
	free(errors);
	free(text);
}

static void test_missing_file(void **state)
{
	char *errors = NULL;
	size_t n;
	FILE *f = open_memstream(&errors, &n);

	(void)state;
	assert_null(config_read("/nonexistent/fairlead.yaml", f));
	fclose(f);
	assert_string_equal(errors, "/nonexistent/fairlead.yaml:1: No such file or directory\n");
	free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	     cmocka_unit_test(test_example),
		cmocka_unit_test(test_defaults),     cmocka_unit_test(test_large),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
