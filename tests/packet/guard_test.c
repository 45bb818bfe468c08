// SPDX-License-Identifier: BSD-2-Clause
/*
 * A backend's guard: who may hand it packets for a VIP, and in what form; and that
 * it leaves everything else alone.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alone.h"
#include "guard.skel.h"

#define VIP4	"192.0.2.1"
#define VIP6	"2001:db8::1"
#define OTHER4	"192.0.2.77"
#define OTHER6	"2001:db8::77"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:c::7"
#define ROUTER4 "10.9.0.254"
#define ROUTER6 "fd00:9::fe"
#define OURS4	"10.9.0.1"
#define OURS6	"fd00:9::1"

static const uint8_t our_mac[6] = { 2, 0xb0, 0xb1, 0xb2, 0xb3, 1 };

struct guard_rig {
	struct guard_bpf *g;
	struct alone alone;
};

static void allow_until(struct bpf_map *m, const char *text, __u64 until)
{
	struct addr a = addr_of(text);

	if (bpf_map_update_elem(bpf_map__fd(m), &a, &until, BPF_ANY))
		alone_die(text);
}

static void allow(struct bpf_map *m, const char *text)
{
	allow_until(m, text, 1);
}

static void start(struct guard_rig *r)
{
	*r = (struct guard_rig){ .g = guard_bpf__open() };
	if (!r->g)
		alone_die("guard");
	if (guard_bpf__load(r->g))
		alone_not_loaded("guard");
	r->alone = (struct alone){ bpf_program__fd(r->g->progs.guard),
				   bpf_map__fd(r->g->maps.outcomes), OUT_COUNT, 0, 0 };
	allow(r->g->maps.vips, VIP4);
	allow(r->g->maps.vips, VIP6);
	allow(r->g->maps.peers, ROUTER4);
	allow(r->g->maps.peers, ROUTER6);
}

/* wanted: the frame as it is afterwards; NULL: as it was. */
static void row(struct guard_rig *r, const char *what, const struct frame *in, enum outcome o,
		const struct frame *wanted)
{
	uint32_t action = o == OUT_NOT_OURS || o == OUT_DECAPSULATED ? XDP_PASS : XDP_DROP;

	alone_row(&r->alone, what, in, o, action, wanted ? wanted : in);
}

static struct frame wrapped(const struct frame *inner, const char *from)
{
	struct wrapping w = { .src = from,
			      .dst = strchr(from, ':') ? OURS6 : OURS4,
			      .mac = our_mac,
			      .label = 0x54321 };

	return frame_wrapped(inner, &w);
}

/* What was inside, in the frame that it came in. */
static struct frame unwrapped(const struct frame *inner)
{
	struct frame f = *inner;

	memcpy(f.b, our_mac, 6);
	memcpy(f.b + 6, inner->b, 6);
	return f;
}

static struct frame to(const char *dst, unsigned int tags)
{
	struct spec s = { .src = strchr(dst, ':') ? CLIENT6 : CLIENT4,
			  .dst = dst,
			  .sport = 4000,
			  .dport = 443,
			  .proto = IPPROTO_TCP,
			  .payload = 30,
			  .tos = 0x2a,
			  .tags = (uint8_t)tags };

	return frame_of(&s);
}

static void decapsulates(struct guard_rig *r)
{
	static const char *const vips[] = { VIP4, VIP6 }, *const routers[] = { ROUTER4, ROUTER6 };

	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++) {
			for (unsigned int tags = 0; tags <= 2; tags++) {
				struct frame in = to(vips[i], tags), w = wrapped(&in, routers[k]);
				struct frame wanted = unwrapped(&in);

				row(r, "from a router", &w, OUT_DECAPSULATED, &wanted);
				w.n += 3;
				wanted.n += 3;
				row(r, "padded", &w, OUT_DECAPSULATED, &wanted);
			}
		}
	}
}

static void refuses_strangers(struct guard_rig *r)
{
	static const char *const strangers[] = { "10.9.0.253", "fd00:9::fd", "0.0.0.0", "::" };
	struct frame in, w;

	for (int vip = 0; vip < 2; vip++) {
		for (size_t i = 0; i < 3 * sizeof(strangers) / sizeof(*strangers); i++) {
			in = to(vip ? VIP6 : VIP4, i % 3);
			w = wrapped(&in, strangers[i / 3]);
			row(r, "from a stranger", &w, OUT_PEER_UNKNOWN, NULL);
		}
	}
	in = to(VIP4, 0);
	w = wrapped(&in, ROUTER6);
	memset(w.b + w.l3 + 8, 0, 10);
	memset(w.b + w.l3 + 18, 0xff, 2);
	inet_pton(AF_INET, ROUTER4, w.b + w.l3 + 20);
	row(r, "from the mapped form of a router", &w, OUT_PEER_UNKNOWN, NULL);
}

static void refuses_other_insides(struct guard_rig *r)
{
	struct frame in, w, nested;

	for (unsigned int tags = 0; tags <= 2; tags++) {
		in = to(OTHER4, tags);
		w = wrapped(&in, ROUTER4);
		row(r, "for no VIP", &w, OUT_NOT_A_VIP, NULL);
		in = to(OTHER6, tags);
		w = wrapped(&in, ROUTER4);
		row(r, "IPv6, for no VIP", &w, OUT_NOT_A_VIP, NULL);
	}
	in = to(OURS4, 0);
	w = wrapped(&in, ROUTER4);
	row(r, "for the host itself", &w, OUT_NOT_A_VIP, NULL);
	in = to(VIP4, 0);
	nested = wrapped(&in, ROUTER4);
	w = wrapped(&nested, ROUTER4);
	row(r, "wrapped twice", &w, OUT_NOT_A_VIP, NULL);
	in = to(OTHER6, 0);
	memset(in.b + in.l3 + 24, 0, 10);
	memset(in.b + in.l3 + 34, 0xff, 2);
	inet_pton(AF_INET, VIP4, in.b + in.l3 + 36);
	w = wrapped(&in, ROUTER4);
	row(r, "for the mapped form of a VIP", &w, OUT_NOT_A_VIP, NULL);
}

static void refuses_bare(struct guard_rig *r)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, 50 };

	for (int vip = 0; vip < 2; vip++) {
		for (size_t i = 0; i < sizeof(protocols); i++) {
			struct spec s = { .src = vip ? CLIENT6 : CLIENT4,
					  .dst = vip ? VIP6 : VIP4,
					  .sport = 1,
					  .dport = 443,
					  .proto = protocols[i],
					  .payload = 9,
					  .tags = (uint8_t)(i % 3) };
			struct frame f = frame_of(&s);

			row(r, "to a VIP, not wrapped", &f, OUT_NOT_ENCAPSULATED, NULL);
			memset(f.b, 0xff, 6);
			row(r, "the same by broadcast", &f, OUT_NOT_ENCAPSULATED, NULL);
			put16(f.b + f.l3 + (vip ? 4 : 2), 0);
			row(r, "the same with no length", &f, OUT_NOT_ENCAPSULATED, NULL);
		}
	}
}

/* type and code begin an ICMP message; frame_of() puts the source port there. */
static void icmp(struct guard_rig *r)
{
	for (int vip = 0; vip < 2; vip++) {
		for (unsigned int type = 0; type < 256; type++) {
			struct spec s = { .src = vip ? CLIENT6 : CLIENT4,
					  .dst = vip ? VIP6 : VIP4,
					  .sport = (uint16_t)(type << 8),
					  .proto = vip ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
					  .payload = 40 };
			bool error = vip ? type >= 1 && type <= 4
					 : type == 3 || type == 11 || type == 12;
			bool neighbour = vip && type >= 133 && type <= 137;
			struct frame f = frame_of(&s);

			row(r, vip ? "ICMPv6 to a VIP" : "ICMP to a VIP", &f,
			    error || neighbour ? OUT_NOT_OURS : OUT_NOT_ENCAPSULATED, NULL);
			if (!error)
				continue;
			put16(f.b + f.l3 + (vip ? 6 : 0), vip ? 60 << 8 : 0x4600);
			row(r, "an error behind options", &f, OUT_NOT_ENCAPSULATED, NULL);
		}
	}
}

static void leaves_alone(struct guard_rig *r)
{
	struct frame f = to(OURS4, 0);

	row(r, "to the host", &f, OUT_NOT_OURS, NULL);
	f = to(OURS6, 2);
	row(r, "to the host, IPv6", &f, OUT_NOT_OURS, NULL);
	put16(f.b + 12, 0x0806);
	row(r, "ARP", &f, OUT_NOT_OURS, NULL);
	f = to(VIP4, 3);
	row(r, "three VLAN tags", &f, OUT_NOT_OURS, NULL);
	f = to(OURS4, 0);
	f.n = 20;
	row(r, "no whole IP header", &f, OUT_NOT_OURS, NULL);
}

/* Of a good packet from a router, one or two bytes changed; at: within the outer header. */
static void damaged(struct guard_rig *r)
{
	static const struct {
		const char *what;
		const char *vip, *router;
		size_t at;
		uint16_t value;
		enum outcome why;
	} rows[] = {
		{ "outer options", VIP4, ROUTER4, 0, 0x4600, OUT_IP_OPTIONS },
		{ "outer header of 16 bytes", VIP4, ROUTER4, 0, 0x4400, OUT_MALFORMED },
		{ "outer version", VIP4, ROUTER4, 0, 0x6500, OUT_MALFORMED },
		{ "outer first fragment", VIP4, ROUTER4, 6, 0x2000, OUT_FRAGMENT },
		{ "outer later fragment", VIP4, ROUTER4, 6, 0x0010, OUT_FRAGMENT },
		{ "outer length of 19", VIP4, ROUTER4, 2, 19, OUT_MALFORMED },
		{ "outer length of its header", VIP4, ROUTER4, 2, 20, OUT_TRUNCATED },
		{ "outer length a byte short", VIP4, ROUTER4, 2, 89, OUT_MALFORMED },
		{ "outer length a byte long", VIP4, ROUTER4, 2, 91, OUT_MALFORMED },
		{ "outer IPv6 version", VIP6, ROUTER6, 0, 0x5000, OUT_MALFORMED },
		{ "outer payload of none", VIP6, ROUTER6, 4, 0, OUT_TRUNCATED },
		{ "outer payload a byte long", VIP6, ROUTER6, 4, 91, OUT_MALFORMED },
		{ "inner version", VIP4, ROUTER4, 20, 0x6500, OUT_MALFORMED },
		{ "inner header of 16 bytes", VIP4, ROUTER4, 20, 0x4400, OUT_MALFORMED },
		{ "inner length beyond the outer", VIP4, ROUTER4, 22, 71, OUT_MALFORMED },
		{ "inner length below its header", VIP4, ROUTER4, 22, 19, OUT_MALFORMED },
		{ "inner IPv6 version", VIP6, ROUTER6, 40, 0x4000, OUT_MALFORMED },
		{ "inner payload beyond", VIP6, ROUTER6, 44, 51, OUT_MALFORMED },
		{ "IPv4 said to be IPv6", VIP4, ROUTER4, 8, 64 << 8 | 41, OUT_MALFORMED },
		{ "IPv6 said to be IPv4", VIP6, ROUTER6, 6, 4 << 8 | 64, OUT_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame in = to(rows[i].vip, (unsigned int)i % 3);
		struct frame w = wrapped(&in, rows[i].router);

		put16(w.b + w.l3 + rows[i].at, rows[i].value);
		row(r, rows[i].what, &w, rows[i].why, NULL);
	}
}

/* Every length that is too short, down to where nobody knows whom it is for. */
static void cut(struct guard_rig *r)
{
	static const char *const vips[] = { VIP4, VIP6 }, *const routers[] = { ROUTER4, ROUTER6 };

	for (int i = 0; i < 4; i++) {
		struct frame in = to(vips[i & 1], 0), w = wrapped(&in, routers[i >> 1]);
		size_t whole = w.n;

		for (w.n = 14; w.n < whole; w.n++)
			row(r, "cut", &w, w.n < w.l4 ? OUT_NOT_OURS : OUT_MALFORMED, NULL);
	}
}

/* RFC 6040, 4.2: what of the outer ECN field becomes of the inner one. */
static void congestion(struct guard_rig *r)
{
	static const uint8_t result[4] = { 0xff, 3, 3, 3 }; /* by inner field, outer CE */

	for (int vip = 0; vip < 2; vip++) {
		for (uint8_t inner = 0; inner < 4; inner++) {
			for (uint8_t outer = 0; outer < 4; outer++) {
				struct spec s = { .src = vip ? CLIENT6 : CLIENT4,
						  .dst = vip ? VIP6 : VIP4,
						  .proto = IPPROTO_UDP,
						  .tos = 0x48 | inner,
						  .payload = 5 };
				struct frame in = frame_of(&s), wanted, w = wrapped(&in, ROUTER4);
				uint8_t now = outer == 3 ? result[inner] : inner;

				w.b[w.l3 + 1] = 0x48 | outer;
				frame_fix(&w);
				s.tos = 0x48 | now;
				wanted = frame_of(&s);
				wanted = unwrapped(&wanted);
				if (now == 0xff)
					row(r, "congestion nobody would hear of", &w, OUT_MALFORMED,
					    NULL);
				else
					row(r, "congestion", &w, OUT_DECAPSULATED, &wanted);
			}
		}
	}
}

/* A wrapped frame with UDP between the headers, and GUE's own of variant 0. */
static struct frame with_gue(struct frame f, int variant)
{
	uint8_t *ip = f.b + f.l3, *udp = f.b + f.l4;
	bool ipv6 = frame_is_ipv6(&f);
	size_t inner = f.n - f.l4, head = variant ? 8 : 12;

	memmove(udp + head, udp, inner);
	f.n += head;
	put16(udp, 50000);
	put16(udp + 2, 6080);
	put16(udp + 4, (uint16_t)(inner + head));
	if (!variant)
		put32(udp + 8, (uint32_t)ip[ipv6 ? 6 : 9] << 16);
	ip[ipv6 ? 6 : 9] = IPPROTO_UDP;
	put16(ip + (ipv6 ? 4 : 2), (uint16_t)(f.n - (ipv6 ? f.l4 : f.l3)));
	frame_fix(&f);
	put16(udp + 6, 0);
	return f;
}

static void gue(struct guard_rig *r)
{
	static const char *const vips[] = { VIP4, VIP6 }, *const routers[] = { ROUTER4, ROUTER6 };
	struct frame in, w, wanted;

	for (int i = 0; i < 8; i++) {
		int variant = i >> 2;
		size_t whole, inner;

		for (unsigned int tags = 0; tags <= 2; tags++) {
			in = to(vips[i & 1], tags);
			w = wrapped(&in, routers[i >> 1 & 1]);
			w = with_gue(w, variant);
			wanted = unwrapped(&in);
			row(r, "GUE from a router", &w, OUT_DECAPSULATED, &wanted);
		}
		in = to(vips[i & 1], 0);
		w = wrapped(&in, i >> 1 & 1 ? "fd00:9::fd" : "10.9.0.253");
		w = with_gue(w, variant);
		row(r, "GUE from a stranger", &w, OUT_PEER_UNKNOWN, NULL);
		in = to(i & 1 ? OTHER6 : OTHER4, 0);
		w = wrapped(&in, routers[i >> 1 & 1]);
		w = with_gue(w, variant);
		row(r, "GUE for no VIP", &w, OUT_NOT_A_VIP, NULL);
		in = to(vips[i & 1], 0);
		w = wrapped(&in, routers[i >> 1 & 1]);
		w = with_gue(w, variant);
		inner = w.l4 + 8;
		for (whole = w.n, w.n = 14; w.n < whole; w.n++)
			row(r, "GUE, cut", &w, w.n < inner ? OUT_NOT_OURS : OUT_MALFORMED, NULL);
	}
	in = to(VIP4, 0);
	w = wrapped(&in, ROUTER4);
	w = with_gue(w, 1);
	inet_pton(AF_INET, VIP4, w.b + w.l3 + 16);
	frame_fix(&w);
	row(r, "GUE to a VIP itself", &w, OUT_NOT_ENCAPSULATED, NULL);
}

/* RFC 6040 behind UDP, where the inner header lies further in. */
static void gue_congestion(struct guard_rig *r)
{
	for (int i = 0; i < 4; i++) {
		struct spec s = { .src = i & 1 ? CLIENT6 : CLIENT4,
				  .dst = i & 1 ? VIP6 : VIP4,
				  .proto = IPPROTO_UDP,
				  .tos = 0x49,
				  .payload = 5 };
		struct frame in = frame_of(&s), w = wrapped(&in, ROUTER4), wanted;

		w = with_gue(w, i >> 1);
		w.b[w.l3 + 1] = 0x4b;
		frame_fix(&w);
		s.tos = 0x4b;
		wanted = frame_of(&s);
		wanted = unwrapped(&wanted);
		row(r, "GUE, congestion", &w, OUT_DECAPSULATED, &wanted);
	}
}

/* at: from the UDP header on. */
static void gue_damaged(struct guard_rig *r)
{
	static const struct {
		const char *what;
		int variant;
		size_t at;
		uint16_t value;
		enum outcome why;
	} rows[] = {
		{ "GUE to another port", 1, 2, 6081, OUT_NOT_OURS },
		{ "UDP length a byte long", 1, 4, 79, OUT_MALFORMED },
		{ "UDP length a byte short", 1, 4, 77, OUT_MALFORMED },
		{ "UDP length below its header", 1, 4, 7, OUT_MALFORMED },
		{ "variant 1, of another version of IP", 1, 8, 0x5500, OUT_MALFORMED },
		{ "variant 1, IPv4 said to be IPv6", 1, 8, 0x6500, OUT_MALFORMED },
		{ "variant 2", 0, 8, 0x8004, OUT_MALFORMED },
		{ "variant 0, control message", 0, 8, 0x2004, OUT_MALFORMED },
		{ "variant 0, optional fields", 0, 8, 0x0104, OUT_MALFORMED },
		{ "variant 0, of another protocol", 0, 8, 0x0006, OUT_MALFORMED },
		{ "variant 0, flags", 0, 10, 0x8000, OUT_MALFORMED },
		{ "variant 0, IPv4 said to be IPv6", 0, 8, 0x0029, OUT_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame in = to(VIP4, i % 3), w = wrapped(&in, i & 1 ? ROUTER6 : ROUTER4);

		w = with_gue(w, rows[i].variant);
		put16(w.b + w.l4 + rows[i].at, rows[i].value);
		row(r, rows[i].what, &w, rows[i].why, NULL);
	}
}

static void abi(struct guard_rig *r)
{
	alone_check(&r->alone, "the program names its ABI",
		    r->g->rodata->abi_version == ABI_VERSION);
}

/* Attested routers are believed until an end, in boot time, that no daemon has to enforce. */
static void until(struct guard_rig *r)
{
	static const char *const vips[] = { VIP4, VIP6 }, *const routers[] = { ROUTER4, ROUTER6 };

	for (int k = 0; k < 2; k++) {
		struct frame in = to(vips[k], 0), w = wrapped(&in, routers[k]),
			     out = unwrapped(&in);
		struct timespec now;

		clock_gettime(CLOCK_BOOTTIME, &now);
		allow_until(r->g->maps.peers, routers[k],
			    ((__u64)now.tv_sec + 3600) * 1000000000ull);
		row(r, "from a router that is believed for an hour", &w, OUT_DECAPSULATED, &out);
		allow_until(r->g->maps.peers, routers[k], (__u64)now.tv_sec * 1000000000ull);
		row(r, "until a moment ago", &w, OUT_PEER_UNKNOWN, NULL);
		allow_until(r->g->maps.peers, routers[k], 2);
		row(r, "until the machine began", &w, OUT_PEER_UNKNOWN, NULL);
		allow_until(r->g->maps.peers, routers[k], 0);
		row(r, "at no time", &w, OUT_PEER_UNKNOWN, NULL);
		allow(r->g->maps.peers, routers[k]);
		row(r, "without an end", &w, OUT_DECAPSULATED, &out);
	}
}

int main(void)
{
	struct guard_rig r;

	start(&r);
	abi(&r);
	decapsulates(&r);
	refuses_strangers(&r);
	refuses_other_insides(&r);
	refuses_bare(&r);
	icmp(&r);
	leaves_alone(&r);
	damaged(&r);
	cut(&r);
	congestion(&r);
	gue(&r);
	gue_congestion(&r);
	gue_damaged(&r);
	until(&r);
	guard_bpf__destroy(r.g);
	return alone_close(&r.alone);
}
