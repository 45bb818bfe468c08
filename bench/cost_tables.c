// SPDX-License-Identifier: BSD-2-Clause
/* What is steered by: a service of each kind, their rings, and backends that are alive or not. */
#include "cost.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <stdbool.h>

#include "hash.h"

enum {
	RING = 65537,
	BACKENDS = 16, /* of each ring; ids from 1 on */
	QUIC_BACKEND = 3,

	RING_IPV4 = 0, /* where each begins */
	RING_IPV6 = RING,
	RING_DEAD = 2 * RING,
	RING_SETTLED = 3 * RING, /* the first one's backends */
	RINGS_END = 4 * RING,
};

/* In the order in which they lie in their buckets. */
static const struct {
	enum kind kind;
	int proto;
	struct service service;
} services[] = {
	{ SETTLED4, IPPROTO_TCP, { .id = 5, .ring = RING_SETTLED, .flags = SERVICE_SETTLES } },
	{ TCP4, IPPROTO_TCP, { .id = 1 } },
	{ UDP4, IPPROTO_UDP, { .id = 2 } },
	{ TCP6, IPPROTO_TCP, { .id = 3, .ring = RING_IPV6 } },
	{ QUIC4,
	  IPPROTO_UDP,
	  { .id = 7, .flags = SERVICE_QUIC, .quic_offset = 1, .quic_length = 2 } },
	{ GUE4, IPPROTO_TCP, { .id = 6, .flags = SERVICE_GUE, .forward = FORWARD_GUE } },
	{ LAPSED4, IPPROTO_TCP, { .id = 4, .ring = RING_DEAD, .refusal = REFUSE_DROP } },
};

struct addr address(const char *text)
{
	struct addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &a.w[3]) != 1 && inet_pton(AF_INET6, text, &a) != 1)
		die(text);
	return a;
}

static void add_service(struct bench *b, enum kind kind, int proto, struct service s)
{
	struct service_bucket *at;

	s.vip = address(kind == TCP6 ? VIP6 : VIP4);
	s.port = htons((uint16_t)port_of(kind));
	s.proto = (uint8_t)proto;
	s.kind = SERVICE_PORT;
	s.class = CLASS_CONFIDENTIAL;
	s.ring_slots = RING;
	at = &b->services[service_hash(&s.vip, s.port, s.proto, s.kind) &
			  b->settings->services_mask];
	for (int i = 0; i < SERVICE_SLOTS; i++)
		if (at->slot[i].kind == SERVICE_EMPTY) {
			at->slot[i] = s;
			return;
		}
	die("services: a full bucket");
}

static void map_tables(struct bench *b)
{
	b->settings = memory_of(bpf_map__fd(b->router->maps.settings), sizeof(*b->settings));
	b->services = memory_of(bpf_map__fd(b->router->maps.services),
				2 * SERVICE_BUCKETS * sizeof(*b->services));
	b->rings =
		memory_of(bpf_map__fd(b->router->maps.rings), RING_SLOTS_MAX * sizeof(*b->rings));
	b->flows = memory_of(bpf_map__fd(b->router->maps.flows), FLOW_SETS * sizeof(*b->flows));
	b->backends = memory_of(bpf_map__fd(b->router->maps.backends),
				BACKENDS_MAX * sizeof(*b->backends));
}

static void fill_settings(struct bench *b)
{
	*b->settings = (struct settings){
		.hash_key = { 0x6a09e667f3bcc908, 0x3c6ef372fe94f82b },
		.source4 = address("10.9.0.254").w[3],
		.source6 = address("fd00:9::fe"),
		.abi = ABI_VERSION,
		.services_mask = SERVICE_BUCKETS - 1,
	};
}

static void fill_backend(struct bench *b, uint32_t id, bool ipv6, bool dead)
{
	struct backend *to = &b->backends[id];

	*to = (struct backend){
		.ifindex = 1,
		.mac = { 2, 0, 0, 0, 0, (uint8_t)id },
		.source_mac = { 2, 0, 0, 0, 1, 0 },
		.ethertype = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP),
		.mtu = 1500,
		.id = (uint16_t)id,
	};
	if (ipv6) {
		to->addr = address("fd00:9::1");
	} else {
		to->source4 = b->settings->source4;
		to->addr4 = address("10.9.0.1").w[3];
	}
	for (int c = 0; c < CLASS_COUNT; c++)
		to->until[c] = dead ? 1 : UINT64_MAX;
}

static void fill_rings(struct bench *b)
{
	for (uint32_t i = 0; i < RINGS_END; i++) {
		uint16_t first = (uint16_t)(1 + i / RING % 3 * BACKENDS);

		b->rings[i].primary = (uint16_t)(first + i * 7 % BACKENDS);
		b->rings[i].fallback = (uint16_t)(first + i * 5 % BACKENDS);
		if (i >= RING_SETTLED)
			b->rings[i].primary |= SLOT_SETTLED;
	}
}

static void add_quic_server(struct bench *b, uint16_t service)
{
	struct quic_bucket bucket = { .slot[0] = { .key = quic_key_of(QUIC_SERVER, service),
						   .backend = QUIC_BACKEND } };
	uint32_t at = quic_bucket_of(bucket.slot[0].key);

	if (bpf_map_update_elem(bpf_map__fd(b->router->maps.quic_servers), &at, &bucket, BPF_ANY))
		die("quic_servers");
}

void fill_tables(struct bench *b)
{
	map_tables(b);
	fill_settings(b);
	for (uint32_t id = 1; id <= 3 * BACKENDS; id++)
		fill_backend(b, id, id > BACKENDS && id <= 2 * BACKENDS, id > 2 * BACKENDS);
	fill_rings(b);
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		add_service(b, services[i].kind, services[i].proto, services[i].service);
		if (services[i].kind == QUIC4)
			add_quic_server(b, services[i].service.id);
	}
}
