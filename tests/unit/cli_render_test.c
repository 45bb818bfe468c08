// SPDX-License-Identifier: BSD-2-Clause
/* What people read: words that are found, figures that do not flatter, nothing that bites. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/cli.h"
#include "cli/render.h"

static void expect(render_format *format, const char *json, const char *wanted)
{
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
	char text[CELL_MAX];

	assert_non_null(v);
	format(v, text);
	assert_string_equal(text, wanted);
	json_decref(v);
}

static void test_words(void **state)
{
	static const char *const words[] = { "service", "status", "backend", "map", "maps", NULL };

	(void)state;
	assert_int_equal(cli_word(words, "service"), 0);
	assert_int_equal(cli_word(words, "b"), 2);
	assert_int_equal(cli_word(words, "se"), 0);
	assert_int_equal(cli_word(words, "s"), -2);
	assert_int_equal(cli_word(words, "map"), 3); /* whole, though another begins so */
	assert_int_equal(cli_word(words, "ma"), -2);
	assert_int_equal(cli_word(words, "backends"), -1);
	assert_int_equal(cli_word(words, ""), -1);
}

static void test_scalars(void **state)
{
	char text[CELL_MAX];

	(void)state;
	render_text(NULL, text);
	assert_string_equal(text, "-");
	expect(render_text, "null", "-");
	expect(render_text, "\"a b\"", "a b");
	expect(render_text, "-7", "-7");
	expect(render_text, "true", "true");
	expect(render_yes, "true", "yes");
	expect(render_yes, "null", "no");
	expect(render_list, "[]", "-");
	expect(render_list, "[\"a\", 1]", "a,1");
	expect(render_list, "\"any\"", "any");
	expect(render_permille, "333", "33.3%");
	expect(render_permille, "null", "-");
}

/* A lease is never shown as longer than it is. */
static void test_durations(void **state)
{
	(void)state;
	expect(render_left, "null", "-");
	expect(render_left, "true", "endless");
	expect(render_left, "false", "-");
	expect(render_left, "0.99", "0.9s");
	expect(render_left, "1.99", "1s");
	expect(render_left, "59.999", "59s");
	expect(render_left, "60", "1m00s");
	expect(render_left, "3599.999", "59m59s");
	expect(render_left, "3600", "1h00m");
	expect(render_left, "86399.9", "23h59m");
	expect(render_left, "86400", "1d00h");
	expect(render_left, "-1", "-");
	expect(render_left, "1e300", "-");
	expect(render_us, "0", "0us");
	expect(render_us, "999", "999us");
	expect(render_us, "1500", "1.5ms");
	expect(render_us, "107000", "107ms");
	expect(render_us, "60000000", "60s");
	expect(render_us, "null", "-");
	expect(render_bytes, "0", "0B");
	expect(render_bytes, "1023", "1023B");
	expect(render_bytes, "1536", "1.5KiB");
	expect(render_bytes, "9223372036854775807", "8.0EiB");
}

/* Escape sequences, line ends and C1 controls in evidence stay off the terminal. */
static void test_controls(void **state)
{
	(void)state;
	expect(render_text, "\"\\u001b[2Ja\\nb\\u007f\\u009bc\\r\"", "?[2Ja?b???c?");
	expect(render_text, "\"Größe…\"", "Größe…");
	expect(render_list, "[\"\\u001b]0;x\\u0007\"]", "?]0;x?");
}

static void test_long(void **state)
{
	json_t *list = json_array();
	char text[CELL_MAX], one[300];

	(void)state;
	memset(one, 'a', sizeof(one) - 1);
	one[sizeof(one) - 1] = 0;
	for (int i = 0; i < 5; i++)
		json_array_append_new(list, json_string(one));
	render_list(list, text);
	assert_int_equal(strlen(text), CELL_MAX - 1);
	json_decref(list);
}

static const struct render_column columns[] = {
	{ "NAME", "name", render_text, false, false },
	{ "LEFT", "leases.classified", render_left, true, false },
	{ "PACKETS", "packets", render_text, true, true },
	{ "WHY", "why", render_text, false, false },
};

static char *table(const char *json, bool stats)
{
	json_t *list = json_loads(json, 0, NULL);
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(list);
	render_table(list, columns, 4, stats, f);
	fclose(f);
	json_decref(list);
	return out;
}

static void test_table(void **state)
{
	static const char json[] =
		"[{\"name\": \"db-1\", \"leases\": {\"classified\": 3599}, \"packets\": 7,"
		" \"why\": \"ok\"}, {\"name\": \"old-backend\", \"why\": null}]";
	char *out = table(json, false);

	(void)state;
	assert_string_equal(out, "NAME           LEFT  WHY\n"
				 "db-1         59m59s  ok\n"
				 "old-backend       -  -\n");
	free(out);
	out = table(json, true);
	assert_string_equal(out, "NAME           LEFT  PACKETS  WHY\n"
				 "db-1         59m59s        7  ok\n"
				 "old-backend       -        -  -\n");
	free(out);
	out = table("[]", false);
	assert_string_equal(out, "NAME  LEFT  WHY\n");
	free(out);
}

static void test_details_and_tree(void **state)
{
	json_t *o = json_loads("{\"name\": \"x\", \"tcb\": {\"snp\": 24, \"list\": [1, 2]},"
			       " \"all\": [{\"a\": 1}], \"none\": {}, \"k\\u001bey\": \"v\"}",
			       0, NULL);
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	(void)state;
	render_details(o, columns, 4, f);
	render_tree(o, 1, f);
	fclose(f);
	assert_string_equal(out, "name     x\nleft     -\npackets  -\nwhy      -\n"
				 "  name: x\n  tcb:\n    snp: 24\n    list: 1,2\n"
				 "  all:\n    -:\n      a: 1\n  none: -\n  k?ey: v\n");
	free(out);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_details_and_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
