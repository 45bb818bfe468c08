// SPDX-License-Identifier: BSD-2-Clause
/* What a service makes of marks, as the packet path reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "steering/marks.h"

static void test_what_is_not_listed(void **state)
{
	struct service_marks m = { .wanted = true, .dscp = { [46] = CLASS_CLASSIFIED + 1 } };
	struct marks t = marks_table(&m);

	(void)state;
	assert_int_equal(t.dscp[46], CLASS_CLASSIFIED);
	assert_int_equal(t.dscp[0], CLASS_PUBLIC);
	assert_int_equal(t.dscp[45], CLASS_PUBLIC);
	m.strict = true;
	t = marks_table(&m);
	assert_int_equal(t.dscp[46], CLASS_CLASSIFIED);
	assert_int_equal(t.dscp[0], CLASS_PUBLIC);
	for (int i = 1; i < DSCPS; i++)
		assert_int_equal(t.dscp[i], i == 46 ? CLASS_CLASSIFIED : MARK_UNKNOWN);
	m.dscp[0] = CLASS_CONFIDENTIAL + 1;
	assert_int_equal(marks_table(&m).dscp[0], CLASS_CONFIDENTIAL);
}

static void test_flags(void **state)
{
	struct service_marks m = { .strict = true, .sources_count = 1 };

	(void)state;
	assert_int_equal(marks_flags(&m), 0);
	m.wanted = true;
	assert_int_equal(marks_flags(&m),
			 SERVICE_SPECIAL | SERVICE_MARKS | SERVICE_STRICT | SERVICE_SOURCES);
	m.strict = false;
	m.sources_count = 0;
	assert_int_equal(marks_flags(&m), SERVICE_SPECIAL | SERVICE_MARKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_listed),
		cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
