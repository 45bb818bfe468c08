// SPDX-License-Identifier: BSD-2-Clause
/* How many descriptors a process may open, in children, for a limit once lowered stays so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/files.h"

enum { NOBODY = 65534 };

struct row {
	const char *name;
	rlim_t now, hard;
	uint64_t wanted, answer;
	rlim_t now_after, hard_after;
};

static const struct row anybody[] = {
	{ "enough already", 200, 300, 100, 200, 200, 300 },
	{ "below the hard limit", 100, 300, 200, 200, 200, 300 },
	{ "up to the hard limit", 100, 300, 400, 300, 300, 300 },
};

static const struct row by_root[] = {
	{ "the hard limit is raised, too", 100, 300, 400, 400, 400, 400 },
	{ "and never lowered", 100, 500, 400, 400, 400, 500 },
};

static bool limit(rlim_t now, rlim_t hard)
{
	struct rlimit l = { now, hard };

	return !setrlimit(RLIMIT_NOFILE, &l);
}

static bool holds(const struct row *r)
{
	struct rlimit l;

	return files_limit_raise(r->wanted) == r->answer && !getrlimit(RLIMIT_NOFILE, &l) &&
	       l.rlim_cur == r->now_after && l.rlim_max == r->hard_after;
}

static int as_anybody(const struct row *r)
{
	if (!limit(r->now, r->hard) ||
	    (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))) /* or root would raise it */
		return 1;
	return !holds(r);
}

static int as_root(const struct row *r)
{
	return !limit(r->now, r->hard) || !holds(r);
}

static int may_raise(const struct row *r)
{
	(void)r;
	return !limit(100, 100) || !limit(101, 101);
}

static int in_child(int (*what)(const struct row *r), const struct row *r)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(what(r));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_anybody(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(anybody) / sizeof(*anybody); i++)
		if (in_child(as_anybody, &anybody[i]))
			fail_msg("%s", anybody[i].name);
}

static void test_root(void **state)
{
	(void)state;
	if (in_child(may_raise, NULL)) {
		puts("skipped: hard limits are not ours to raise here (CAP_SYS_RESOURCE)");
		skip();
	}
	for (size_t i = 0; i < sizeof(by_root) / sizeof(*by_root); i++)
		if (in_child(as_root, &by_root[i]))
			fail_msg("%s", by_root[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anybody),
		cmocka_unit_test(test_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
