// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who gets a packet, and what it looks like then: services, rings, leases, classes,
 * encapsulation, ways out.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "hash.h"
#include "rig.h"

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 700 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

static uint16_t backend_for(const struct spec *s)
{
	return strchr(s->dst, ':') ? BACKEND6 : BACKEND4;
}

static void passes(struct rig *r, const char *what, const struct frame *f)
{
	struct want w = { .action = XDP_PASS, .outcome = OUT_NOT_OURS };
	struct frame out;

	rig_row(r, what, f, &w, &out);
}

static void untouched(struct rig *r)
{
	static const struct spec others[] = {
		{ CLIENT4, "192.0.2.2", 40001, 443, IPPROTO_TCP, .flags = SYN },
		{ CLIENT4, VIP4, 40001, 444, IPPROTO_TCP, .flags = SYN },
		{ CLIENT4, VIP4, 40001, 443, IPPROTO_UDP, .payload = 9 },
		{ CLIENT6, "2001:db8::2", 40001, 443, IPPROTO_TCP, .flags = SYN },
		{ CLIENT6, VIP6, 40001, 53, IPPROTO_TCP, .flags = SYN },
		{ CLIENT4, VIP4, 0x0000, 443, IPPROTO_ICMP, .payload = 9 },
		{ CLIENT6, VIP6, 0x8700, 443, IPPROTO_ICMPV6, .payload = 9 },
		{ CLIENT4, VIP4, 40001, 443, IPPROTO_SCTP, .payload = 9 },
		{ CLIENT6, VIP6, 40001, 443, 50 /* ESP */, .payload = 9 },
		{ "::ffff:198.51.100.7", VIP6, 40001, 80, IPPROTO_TCP, .payload = 9 },
		{ CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .tags = 3 },
	};
	static const char *const what[] = {
		"other IPv4 address",  "other port",	"other protocol",  "other IPv6 address",
		"IPv6 other protocol", "echo reply",	"solicitation",	   "SCTP to a VIP",
		"ESP to a VIP",	       "mapped source", "three VLAN tags",
	};
	struct frame f;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		f = frame_of(&others[i]);
		passes(r, what[i], &f);
	}
	f = frame_of(&tcp4);
	put16(f.b + 12, 0x0806);
	passes(r, "ARP", &f);
	f = frame_of(&tcp4);
	memset(f.b, 0xff, 6);
	passes(r, "to a VIP in a broadcast frame", &f);
	f = frame_of(&tcp6);
	memset(f.b + f.l3 + 24, 0, 10);
	memset(f.b + f.l3 + 34, 0xff, 2);
	inet_pton(AF_INET, VIP4, f.b + f.l3 + 36);
	frame_fix(&f);
	passes(r, "IPv6 to the mapped form of an IPv4 VIP", &f);
}

/* As bpftool loads it, no daemon yet. */
static void empty_maps(struct rig *r)
{
	memset(r->settings, 0, sizeof(*r->settings));
	memset(r->services, 0, 2 * SERVICE_BUCKETS * sizeof(*r->services));
	memset(r->backends, 0, RIG_BACKENDS * sizeof(*r->backends));
	for (int i = 0; i < 4; i++) {
		struct frame f = frame_of(all[i]);

		passes(r, "maps are zero", &f);
		f.n -= 10;
		passes(r, "maps are zero, frame cut", &f);
	}
	rig_reset(r);
}

static void encapsulation(struct rig *r)
{
	struct spec s;

	for (int i = 0; i < 4; i++) {
		rig_reset(r);
		rig_steered(r, names[i], all[i], backend_for(all[i]));
		for (int tags = 1; tags <= 2; tags++) {
			s = *all[i];
			s.tags = (uint8_t)tags;
			s.sport += (uint16_t)tags;
			rig_steered(r, tags == 1 ? "tagged" : "tagged twice", &s, backend_for(&s));
		}
		for (int tos = 1; tos < 256; tos += 86) {
			s = *all[i];
			s.tos = (uint8_t)tos;
			rig_steered(r, "DSCP and ECN are copied", &s, backend_for(&s));
		}
		s = *all[i];
		s.payload = 1400;
		rig_steered(r, "full size", &s, backend_for(&s));
		rig_rings(r, backend_for(&s) == BACKEND4 ? BACKEND6 : BACKEND4, 0);
		s.sport = 7;
		rig_steered(r, "to a backend of the other family", &s,
			    backend_for(&s) == BACKEND4 ? BACKEND6 : BACKEND4);
	}
}

/* Short frames are filled up to 60 bytes; the filling is no part of the packet. */
static void padding(struct rig *r)
{
	struct frame f = frame_of(&tcp4), out;
	struct want w = { XDP_TX, OUT_STEERED, SERVICE_TCP4, BACKEND4, true };

	rig_reset(r);
	f.n += 6;
	rig_row(r, "padded frame", &f, &w, &out);
	rig_check(r, get16(out.b + 16) == 60 && out.n == f.n + 20, "padded frame: length fields");
}

static void ways_out(struct rig *r)
{
	uint8_t source[6] = { 2, 0x66, 0x67, 0x68, 0x69, 0x6a };
	struct want w = { XDP_REDIRECT, OUT_STEERED, SERVICE_TCP4, BACKEND4, true };
	struct frame f = frame_of(&tcp4), out;

	rig_reset(r);
	r->backends[BACKEND4].ifindex = 4711;
	memcpy(r->backends[BACKEND4].source_mac, source, 6);
	rig_row(r, "by another interface", &f, &w, &out);
	rig_check(r, !memcmp(out.b + 6, source, 6), "by another interface: with its address");
}

static void ring_choice(struct rig *r)
{
	uint32_t slot = ring_slot_of(rig_flow_hash(r, &tcp4), RIG_RING_SLOTS);

	rig_reset(r);
	rig_rings(r, 0, 0);
	r->rings[slot] = (struct ring_slot){ 2, 3 };
	rig_steered(r, "primary of its own slot", &tcp4, 2);

	rig_reset(r);
	rig_rings(r, 1, 1);
	r->rings[slot] = (struct ring_slot){ 2, 3 };
	rig_lease(r, 2, RIG_LAPSED);
	rig_steered(r, "fallback when the primary's lease has lapsed", &tcp4, 3);

	rig_reset(r);
	rig_rings(r, 1, 1);
	r->rings[slot] = (struct ring_slot){ 2, 3 };
	r->backends[2].flags = BACKEND_DRAINED;
	rig_steered(r, "fallback when the primary is drained", &tcp4, 3);

	for (uint32_t i = 1; i <= 8; i++) {
		rig_reset(r);
		rig_rings(r, 2, 0);
		rig_lease(r, 2, RIG_LAPSED);
		r->rings[(slot + i) % RIG_RING_SLOTS].fallback = 3;
		rig_steered(r, "a slot that follows", &tcp4, 3);
	}
}

static void leases(struct rig *r)
{
	struct service *s = rig_service(r, SERVICE_TCP4);

	for (uint8_t c = 0; c < CLASS_COUNT; c++) {
		rig_reset(r);
		s->class = c;
		rig_lease(r, 1, RIG_LAPSED);
		rig_lease(r, 2, RIG_LAPSED);
		r->backends[2].until[c] = UINT64_MAX;
		rig_steered(r, "the lease of its own class counts", &tcp4, 2);
		r->backends[1].until[c] = UINT64_MAX;
		rig_lease(r, 2, RIG_LIVE);
		r->backends[2].until[c] = 0;
		rig_steered(r, "and the others do not", &tcp4, 1);
	}
}

/* The half that is live, and what happens in buckets that are full. */
static void services(struct rig *r)
{
	struct service s = *rig_service(r, SERVICE_TCP4), full = s;
	struct frame f = frame_of(&tcp4);

	rig_reset(r);
	r->settings->services_half = 1;
	passes(r, "the service is in the other half", &f);
	rig_service_add(r, &s);
	rig_steered(r, "second half", &tcp4, BACKEND4);

	rig_reset(r);
	s = *rig_service(r, SERVICE_TCP6);
	memset(r->services, 0, SERVICE_BUCKETS * sizeof(*r->services));
	r->settings->services_mask = 0;
	rig_service_add(r, &s);
	rig_steered(r, "one bucket", &tcp6, BACKEND6);
	for (size_t i = 0; i < 16; i++) {
		f = frame_of(&tcp6);
		f.b[f.l3 + 24 + i] ^= 1;
		frame_fix(&f);
		passes(r, "a byte of the address differs", &f);
	}

	rig_reset(r);
	s = full;
	memset(r->services, 0, SERVICE_BUCKETS * sizeof(*r->services));
	full.port = htons(1);
	r->settings->services_mask = 1;
	for (int bucket = 0; bucket < 2; bucket++)
		for (int i = 0; i < SERVICE_SLOTS - bucket; i++)
			r->services[(service_hash(&s.vip, s.port, s.proto, s.kind) + bucket) &
				    1]
				.slot[i] = full;
	passes(r, "not in two buckets", &f);
	rig_service_add(r, &s);
	rig_steered(r, "last slot of the second bucket", &tcp4, BACKEND4);
}

static void abi(struct rig *r)
{
	rig_check(r, r->router->rodata->abi_version == ABI_VERSION, "the program names its ABI");
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	abi(&r);
	untouched(&r);
	empty_maps(&r);
	encapsulation(&r);
	padding(&r);
	ways_out(&r);
	ring_choice(&r);
	leases(&r);
	services(&r);
	return rig_close(&r);
}
