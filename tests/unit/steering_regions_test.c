// SPDX-License-Identifier: BSD-2-Clause
/* The pure parts under the tables: buckets of services, regions of rings, names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "hash.h"
#include "steering/buckets.h"
#include "steering/names.h"
#include "steering/regions.h"

enum {
	BUCKETS = 16,
};

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static void test_a_crowded_table_finds_all(void **state)
{
	enum { MANY = BUCKETS * SERVICE_SLOTS * 3 / 4 };
	struct settings s = { .services_mask = BUCKETS - 1 };
	struct service entries[MANY] = { 0 };
	struct service_bucket half[BUCKETS];
	size_t failed;
	int built = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		entries[i] = (struct service){ .vip = address("192.0.2.1"),
					       .proto = IPPROTO_TCP,
					       .port = htons((uint16_t)(1000 + i)),
					       .kind = SERVICE_PORT,
					       .id = (uint16_t)i };
	}
	for (uint64_t key = 1; key <= 200; key++) {
		s.hash_key[0] = key * HASH_K0;
		s.hash_key[1] = key * HASH_K1;
		if (buckets_build(&s, half, entries, MANY, &failed))
			continue;
		built++;
		for (int i = 0; i < MANY; i++) {
			const struct service *e = buckets_find(&s, half, &entries[i]);

			assert_non_null(e);
			assert_int_equal(e->id, i);
		}
	}
	/* Three quarters full, and yet nearly every key serves. */
	assert_in_range(built, 150, 200);
}

static void test_a_full_table_says_whom_it_refused(void **state)
{
	enum { TOO_MANY = BUCKETS * SERVICE_SLOTS + 1 };
	struct settings s = { .services_mask = BUCKETS - 1, .hash_key = { 1, 2 } };
	struct service entries[TOO_MANY];
	struct service_bucket half[BUCKETS];
	size_t failed = 0;

	(void)state;
	for (int i = 0; i < TOO_MANY; i++)
		entries[i] = (struct service){ .vip = address("192.0.2.1"),
					       .kind = SERVICE_PORT,
					       .port = htons((uint16_t)i),
					       .proto = IPPROTO_TCP };
	assert_int_equal(buckets_build(&s, half, entries, TOO_MANY, &failed), -ENOSPC);
	assert_in_range(failed, BUCKETS, TOO_MANY - 1);
}

static void test_regions_never_overlap(void **state)
{
	struct regions r;
	uint32_t first, taken[3];

	(void)state;
	assert_int_equal(regions_init(&r, 100, 4), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(regions_take(&r, 17, &taken[i]), 0);
	assert_int_equal(taken[1], 32);
	assert_int_equal(taken[2], 64);
	assert_int_equal(regions_take(&r, 5, &first), -ENOSPC); /* 96 to 100 are 4 */
	assert_int_equal(regions_take(&r, 4, &first), 0);
	assert_int_equal(first, 96);
	regions_retire(&r, 32);
	assert_int_equal(regions_take(&r, 17, &first), -ENOSPC); /* not before it is reaped */
	assert_true(regions_reap(&r));
	assert_false(regions_reap(&r));
	assert_int_equal(regions_take(&r, 33, &first), -ENOSPC);
	assert_int_equal(regions_claim(&r, 48, 17), -EINVAL);
	assert_int_equal(regions_claim(&r, 16, 4), -EINVAL);
	assert_int_equal(regions_claim(&r, 4294967280u, 32), -EINVAL);
	assert_int_equal(regions_claim(&r, 32, 0), -EINVAL);
	assert_int_equal(regions_claim(&r, 32, 32), 0);
	regions_free(&r);
}

static void test_names_come_and_go_whole(void **state)
{
	struct name n = { { 0 } };
	char longest[NAME_MAX_BYTES];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(name_is_set(&n));
	name_set(&n, longest);
	assert_string_equal(n.text, longest);
	name_set(&n, "db-1");
	assert_string_equal(n.text, "db-1");
	assert_true(bytes_are_zero(bytes_of(n.text + 4, sizeof(n.text) - 4)));
	name_clear(&n);
	assert_false(name_is_set(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_crowded_table_finds_all),
		cmocka_unit_test(test_a_full_table_says_whom_it_refused),
		cmocka_unit_test(test_regions_never_overlap),
		cmocka_unit_test(test_names_come_and_go_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
