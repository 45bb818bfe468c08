// SPDX-License-Identifier: BSD-2-Clause
/* The operator's revocation lists: all that are there, or a word and none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/crls.h"

static char dir[32], path[64], why[WHY_MAX];
static uint8_t *all;
static size_t n;

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/fairlead-crls-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, size_t times)
{
	FILE *f = fopen(in_dir(name), "we");

	assert_non_null(f);
	while (times--)
		fputs(text, f);
	fclose(f);
}

static void expect(const char *text)
{
	assert_int_equal(crls_read(dir, &all, &n, why), 0);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(all, text, n);
	free(all);
}

static void refused(int err, const char *name)
{
	all = NULL;
	assert_int_equal(crls_read(dir, &all, &n, why), err);
	assert_null(all);
	if (!strstr(why, name))
		fail_msg("%s: want it to name %s", why, name);
}

static void test_all(void **state)
{
	(void)state;
	expect("");
	put("Milan-crl.der", "milan", 1);
	put("Genoa-crl.der", "genoa", 1);
	put("crl.der", "plain", 1);
	put("crl.der~", "an editor's", 1);
	put("readme", "text", 1);
	expect("genoamilanplain");
	assert_int_equal(crls_read("", &all, &n, why), 0);
	assert_int_equal(n, 0);
	free(all);
}

static void test_none(void **state)
{
	(void)state;
	put("Genoa-crl.der", "genoa", 1);
	assert_int_equal(symlink("elsewhere", in_dir("Milan-crl.der")), 0);
	refused(-ENOENT, "Milan-crl.der");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(in_dir("Milan-crl.der"), 0755), 0);
	refused(-EIO, "Milan-crl.der");
	assert_int_equal(rmdir(path), 0);
	put("Milan-crl.der", "", 1);
	refused(-ENODATA, "Milan-crl.der");
	put("Milan-crl.der", "12345678", (CRLS_OWN_MAX - 5) / 8);
	assert_int_equal(crls_read(dir, &all, &n, why), 0);
	assert_in_range(n, CRLS_OWN_MAX - 8, CRLS_OWN_MAX);
	free(all);
	put("Milan-crl.der", "12345678", CRLS_OWN_MAX / 8);
	refused(-EFBIG, "Milan-crl.der");
	assert_int_equal(crls_read("/nonexistent", &all, &n, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all, begin, end),
		cmocka_unit_test_setup_teardown(test_none, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
