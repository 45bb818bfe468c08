// SPDX-License-Identifier: BSD-2-Clause
/* The command line of the services: who is called with which path, and what is refused. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/startup.h"

static char called[64];

static int note(const char *who, const char *path, int status)
{
	snprintf(called, sizeof(called), "%s %s", who, path);
	return status;
}
static int check(const char *path)
{
	return note("check", path, 3);
}
static int show(const char *path)
{
	return note("show", path, 4);
}
static int run(const char *path)
{
	return note("run", path, 5);
}

static const struct startup thing = {
	"thing", "usage: thing\n", "/default", "digest", check, show, run,
};

/* What main() would answer, and in out[] all that it says. */
static int say(char out[256], char *line)
{
	int pipes[2], streams[2], status, argc = 0;
	char *argv[8] = { NULL };
	ssize_t n;

	for (char *word; (word = strsep(&line, " "));)
		argv[argc++] = word;
	called[0] = 0;
	fflush(NULL);
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 2; i++) {
		streams[i] = dup(i + 1);
		dup2(pipes[1], i + 1);
	}
	optind = 0; /* getopt(3): from the beginning */
	status = startup_main(&thing, argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(streams[i], i + 1);
		close(streams[i]);
	}
	close(pipes[1]);
	n = read(pipes[0], out, 255);
	close(pipes[0]);
	out[n > 0 ? n : 0] = 0;
	return status;
}

static void expect(const char *line, int status, const char *call, const char *words)
{
	char out[256], copy[64];

	snprintf(copy, sizeof(copy), "%s", line);
	assert_int_equal(say(out, copy), status);
	assert_string_equal(called, call);
	assert_non_null(strstr(out, words));
	if (!words[0])
		assert_string_equal(out, "");
}

static void each_option_has_its_callee(void **state)
{
	(void)state;
	expect("thing", 5, "run /default", "");
	expect("thing -d -c /a", 5, "run /a", "");
	expect("thing --config /a --debug", 5, "run /a", "");
	expect("thing --check /b", 3, "check /b", "");
	expect("thing --digest /b", 4, "show /b", "");
	expect("thing -h", 0, "", "usage: thing\n");
	expect("thing -V", 0, "", "thing " VERSION "\n");
}

static void nothing_runs_that_is_not_understood(void **state)
{
	(void)state;
	expect("thing x", 2, "", "thing: unexpected \"x\"\nusage: thing\n");
	expect("thing -c", 2, "", "usage: thing\n");
	expect("thing --print /a", 2, "", "usage: thing\n");
	expect("thing -x", 2, "", "usage: thing\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_has_its_callee),
		cmocka_unit_test(nothing_runs_that_is_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
