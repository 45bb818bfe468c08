// SPDX-License-Identifier: BSD-2-Clause
/* Configuration walking: every mistake is found in one run, with its line and what was wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/addr.h"
#include "base/conf.h"

struct item {
	char name[8];
	uint64_t port;
	struct addr addr;
	uint8_t key[4];
	bool on;
	unsigned int colour;
};

struct whole {
	struct item items[3];
	size_t count;
};

static void read_name(struct conf *y, const yaml_node_t *n, void *f)
{
	conf_text(y, n, f, 8);
}

static void read_port(struct conf *y, const yaml_node_t *n, void *f)
{
	conf_number(y, n, 1, 65535, f);
}

static void read_addr(struct conf *y, const yaml_node_t *n, void *f)
{
	conf_addr(y, n, f);
}

static void read_key(struct conf *y, const yaml_node_t *n, void *f)
{
	conf_hex(y, n, f, 4);
}

static void read_on(struct conf *y, const yaml_node_t *n, void *f)
{
	conf_bool(y, n, f);
}

static void read_colour(struct conf *y, const yaml_node_t *n, void *f)
{
	static const char *const names[] = { "red", "green" };

	conf_choice(y, n, names, 2, f);
}

static const struct conf_key item_keys[] = {
	{ "name", true, read_name, offsetof(struct item, name) },
	{ "port", false, read_port, offsetof(struct item, port) },
	{ "addr", false, read_addr, offsetof(struct item, addr) },
	{ "key", false, read_key, offsetof(struct item, key) },
	{ "on", false, read_on, offsetof(struct item, on) },
	{ "colour", false, read_colour, offsetof(struct item, colour) },
};

static void read_item(struct conf *y, const yaml_node_t *n, void *item)
{
	conf_mapping(y, n, item_keys, sizeof(item_keys) / sizeof(*item_keys), item);
}

static void read_items(struct conf *y, const yaml_node_t *n, void *f)
{
	struct whole *w = f;

	w->count = conf_sequence(y, n, 3, read_item, w->items, sizeof(*w->items));
}

static const struct conf_key keys[] = { { "items", true, read_items, 0 } };

/* The errors of a text, one a line, to be freed. */
static char *errors_of(const char *text, struct whole *w)
{
	struct conf *y = conf_parse("t.yaml", text, strlen(text));
	const yaml_node_t *root;
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	memset(w, 0, sizeof(*w));
	root = conf_root(y);
	if (root)
		conf_mapping(y, root, keys, 1, w);
	conf_print_errors(y, f);
	fclose(f);
	conf_free(y);
	return out;
}

static void expect(const char *text, const char *wanted)
{
	struct whole w;
	char *got = errors_of(text, &w);

	assert_string_equal(got, wanted);
	free(got);
}

static void test_good(void **state)
{
	struct whole w;
	char *got =
		errors_of("items:\n- {name: a, port: 443, addr: \"::1\", key: 0aFF0102, on: true,"
			  " colour: green}\n- name: b\n  port: 0x10\n",
			  &w);

	(void)state;
	assert_string_equal(got, "");
	assert_int_equal(w.count, 2);
	assert_int_equal(w.items[0].port, 443);
	assert_int_equal(w.items[0].key[1], 0xff);
	assert_true(w.items[0].on);
	assert_int_equal(w.items[0].colour, 1);
	assert_int_equal(w.items[1].port, 16);
	free(got);
}

static void test_every_mistake_at_once(void **state)
{
	(void)state;
	expect("items:\n- port: 70000\n  prot: 1\n  addr: 1.2.3\n- name: much-too-long\n"
	       "  key: 0g000000\n  on: maybe\n  on: true\n  colour: blue\n",
	       "t.yaml:2: items[0].port: want 1..65535, got \"70000\"\n"
	       "t.yaml:3: items[0]: unknown key \"prot\"\n"
	       "t.yaml:4: items[0].addr: want an IPv4 or IPv6 address, got \"1.2.3\"\n"
	       "t.yaml:2: items[0]: key \"name\" is missing\n"
	       "t.yaml:5: items[1].name: want 1..7 characters, got \"much-too-long\"\n"
	       "t.yaml:6: items[1].key: want 8 hexadecimal digits, got \"0g000000\"\n"
	       "t.yaml:7: items[1].on: want false or true, got \"maybe\"\n"
	       "t.yaml:8: items[1]: key \"on\" given twice\n"
	       "t.yaml:9: items[1].colour: want red or green, got \"blue\"\n");
}

static void test_shapes(void **state)
{
	(void)state;
	expect("", "t.yaml:1: empty: want a mapping\n");
	expect("items: 3\n", "t.yaml:1: items: want a list\n");
	expect("[1]\n", "t.yaml:1: want a mapping, got a list\n");
	expect("items:\n- 1\n", "t.yaml:2: items[0]: want a mapping, got a single value\n");
	expect("items:\n- name: [x]\n", "t.yaml:2: items[0].name: want text, got a list\n");
	expect("items: [{name: a}, {name: b}, {name: c}, {name: d}]\n",
	       "t.yaml:1: items: want at most 3 items, got 4\n");
	expect("items:\n- name: -1\n  port: -1\n",
	       "t.yaml:3: items[0].port: want 1..65535, got \"-1\"\n");
}

static void test_syntax(void **state)
{
	struct whole w;
	char *got = errors_of("items:\n- {name: a\n", &w);

	(void)state;
	assert_non_null(strstr(got, "t.yaml:3: no YAML: "));
	free(got);
}

/* What stands behind the first document would be read by nobody. */
static void test_documents(void **state)
{
	struct whole w;
	char *got;

	(void)state;
	expect("---\nitems: []\n...\n# the end\n", "");
	expect("items: []\n---\nitems: []\n", "t.yaml:3: more than one document: want one\n");
	expect("items: []\n---\n", "t.yaml:3: more than one document: want one\n");
	got = errors_of("items: []\n---\n{\n", &w);
	assert_non_null(strstr(got, "t.yaml:4: no YAML: "));
	free(got);
}

static void test_missing_file(void **state)
{
	struct conf *y = conf_open("/nonexistent/fairlead.yaml");

	(void)state;
	assert_null(conf_root(y));
	assert_string_equal(conf_first_error(y),
			    "/nonexistent/fairlead.yaml:1: No such file or directory");
	conf_free(y);
}

static void test_endpoints(void **state)
{
	static const char *const bad[] = { "",		 "1.2.3.4",	"1.2.3.4:",  "1.2.3.4:0",
					   "::1:80",	 "[1.2.3.4]:1", "[::1]",     "[::1]:65536",
					   "1.2.3.4:+1", "1.2.3.4: 1",	"[::1]:80 ", ":80" };
	char text[ENDPOINT_TEXT_MAX];
	struct addr a;
	uint16_t port;

	(void)state;
	assert_true(endpoint_parse("10.0.0.1:8443", &a, &port));
	assert_string_equal(endpoint_text(&a, port, text), "10.0.0.1:8443");
	assert_true(endpoint_parse("[2001:db8::1]:65535", &a, &port));
	assert_string_equal(endpoint_text(&a, port, text), "[2001:db8::1]:65535");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(endpoint_parse(bad[i], &a, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	  cmocka_unit_test(test_every_mistake_at_once),
		cmocka_unit_test(test_shapes),	  cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_documents), cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
