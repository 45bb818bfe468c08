// SPDX-License-Identifier: BSD-2-Clause
/* Services and their rings in the tables, over plain memory: no map, no root. */
#include "unit/steering_world.h"

static void test_unchanged_is_untouched(void **state)
{
	struct backend_want want[] = { backend("a", "10.0.0.1"), backend("b", "10.0.0.2") };
	struct service_want services[] = { service("web", "192.0.2.1", 443),
					   service("db", "192.0.2.1", 5432) };
	struct ring_slot ring[7] = { { 1, 2 }, { 2, 1 }, { 1, 2 } };
	struct backend_held held[2];
	struct world w, before;
	uint16_t ids[2], again[2];
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, want, 2, held, why), 0);
	assert_int_equal(tables_set_services(t, services, 2, ids, why), 0);
	assert_int_equal(tables_set_ring(t, ids[0], ring, 7, why), 0);
	tables_lease(t, held[0].id, CLASS_CONFIDENTIAL, 1000);
	w.flows[3].entry[2] = flow_entry(77, held[0].id, held[0].generation, 0);
	daemon_end(t);

	before = w;
	t = restarted(&w);
	assert_int_equal(tables_set_backends(t, want, 2, held, why), 0);
	assert_int_equal(tables_set_services(t, services, 2, again, why), 0);
	assert_int_equal(tables_set_ring(t, ids[0], ring, 7, why), 0);
	assert_memory_equal(ids, again, sizeof(ids));
	assert_memory_equal(&before, &w, sizeof(w));
	daemon_end(t);
}

static void test_failing_changes_nothing(void **state)
{
	struct backend_want a = backend("a", "10.0.0.1");
	struct backend_want twice[] = { backend("b", "10.0.0.2"), backend("b", "10.0.0.3") };
	struct service_want web = service("web", "192.0.2.1", 443);
	struct service_want same[] = { service("x", "192.0.2.2", 80),
				       service("y", "192.0.2.2", 80) };
	struct service_want named[] = { service("x", "192.0.2.2", 80),
					service("x", "192.0.2.2", 81) };
	struct service_want portless = service("z", "192.0.2.2", 0);
	struct backend_held held[2];
	uint16_t ids[2];
	struct world w, before;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_backends(t, &a, 1, held, why), 0);
	tables_lease(t, held[0].id, CLASS_PUBLIC, 9);
	assert_int_equal(tables_set_services(t, &web, 1, ids, why), 0);
	before = w;
	assert_int_equal(tables_set_backends(t, twice, 2, held, why), -EEXIST);
	assert_non_null(strstr(why, "b"));
	assert_int_equal(tables_set_services(t, same, 2, ids, why), -EEXIST);
	assert_non_null(strstr(why, "192.0.2.2:80"));
	assert_int_equal(tables_set_services(t, named, 2, ids, why), -EEXIST);
	assert_int_equal(tables_set_services(t, &portless, 1, ids, why), -EINVAL);
	assert_memory_equal(&before, &w, sizeof(w));
	daemon_end(t);
}

static void test_services_flip_and_keep_rings(void **state)
{
	struct service_want first[] = { service("web", "192.0.2.1", 443) };
	struct service_want second[] = { service("db", "192.0.2.1", 5432),
					 service("web", "2001:db8::1", 443) };
	struct ring_slot ring[5] = { { 1, 0 }, { 1, 0 }, { 1, 0 }, { 1, 0 }, { 1, 0 } };
	uint16_t ids[2], again[2];
	const struct service *s;
	struct world w;
	uint32_t half, slots;
	struct tables *t = fresh(&w);

	(void)state;
	assert_int_equal(tables_set_services(t, first, 1, ids, why), 0);
	assert_int_equal(tables_set_ring(t, ids[0], ring, 5, why), 0);
	half = w.settings.services_half;
	assert_non_null(find(&w, "192.0.2.1", 443, SERVICE_PORT));
	assert_non_null(find(&w, "192.0.2.1", 0, SERVICE_ADDRESS));

	second[0].class = CLASS_PUBLIC;
	second[0].refusal = REFUSE_DROP;
	second[0].on_lapse = LAPSE_ANSWER;
	second[0].forward = FORWARD_GUE;
	second[0].new_rate = 7;
	second[0].new_burst = 8;
	second[1].mss = 1360;
	assert_int_equal(tables_set_services(t, second, 2, again, why), 0);
	assert_int_not_equal(w.settings.services_half, half);
	assert_int_equal(again[1], ids[0]);
	assert_null(find(&w, "192.0.2.1", 443, SERVICE_PORT));
	s = find(&w, "2001:db8::1", 443, SERVICE_PORT);
	assert_non_null(s);
	assert_int_equal(s->id, ids[0]);
	assert_int_equal(s->ring_slots, 5);
	assert_int_equal(s->mss, 1360);
	assert_true(s->flags & SERVICE_SPECIAL);
	s = find(&w, "192.0.2.1", 5432, SERVICE_PORT);
	assert_int_equal(s->ring_slots, 0);
	assert_int_equal(s->refusal, REFUSE_DROP);
	assert_int_equal(s->on_lapse, LAPSE_ANSWER);
	assert_int_equal(s->forward, FORWARD_GUE);
	assert_int_equal(s->new_rate, 7);
	assert_int_equal(s->new_burst, 8);
	assert_int_equal(s->flags, SERVICE_GUE);
	assert_true(settle_same(tables_ring(t, ids[0], &slots), ring, 5));
	assert_int_equal(slots, 5);
	daemon_end(t);
}

/* Half of the table is read by packets now, and the other by those that came before the last flip.
 */
static void test_what_is_read_is_not_written(void **state)
{
	struct service_want want[] = { service("a", "192.0.2.1", 1), service("b", "192.0.2.1", 2) };
	struct service_bucket *live;
	struct world w, before;
	struct tables *t = fresh(&w);
	uint16_t ids[2];

	(void)state;
	for (int i = 0; i < 4; i++) {
		before = w;
		moment.graces = 0;
		live = &w.services[w.settings.services_half * BUCKETS];
		assert_int_equal(tables_set_services(t, want, 1 + i % 2, ids, why), 0);
		assert_int_equal(moment.graces, i ? 1 : moment.graces);
		if (moment.graces)
			assert_memory_equal(moment.then.services, before.services,
					    sizeof(w.services));
		assert_memory_equal(live, &before.services[before.settings.services_half * BUCKETS],
				    BUCKETS * sizeof(*live));
	}
	daemon_end(t);
}

static void test_a_ring_in_sight_is_not_written(void **state)
{
	static struct ring_slot ring[SLOTS / 2 - 16];
	struct service_want want = service("a", "192.0.2.1", 1);
	struct world w, before;
	struct tables *t = fresh(&w);
	uint16_t id;
	uint32_t at;

	(void)state;
	assert_int_equal(tables_set_services(t, &want, 1, &id, why), 0);
	moment.graces = 0;
	for (int i = 0; i < 5; i++) {
		before = w;
		at = t->slot[id]->ring_slots ? t->slot[id]->ring : SLOTS;
		ring[i].primary = 1;
		assert_int_equal(tables_set_ring(t, id, ring, SLOTS / 2 - 16, why), 0);
		assert_int_not_equal(t->slot[id]->ring, at);
		/* The third takes what the first left, and that only after a grace. */
		assert_int_equal(moment.graces, i < 2 ? 0 : i - 1);
		if (moment.graces)
			assert_memory_equal(moment.then.rings, before.rings, sizeof(w.rings));
	}
	daemon_end(t);
}

/* Killed before the flip, the next daemon would find the newcomer's name on the old one's ring. */
static void test_an_id_that_changes_hands_has_no_ring(void **state)
{
	struct service_want old[SERVICES], next[SERVICES];
	struct ring_slot ring[3] = { { 1, 0 }, { 1, 0 }, { 1, 0 } };
	uint16_t ids[SERVICES], again[SERVICES];
	struct world w;
	struct tables *t = fresh(&w);

	(void)state;
	for (uint16_t i = 0; i < SERVICES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "old-%d", i);
		old[i] = service(name, "192.0.2.1", (uint16_t)(i + 1));
		snprintf(name, sizeof(name), "next-%d", i);
		next[i] = service(name, "192.0.2.2", (uint16_t)(i + 1));
	}
	assert_int_equal(tables_set_services(t, old, SERVICES, ids, why), 0);
	assert_int_equal(tables_set_ring(t, ids[5], ring, 3, why), 0);
	assert_int_equal(tables_set_services(t, next, SERVICES, again, why), 0);
	for (int half = 0; half < 2 * BUCKETS; half++)
		for (int i = 0; i < SERVICE_SLOTS; i++)
			assert_int_equal(moment.then.services[half].slot[i].ring_slots, 0);
	assert_string_equal(tables_service_name(t, again[0]), "next-0");
	assert_int_equal(regions_free_slots(&t->regions), SLOTS);
	daemon_end(t);
}

static void test_the_last_user_of_a_ring_gives_it_back(void **state)
{
	static struct ring_slot big[SLOTS / 2 - 16];
	struct service_want want[] = { service("a", "192.0.2.1", 1), service("b", "192.0.2.1", 2) };
	uint16_t ids[2];
	struct world w;
	struct tables *t = fresh(&w);
	uint32_t slots;

	(void)state;
	assert_int_equal(tables_set_services(t, want, 2, ids, why), 0);
	/* Again and again: what was retired is free after a grace. */
	for (int i = 0; i < 20; i++) {
		big[0].primary = (uint16_t)(i % 2);
		assert_int_equal(tables_set_ring(t, ids[0], big, SLOTS / 2 - 16, why), 0);
	}
	assert_int_equal(tables_set_ring(t, ids[1], big, SLOTS / 2 - 16, why), 0);
	/* Two rings are live and a third does not fit; what was there stays. */
	big[1].primary = 1;
	assert_int_equal(tables_set_ring(t, ids[1], big, SLOTS / 2 - 16, why), -ENOSPC);
	assert_int_equal(tables_ring(t, ids[1], &slots)[1].primary, 0);
	/* The other's owner goes, and it fits. */
	assert_int_equal(tables_set_services(t, &want[1], 1, ids, why), 0);
	assert_int_equal(tables_set_ring(t, ids[0], big, SLOTS / 2 - 16, why), 0);
	assert_int_equal(tables_ring(t, ids[0], &slots)[1].primary, 1);
	assert_int_equal(tables_set_ring(t, ids[0], NULL, 0, why), 0);
	assert_null(tables_ring(t, ids[0], &slots));
	big[1].primary = BACKENDS;
	assert_int_equal(tables_set_ring(t, ids[0], big, 5, why), -EINVAL);
	daemon_end(t);
}

/* A new ring never goes where the live ones of a former daemon are. */
static void test_a_restart_knows_where_rings_are(void **state)
{
	struct service_want want[] = { service("a", "192.0.2.1", 1), service("b", "192.0.2.1", 2) };
	struct ring_slot one[100], two[100];
	uint16_t ids[2];
	struct world w;
	struct tables *t = fresh(&w);
	uint32_t slots;

	(void)state;
	for (int i = 0; i < 100; i++) {
		one[i] = (struct ring_slot){ 1, 2 };
		two[i] = (struct ring_slot){ 3, 4 };
	}
	assert_int_equal(tables_set_services(t, want, 2, ids, why), 0);
	assert_int_equal(tables_set_ring(t, ids[0], one, 100, why), 0);
	daemon_end(t);
	t = restarted(&w);
	assert_int_equal(tables_set_services(t, want, 2, ids, why), 0);
	assert_int_equal(tables_set_ring(t, ids[1], two, 100, why), 0);
	assert_true(settle_same(tables_ring(t, ids[0], &slots), one, 100));
	assert_true(settle_same(tables_ring(t, ids[1], &slots), two, 100));
	daemon_end(t);
}

/* What was remembered all the time before is not known to be the primary's. */
static void test_told_to_settle_later(void **state)
{
	struct backend_want a = backend("a", "10.0.0.1");
	struct service_want web = service("web", "192.0.2.1", 443);
	struct ring_slot ring[3] = { { 1, 0 }, { 1, 0 }, { 1, 0 } };
	struct backend_held held;
	struct world w;
	struct tables *t = fresh(&w);
	uint16_t id;

	(void)state;
	assert_int_equal(tables_set_backends(t, &a, 1, &held, why), 0);
	assert_int_equal(tables_set_services(t, &web, 1, &id, why), 0);
	assert_int_equal(tables_set_ring(t, id, ring, 3, why), 0);
	tables_lease(t, held.id, CLASS_CONFIDENTIAL, 1000);
	assert_int_equal(tables_settle(t, id, 10).settled, 0);
	assert_int_equal(tables_settle(t, id, 10).settled, 0);
	web.settles = true;
	assert_int_equal(tables_set_services(t, &web, 1, &id, why), 0);
	assert_int_equal(tables_settle(t, id, 10).settled, 0);
	assert_int_equal(tables_settle(t, id, 10).settled, 3);
	daemon_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged_is_untouched),
		cmocka_unit_test(test_failing_changes_nothing),
		cmocka_unit_test(test_services_flip_and_keep_rings),
		cmocka_unit_test(test_what_is_read_is_not_written),
		cmocka_unit_test(test_a_ring_in_sight_is_not_written),
		cmocka_unit_test(test_an_id_that_changes_hands_has_no_ring),
		cmocka_unit_test(test_the_last_user_of_a_ring_gives_it_back),
		cmocka_unit_test(test_a_restart_knows_where_rings_are),
		cmocka_unit_test(test_told_to_settle_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
