// SPDX-License-Identifier: BSD-2-Clause
/* The table of flows grows: nothing in it is lost, whenever the daemon dies, and it grows in time.
 */
#include "unit/steering_world.h"

#include "steering/flows.h"

enum {
	MOST = 4 * FLOW_SETS_FIRST,
	FLOWS = FLOW_SETS_FIRST * FLOW_WAYS / 4,
	JIFFIES = 1 << 20,
};

static struct world world;
static struct flow_set *sets;
static uint64_t random_state;

static uint64_t draw(void)
{
	random_state += HASH_K0;
	return hash_mix(random_state, HASH_K1);
}

static struct tables *big(void)
{
	struct tables *t = fresh(&world);

	memset(sets, 0, MOST * sizeof(*sets));
	t->flows = sets;
	t->flow_sets = MOST;
	world.settings.flows_mask = FLOW_SETS_FIRST - 1;
	random_state = 1;
	return t;
}

/* As the packet path does it, by the mask of now; false: the set is full. */
static bool put(const struct settings *s, uint64_t hash, uint8_t low)
{
	struct flow_set *set = &sets[flow_set_of(hash, s->flows_mask)];

	for (int i = 0; i < FLOW_WAYS; i++)
		if (!set->entry[i]) {
			set->entry[i] = flow_entry(flow_tag_of(hash), 1 + (hash & 7), 1, low);
			return true;
		}
	return false;
}

static int found(uint64_t hash, uint32_t mask)
{
	const struct flow_set *set = &sets[flow_set_of(hash, mask)];
	int n = 0;

	for (int i = 0; i < FLOW_WAYS; i++)
		n += set->entry[i] && flow_tag(set->entry[i]) == flow_tag_of(hash) &&
		     flow_backend(set->entry[i]) == 1 + (hash & 7);
	return n;
}

static uint64_t fill(const struct settings *s, uint64_t *hashes, uint32_t flows, uint8_t low)
{
	uint32_t n = 0;

	while (n < flows) {
		hashes[n] = draw();
		n += put(s, hashes[n], low);
	}
	return n;
}

static uint64_t used(const struct tables *t)
{
	struct flow_counts n;

	flows_count(t, &n, NULL, 0);
	assert_int_equal(n.entries, MOST * FLOW_WAYS);
	assert_int_equal(n.active, (world.settings.flows_mask + 1) * FLOW_WAYS);
	return n.used;
}

static void assert_all_found(const uint64_t *hashes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (found(hashes[i], world.settings.flows_mask) != 1)
			fail_msg("flow %u: %d times", i,
				 found(hashes[i], world.settings.flows_mask));
}

static void test_small_at_first(void **state)
{
	struct settings s = { 0 };

	(void)state;
	assert_int_equal(flow_sets_for(0, 8), 8);
	assert_int_equal(flow_sets_for(1000, 8), 8);
	assert_int_equal(flow_sets_for(0, MOST), FLOW_SETS_FIRST);
	assert_int_equal(flow_sets_for(FLOWS, MOST), FLOW_SETS_FIRST);
	assert_int_equal(flow_sets_for(FLOWS + 1, MOST), 2 * FLOW_SETS_FIRST);
	assert_int_equal(flow_sets_for(UINT64_MAX / 4, MOST), MOST);
	for (int i = 0; i < 1000; i++) {
		uint64_t h = draw(), entry = flow_entry(flow_tag_of(h), 1, 1, 0);
		uint32_t was = flow_set_of(h, FLOW_SETS_FIRST - 1);

		for (s.flows_mask = FLOW_SETS_FIRST - 1; s.flows_mask < 1u << 24;
		     s.flows_mask = 2 * s.flows_mask + 1) {
			uint32_t is = flow_set_of(h, s.flows_mask);

			assert_int_equal(flow_set_again(entry, was, s.flows_mask), is);
			assert_true(is == was || is == was + (s.flows_mask + 1) / 2);
			was = is;
		}
	}
}

static void test_nothing_is_lost(void **state)
{
	uint8_t low = flow_age_of(JIFFIES);
	uint64_t *h = calloc(2 * FLOWS, sizeof(*h));
	struct tables *t = big();
	int steps = 0, n = FLOWS - FLOWS / 20;

	(void)state;
	fill(&world.settings, h, n, low);
	assert_false(flows_grow(t, JIFFIES)); /* not a quarter yet */
	n += fill(&world.settings, h + n, FLOWS / 10, low);
	while (flows_grow(t, JIFFIES))
		assert_true(steps++ < 10);
	assert_int_equal(world.settings.flows_mask, 2 * FLOW_SETS_FIRST - 1);
	assert_int_equal(world.settings.flows_before, 0);
	assert_int_equal(moment.graces, 1);
	assert_all_found(h, n);
	assert_int_equal(used(t), n); /* and none twice */
	assert_false(flows_grow(t, JIFFIES));
	free(h);
	daemon_end(t);
}

/* What flows came, changed or went while it grew, by the old mask and by the new. */
static void test_flows_come_meanwhile(void **state)
{
	uint8_t low = flow_age_of(JIFFIES);
	uint64_t *h = calloc(2 * FLOWS, sizeof(*h)), n = FLOWS + FLOWS / 20;
	struct settings before;
	struct tables *t = big();

	(void)state;
	fill(&world.settings, h, n, low);
	before = world.settings;
	while (!world.settings.flows_before) { /* the copy is made, slice by slice */
		n += fill(&before, h + n, 1000, low);
		assert_true(flows_grow(t, JIFFIES));
	}
	n += fill(&before, h + n, 1000, low); /* by a packet that saw the old mask */
	n += fill(&world.settings, h + n, 1000, low);
	for (uint64_t i = 0; i < n; i++) /* never are both masks wrong */
		assert_true(found(h[i], world.settings.flows_mask) ||
			    found(h[i], world.settings.flows_before));
	while (flows_grow(t, JIFFIES))
		;
	assert_all_found(h, n);
	assert_int_equal(used(t), n);
	free(h);
	daemon_end(t);
}

/* Another daemon goes on where this one was killed. */
static void test_killed_meanwhile(void **state)
{
	uint8_t low = flow_age_of(JIFFIES);
	uint64_t *h = calloc(2 * FLOWS, sizeof(*h)), n = FLOWS + FLOWS / 20;
	struct tables *t;

	(void)state;
	for (int dies_after = 1; dies_after < 4; dies_after++) {
		t = big();
		fill(&world.settings, h, n, low);
		for (int i = 0; i < dies_after; i++)
			flows_grow(t, JIFFIES);
		assert_true(tables_are_live(t));
		t->flows_next = 0; /* the next one knows nothing of it */
		while (flows_grow(t, JIFFIES))
			;
		assert_int_equal(world.settings.flows_before, 0);
		assert_all_found(h, n);
		assert_int_equal(used(t), n);
		daemon_end(t);
	}
	free(h);
}

/* Neither a flood of first packets nor flows of long ago call for room. */
static void test_only_for_the_living(void **state)
{
	uint64_t *h = calloc(FLOWS * 2, sizeof(*h));
	struct tables *t = big();

	(void)state;
	fill(&world.settings, h, FLOWS + FLOWS / 4, flow_age_of(JIFFIES) | FLOW_PROBATION);
	assert_int_equal(flows_established(t, JIFFIES), 0);
	assert_false(flows_grow(t, JIFFIES));
	memset(sets, 0, MOST * sizeof(*sets));
	fill(&world.settings, h, FLOWS + FLOWS / 4, flow_age_of(JIFFIES));
	assert_true(flows_established(t, JIFFIES) > FLOWS);
	assert_int_equal(
		flows_established(t, JIFFIES + ((uint64_t)FLOW_IDLE_AGES << FLOW_AGE_SHIFT)), 0);
	assert_false(flows_grow(t, JIFFIES + ((uint64_t)FLOW_IDLE_AGES << FLOW_AGE_SHIFT)));
	free(h);
	daemon_end(t);
}

static void test_no_further_than_there_is_room(void **state)
{
	uint64_t *h = calloc(4 * FLOWS, sizeof(*h));
	struct tables *t = big();

	(void)state;
	world.settings.flows_mask = MOST - 1;
	fill(&world.settings, h, 4 * FLOWS, flow_age_of(JIFFIES));
	assert_false(flows_grow(t, JIFFIES));
	assert_int_equal(world.settings.flows_mask, MOST - 1);
	assert_all_found(h, 4 * FLOWS);
	free(h);
	daemon_end(t);
}

/* A mask that does not fit makes the tables none of ours. */
static void test_masks(void **state)
{
	static const struct {
		uint32_t mask, before;
		bool good;
	} rows[] = {
		{ 0, 0, true },
		{ SETS - 1, 0, true },
		{ SETS - 1, SETS / 2 - 1, true },
		{ SETS - 1, SETS - 1, false },
		{ SETS - 1, SETS / 4 - 1, false },
		{ SETS - 2, 0, false },
		{ 2 * SETS - 1, 0, false },
		{ UINT32_MAX, 0, false },
	};
	struct tables *t = fresh(&world);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world.settings.flows_mask = rows[i].mask;
		world.settings.flows_before = rows[i].before;
		if (tables_are_live(t) != rows[i].good)
			fail_msg("row %zu", i);
	}
	daemon_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_at_first),
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_flows_come_meanwhile),
		cmocka_unit_test(test_killed_meanwhile),
		cmocka_unit_test(test_only_for_the_living),
		cmocka_unit_test(test_no_further_than_there_is_room),
		cmocka_unit_test(test_masks),
	};

	sets = calloc(MOST, sizeof(*sets));
	return sets ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
