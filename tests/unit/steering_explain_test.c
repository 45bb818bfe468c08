// SPDX-License-Identifier: BSD-2-Clause
/* Why a flow goes where it goes: every reason there is, read from tables made for it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "hash.h"
#include "steering/explain.h"

enum { SLOTS = 13, NOW = 100000, BACKENDS = 8, RING = 4 };

static struct settings settings;
static struct service_bucket services[2];
static struct ring_slot rings[RING + SLOTS + 1];
static struct backend backends[BACKENDS];
static struct flow_set flows[1];
static struct explain_flow flow;
static struct explanation e;
static const struct explain_world world = {
	&settings, services, rings, backends, flows, 1, RING + SLOTS + 1, BACKENDS, 1,
};

static int setup(void **state)
{
	struct service *s = &services[0].slot[0];

	(void)state;
	memset(services, 0, sizeof(services));
	memset(flows, 0, sizeof(flows));
	settings = (struct settings){ .hash_key = { 3, 5 } };
	addr_parse("198.51.100.7", &flow.src);
	addr_parse("192.0.2.1", &flow.dst);
	flow.sport = 40000;
	flow.dport = 443;
	flow.proto = IPPROTO_TCP;
	flow.opens = true;
	*s = (struct service){ .vip = flow.dst,
			       .port = htons(443),
			       .proto = IPPROTO_TCP,
			       .kind = SERVICE_PORT,
			       .class = CLASS_CONFIDENTIAL,
			       .flags = SERVICE_SETTLES,
			       .ring = RING,
			       .ring_slots = SLOTS };
	s[1] = (struct service){ .vip = flow.dst, .kind = SERVICE_ADDRESS };
	for (int i = 0; i < RING + SLOTS + 1; i++)
		rings[i] = (struct ring_slot){ 1, 2 };
	for (uint16_t i = 0; i < BACKENDS; i++)
		backends[i] = (struct backend){ .until[CLASS_CONFIDENTIAL] = NOW + 50,
						.mtu = 1500,
						.generation = 7,
						.id = i };
	return 0;
}

static void look(void)
{
	explain_flow(&world, &flow, NOW, &e);
}

static void is(size_t i, enum explain_role role, uint32_t walk, uint16_t id,
	       enum explain_verdict verdict)
{
	assert_true(i < e.candidates);
	assert_int_equal(e.candidate[i].role, role);
	assert_int_equal(e.candidate[i].walk, walk);
	assert_int_equal(e.candidate[i].id, id);
	assert_string_equal(explain_verdict_label(e.candidate[i].verdict),
			    explain_verdict_label(verdict));
}

static struct ring_slot *slot(uint32_t after)
{
	return &rings[RING + (e.slot + after) % SLOTS];
}

static void remember(uint16_t id, uint8_t generation)
{
	flows[0].entry[5] = flow_entry(flow_tag_of(e.hash), id, generation, 0);
}

static void test_in_order(void **state)
{
	(void)state;
	look();
	assert_true(e.is_service && e.has_ring);
	assert_int_equal(e.candidates, 2 * EXPLAIN_SLOTS);
	is(0, ROLE_PRIMARY, 0, 1, VERDICT_MAY);
	is(1, ROLE_FALLBACK, 0, 2, VERDICT_MAY);
	is(17, ROLE_FALLBACK, 8, 2, VERDICT_MAY);
	assert_int_equal(e.candidate[0].jiffies_left, 50);
	assert_int_equal(e.hash, flow_hash(&settings, &flow.src, &flow.dst, htons(40000),
					   htons(443), IPPROTO_TCP));
	*slot(8) = (struct ring_slot){ 3, 4 };
	look();
	is(16, ROLE_PRIMARY, 8, 3, VERDICT_MAY);
}

static void test_each_reason(void **state)
{
	(void)state;
	look();
	*slot(0) = (struct ring_slot){ 1, 2 };
	*slot(1) = (struct ring_slot){ 3, 4 };
	*slot(2) = (struct ring_slot){ 0, 5 };
	*slot(3) = (struct ring_slot){ BACKENDS, 6 };
	backends[1].until[CLASS_CONFIDENTIAL] = NOW;
	backends[2].until[CLASS_CONFIDENTIAL] = 0;
	backends[2].until[CLASS_PUBLIC] = NOW + 1;
	backends[3].flags = BACKEND_DRAINED;
	backends[4].flags = BACKEND_EVICTED;
	backends[4].until[CLASS_CONFIDENTIAL] = 0;
	backends[5].mtu = 0;
	backends[6].until[CLASS_CONFIDENTIAL] = UINT64_MAX;
	look();
	is(0, ROLE_PRIMARY, 0, 1, VERDICT_LAPSED);
	is(1, ROLE_FALLBACK, 0, 2, VERDICT_NO_LEASE);
	is(2, ROLE_PRIMARY, 1, 3, VERDICT_DRAINED);
	is(3, ROLE_FALLBACK, 1, 4, VERDICT_EVICTED);
	is(4, ROLE_PRIMARY, 2, 0, VERDICT_NOBODY);
	is(5, ROLE_FALLBACK, 2, 5, VERDICT_MAY);
	is(6, ROLE_PRIMARY, 3, BACKENDS, VERDICT_NOBODY);
	is(7, ROLE_FALLBACK, 3, 6, VERDICT_MAY);
	assert_false(e.candidate[5].has_way);
	assert_int_equal(e.candidate[7].jiffies_left, INT64_MAX);
	backends[1].until[CLASS_CONFIDENTIAL] = NOW - 9;
	look();
	assert_int_equal(e.candidate[0].jiffies_left, -9);
}

static void test_remembered(void **state)
{
	(void)state;
	look();
	remember(3, 7);
	backends[3].flags = BACKEND_DRAINED;
	look();
	assert_true(e.remembered);
	is(0, ROLE_REMEMBERED, 0, 3, VERDICT_MAY); /* a drained one keeps its flows */
	is(1, ROLE_PRIMARY, 0, 1, VERDICT_MAY);
	remember(3, 8);
	look();
	assert_false(e.remembered);
	is(0, ROLE_REMEMBERED, 0, 3, VERDICT_FORGOTTEN);
	remember(3, 7);
	backends[3].until[CLASS_CONFIDENTIAL] = 1;
	look();
	is(0, ROLE_REMEMBERED, 0, 3, VERDICT_LAPSED);
	flow.sport++;
	look();
	assert_false(e.remembered);
	flow.sport--;
}

static void test_settled(void **state)
{
	(void)state;
	look();
	remember(3, 7);
	slot(0)->primary |= SLOT_SETTLED;
	look();
	assert_true(e.settled);
	assert_false(e.remembered);
	is(0, ROLE_PRIMARY, 0, 1, VERDICT_MAY);
	services[0].slot[0].flags = 0;
	look();
	assert_false(e.settled);
	assert_true(e.remembered);
}

static void test_no_service(void **state)
{
	(void)state;
	flow.dport = 444;
	look();
	assert_false(e.is_service);
	assert_true(e.is_vip);
	addr_parse("192.0.2.2", &flow.dst);
	look();
	assert_false(e.is_vip);
	assert_int_equal(e.candidates, 0);
}

/* What a daemon that has gone wrong might leave: nothing is read that is not there. */
static void test_broken(void **state)
{
	(void)state;
	services[0].slot[0].class = CLASS_COUNT;
	look();
	assert_int_equal(e.candidates, 0);
	setup(NULL);
	services[0].slot[0].ring_slots = 0;
	look();
	assert_false(e.has_ring);
	services[0].slot[0].ring_slots = SLOTS;
	services[0].slot[0].ring = UINT32_MAX;
	look();
	assert_false(e.has_ring);
	setup(NULL);
	settings.services_mask = 1;
	look();
	assert_false(e.is_service);
	setup(NULL);
	settings.flows_mask = UINT32_MAX;
	look();
	assert_true(e.is_service);
	setup(NULL);
	settings.services_half = 1;
	look();
	assert_false(e.is_service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_order, setup),
		cmocka_unit_test_setup(test_each_reason, setup),
		cmocka_unit_test_setup(test_remembered, setup),
		cmocka_unit_test_setup(test_settled, setup),
		cmocka_unit_test_setup(test_no_service, setup),
		cmocka_unit_test_setup(test_broken, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
