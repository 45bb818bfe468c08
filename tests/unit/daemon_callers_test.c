// SPDX-License-Identifier: BSD-2-Clause
/* Routers that an agent has attested: what is proved of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/daemon.h"

/* Addresses count only with the evidence that they came with, whatever was claimed since. */
static void test_sources_of_the_very_evidence(void **state)
{
	struct caller c = { .fresh = { .request = 7, .count = 2 } };
	struct node n = { .caller = &c, .fresh = { .request = 7 } };

	(void)state;
	caller_accepted(&n);
	assert_int_equal(c.accepted.count, 2);
	c.fresh = (struct msg_sources){ .request = 8, .count = 1 };
	caller_accepted(&n);
	assert_int_equal(c.accepted.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources_of_the_very_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
