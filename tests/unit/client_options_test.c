// SPDX-License-Identifier: BSD-2-Clause
/* The command line: what is read as what, and that a mistake is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

enum { WORDS_MAX = 32 };

static char said[4096];

/* A line of words, with the program's name before them. */
static enum options_end reads(struct options *o, const char *line)
{
	static char copy[1024];
	char *argv[WORDS_MAX + 2] = { "fairlead-connect" }, *save = NULL, *text = NULL;
	enum options_end end;
	int argc = 1;
	size_t n;
	FILE *out;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	out = open_memstream(&text, &n);
	assert_non_null(out);
	end = options_read(o, argc, argv, out, out);
	fclose(out);
	snprintf(said, sizeof(said), "%s", text);
	free(text);
	return end;
}

static void test_what_is_read(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(reads(&o, "pay.example:8443"), OPTIONS_GO_ON);
	assert_string_equal(o.endpoints[0].host, "pay.example");
	assert_int_equal(o.endpoints[0].port, 8443);
	assert_int_equal(o.class, CLASS_CONFIDENTIAL);
	assert_int_equal(o.deadline_ms, 10000);
	assert_int_equal(o.lifetime_ms, 86400000);
	assert_false(o.listens);
	assert_string_equal(o.service, "");

	assert_int_equal(reads(&o, "-l 127.0.0.1:0 --class classified --deadline 250 --pool 0 "
				   "--service files -vv [2001:db8::1]:443 10.0.0.1:1"),
			 OPTIONS_GO_ON);
	assert_true(o.listens);
	assert_int_equal(o.listen_port, 0);
	assert_int_equal(o.class, CLASS_CLASSIFIED);
	assert_int_equal(o.lifetime_ms, 3600000);
	assert_int_equal(o.deadline_ms, 250);
	assert_int_equal(o.pool, 0);
	assert_int_equal(o.verbose, 2);
	assert_string_equal(o.service, "files");
	assert_int_equal(o.endpoints_count, 2);
	assert_string_equal(o.endpoints[0].host, "2001:db8::1");
	assert_int_equal(o.endpoints[1].port, 1);
	assert_int_equal(reads(&o, "--listen [::1]:8080 h:1"), OPTIONS_GO_ON);
	assert_int_equal(o.listen_port, 8080);
}

/* A class is a limit: less may be asked for, more is not had. */
static void test_lifetime(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(reads(&o, "--lifetime 1000 h:1"), OPTIONS_GO_ON);
	assert_int_equal(o.lifetime_ms, 1000);
	assert_int_equal(reads(&o, "--lifetime 86400000 --class classified h:1"), OPTIONS_GO_ON);
	assert_int_equal(o.lifetime_ms, 3600000);
}

static void test_help(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(reads(&o, "--help"), OPTIONS_HELPED);
	assert_non_null(strstr(said, "--listen"));
	assert_int_equal(reads(&o, "-V"), OPTIONS_HELPED);
	assert_non_null(strstr(said, VERSION));
}

static void test_mistakes_are_named(void **state)
{
	static const struct {
		const char *line, *word;
	} rows[] = {
		{ "", "HOST:PORT" },
		{ "h", "endpoint h" },
		{ "h:0", "endpoint h:0" },
		{ "h:65536", "h:65536" },
		{ "h:1x", "h:1x" },
		{ "h:", "h:" },
		{ ":1", ":1" },
		{ "2001:db8::1:443", "brackets" },
		{ "[2001:db8::1:443", "brackets" },
		{ "h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1 h:1",
		  "more than 16" },
		{ "--nonsense h:1", "--nonsense" },
		{ "h:1 --policy", "--policy" },
		{ "--listen localhost:1 h:1", "--listen localhost:1" },
		{ "--listen 127.0.0.1 h:1", "want ADDRESS:PORT" },
		{ "--class public h:1", "confidential or classified" },
		{ "--class secret h:1", "--class secret" },
		{ "--deadline 0 h:1", "--deadline 0" },
		{ "--deadline -1 h:1", "want a number" },
		{ "--deadline 1s h:1", "want a number" },
		{ "--deadline 99999999999999999999 h:1", "want a number" },
		{ "--pool 65 h:1", "0..64" },
		{ "--connections 0 h:1", "--connections" },
		{ "--lifetime 86400001 h:1", "--lifetime" },
		{ "--trust-root sha256:00 h:1", "64 hexadecimal" },
		{ "--trust-root 0000000000000000000000000000000000000000000000000000000000000000 h:1",
		  "sha256:" },
		{ "--destinations sha256:00 h:1", "--destinations" },
		{ "--cert c h:1", "--key" },
		{ "--key k h:1", "--cert" },
		{ "--node n h:1", "wants --ca" },
		{ "--agent a:1 h:1", "wants --ca, --cert and --key" },
		{ "--agent a:1 --ca c --cert c --key k --service s h:1", "--service s" },
		{ "--alpn h2 h:1", "wants --agent" },
		{ "-j h:1", "--show-evidence" },
		{ "--service 0123456789012345678901234567890123456789012345678901234567890123 h:1",
		  "too long" },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (reads(&o, rows[i].line) != OPTIONS_WRONG)
			fail_msg("\"%s\" was read", rows[i].line);
		if (!strstr(said, rows[i].word))
			fail_msg("\"%s\": \"%s\" does not speak of \"%s\"", rows[i].line, said,
				 rows[i].word);
	}
}

/* What names stand for may be more than there is room for. */
static void test_addresses_have_an_end(void **state)
{
	struct endpoint found[OPTIONS_ENDPOINTS_MAX + 1] = { 0 };
	struct host_port list[OPTIONS_ENDPOINTS_MAX + 1];
	char why[WHY_MAX];

	(void)state;
	for (int i = 0; i <= OPTIONS_ENDPOINTS_MAX; i++)
		list[i] = (struct host_port){ .host = "127.0.0.1", .port = 1000 + i };
	assert_int_equal(endpoints_resolve(list, OPTIONS_ENDPOINTS_MAX + 1, found, why),
			 OPTIONS_ENDPOINTS_MAX);
	assert_int_equal(found[OPTIONS_ENDPOINTS_MAX - 1].port, 1000 + OPTIONS_ENDPOINTS_MAX - 1);
	assert_int_equal(found[OPTIONS_ENDPOINTS_MAX].port, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_mistakes_are_named),
		cmocka_unit_test(test_addresses_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
