// SPDX-License-Identifier: BSD-2-Clause
/* The table of QUIC's server ids: all that are wanted are where the packet path looks, no others.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "steering/quic.h"

static struct quic_bucket *table;

/* As the packet path does it: the backend and, above it, the generation; 0 for nobody's. */
static uint32_t find(uint64_t key)
{
	for (uint32_t probe = 0; probe < QUIC_PROBES; probe++) {
		uint32_t at = (quic_bucket_of(key) + probe) & (QUIC_BUCKETS - 1);

		for (int i = 0; i < QUIC_SLOTS; i++) {
			const struct quic_server *s = &table[at].slot[i];

			if (s->key == key)
				return s->backend | (uint32_t)s->generation << 16;
		}
	}
	return 0;
}

static size_t used(void)
{
	size_t n = 0;

	for (size_t i = 0; i < (size_t)QUIC_BUCKETS * QUIC_SLOTS; i++)
		n += table[i / QUIC_SLOTS].slot[i % QUIC_SLOTS].key != 0;
	return n;
}

static struct quic_server server(uint32_t id, uint16_t service, uint16_t backend)
{
	return (struct quic_server){ .key = quic_key_of(id, service),
				     .backend = backend,
				     .generation = (uint8_t)(backend + 1) };
}

static void assert_there(const struct quic_server *servers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(find(servers[i].key),
				 servers[i].backend | (uint32_t)servers[i].generation << 16);
	assert_int_equal(used(), count);
}

static void test_few(void **state)
{
	struct quic_server all[] = { server(9, 1, 3), server(7, 1, 2), server(7, 2, 4) };
	size_t which;

	(void)state;
	assert_int_equal(quic_fill(table, all, 3, &which), 0);
	assert_there(all, 3);
	assert_int_equal(find(quic_key_of(9, 2)), 0);
	all[0].backend = 5; /* another one has it now */
	assert_int_equal(quic_fill(table, all, 2, &which), 0);
	assert_there(all, 2);
	assert_int_equal(quic_fill(table, NULL, 0, &which), 0);
	assert_int_equal(used(), 0);
}

/* As many as there may be, as operators number them, and again with one service's gone. */
static void test_many(void **state)
{
	struct quic_server *all = calloc(QUIC_SERVERS_MAX, sizeof(*all));
	size_t which, n = QUIC_SERVERS_MAX;

	(void)state;
	for (uint32_t i = 0; i < QUIC_SERVERS_MAX; i++)
		all[i] = server(i % 4096, (uint16_t)(i / 4096), (uint16_t)(1 + i % 4096));
	assert_int_equal(quic_fill(table, all, n, &which), 0);
	assert_there(all, n);
	n -= 4096;
	assert_int_equal(quic_fill(table, all, n, &which), 0);
	assert_there(all, n);
	for (uint32_t i = 0; i < QUIC_SERVERS_MAX; i++) /* all of them others */
		all[i] = server(i * 2654435761u, 77, (uint16_t)(1 + i % 4096));
	assert_int_equal(quic_fill(table, all, QUIC_SERVERS_MAX, &which), 0);
	assert_there(all, QUIC_SERVERS_MAX);
	assert_int_equal(quic_fill(table, NULL, 0, &which), 0);
	free(all);
}

/* More than their places hold want to be in one place: said of which. */
static void test_no_room(void **state)
{
	enum { ROOM = QUIC_SLOTS * QUIC_PROBES };
	struct quic_server all[ROOM + 1];
	size_t which, n = 0;

	(void)state;
	for (uint32_t id = 0; n <= ROOM; id++)
		if (quic_bucket_of(quic_key_of(id, 1)) == QUIC_BUCKETS - 1) {
			all[n] = server(id, 1, (uint16_t)(1 + n));
			n++;
		}
	assert_int_equal(quic_fill(table, all, ROOM, &which), 0);
	assert_there(all, ROOM); /* past the table's end, too */
	assert_int_equal(quic_fill(table, all, ROOM + 1, &which), -ENOSPC);
	assert_int_equal(which, ROOM);
	assert_there(all, ROOM);
	assert_int_equal(quic_fill(table, all + 1, ROOM, &which), 0);
	assert_there(all + 1, ROOM);
	assert_int_equal(quic_fill(table, NULL, 0, &which), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_room),
	};

	table = calloc(QUIC_BUCKETS, sizeof(*table));
	return table ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
