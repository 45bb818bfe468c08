// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is made of the kernel's words on a neighbour: no socket, no root.  The file
 * under test is included, for the steps between question and answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "steering/nexthop.c"

enum {
	NOW = 1000000,
};

static int told;
static struct nexthop last;

static void on_change(void *arg, uint32_t id, const struct nexthop *n)
{
	(void)arg;
	(void)id;
	told++;
	last = *n;
}

static struct rtnl_neighbour neighbour(uint16_t state, uint8_t mac)
{
	return (struct rtnl_neighbour){
		.ifindex = 3, .state = state, .has_mac = mac != 0, .mac = { 2, 0, 0, 0, 0, mac }
	};
}

/* As an event would: what is learnt is passed on, if it is worth a word. */
static void hear(struct entry *e, uint16_t state, uint8_t mac, uint64_t now_ms)
{
	struct nexthops n = { .changed = on_change };
	struct rtnl_neighbour who = neighbour(state, mac);

	learn(e, e->now.state, &who, now_ms);
	tell(&n, e);
}

static struct entry entry(void)
{
	told = 0;
	return (struct entry){ .now = { .state = NEXTHOP_ASKING, .ifindex = 3 }, .due_ms = NEVER };
}

static void test_an_unknown_neighbour_is_asked_for_in_silence(void **state)
{
	struct entry e = entry();

	(void)state;
	hear(&e, NUD_NONE, 0, NOW);
	assert_int_equal(e.due_ms, NOW); /* at once */
	hear(&e, NUD_INCOMPLETE, 0, NOW + 1);
	assert_int_equal(told, 0);
	assert_false(nexthop_is_usable(&e.now));
	hear(&e, NUD_REACHABLE, 7, NOW + 2);
	assert_int_equal(told, 1);
	assert_true(nexthop_is_usable(&last));
	assert_int_equal(last.mac[5], 7);
	hear(&e, NUD_STALE, 7, NOW + 3);
	hear(&e, NUD_PROBE, 7, NOW + 4);
	assert_int_equal(told, 1);
	hear(&e, NUD_REACHABLE, 8, NOW + 5);
	assert_int_equal(told, 2);
	assert_int_equal(last.mac[5], 8);
}

static void test_an_unknown_one_that_fails_is_told(void **state)
{
	struct entry e = entry();

	(void)state;
	hear(&e, NUD_INCOMPLETE, 0, NOW);
	hear(&e, NUD_FAILED, 0, NOW + 3000);
	assert_int_equal(told, 1);
	assert_int_equal(last.state, NEXTHOP_FAILED);
	assert_false(nexthop_is_usable(&last));
}

/* A flush says "failed", then deletes: the MAC goes on until we have asked in vain. */
static void test_a_flush_takes_no_mac_away(void **state)
{
	struct entry e = entry();

	(void)state;
	hear(&e, NUD_REACHABLE, 7, NOW);
	hear(&e, NUD_FAILED, 0, NOW + 1);
	hear(&e, NUD_NONE, 0, NOW + 2);
	assert_int_equal(told, 1);
	assert_true(nexthop_is_usable(&e.now));
	assert_in_range(e.due_ms, NOW + 1, NOW + 1000);
	e.asked = true; /* as care() does */
	hear(&e, NUD_INCOMPLETE, 0, NOW + 60);
	assert_int_equal(told, 1);
	hear(&e, NUD_FAILED, 0, NOW + 3060);
	assert_int_equal(told, 2);
	assert_int_equal(last.state, NEXTHOP_FAILED);
	assert_false(nexthop_is_usable(&e.now));
	hear(&e, NUD_REACHABLE, 7, NOW + 9000);
	assert_int_equal(told, 3);
	assert_false(e.asked);
}

static void test_retries_are_paced_and_never_put_off(void **state)
{
	struct entry e = entry();
	uint64_t due, now = NOW, before = 0;

	(void)state;
	hear(&e, NUD_FAILED, 0, now);
	due = e.due_ms;
	assert_int_equal(due, NOW + ASK_FIRST_MS);
	/* A busy network: the same is heard again and again. */
	for (int i = 1; i < 900; i++)
		hear(&e, NUD_FAILED, 0, now + (uint64_t)i);
	assert_int_equal(e.due_ms, due);
	for (int i = 0; i < 12; i++) {
		now = e.due_ms;
		hear(&e, NUD_FAILED, 0, now);
		assert_true(e.due_ms - now >= before);
		before = e.due_ms - now;
	}
	assert_int_equal(before, ASK_MAX_MS);
}

static void test_a_resolved_one_is_looked_after(void **state)
{
	struct entry e = entry();
	uint64_t due;

	(void)state;
	hear(&e, NUD_STALE, 7, NOW);
	due = e.due_ms;
	assert_in_range(due, NOW + REFRESH_MS, NOW + REFRESH_MS + REFRESH_SPREAD_MS);
	hear(&e, NUD_REACHABLE, 7, NOW + 500);
	assert_int_equal(e.due_ms, due);
	hear(&e, NUD_PERMANENT, 7, NOW + 600);
	assert_true(e.permanent);
}

static void test_usable_needs_an_interface_and_a_mac(void **state)
{
	struct nexthop n = { .state = NEXTHOP_RESOLVED, .ifindex = 3, .mac = { 0, 0, 0, 0, 0, 1 } };

	(void)state;
	assert_true(nexthop_is_usable(&n));
	for (int s = 0; s <= NEXTHOP_STATES; s++) {
		n.state = (enum nexthop_state)s;
		assert_int_equal(nexthop_is_usable(&n),
				 s == NEXTHOP_RESOLVED || s == NEXTHOP_ASKING);
		assert_non_null(nexthop_state_str(n.state));
	}
	n.state = NEXTHOP_RESOLVED;
	n.ifindex = 0;
	assert_false(nexthop_is_usable(&n));
	n.ifindex = 3;
	n.mac[5] = 0;
	assert_false(nexthop_is_usable(&n));
}

static const struct nlmsghdr *event(char *buf, uint8_t family, size_t addr_len, size_t mac_len)
{
	static const uint8_t bytes[64] = { 10, 9, 0, 1, 5, 6, 7, 8 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	nlh->nlmsg_type = RTM_NEWNEIGH;
	ndm->ndm_family = family;
	ndm->ndm_ifindex = 3;
	ndm->ndm_state = NUD_REACHABLE;
	mnl_attr_put(nlh, NDA_DST, addr_len, bytes);
	mnl_attr_put(nlh, NDA_LLADDR, mac_len, bytes);
	return nlh;
}

static void test_events_are_read_with_care(void **state)
{
	char buf[512] __attribute__((aligned(8)));
	struct rtnl_neighbour n;
	struct nlmsghdr *nlh;
	struct addr want;

	(void)state;
	assert_true(addr_parse("10.9.0.1", &want));
	assert_true(rtnl_neighbour_parse(event(buf, AF_INET, 4, 6), &n));
	assert_true(addr_equal(&n.addr, &want));
	assert_true(n.has_mac);
	assert_int_equal(n.mac[0], 10);
	assert_int_equal(n.ifindex, 3);
	assert_true(rtnl_neighbour_parse(event(buf, AF_INET6, 16, 6), &n));
	assert_false(addr_is_ipv4(&n.addr));
	/* A MAC of another length is none; an address of another length is no message. */
	assert_true(rtnl_neighbour_parse(event(buf, AF_INET, 4, 20), &n));
	assert_false(n.has_mac);
	assert_false(rtnl_neighbour_parse(event(buf, AF_INET, 5, 6), &n));
	assert_false(rtnl_neighbour_parse(event(buf, AF_BRIDGE, 4, 6), &n));
	nlh = (struct nlmsghdr *)(uintptr_t)event(buf, AF_INET, 4, 6);
	nlh->nlmsg_len = NLMSG_HDRLEN + sizeof(struct ndmsg) - 1;
	assert_false(rtnl_neighbour_parse(nlh, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_unknown_neighbour_is_asked_for_in_silence),
		cmocka_unit_test(test_an_unknown_one_that_fails_is_told),
		cmocka_unit_test(test_a_flush_takes_no_mac_away),
		cmocka_unit_test(test_retries_are_paced_and_never_put_off),
		cmocka_unit_test(test_a_resolved_one_is_looked_after),
		cmocka_unit_test(test_usable_needs_an_interface_and_a_mac),
		cmocka_unit_test(test_events_are_read_with_care),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
