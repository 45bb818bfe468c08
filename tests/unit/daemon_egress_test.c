// SPDX-License-Identifier: BSD-2-Clause
/* From the section egress to rules: what is let out, and the text that its digest is of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "daemon/egress_ways.h"
#include "steering/egress.h"
#include "verifier/sig.h"

#define GOOD "tests/data/config/good-egress.yaml"

static const char *const text = "answer tcp 192.0.2.0/24 9477\n"
				"answer tcp 192.0.2.11/32 9478\n"
				"dhcp\n"
				"from tcp 198.51.100.1 443\n"
				"interface eth0\n"
				"interface eth1\n"
				"mss 1440\n"
				"neighbour 192.0.2.11/32\n"
				"neighbour 192.0.2.50/32\n"
				"neighbour 192.0.2.53/32\n"
				"neighbour 2001:db8:1::/64\n"
				"neighbour 2001:db8::53/128\n"
				"to tcp 192.0.2.50/32 443\n"
				"to tcp 192.0.2.53/32 53\n"
				"to tcp 2001:db8::53/128 53\n"
				"to tcp 203.0.113.0/24 853\n"
				"to udp 192.0.2.53/32 53\n"
				"to udp 2001:db8:5::/48 443\n"
				"to udp 2001:db8::53/128 53\n";

static void test_text(void **state)
{
	struct config *c = config_read(GOOD, stderr);
	uint8_t wanted[SHA256_BYTES];
	struct egress_key ways[64];
	size_t n;
	char *got;

	(void)state;
	assert_non_null(c);
	n = egress_sort(ways, egress_ways(c, ways, 64));
	got = egress_text((const char(*)[IF_NAMESIZE])c->agent.egress.interfaces,
			  c->agent.egress.interfaces_count, ways, n, (uint16_t)c->agent.egress.mss);
	assert_string_equal(got, text);
	assert_true(sha256(bytes_of(text, strlen(text)), wanted));
	assert_true(c->channel.confined);
	assert_memory_equal(c->channel.egress, wanted, sizeof(wanted));
	free(got);
	config_free(c);
}

/* One list of another order, or an item twice, makes the same rules and so the same digest. */
static void test_order(void **state)
{
	static const char *const lists[] = { "[192.0.2.1, 192.0.2.2]", "[192.0.2.2, 192.0.2.1]",
					     "[192.0.2.2, 192.0.2.1, 192.0.2.2]" };
	uint8_t first[EGRESS_DIGEST_BYTES];
	char yaml[512];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int n = snprintf(yaml, sizeof(yaml),
				 "node: n\nidentity: {certificate: /c, key: /k, ca: /a}\n"
				 "agent:\n  listen: \"192.0.2.1:9478\"\n"
				 "  egress: {interfaces: [eth0], resolvers: %s}\n",
				 lists[i]);
		struct config *c = config_parse("order", yaml, (size_t)n, stderr);

		assert_non_null(c);
		if (!i)
			memcpy(first, c->channel.egress, sizeof(first));
		assert_memory_equal(c->channel.egress, first, sizeof(first));
		config_free(c);
	}
}

/* The count is that of all, whatever there is room for. */
static void test_room(void **state)
{
	struct config *c = config_read(GOOD, stderr);
	struct egress_key ways[4] = { 0 };

	(void)state;
	assert_int_equal(egress_ways(c, ways, 3), egress_ways(c, NULL, 0));
	assert_true(ways[2].bits);
	assert_false(ways[3].bits);
	config_free(c);
}

static void test_words(void **state)
{
	struct egress_event e = { .proto = IPPROTO_TCP, .sport = htons(5), .dport = htons(80) };
	char out[EGRESS_TEXT_MAX];

	(void)state;
	for (int i = 0; i < EGRESS_COUNT; i++) {
		assert_non_null(egress_label(i));
		assert_non_null(egress_str(i));
	}
	assert_string_equal(egress_label(EGRESS_COUNT), "unknown");
	e.dst.w[2] = htonl(0xffff);
	e.dst.w[3] = htonl(0xc0000201);
	assert_string_equal(egress_event_text(&e, out), "tcp [::]:5 to 192.0.2.1:80");
	e.sport = e.dport = 0;
	e.proto = IPPROTO_ICMP;
	assert_string_equal(egress_event_text(&e, out), "protocol 1 :: to 192.0.2.1");
	e.proto = 0;
	e.ethertype = htons(0x88b5);
	assert_string_equal(egress_event_text(&e, out), "ethertype 0x88b5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
