// SPDX-License-Identifier: BSD-2-Clause
/*
 * Plans: only the eligible are chosen, whatever the figures say; a change of members is planned at
 * once, a change of costs in its time, an empty ring never.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "steering/lease.h"
#include "steering/plan.h"

enum {
	BACKENDS = 8,
	NOW = 1000000,
	REBUILD = 30000,
	SLOTS = 1021,
};

/* A service and its backends, all with leases of every class. */
struct world {
	struct peer peers[BACKENDS];
	struct cost costs[BACKENDS];
	struct plan_backend backends[BACKENDS];
	struct plan_service service;
	struct plan_ring built;
	struct ring_member store[BACKENDS], members[BACKENDS];
	size_t count;
};

static uint64_t seed = 5;

static uint32_t dice(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static void make(struct world *w, enum class c, bool cheapest)
{
	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < BACKENDS; i++) {
		char name[] = { 'b', '0' + i, 0 };

		w->peers[i].up = true;
		for (int k = 0; k < CLASS_COUNT; k++)
			w->peers[i].until_ms[k] = k ? NOW + 1000000 : LEASE_ENDLESS;
		cost_sample(&w->costs[i], 10000 + 1000 * i, 0, 0);
		w->backends[i] =
			(struct plan_backend){ i + 1, ring_key(name), &w->peers[i], &w->costs[i] };
	}
	w->service = (struct plan_service){ c, cheapest, w->backends, BACKENDS };
	w->built = (struct plan_ring){ .members = w->store, .capacity = BACKENDS };
}

static enum plan_verdict plan_at(struct world *w, uint64_t now)
{
	return plan_service(&w->service, &w->built, now, REBUILD, w->members, &w->count);
}

static void publish(struct world *w, uint32_t waiting)
{
	assert_int_equal(plan_published(&w->built, w->members, w->count, waiting, NOW), 0);
}

static bool has_member(const struct world *w, uint16_t id)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->members[i].id == id)
			return true;
	return false;
}

static void test_first_ring(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_CONFIDENTIAL, false);
	assert_int_equal(plan_at(&w, NOW), PLAN_MEMBERS);
	assert_int_equal(w.count, BACKENDS);
	assert_int_equal(w.members[0].weight, COST_WEIGHT_MAX);
	assert_int_equal(w.members[7].weight, COST_WEIGHT_MAX * 10 / 17);
	publish(&w, 0);
	assert_int_equal(plan_at(&w, NOW + 10 * REBUILD), PLAN_KEEP);
}

static void test_who_is_left_out(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_CLASSIFIED, false);
	w.peers[0].up = false;
	w.peers[1].hand = PEER_DRAINED;
	w.peers[2].hand = PEER_EVICTED;
	w.peers[3].until_ms[CLASS_CLASSIFIED] = 0;
	w.peers[4].until_ms[CLASS_CLASSIFIED] = NOW;
	w.peers[5].until_ms[CLASS_CLASSIFIED] = NOW + 1;
	w.backends[6].id = 0;
	assert_int_equal(plan_at(&w, NOW), PLAN_MEMBERS);
	assert_int_equal(w.count, 2);
	assert_true(has_member(&w, 6) && has_member(&w, 8));
	w.service.class = CLASS_COUNT; /* a class that we do not know: nobody */
	assert_int_equal(plan_at(&w, NOW), PLAN_KEEP);
	assert_int_equal(w.count, 0);
	w.service.class = CLASS_PUBLIC;
	plan_at(&w, NOW);
	assert_int_equal(w.count, 4); /* 4, 5, 6, 8 */
}

static void test_members_at_once_costs_in_time(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_CONFIDENTIAL, false);
	plan_at(&w, NOW);
	publish(&w, 0);
	cost_sample(&w.costs[3], 500000, 0, 0);
	assert_int_equal(plan_at(&w, NOW + 1), PLAN_LATER);
	assert_int_equal(plan_due_ms(&w.built, REBUILD), NOW + REBUILD);
	assert_int_equal(plan_at(&w, NOW + REBUILD - 1), PLAN_LATER);
	assert_int_equal(plan_at(&w, NOW + REBUILD), PLAN_COSTS);
	w.peers[3].hand = PEER_DRAINED;
	assert_int_equal(plan_at(&w, NOW + 1), PLAN_MEMBERS);
	assert_false(has_member(&w, 4));
	publish(&w, 0);
	assert_int_equal(plan_at(&w, NOW + 2), PLAN_KEEP);
	w.peers[3].hand = PEER_FREE;
	assert_int_equal(plan_at(&w, NOW + 2), PLAN_MEMBERS);
	/* One for another: as many as before, but not the same. */
	w.peers[4].up = false;
	assert_int_equal(plan_at(&w, NOW + 2), PLAN_MEMBERS);
	assert_int_equal(w.count, w.built.count);
}

static void test_waiting_moves_go_on(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_CONFIDENTIAL, false);
	plan_at(&w, NOW);
	publish(&w, 17);
	assert_int_equal(plan_at(&w, NOW + 1), PLAN_LATER);
	assert_int_equal(plan_at(&w, NOW + REBUILD), PLAN_COSTS);
}

static void test_nobody_left(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_CONFIDENTIAL, false);
	for (size_t i = 0; i < BACKENDS; i++)
		w.peers[i].up = false;
	assert_int_equal(plan_at(&w, NOW), PLAN_KEEP); /* no ring, and none to be had */
	for (size_t i = 0; i < BACKENDS; i++)
		w.peers[i].up = true;
	plan_at(&w, NOW);
	publish(&w, 0);
	for (size_t i = 0; i < BACKENDS; i++)
		w.peers[i].up = false;
	assert_int_equal(plan_at(&w, NOW), PLAN_KEEP); /* the kernel refuses by lease */
	assert_int_equal(w.count, 0);
	/* One of the ring is not ours any more; its id may soon be somebody else's. */
	w.service.backends_count--;
	assert_int_equal(plan_at(&w, NOW), PLAN_WITHDRAW);
	plan_withdrawn(&w.built);
	assert_int_equal(plan_at(&w, NOW), PLAN_KEEP);
	w.peers[0].up = true;
	assert_int_equal(plan_at(&w, NOW), PLAN_MEMBERS);
}

static void test_cheapest_order(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_PUBLIC, true);
	cost_sample(&w.costs[5], 0, 0, 0);
	w.costs[2] = (struct cost){ 0 };
	assert_int_equal(plan_at(&w, NOW), PLAN_MEMBERS);
	assert_int_equal(w.count, BACKENDS);
	assert_int_equal(w.members[0].id, 1);
	assert_int_equal(w.members[1].id, 2);
	publish(&w, 0);
	/* Changes further down are no news. */
	w.costs[7] = w.costs[6];
	assert_int_equal(plan_at(&w, NOW + REBUILD), PLAN_KEEP);
	for (int i = 0; i < 50; i++)
		cost_sample(&w.costs[6], 100, 0, 0);
	assert_int_equal(plan_at(&w, NOW + 1), PLAN_LATER);
	assert_int_equal(plan_at(&w, NOW + REBUILD), PLAN_COSTS);
	assert_int_equal(w.members[0].id, 7);
	assert_int_equal(w.members[1].id, 1);
	/* Every member once. */
	for (uint16_t id = 1; id <= BACKENDS; id++)
		assert_true(has_member(&w, id));
}

static void test_founding_fixture(void **state)
{
	struct world w;

	(void)state;
	make(&w, CLASS_CONFIDENTIAL, true);
	w.service.backends_count = 2;
	w.costs[0] = w.costs[1] = (struct cost){ 0 };
	cost_sample(&w.costs[0], 120000, 310, 0); /* eu-west-sev-1: 151 */
	cost_sample(&w.costs[1], 45000, 620, 0);  /* us-east-sgx-1: 107 */
	plan_at(&w, NOW);
	assert_int_equal(w.members[0].id, 2);
	assert_int_equal(w.members[1].id, 1);
}

static void test_adopted_ring(void **state)
{
	struct ring_slot ring[] = { { 1, 2 }, { 2, 1 }, { 1, 3 }, { 0, 0 } };
	struct world w;

	(void)state;
	make(&w, CLASS_CONFIDENTIAL, false);
	w.service.backends_count = 3;
	assert_int_equal(plan_adopt(&w.built, ring, 4, NOW), 0);
	assert_int_equal(w.built.count, 3);
	assert_int_equal(plan_at(&w, NOW), PLAN_LATER); /* same members: no hurry */
	w.peers[2].up = false;
	assert_int_equal(plan_at(&w, NOW), PLAN_MEMBERS);
	w.peers[0].up = w.peers[1].up = false;
	assert_int_equal(plan_at(&w, NOW), PLAN_KEEP);
	w.service.backends_count = 2;
	assert_int_equal(plan_at(&w, NOW), PLAN_WITHDRAW);
	assert_int_equal(plan_adopt(&w.built, NULL, 0, NOW), 0);
	assert_false(w.built.published);
	w.built.capacity = 2;
	assert_int_equal(plan_adopt(&w.built, ring, 4, NOW), -ENOSPC);
	assert_false(w.built.published);
	w.count = 3;
	assert_int_equal(plan_published(&w.built, w.members, 3, 0, NOW), -ENOSPC);
}

static void any_figures(struct world *w)
{
	for (size_t i = 0; i < BACKENDS; i++)
		if (dice(2))
			cost_sample(&w->costs[i], seed >> dice(64), seed >> dice(64), dice(1200));
}

static void any_fate(struct world *w)
{
	struct peer *p = &w->peers[dice(BACKENDS)];

	p->up = dice(4);
	p->hand = dice(4) ? PEER_FREE : dice(3);
	p->until_ms[dice(CLASS_COUNT)] = dice(3) ? NOW + 100000 : 0;
}

static bool in_ring(const struct ring_slot *ring, uint16_t id)
{
	for (uint32_t s = 0; s < SLOTS; s++)
		if (ring[s].primary == id || ring[s].fallback == id)
			return true;
	return false;
}

/*
 * Promise 3: with any stream of figures, of any service, the chosen are among the eligible, and
 * they are all of the eligible; the ring names nobody else, as fallback neither.
 */
static void test_figures_never_choose(void **state)
{
	struct ring_work *work = ring_work_new(BACKENDS, SLOTS);
	static struct ring_slot ring[SLOTS], next[SLOTS];
	struct ring_moves moves;
	unsigned int rings = 0;
	struct world w;

	(void)state;
	assert_non_null(work);
	make(&w, CLASS_CONFIDENTIAL, false);
	for (int round = 0; round < 3000; round++) {
		struct ring_want want = { w.members, 0, SLOTS, false, 50 };
		uint64_t now = NOW + round;
		enum plan_verdict v;

		any_figures(&w);
		any_fate(&w);
		w.service.class = dice(CLASS_COUNT);
		want.cheapest = w.service.cheapest = dice(2);
		v = plan_service(&w.service, &w.built, now, 0, w.members, &w.count);
		for (size_t i = 0; i < BACKENDS; i++)
			assert_int_equal(has_member(&w, i + 1),
					 peer_may_serve(&w.peers[i], w.service.class, now));
		if (v != PLAN_MEMBERS && v != PLAN_COSTS)
			continue;
		want.count = w.count;
		assert_int_equal(
			ring_update(work, &want, w.built.published ? ring : NULL, next, &moves), 0);
		memcpy(ring, next, sizeof(ring));
		assert_int_equal(plan_published(&w.built, w.members, w.count, moves.waiting, now),
				 0);
		for (size_t i = 0; i < BACKENDS; i++)
			assert_true(!in_ring(ring, i + 1) || has_member(&w, i + 1));
		rings++;
	}
	assert_true(rings > 1000);
	ring_work_free(work);
}

/* A hundred services of a thousand backends are looked at in a fraction of a second. */
static void test_speed(void **state)
{
	struct {
		struct peer peers[1000];
		struct cost costs[1000];
		struct plan_backend backends[1000];
		struct ring_member store[1000], members[1000];
	} *w = calloc(1, sizeof(*w));
	struct plan_service service;
	struct plan_ring built;
	struct timespec a, b;
	size_t count;
	double ms;

	(void)state;
	assert_non_null(w);
	for (size_t i = 0; i < 1000; i++) {
		w->peers[i].up = true;
		w->peers[i].until_ms[CLASS_PUBLIC] = LEASE_ENDLESS;
		w->backends[i] = (struct plan_backend){ i + 1, i, &w->peers[i], &w->costs[i] };
	}
	service = (struct plan_service){ CLASS_PUBLIC, false, w->backends, 1000 };
	built = (struct plan_ring){ .members = w->store, .capacity = 1000 };
	plan_service(&service, &built, NOW, 0, w->members, &count);
	plan_published(&built, w->members, count, 0, NOW);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a); /* not what others take */
	for (int i = 0; i < 100; i++)
		assert_int_equal(plan_service(&service, &built, NOW, 0, w->members, &count),
				 PLAN_KEEP);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ms = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;
	print_message("100 plans over 1000 backends: %.1f ms\n", ms);
	assert_true(ms < 500);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_ring),
		cmocka_unit_test(test_who_is_left_out),
		cmocka_unit_test(test_members_at_once_costs_in_time),
		cmocka_unit_test(test_waiting_moves_go_on),
		cmocka_unit_test(test_nobody_left),
		cmocka_unit_test(test_cheapest_order),
		cmocka_unit_test(test_founding_fixture),
		cmocka_unit_test(test_adopted_ring),
		cmocka_unit_test(test_figures_never_choose),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
