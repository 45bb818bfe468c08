// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a packet travels to its backend: in IP, in IP and UDP, in its own frame; by the
 * interface that it came in by or another; and what is too big for the way.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "rig.h"

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 700 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const kinds[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };
static const char *const modes[] = { "IPIP", "GUE", "L2" };
static const uint8_t other_mac[6] = { 2, 0x66, 0x67, 0x68, 0x69, 0x6a };
enum { OTHER_IFINDEX = 4711 };

static void set_mode(struct rig *r, enum forward mode)
{
	for (uint16_t id = SERVICE_TCP4; id <= SERVICE_UDP6; id++) {
		rig_service(r, id)->forward = (uint8_t)mode;
		rig_service(r, id)->flags = mode == FORWARD_ENCAP ? 0
					    : mode == FORWARD_GUE ? SERVICE_GUE
								  : SERVICE_SPECIAL;
	}
}

static void set_rings(struct rig *r, uint16_t backend)
{
	rig_rings(r, backend, 0);
}

static uint16_t service_of(const struct spec *s)
{
	bool tcp = s->proto == IPPROTO_TCP;

	return strchr(s->dst, ':') ? (tcp ? SERVICE_TCP6 : SERVICE_UDP6)
				   : (tcp ? SERVICE_TCP4 : SERVICE_UDP4);
}

/* A wrapped frame with UDP put between the outer and the inner header. */
static void add_udp(struct frame *f, uint16_t sport)
{
	uint8_t *ip = f->b + f->l3, *udp = f->b + f->l4;
	bool ipv6 = frame_is_ipv6(f);
	size_t inner = f->n - f->l4;

	memmove(udp + 8, udp, inner);
	f->n += 8;
	put16(udp, sport);
	put16(udp + 2, 6080);
	put16(udp + 4, (uint16_t)(inner + 8));
	ip[ipv6 ? 6 : 9] = IPPROTO_UDP;
	put16(ip + (ipv6 ? 4 : 2), (uint16_t)(f->n - (ipv6 ? f->l4 : f->l3)));
	frame_fix(f);
	put16(udp + 6, 0); /* no checksum */
}

/* What must come out for s, steered to that backend. */
static struct frame wanted_of(const struct rig *r, const struct spec *s, enum forward mode,
			      uint16_t backend)
{
	static const char *const addrs[] = { NULL, "10.9.0.1", NULL, NULL, "fd00:9::1" };
	const struct backend *b = &r->backends[backend];
	uint64_t hash = rig_flow_hash(r, s);
	bool away = b->ifindex != RIG_IFINDEX;
	struct wrapping w = { .src = backend == BACKEND6 ? SOURCE6 : SOURCE4,
			      .dst = addrs[backend],
			      .mac = b->mac,
			      .source_mac = b->source_mac,
			      .label = hash & 0xfffff };
	struct spec bare = *s;
	struct frame f;

	if (away)
		bare.tags = 0;
	f = frame_of(&bare);
	if (mode == FORWARD_L2) {
		memcpy(f.b, b->mac, 6);
		memcpy(f.b + 6, b->source_mac, 6);
		return f;
	}
	f = frame_wrapped(&f, &w);
	if (mode == FORWARD_GUE)
		add_udp(&f, (uint16_t)(49152 + hash % 16384));
	return f;
}

static void sent(struct rig *r, const struct spec *s, enum forward mode, uint16_t backend)
{
	bool away = r->backends[backend].ifindex != RIG_IFINDEX;
	struct want w = { away ? XDP_REDIRECT : XDP_TX, OUT_STEERED, service_of(s), backend,
			  .new_flow = !rig_flow(r, s) };
	struct frame in = frame_of(s), out, wanted = wanted_of(r, s, mode, backend);
	char what[96];

	snprintf(what, sizeof(what), "%s, %d tags, to backend %u%s", modes[mode], s->tags, backend,
		 away ? ", by another interface" : "");
	rig_row(r, what, &in, &w, &out);
	rig_check(r, frame_equal(&out, &wanted), "%s: every byte", what);
}

static void every_byte(struct rig *r, enum forward mode, uint32_t ifindex)
{
	static const uint16_t backends[] = { BACKEND4, BACKEND6 };

	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < 2; i++) {
			struct backend *b;
			struct spec s = *all[k];

			rig_reset(r);
			set_mode(r, mode);
			set_rings(r, backends[i]);
			b = &r->backends[backends[i]];
			b->ifindex = ifindex;
			memcpy(b->source_mac, other_mac, 6);
			for (s.tags = 0; s.tags <= 2; s.tags++) {
				s.tos = (uint8_t)(s.tags * 86 + 1);
				s.sport++;
				sent(r, &s, mode, backends[i]);
				sent(r, &s, mode, backends[i]);
			}
			s.tags = 1;
			s.payload = 1380;
			sent(r, &s, mode, backends[i]);
		}
	}
}

/* ICMP is limited; so many jiffies at HZ 100 fill it up again. */
static void wait_for_budget(void)
{
	struct timespec t = { .tv_nsec = 700000000 };

	nanosleep(&t, NULL);
}

/* Of ICMP that says how big a packet may be; 0 if this is none. */
static uint32_t told_mtu(struct frame *f)
{
	const uint8_t *icmp;

	if (!frame_parse(f) || !frame_checksums_hold(f))
		return 0;
	icmp = f->b + f->l4;
	if (frame_is_ipv6(f))
		return f->b[f->l3 + 6] == IPPROTO_ICMPV6 && icmp[0] == 2 ? get32(icmp + 4) : 0;
	return f->b[f->l3 + 9] == IPPROTO_ICMP && icmp[0] == 3 && icmp[1] == 4 ? get32(icmp + 4)
									       : 0;
}

/* The very last byte that fits, in each mode, over each family. */
static void sizes(struct rig *r, enum forward mode)
{
	static const uint32_t ip_bytes[] = { [BACKEND4] = 20, [BACKEND6] = 40 };
	static const uint16_t backends[] = { BACKEND4, BACKEND6 };
	struct want w = { .action = XDP_TX, .outcome = OUT_TOO_BIG };
	struct frame in, out;

	wait_for_budget();
	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < 2; i++) {
			uint16_t id = backends[i];
			uint32_t outer = mode == FORWARD_L2 ? 0 : ip_bytes[id];
			struct spec s = *all[k];

			outer += mode == FORWARD_GUE ? 8 : 0;
			rig_reset(r);
			set_mode(r, mode);
			set_rings(r, id);
			s.payload = 900;
			s.tags = (uint8_t)i;
			in = frame_of(&s);
			r->backends[id].mtu = (uint16_t)(in.n - in.l3 + outer - 1);
			rig_row(r, "a byte too big for the way", &in, &w, &out);
			rig_check(r, told_mtu(&out) == in.n - in.l3 - 1,
				  "%s in %s to backend %u: told the size that fits", kinds[k],
				  modes[mode], id);
			r->backends[id].mtu++;
			sent(r, &s, mode, id);
		}
	}
}

/* Ports of many flows are many, and all of them dynamic ones. */
static void ports_spread(struct rig *r)
{
	static uint8_t seen[65536];
	unsigned int different = 0, wrong = 0;
	struct spec s = tcp4;
	struct frame in, out;

	rig_reset(r);
	set_mode(r, FORWARD_GUE);
	for (int i = 0; i < 1000; i++) {
		uint16_t port;

		s.sport = (uint16_t)(1024 + i);
		in = frame_of(&s);
		rig_run(r, &in, &out);
		frame_parse(&out);
		port = get16(out.b + out.l4);
		wrong += port < 49152;
		different += !seen[port];
		seen[port] = 1;
	}
	/* 1000 draws of 16384 leave 970 different, give or take 6. */
	rig_check(r, different > 900 && !wrong, "GUE: %u ports of 1000 flows, %u not dynamic",
		  different, wrong);
}

/* Behind a gateway, or nowhere: what is not encapsulated would not arrive. */
static void not_a_neighbour(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct want w = { .action = XDP_TX, .outcome = OUT_NO_NEXT_HOP };
		uint16_t id = strchr(all[k]->dst, ':') ? BACKEND6 : BACKEND4;
		struct spec s = *all[k];
		struct frame in, out;

		s.tags = (uint8_t)(k % 2);
		in = frame_of(&s);
		rig_reset(r);
		set_mode(r, FORWARD_L2);
		r->backends[id].flags = BACKEND_ROUTED;
		rig_row(r, "L2: a backend behind a gateway", &in, &w, &out);
		set_mode(r, FORWARD_GUE);
		sent(r, &s, FORWARD_GUE, id);
		set_mode(r, FORWARD_L2);
		r->backends[id].flags = 0;
		r->backends[id].mtu = 0;
		rig_row(r, "L2: a backend without a way to it", &in, &w, &out);
	}
}

static void unknown_mode(struct rig *r)
{
	struct want w = { .action = XDP_DROP, .outcome = OUT_INTERNAL };
	struct frame in = frame_of(&tcp4), out;

	rig_reset(r);
	set_mode(r, FORWARD_L2 + 1);
	rig_row(r, "a mode that there is none", &in, &w, &out);
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	for (int mode = FORWARD_ENCAP; mode <= FORWARD_L2; mode++) {
		every_byte(&r, mode, RIG_IFINDEX);
		every_byte(&r, mode, OTHER_IFINDEX);
		sizes(&r, mode);
	}
	ports_spread(&r);
	not_a_neighbour(&r);
	unknown_mode(&r);
	return rig_close(&r);
}
