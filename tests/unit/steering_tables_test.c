// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backends in the tables, over plain memory: which id gets whom, what is written and what is left
 * alone, and what the next daemon finds.  No map, no root.
 */
#include "unit/steering_world.h"

static void test_a_restart_keeps_ids_leases_and_hops(void **state)
{
	struct backend_want want[] = { backend("a", "10.0.0.1"), backend("b", "10.0.0.2") };
	struct backend_want other[] = { backend("b", "10.0.0.2"), backend("c", "10.0.0.3") };
	struct nexthop hop = { .state = NEXTHOP_RESOLVED,
			       .ifindex = 7,
			       .mtu = 1500,
			       .mac = { 2, 0, 0, 0, 0, 9 },
			       .source_mac = { 2, 1, 1, 1, 1, 1 } };
	struct backend_held held[2], again[2];
	struct world w;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, want, 2, held, why), 0);
	assert_false(held[0].kept);
	assert_int_not_equal(held[0].id, 0);
	assert_int_not_equal(held[0].id, held[1].id);
	tables_lease(t, held[0].id, CLASS_CONFIDENTIAL, 1000);
	tables_lease(t, held[1].id, CLASS_CONFIDENTIAL, 2000);
	tables_set_nexthop(t, held[1].id, &hop);
	daemon_end(t);

	t = restarted(&w);
	assert_int_equal(tables_set_backends(t, other, 2, again, why), 0);
	assert_true(again[0].kept);
	assert_int_equal(again[0].id, held[1].id);
	assert_int_equal(again[0].generation, held[1].generation);
	assert_int_equal(tables_lease_of(t, again[0].id, CLASS_CONFIDENTIAL), 2000);
	assert_int_equal(w.backends[again[0].id].ifindex, 7);
	assert_memory_equal(w.backends[again[0].id].mac, hop.mac, 6);
	/* Gone, and so without a lease, whatever its id becomes. */
	assert_int_equal(w.backends[held[0].id].until[CLASS_CONFIDENTIAL], 0);
	assert_false(again[1].kept);
	assert_int_equal(tables_lease_of(t, again[1].id, CLASS_CONFIDENTIAL), 0);
	assert_string_equal(tables_backend_name(t, again[1].id), "c");
	assert_null(tables_backend_name(t, held[0].id));
	daemon_end(t);
}

static void test_another_address_loses_everything(void **state)
{
	struct backend_want want = backend("a", "10.0.0.1"), moved = backend("a", "10.0.0.9");
	struct backend_held held, again;
	struct nexthop hop = { .state = NEXTHOP_RESOLVED, .ifindex = 7, .mac = { 2 } };
	struct world w;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, &want, 1, &held, why), 0);
	tables_lease(t, held.id, CLASS_CLASSIFIED, 1000);
	tables_set_nexthop(t, held.id, &hop);
	tables_set_hand(t, held.id, BACKEND_DRAINED);
	assert_int_equal(tables_set_backends(t, &moved, 1, &again, why), 0);
	assert_false(again.kept);
	assert_int_equal(again.id, held.id);
	assert_int_not_equal(again.generation, held.generation);
	assert_int_equal(tables_lease_of(t, held.id, CLASS_CLASSIFIED), 0);
	assert_int_equal(w.backends[held.id].ifindex, 0);
	assert_int_equal(w.backends[held.id].mac[0], 0);
	assert_address(&w.backends[held.id], &moved.addr);
	daemon_end(t);
}

/* A packet that saw the lease alive reads the address next: it must be the one that earned it. */
static void test_a_lease_never_meets_another_address(void **state)
{
	struct backend_want want = backend("a", "10.0.0.1"), moved = backend("a", "10.0.0.9");
	struct backend_held held;
	struct world w;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, &want, 1, &held, why), 0);
	tables_lease(t, held.id, CLASS_CLASSIFIED, 1000);
	assert_int_equal(moment.graces, 0); /* nobody had this id before */
	assert_int_equal(tables_set_backends(t, &moved, 1, &held, why), 0);
	assert_int_equal(moment.graces, 1);
	assert_int_equal(moment.then.backends[held.id].until[CLASS_CLASSIFIED], 0);
	assert_address(&moment.then.backends[held.id], &want.addr);
	daemon_end(t);
}

/* Otherwise the ring of one service would send its flows to a backend attested for another. */
static void test_an_id_in_a_ring_is_not_reused(void **state)
{
	struct backend_want all[BACKENDS - 1], next = backend("next", "10.1.0.1");
	struct backend_held held[BACKENDS - 1], got;
	struct service_want web = service("web", "192.0.2.1", 443);
	struct ring_slot ring[BACKENDS], rest[2];
	struct world w;
	struct tables *t = fresh(&w);
	uint16_t id;

	(void)state;
	for (int i = 0; i < BACKENDS - 1; i++) {
		char name[16], addr[16];

		snprintf(name, sizeof(name), "b%d", i);
		snprintf(addr, sizeof(addr), "10.0.0.%d", i + 1);
		all[i] = backend(name, addr);
		ring[i] = (struct ring_slot){ (uint16_t)(i + 1), 0 };
	}
	assert_int_equal(tables_set_backends(t, all, BACKENDS - 1, held, why), 0);
	assert_int_equal(tables_set_services(t, &web, 1, &id, why), 0);
	assert_int_equal(tables_set_ring(t, id, ring, BACKENDS - 1, why), 0);
	assert_int_equal(tables_set_backends(t, NULL, 0, held, why), 0);

	assert_int_equal(tables_set_backends(t, &next, 1, &got, why), -ENOSPC);
	assert_non_null(strstr(why, "next"));
	/* The ring now names but two of them, one as fallback. */
	rest[0] = (struct ring_slot){ 1, 2 };
	rest[1] = (struct ring_slot){ 1, 0 };
	assert_int_equal(tables_set_ring(t, id, rest, 2, why), 0);
	assert_int_equal(tables_set_backends(t, &next, 1, &got, why), 0);
	assert_int_equal(got.id, 3);
	assert_int_equal(got.generation, 2);
	daemon_end(t);
}

/* Killed between two stores: whatever is half done gives nobody a lease or a ring. */
static void test_what_a_killed_daemon_left(void **state)
{
	struct service_want web = service("web", "192.0.2.1", 443);
	struct backend_want a = backend("a", "10.0.0.1");
	struct backend_held held;
	struct world w;
	uint16_t id;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, &a, 1, &held, why), 0);
	assert_int_equal(tables_set_services(t, &web, 1, &id, why), 0);
	tables_lease(t, held.id, CLASS_PUBLIC, 5);
	daemon_end(t);
	/* Leases without a name; a name without a service; a ring beyond the map. */
	w.backends[9].until[CLASS_CONFIDENTIAL] = UINT64_MAX;
	name_set(&w.names[BACKENDS + 8], "never shown");
	((struct service *)(uintptr_t)find(&w, "192.0.2.1", 443, SERVICE_PORT))->ring_ref =
		UINT64_MAX;

	t = restarted(&w);
	assert_int_equal(w.backends[9].until[CLASS_CONFIDENTIAL], 0);
	assert_null(tables_service_name(t, 8));
	assert_int_equal(find(&w, "192.0.2.1", 443, SERVICE_PORT)->ring_slots, 0);
	assert_int_equal(tables_lease_of(t, held.id, CLASS_PUBLIC), 5);
	daemon_end(t);
}

static void test_maps_without_names_begin_anew(void **state)
{
	struct backend_want a = backend("a", "10.0.0.1");
	struct backend_held held;
	struct world w;
	bool live = true;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, &a, 1, &held, why), 0);
	tables_lease(t, held.id, CLASS_PUBLIC, UINT64_MAX);
	t->names_made = true; /* as when somebody removed the pin */
	assert_int_equal(tables_take_over(t, keys, &live, why), 0);
	assert_false(live);
	assert_int_equal(w.backends[held.id].until[CLASS_PUBLIC], 0);

	w.settings.abi = ABI_VERSION + 1;
	assert_int_equal(tables_take_over(t, keys, &live, why), -EEXIST);
	assert_non_null(strstr(why, "ABI"));
	daemon_end(t);
}

static void test_a_next_hop_is_written_whole_or_not_at_all(void **state)
{
	struct nexthop hop = { .state = NEXTHOP_RESOLVED,
			       .ifindex = 7,
			       .mtu = 9000,
			       .mac = { 1, 2, 3, 4, 5, 6 },
			       .source_mac = { 6, 5, 4, 3, 2, 1 } };
	struct backend_want want = backend("a", "10.0.0.1");
	struct backend_held held;
	struct world w;
	struct tables *t = fresh(&w);
	const struct backend *b;

	(void)state;
	assert_int_equal(tables_set_backends(t, &want, 1, &held, why), 0);
	b = &w.backends[held.id];
	tables_lease(t, held.id, CLASS_PUBLIC, 11);
	tables_set_hand(t, held.id, BACKEND_EVICTED);
	hop.via = want.addr;
	tables_set_nexthop(t, held.id, &hop);
	assert_int_equal(b->ifindex, 7);
	assert_int_equal(b->mtu, 9000);
	assert_memory_equal(b->mac, hop.mac, 6);
	assert_memory_equal(b->source_mac, hop.source_mac, 6);
	assert_int_equal(b->generation, held.generation);
	assert_int_equal(b->flags, BACKEND_EVICTED);
	assert_int_equal(b->until[CLASS_PUBLIC], 11);
	hop.via.w[3] ^= 1; /* behind a gateway: the hand does not undo it, nor it the hand */
	tables_set_nexthop(t, held.id, &hop);
	assert_int_equal(b->flags, BACKEND_EVICTED | BACKEND_ROUTED);
	tables_set_hand(t, held.id, BACKEND_DRAINED);
	assert_int_equal(b->flags, BACKEND_DRAINED | BACKEND_ROUTED);
	hop.state = NEXTHOP_FAILED;
	tables_set_nexthop(t, held.id, &hop);
	assert_int_equal(b->ifindex, 0);
	assert_true(bytes_are_zero(bytes_of(b->mac, 6)));
	assert_int_equal(b->generation, held.generation);
	tables_set_nexthop(t, 0, &hop);
	tables_set_nexthop(t, BACKENDS, &hop);
	daemon_end(t);
}

static void test_leases_beyond_the_table_go_nowhere(void **state)
{
	struct world w, before;
	struct tables *t = fresh(&w);

	(void)state;
	before = w;
	tables_lease(t, 0, CLASS_PUBLIC, 1); /* nobody */
	tables_lease(t, BACKENDS, CLASS_PUBLIC, 1);
	tables_lease(t, 1, CLASS_COUNT, 1);
	assert_memory_equal(&before, &w, sizeof(w));
	assert_int_equal(tables_lease_of(t, 0, CLASS_PUBLIC), 0);
	daemon_end(t);
}

static void test_flows_are_counted_and_purged(void **state)
{
	struct backend_want want[] = { backend("a", "10.0.0.1"), backend("b", "10.0.0.2") };
	struct backend_held held[2];
	struct flow_counts n;
	uint64_t by[BACKENDS];
	struct world w;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, want, 2, held, why), 0);
	w.flows[0].entry[0] = flow_entry(1, held[0].id, held[0].generation, FLOW_PROBATION);
	w.flows[1].entry[7] = flow_entry(2, held[0].id, held[0].generation, 4);
	w.flows[7].entry[3] = flow_entry(3, held[1].id, held[1].generation, 0);
	w.flows[7].entry[4] = flow_entry(4, held[1].id, (uint8_t)(held[1].generation + 1), 0);
	flows_count(t, &n, by, BACKENDS);
	assert_int_equal(n.entries, SETS * FLOW_WAYS);
	assert_int_equal(n.active, SETS * FLOW_WAYS);
	assert_int_equal(n.used, 4);
	assert_int_equal(n.probation, 1);
	assert_int_equal(n.stale, 1);
	assert_int_equal(by[held[0].id], 2);
	assert_int_equal(by[held[1].id], 1);
	assert_int_equal(flows_purge(t, held[0].id), 2);
	flows_count(t, &n, NULL, 0);
	assert_int_equal(n.used, 2);
	assert_int_equal(flows_purge(t, 0), 2);
	daemon_end(t);
}

/* Flows of the first user of an id would otherwise be taken for the 256th's. */
static void test_generations_wrap_without_ghosts(void **state)
{
	struct backend_want here = backend("a", "10.0.0.1"), there = backend("a", "10.0.0.2");
	struct backend_held held;
	struct flow_counts n;
	struct world w;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, &here, 1, &held, why), 0);
	w.flows[0].entry[0] = flow_entry(1, held.id, held.generation, 0);
	w.backends[held.id].generation = UINT8_MAX;
	assert_int_equal(tables_set_backends(t, &there, 1, &held, why), 0);
	assert_int_equal(held.generation, 1);
	flows_count(t, &n, NULL, 0);
	assert_int_equal(n.used, 0);
	daemon_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_restart_keeps_ids_leases_and_hops),
		cmocka_unit_test(test_another_address_loses_everything),
		cmocka_unit_test(test_a_lease_never_meets_another_address),
		cmocka_unit_test(test_an_id_in_a_ring_is_not_reused),
		cmocka_unit_test(test_what_a_killed_daemon_left),
		cmocka_unit_test(test_maps_without_names_begin_anew),
		cmocka_unit_test(test_a_next_hop_is_written_whole_or_not_at_all),
		cmocka_unit_test(test_leases_beyond_the_table_go_nowhere),
		cmocka_unit_test(test_flows_are_counted_and_purged),
		cmocka_unit_test(test_generations_wrap_without_ghosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
