// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets to a VIP in pieces: the later ones go where the first went, within its lease,
 * and nowhere if it did not come, was too short, or any of them overlap.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "rig.h"

enum { SETS = 4096, WAYS = 4, ID = 0x1234, MORE = 1, LAST = 0, NEXT_FRAGMENT = 44 };

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 33 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

/* As bpf/fragment.h has it. */
struct memory {
	uint32_t lock, pad;
	struct {
		uint8_t key[40];
		uint64_t jiffies;
		uint8_t rest[16];
	} way[WAYS];
};

/* Everything forgotten, or as if it had come so many jiffies earlier. */
static void memory_age(struct rig *r, uint64_t jiffies)
{
	int fd = bpf_map__fd(r->router->maps.fragments);
	struct memory m;

	for (uint32_t i = 0; i < SETS; i++) {
		if (bpf_map_lookup_elem(fd, &i, &m))
			rig_check(r, false, "fragments cannot be read");
		for (int w = 0; w < WAYS; w++)
			if (m.way[w].jiffies)
				m.way[w].jiffies = jiffies ? m.way[w].jiffies - jiffies : 0;
		bpf_map_update_elem(fd, &i, &m, BPF_ANY);
	}
}

static void start_again(struct rig *r)
{
	rig_reset(r);
	memory_age(r, 0);
}

static bool is_ipv6(const struct spec *s)
{
	return strchr(s->dst, ':');
}

static uint16_t first_backend(const struct spec *s)
{
	return is_ipv6(s) ? BACKEND6 : BACKEND4;
}

/* Some bytes of what a packet of 4000 carries.  from: in bytes, a multiple of 8. */
static struct frame piece_of(const struct spec *s, size_t from, size_t bytes, bool more)
{
	struct spec big = *s;
	struct frame whole, f;
	uint8_t *ip;

	big.payload = 2400;
	whole = f = frame_of(&big);
	ip = f.b + f.l3;
	if (is_ipv6(s)) {
		ip[6] = NEXT_FRAGMENT;
		put16(ip + 4, (uint16_t)(8 + bytes));
		ip[40] = s->proto;
		ip[41] = 0;
		put16(ip + 42, (uint16_t)(from | more));
		put32(ip + 44, ID);
		f.l4 += 8;
	} else {
		put16(ip + 2, (uint16_t)(20 + bytes));
		put16(ip + 4, ID);
		put16(ip + 6, (uint16_t)(from / 8 | more << 13));
	}
	f.n = f.l4 + bytes;
	if (from + bytes <= whole.n - whole.l4)
		memcpy(f.b + f.l4, whole.b + whole.l4 + from, bytes);
	return f;
}

static void set_id(struct frame *f, uint16_t id)
{
	put16(f->b + f->l3 + (frame_is_ipv6(f) ? 46 : 4), id);
}

static void wants(struct rig *r, const char *what, const struct frame *in, enum outcome o)
{
	struct want w = { o == OUT_NOT_OURS ? XDP_PASS : XDP_DROP, .outcome = o };
	struct frame out;

	rig_row(r, what, in, &w, &out);
}

static void goes(struct rig *r, const char *what, const struct spec *s, const struct frame *in,
		 uint16_t backend, bool new_flow)
{
	bool udp = s->proto == IPPROTO_UDP;
	struct want want = { XDP_TX, OUT_STEERED,
			     is_ipv6(s) ? SERVICE_TCP6 + udp : SERVICE_TCP4 + udp, backend,
			     new_flow };
	char to[INET6_ADDRSTRLEN];
	struct wrapping w = { .src = backend < BACKEND6 ? SOURCE4 : SOURCE6,
			      .dst = to,
			      .mac = r->backends[backend].mac,
			      .label = rig_flow_hash(r, s) & 0xfffff };
	struct frame wanted, out;

	if (backend < BACKEND6)
		snprintf(to, sizeof(to), "10.9.0.%u", backend);
	else
		snprintf(to, sizeof(to), "fd00:9::%u", backend - BACKEND6 + 1u);
	wanted = frame_wrapped(in, &w);
	if (rig_row(r, what, in, &want, &out))
		rig_check(r, frame_equal(&out, &wanted), "%s: every byte", what);
}

/* The piece of so many units of 8 bytes, 100 units each; the fourth is the last, and odd. */
static struct frame nth(const struct spec *s, int n)
{
	return piece_of(s, (size_t)n * 800, n == 3 ? 13 : 800, n != 3);
}

static void in_order(struct rig *r)
{
	char what[96];

	for (int k = 0; k < 4; k++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = *all[k];

			start_again(r);
			s.tags = tags;
			for (int n = 0; n < 4; n++) {
				struct frame f = nth(&s, n);

				snprintf(what, sizeof(what), "piece %d of %s, %u tags", n, names[k],
					 tags);
				goes(r, what, &s, &f, first_backend(&s), n == 0);
				if (!n)
					rig_rings(r, first_backend(&s) + 1, 0);
			}
		}
	}
}

/* Orders in which they all arrive, and what becomes of each. */
static void overtaking(struct rig *r)
{
	static const int orders[][4] = {
		{ 0, 2, 1, 3 }, { 0, 3, 1, 2 }, { 0, 1, 3, 2 }, { 0, 2, 3, 1 }, { 0, 3, 2, 1 }
	};
	struct frame f;

	for (int k = 0; k < 4; k++) {
		for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
			start_again(r);
			for (int n = 0; n < 4; n++) {
				f = nth(all[k], orders[i][n]);
				goes(r, "in another order", all[k], &f, first_backend(all[k]), !n);
			}
			f = nth(all[k], 1);
			wants(r, "complete, so forgotten", &f, OUT_FRAGMENT_UNKNOWN);
			f = nth(all[k], 0);
			goes(r, "and its id may come again", all[k], &f, first_backend(all[k]),
			     false);
		}
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = *all[k];

			start_again(r);
			s.tags = tags;
			f = piece_of(&s, 0, 800, MORE);
			goes(r, "first", &s, &f, first_backend(&s), true);
			f = piece_of(&s, 1600, 8, MORE);
			goes(r, "beyond a gap", &s, &f, first_backend(&s), false);
			f = piece_of(&s, 1616, 8, MORE);
			wants(r, "beyond a second gap", &f, OUT_FRAGMENT_FULL);
		}
	}
}

static void without_the_first(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct spec s = *all[k];
		struct frame f;

		start_again(r);
		s.tags = (uint8_t)(k % 3);
		f = nth(&s, 1);
		wants(r, "a later piece, and no first", &f, OUT_FRAGMENT_UNKNOWN);
		f = nth(&s, 0);
		goes(r, "the first", &s, &f, first_backend(&s), true);
		f = nth(&s, 1);
		set_id(&f, ID + 1);
		wants(r, "a piece of another packet", &f, OUT_FRAGMENT_UNKNOWN);
		s.src = is_ipv6(&s) ? "2001:db8:c::8" : "198.51.100.8";
		f = nth(&s, 1);
		wants(r, "a piece from another client", &f, OUT_FRAGMENT_UNKNOWN);
		s = *all[k];
		s.proto = s.proto == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
		f = nth(&s, 1);
		wants(r, "a piece of another protocol", &f, OUT_FRAGMENT_UNKNOWN);
		f = nth(all[k], 1);
		memory_age(r, 2048);
		wants(r, "a piece that comes too late", &f, OUT_FRAGMENT_UNKNOWN);
	}
}

/* So many that some share the set of a packet whose first piece has come. */
static void strangers(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct frame f = nth(all[k], 0), g = nth(all[k], 1), out;
		size_t source = g.l3 + (is_ipv6(all[k]) ? 20 : 12);
		unsigned int taken = 0;

		start_again(r);
		goes(r, "first", all[k], &f, first_backend(all[k]), true);
		for (uint32_t n = 1; n < 20000; n++) {
			put32(g.b + source, get32(f.b + source) + n);
			taken += rig_run(r, &g, &out) != XDP_DROP;
		}
		rig_check(r, !taken, "20000 other clients' pieces do not follow it");
		g = nth(all[k], 1);
		for (uint16_t n = 1; n < 20000; n++) {
			set_id(&g, ID + n);
			taken += rig_run(r, &g, &out) != XDP_DROP;
		}
		rig_check(r, !taken, "nor do 20000 other packets'");
	}
}

static void overlaps(struct rig *r)
{
	static const struct {
		const char *what;
		size_t from, bytes;
		bool more;
	} rows[] = {
		{ "the first once more", 0, 800, MORE },
		{ "another first, longer", 0, 1000, MORE },
		{ "over the header", 8, 800, MORE },
		{ "over the last bytes of the first", 792, 8, MORE },
		{ "over what is beyond the gap", 800, 808, MORE },
		{ "inside of it", 1800, 8, MORE },
		{ "it once more", 1600, 400, MORE },
		{ "over its last bytes", 1992, 100, LAST },
		{ "a last piece before others", 800, 80, LAST },
	};
	struct frame f;

	for (int k = 0; k < 4; k++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct spec s = *all[k];

			start_again(r);
			s.tags = (uint8_t)(i % 3);
			f = piece_of(&s, 0, 800, MORE);
			goes(r, "first", &s, &f, first_backend(&s), true);
			f = piece_of(&s, 1600, 400, MORE);
			goes(r, "beyond a gap", &s, &f, first_backend(&s), false);
			f = piece_of(&s, rows[i].from, rows[i].bytes, rows[i].more);
			wants(r, rows[i].what, &f, OUT_FRAGMENT_OVERLAP);
			f = piece_of(&s, 800, 800, MORE);
			wants(r, "nothing of it goes on", &f, OUT_FRAGMENT_OVERLAP);
		}
		start_again(r);
		f = piece_of(all[k], 0, 800, MORE);
		goes(r, "first", all[k], &f, first_backend(all[k]), true);
		f = piece_of(all[k], 1600, 13, LAST);
		goes(r, "last", all[k], &f, first_backend(all[k]), false);
		f = piece_of(all[k], 1616, 8, MORE);
		wants(r, "beyond the last", &f, OUT_FRAGMENT_OVERLAP);
	}
}

static void tiny(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		bool tcp = all[k]->proto == IPPROTO_TCP;
		struct spec s = *all[k];
		struct frame f;

		start_again(r);
		s.tags = (uint8_t)(k % 3);
		if (tcp) {
			f = piece_of(&s, 0, 8, MORE);
			wants(r, "a first piece with the ports alone", &f, OUT_FRAGMENT_TINY);
			f = piece_of(&s, 0, 16, MORE);
			wants(r, "a first piece without TCP's flags", &f, OUT_FRAGMENT_TINY);
			f = piece_of(&s, 0, 24, MORE);
			f.b[f.l4 + 12] = 0x70;
			wants(r, "its options are not all there", &f, OUT_FRAGMENT_TINY);
			f.b[f.l4 + 12] = 0x40;
			wants(r, "its header is too short", &f, OUT_FRAGMENT_TINY);
			f.b[f.l4 + 12] = 0x60;
			goes(r, "all of them are", &s, &f, first_backend(&s), true);
		} else {
			f = piece_of(&s, 0, 8, MORE);
			put16(f.b + f.l4 + 4, 7);
			wants(r, "UDP of 7 bytes", &f, OUT_FRAGMENT_TINY);
			f = piece_of(&s, 0, 8, MORE);
			goes(r, "a first piece with the UDP header alone", &s, &f,
			     first_backend(&s), true);
		}
	}
}

static void malformed(struct rig *r)
{
	struct frame f, g;

	start_again(r);
	for (int k = 0; k < 4; k++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = *all[k];

			s.tags = tags;
			f = piece_of(&s, 0, 801, MORE);
			wants(r, "more to come, but not from a multiple of 8", &f, OUT_MALFORMED);
			f = piece_of(&s, 65528, 9, LAST);
			wants(r, "ends beyond 65535", &f, OUT_MALFORMED);
			f = piece_of(&s, 0, 0, MORE);
			wants(r, "an empty first", &f, OUT_MALFORMED);
			f = piece_of(&s, 800, 0, LAST);
			wants(r, "an empty last", &f, OUT_MALFORMED);
			for (int n = 0; n < 2; n++) {
				f = piece_of(&s, n ? 80 : 0, 40, MORE);
				for (g = f, g.n = f.l4; g.n < f.n; g.n++)
					wants(r, "a piece cut short", &g, OUT_MALFORMED);
			}
			if (!is_ipv6(&s))
				continue;
			for (g = f, g.n = f.l4 - 8; g.n < f.l4; g.n++)
				wants(r, "a fragment header cut short", &g, OUT_TRUNCATED);
			for (uint16_t n = 0; n < 8; n++) {
				g = f;
				put16(g.b + g.l3 + 4, n);
				wants(r, "a payload that ends in it", &g, OUT_TRUNCATED);
			}
		}
	}
}

static void of_no_flow(struct rig *r)
{
	/* Also more headers of IPv6 behind the fragment's: none is looked through. */
	static const uint8_t protos[] = {
		IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, 50, 0, 43, 44, 60
	};

	start_again(r);
	for (int k = 0; k < 4; k++) {
		struct spec s = *all[k];
		struct frame f;

		for (size_t i = 0; i < sizeof(protos); i++) {
			s.proto = protos[i];
			s.tags = (uint8_t)(i % 3);
			for (int n = 0; n < 2; n++) {
				f = nth(&s, n);
				wants(r, "in pieces, of another protocol", &f, OUT_FRAGMENT);
			}
		}
		s = *all[k];
		s.dport = 4444;
		f = nth(&s, 0);
		wants(r, "to a port that is no service", &f, OUT_NOT_OURS);
		f = nth(&s, 1);
		wants(r, "whose later pieces nobody knows", &f, OUT_FRAGMENT_UNKNOWN);
		s.dst = is_ipv6(&s) ? "2001:db8::99" : "192.0.2.99";
		for (int n = 0; n < 4; n++) {
			f = nth(&s, n);
			wants(r, "in pieces, to nobody of ours", &f, OUT_NOT_OURS);
			f.n--;
			wants(r, "the same cut", &f, OUT_NOT_OURS);
		}
	}
}

static void leases(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		uint16_t b = first_backend(all[k]);
		struct frame f = nth(all[k], 0), g = nth(all[k], 1);

		start_again(r);
		goes(r, "first", all[k], &f, b, true);
		rig_lease(r, b, RIG_LAPSED);
		wants(r, "the lease lapsed between two pieces", &g, OUT_LEASE_LAPSED);
		start_again(r);
		goes(r, "first", all[k], &f, b, true);
		r->backends[b].generation++;
		wants(r, "its id is another's now", &g, OUT_FRAGMENT_UNKNOWN);
		start_again(r);
		goes(r, "first", all[k], &f, b, true);
		rig_service(r, is_ipv6(all[k]) ? SERVICE_TCP6 : SERVICE_TCP4)->class = CLASS_COUNT;
		rig_service(r, is_ipv6(all[k]) ? SERVICE_UDP6 : SERVICE_UDP4)->class = CLASS_COUNT;
		wants(r, "the class is unknown now", &g, OUT_CLASS_UNKNOWN);
		start_again(r);
		goes(r, "first", all[k], &f, b, true);
		r->backends[b].mtu = 0;
		wants(r, "the way is lost", &g, OUT_NO_NEXT_HOP);
		r->backends[b].mtu = 200;
		g = nth(all[k], 2);
		wants(r, "too big, but only first pieces hear it", &g, OUT_TOO_BIG);
	}
}

static void wait_for_budget(void)
{
	struct timespec t = { .tv_nsec = 700000000 };

	nanosleep(&t, NULL);
}

/* Its flow, and so who would get a RST, is known; how long the segment is, is not. */
static void first_refused(struct rig *r)
{
	wait_for_budget();
	for (int k = 0; k < 4; k++) {
		bool ipv6 = is_ipv6(all[k]);
		struct frame f = nth(all[k], 0), out;
		struct want w = { XDP_TX, .outcome = OUT_LEASE_LAPSED };

		start_again(r);
		for (uint16_t b = 1; b < RIG_BACKENDS; b++)
			rig_lease(r, b, RIG_LAPSED);
		rig_row(r, "a first piece is refused", &f, &w, &out);
		rig_check(r,
			  frame_parse(&out) && frame_checksums_hold(&out) &&
				  get16(out.b + out.l4) == (ipv6 ? 0x0101 : 0x030d),
			  "by ICMP: prohibited");
		start_again(r);
		r->backends[first_backend(all[k])].mtu = 700;
		w.outcome = OUT_TOO_BIG;
		rig_row(r, "a first piece is too big", &f, &w, &out);
		rig_check(r,
			  frame_parse(&out) && frame_checksums_hold(&out) &&
				  get16(out.b + out.l4) == (ipv6 ? 0x0200 : 0x0304) &&
				  get16(out.b + out.l4 + 6) == (ipv6 ? 660 : 680),
			  "by ICMP: so much would fit");
	}
}

/* RFC 6946: a fragment header around all of a packet. */
static void atomic(struct rig *r)
{
	for (int k = 2; k < 4; k++) {
		struct frame f = piece_of(all[k], 0, 800, LAST);

		start_again(r);
		for (int n = 0; n < 3; n++)
			goes(r, "an atomic fragment", all[k], &f, first_backend(all[k]), !n);
		f = nth(all[k], 1);
		wants(r, "of which nothing is remembered", &f, OUT_FRAGMENT_UNKNOWN);
	}
}

static void full(struct rig *r)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const struct spec *s = ipv6 ? &udp6 : &udp4;
		struct frame f = nth(s, 0), g = nth(s, 1), out;
		struct counts before, after;
		int sent = 0;

		start_again(r);
		rig_counts(r, &before);
		do {
			set_id(&f, (uint16_t)sent);
			set_id(&g, (uint16_t)sent);
		} while (++sent < 30000 && rig_run(r, &f, &out) == XDP_TX);
		rig_counts(r, &after);
		rig_check(r,
			  sent > WAYS && sent < 30000 &&
				  after.outcome[OUT_FRAGMENT_FULL].packets ==
					  before.outcome[OUT_FRAGMENT_FULL].packets + 1,
			  "memory is full at %d packets in pieces", sent);
		wants(r, "so later ones are not known", &g, OUT_FRAGMENT_UNKNOWN);
		wants(r, "nor is there room for it now", &f, OUT_FRAGMENT_FULL);
		memory_age(r, 2048);
		goes(r, "but once others are given up", s, &f, first_backend(s), false);
	}
}

/* All packets that were counted, under whatever. */
static uint64_t counted(struct rig *r, uint64_t *internal)
{
	struct counts c;
	uint64_t n = 0;

	rig_counts(r, &c);
	for (int o = 0; o < OUT_COUNT; o++)
		n += c.outcome[o].packets;
	for (int s = 0; s < RIG_SERVICES; s++)
		n += c.service[s].packets;
	*internal = c.outcome[OUT_INTERNAL].packets;
	return n;
}

/* Pieces of packets, damaged and out of order: counted once, and none goes on that ends too early.
 */
static void damaged(struct rig *r)
{
	uint64_t internal, internal_before, before;
	unsigned int forwarded = 0, cut = 0;
	struct frame f, out;
	enum { RUNS = 40000 };

	start_again(r);
	srandom(3);
	before = counted(r, &internal_before);
	for (int i = 0; i < RUNS; i++) {
		size_t whole;

		f = nth(all[i / 4 % 4], (int)(random() % 4));
		set_id(&f, (uint16_t)(i / 64));
		whole = f.n;
		if (random() % 2)
			f.b[f.l3 + (size_t)random() % 64] = (uint8_t)random();
		if (random() % 4 == 0)
			f.n = 14 + (size_t)random() % (f.n - 14);
		if (rig_run(r, &f, &out) != XDP_TX || out.n <= f.n)
			continue;
		forwarded++;
		if (f.n < whole && !frame_is_ipv6(&f))
			cut += get16(f.b + f.l3 + 2) > f.n - f.l3;
		else if (f.n < whole)
			cut += get16(f.b + f.l3 + 4) + 40u > f.n - f.l3;
	}
	before = counted(r, &internal) - before;
	rig_check(r, before == RUNS && internal == internal_before,
		  "%d damaged pieces are counted once each", RUNS);
	rig_check(r, forwarded > RUNS / 20 && !cut, "%u go on, and none of them ends early",
		  forwarded);
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	in_order(&r);
	overtaking(&r);
	without_the_first(&r);
	strangers(&r);
	overlaps(&r);
	tiny(&r);
	malformed(&r);
	of_no_flow(&r);
	leases(&r);
	first_refused(&r);
	atomic(&r);
	full(&r);
	damaged(&r);
	return rig_close(&r);
}
