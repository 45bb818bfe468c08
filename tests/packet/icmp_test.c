// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP to a VIP: errors follow the flow that they quote to its backend and to nobody
 * else, pings are answered, what is neither passes, what is broken goes nowhere.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "rig.h"

#define PATH4 "203.0.113.9"
#define PATH6 "2001:db8:f::9"

enum { QUOTE = 60, ICMP_HEADER = 8 };

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 33 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

/* Types and codes as one number; the first of each family is about size. */
static const uint16_t errors4[] = { 0x0304, 0x0301, 0x0303, 0x0b00, 0x0c00 };
static const uint16_t errors6[] = { 0x0200, 0x0100, 0x0104, 0x0300, 0x0401 };
enum { ERRORS = 5 };

static bool is_ipv6(const struct spec *s)
{
	return strchr(s->dst, ':');
}

static uint8_t icmp_of(const struct spec *s)
{
	return is_ipv6(s) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static uint16_t first_error(const struct spec *s)
{
	return is_ipv6(s) ? errors6[0] : errors4[0];
}

/* From a router on the way, with the first bytes of a packet that the VIP sent to the client. */
static struct frame error_about(const struct spec *flow, uint16_t type, uint8_t tags)
{
	struct spec back = { flow->dst,	  flow->src,	flow->dport,	flow->sport,
			     flow->proto, .flags = ACK, .payload = 1400 };
	struct spec s = { is_ipv6(flow) ? PATH6 : PATH4,
			  flow->dst,
			  type,
			  0,
			  icmp_of(flow),
			  .tags = tags,
			  .payload = QUOTE };
	struct frame quoted = frame_of(&back), f = frame_of(&s);

	put32(f.b + f.l4 + 4, 1400);
	memcpy(f.b + f.l4 + ICMP_HEADER, quoted.b + quoted.l3, QUOTE);
	frame_fix(&f);
	return f;
}

/* Where the quoted IP header is, and what is behind it. */
static uint8_t *quoted(struct frame *f)
{
	return f->b + f->l4 + ICMP_HEADER;
}

static uint8_t *quoted_l4(struct frame *f)
{
	return quoted(f) + (frame_is_ipv6(f) ? 40 : 20);
}

static uint16_t service_of(const struct spec *s)
{
	uint16_t first = is_ipv6(s) ? SERVICE_TCP6 : SERVICE_TCP4;

	return first + (s->proto == IPPROTO_UDP);
}

static uint16_t first_backend(const struct spec *s)
{
	return is_ipv6(s) ? BACKEND6 : BACKEND4;
}

static void wants(struct rig *r, const char *what, const struct frame *in, uint32_t action,
		  enum outcome o)
{
	struct want w = { .action = action, .outcome = o };
	struct frame out;

	rig_row(r, what, in, &w, &out);
}

/* The error, every byte, in the outer header that a packet of the flow itself would have. */
static void followed(struct rig *r, const char *what, const struct spec *flow,
		     const struct frame *in, uint16_t backend)
{
	struct want want = { XDP_TX, OUT_STEERED, service_of(flow), backend, .new_flow = false };
	char to[INET6_ADDRSTRLEN];
	struct wrapping w = { .src = backend < BACKEND6 ? SOURCE4 : SOURCE6,
			      .dst = to,
			      .mac = r->backends[backend].mac,
			      .label = rig_flow_hash(r, flow) & 0xfffff };
	struct frame wanted, out;

	if (backend < BACKEND6)
		snprintf(to, sizeof(to), "10.9.0.%u", backend);
	else
		snprintf(to, sizeof(to), "fd00:9::%u", backend - BACKEND6 + 1u);
	wanted = frame_wrapped(in, &w);
	if (rig_row(r, what, in, &want, &out))
		rig_check(r, frame_equal(&out, &wanted), "%s: every byte", what);
}

static void each_error(struct rig *r)
{
	char what[96];

	rig_reset(r);
	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < ERRORS; i++) {
			for (int tags = 0; tags <= 2; tags++) {
				uint16_t type = is_ipv6(all[k]) ? errors6[i] : errors4[i];
				struct frame f = error_about(all[k], type, (uint8_t)tags);

				snprintf(what, sizeof(what), "error %04x about %s, %d tags", type,
					 names[k], tags);
				followed(r, what, all[k], &f, first_backend(all[k]));
			}
		}
		rig_check(r, !rig_flow(r, all[k]), "%s: errors make no flow", names[k]);
	}
}

/* The ring moves on, the flow stays, and so does what is said about it. */
static void known_flow(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		uint16_t was = first_backend(all[k]), is = was + 2;
		struct frame f = error_about(all[k], first_error(all[k]), 0);

		rig_reset(r);
		rig_steered(r, "a flow begins", all[k], was);
		rig_rings(r, is, 0);
		followed(r, "an error follows a flow that is remembered", all[k], &f, was);
		r->backends[was].generation++;
		followed(r, "not to who has its id now", all[k], &f, is);
		rig_reset(r);
		rig_steered(r, "a flow begins", all[k], was);
		rig_lease(r, was, RIG_LAPSED);
		followed(r, "its lease lapsed, it goes where the flow would", all[k], &f, was + 1);
		rig_check(r, flow_backend(*rig_flow(r, all[k])) == was, "without moving it");
		rig_service(r, service_of(all[k]))->on_lapse = LAPSE_ANSWER;
		wants(r, "nor anywhere if the flow would not", &f, XDP_DROP, OUT_LEASE_LAPSED);
	}
}

static void settled_flow(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		uint16_t other = first_backend(all[k]) + 1;
		struct frame f = error_about(all[k], first_error(all[k]), 1);

		rig_reset(r);
		rig_steered(r, "a flow begins", all[k], first_backend(all[k]));
		rig_service(r, service_of(all[k]))->flags |= SERVICE_SETTLES;
		rig_rings(r, other | SLOT_SETTLED, 0);
		followed(r, "a settled slot knows better than memory", all[k], &f, other);
	}
}

static void no_way(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct frame f = error_about(all[k], first_error(all[k]), (uint8_t)(k % 3));
		uint16_t id = first_backend(all[k]);

		rig_reset(r);
		for (uint16_t b = 1; b < RIG_BACKENDS; b++)
			rig_lease(r, b, RIG_LAPSED);
		wants(r, "an error, all leases lapsed: no answer", &f, XDP_DROP, OUT_LEASE_LAPSED);
		rig_reset(r);
		rig_rings(r, 0, 0);
		wants(r, "an error, empty slots", &f, XDP_DROP, OUT_NO_BACKEND);
		rig_service(r, service_of(all[k]))->class = CLASS_COUNT;
		wants(r, "an error, unknown class", &f, XDP_DROP, OUT_CLASS_UNKNOWN);
		rig_reset(r);
		r->backends[id].mtu = 0;
		wants(r, "an error, no next hop", &f, XDP_DROP, OUT_NO_NEXT_HOP);
		r->backends[id].mtu = 60;
		wants(r, "an error, too big", &f, XDP_DROP, OUT_TOO_BIG);
	}
}

static void unrelated(struct rig *r)
{
	rig_reset(r);
	for (int k = 0; k < 4; k++) {
		for (int tags = 0; tags <= 2; tags++) {
			bool ipv6 = is_ipv6(all[k]);
			struct frame f = error_about(all[k], first_error(all[k]), (uint8_t)tags), g;

			for (int i = ipv6 ? 8 : 12; i < (ipv6 ? 24 : 16); i++) {
				g = f;
				quoted(&g)[i] ^= 0x10;
				frame_fix(&g);
				wants(r, "quotes what somebody else sent", &g, XDP_DROP,
				      OUT_ICMP_UNRELATED);
			}
			g = f;
			quoted(&g)[ipv6 ? 6 : 9] = icmp_of(all[k]);
			frame_fix(&g);
			wants(r, "quotes a ping", &g, XDP_DROP, OUT_ICMP_UNRELATED);
			g = f;
			put16(quoted_l4(&g), 4444);
			frame_fix(&g);
			wants(r, "quotes a port that is no service", &g, XDP_PASS, OUT_NOT_OURS);
			if (ipv6)
				continue;
			put16(quoted(&f) + 6, 0x2001);
			frame_fix(&f);
			wants(r, "quotes a later fragment", &f, XDP_DROP, OUT_ICMP_UNRELATED);
		}
	}
}

static void broken_quotes(struct rig *r)
{
	struct frame f, g;

	rig_reset(r);
	for (int k = 0; k < 4; k++) {
		for (int v = 0; v < 16; v++) {
			f = error_about(all[k], first_error(all[k]), 0);
			quoted(&f)[0] = (uint8_t)(v << 4 | (quoted(&f)[0] & 15));
			frame_fix(&f);
			if (v != (is_ipv6(all[k]) ? 6 : 4))
				wants(r, "quotes another version", &f, XDP_DROP, OUT_MALFORMED);
		}
		for (int ihl = 0; ihl < 16 && !is_ipv6(all[k]); ihl++) {
			f = error_about(all[k], first_error(all[k]), 0);
			quoted(&f)[0] = (uint8_t)(0x40 | ihl);
			frame_fix(&f);
			if (ihl != 5)
				wants(r, "quotes a header of another length", &f, XDP_DROP,
				      ihl < 5 ? OUT_MALFORMED : OUT_IP_OPTIONS);
		}
		for (int tags = 0; tags <= 2; tags++) {
			f = error_about(all[k], first_error(all[k]), (uint8_t)tags);
			for (g = f, g.n = f.l4; g.n < f.n; g.n++)
				wants(r, "an error cut short", &g, XDP_DROP,
				      g.n < f.l4 + ICMP_HEADER ? OUT_TRUNCATED : OUT_MALFORMED);
		}
	}
}

/* All lengths agree, and there is too little of a quote. */
static void short_quotes(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct frame f = error_about(all[k], first_error(all[k]), (uint8_t)(k % 3));
		bool ipv6 = is_ipv6(all[k]);
		size_t most = f.l4 + ICMP_HEADER + (ipv6 ? 40 : 20) + 8;

		for (size_t n = f.l4; n <= most; n++) {
			struct frame g = f;

			g.n = n;
			put16(g.b + g.l3 + (ipv6 ? 4 : 2), (uint16_t)(n - (ipv6 ? f.l4 : f.l3)));
			frame_fix(&g);
			if (n < most)
				wants(r, "too little quoted", &g, XDP_DROP, OUT_TRUNCATED);
			else
				followed(r, "just enough", all[k], &g, first_backend(all[k]));
			g.n = f.n;
			if (n < most)
				wants(r, "the rest is padding", &g, XDP_DROP, OUT_TRUNCATED);
		}
	}
}

/* Neighbours must find an address that is the host's own. */
static void the_hosts(struct rig *r)
{
	static const struct spec nobody4 = { CLIENT4, "192.0.2.99", 1, 443, IPPROTO_TCP, .tos = 0 };
	static const struct spec nobody6 = {
		CLIENT6, "2001:db8::99", 1, 443, IPPROTO_TCP, .tos = 0
	};

	rig_reset(r);
	for (unsigned int type = 0; type < 256; type++) {
		struct frame f = error_about(&tcp4, (uint16_t)(type << 8), (uint8_t)(type % 3));
		struct frame g = error_about(&tcp6, (uint16_t)(type << 8), (uint8_t)(type % 3));

		if (type != 3 && type != 8 && type != 11 && type != 12)
			wants(r, "another type of ICMP", &f, XDP_PASS, OUT_NOT_OURS);
		if ((type < 1 || type > 4) && type != 128)
			wants(r, "another type of ICMPv6", &g, XDP_PASS, OUT_NOT_OURS);
		f = error_about(&nobody4, (uint16_t)(type << 8), 0);
		g = error_about(&nobody6, (uint16_t)(type << 8), 0);
		wants(r, "ICMP to nobody of ours", &f, XDP_PASS, OUT_NOT_OURS);
		wants(r, "ICMPv6 to nobody of ours", &g, XDP_PASS, OUT_NOT_OURS);
	}
}

static struct spec ping_of(bool ipv6, uint8_t tags, size_t payload)
{
	return (struct spec){ ipv6 ? CLIENT6 : CLIENT4,
			      ipv6 ? VIP6 : VIP4,
			      ipv6 ? 0x8000 : 0x0800,
			      0,
			      ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			      .tos = 0xb8,
			      .tags = tags,
			      .payload = payload };
}

/* The reply, made from nothing. */
static struct frame pong_of(const struct frame *ping, const struct spec *s)
{
	struct spec back = *s;
	struct frame f;

	back.src = s->dst;
	back.dst = s->src;
	back.sport = is_ipv6(s) ? 0x8100 : 0;
	f = frame_of(&back);
	memcpy(f.b, ping->b + 6, 6);
	memcpy(f.b + 6, ping->b, 6);
	memcpy(f.b + f.l4 + 4, ping->b + ping->l4 + 4, s->payload + 4);
	if (is_ipv6(s)) {
		put32(f.b + f.l3, 6u << 28 | (uint32_t)s->tos << 20);
		f.b[f.l3 + 7] = 64;
	} else {
		put16(f.b + f.l3 + 4, 0);
		put16(f.b + f.l3 + 6, 0x4000);
		f.b[f.l3 + 8] = 64;
	}
	frame_fix(&f);
	return f;
}

static void pinged(struct rig *r, const char *what, const struct spec *s)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_ECHOED };
	struct frame in = frame_of(s), out, wanted = pong_of(&in, s);

	if (rig_row(r, what, &in, &w, &out))
		rig_check(r,
			  frame_equal(&out, &wanted) && frame_parse(&out) &&
				  frame_checksums_hold(&out),
			  "%s: every byte", what);
}

static void wait_for_budget(void)
{
	struct timespec t = { .tv_nsec = 700000000 };

	nanosleep(&t, NULL);
}

static void pings(struct rig *r)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 56, 57, 1400, 1472 };
	struct want w = { .action = XDP_TX, .outcome = OUT_ECHOED };
	struct frame in, out;
	struct spec s;

	rig_reset(r);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		wait_for_budget();
		for (uint8_t tags = 0; tags <= 2; tags++) {
			for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
				s = ping_of(ipv6, tags, sizes[i]);
				pinged(r, ipv6 ? "IPv6 ping" : "IPv4 ping", &s);
			}
		}
		s = ping_of(ipv6, 0, 56);
		for (unsigned int id = 0; id < 0x10000; id += 0x1fff) { /* carries of the sum */
			in = frame_of(&s);
			put16(in.b + in.l4 + 4, (uint16_t)id);
			frame_fix(&in);
			rig_row(r, "ping of another id", &in, &w, &out);
			rig_check(r, frame_parse(&out) && frame_checksums_hold(&out), "its sum");
		}
		in = frame_of(&s);
		in.b[in.l4 + 20] ^= 1;
		rig_row(r, "a damaged ping", &in, &w, &out);
		rig_check(r, frame_parse(&out) && !frame_checksums_hold(&out),
			  "is not mended on the way back");
		in = frame_of(&s);
		in.n += 5;
		rig_row(r, "a padded ping", &in, &w, &out);
		rig_check(r, out.n == in.n && frame_parse(&out) && frame_checksums_hold(&out),
			  "padding is no part of it");
	}
	for (uint16_t b = 1; b < RIG_BACKENDS; b++)
		rig_lease(r, b, RIG_LAPSED);
	s = ping_of(false, 0, 56);
	pinged(r, "the VIP is there, whoever serves it", &s);
}

static void pings_unanswered(struct rig *r)
{
	static const char *const sources[] = { "0.0.0.0",	  "127.0.0.1", "224.0.0.1",
					       "255.255.255.255", "::",	       "::1",
					       "ff02::1" };
	struct frame f;
	struct spec s;

	rig_reset(r);
	wait_for_budget();
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		struct addr a = addr_of(sources[i]);
		bool ipv6 = strchr(sources[i], ':');

		s = ping_of(ipv6, (uint8_t)(i % 3), 56);
		f = frame_of(&s);
		memcpy(f.b + f.l3 + (ipv6 ? 8 : 12), ipv6 ? (void *)&a : (void *)&a.w[3],
		       ipv6 ? 16 : 4);
		frame_fix(&f);
		wants(r, sources[i], &f, XDP_DROP, OUT_ECHO_LIMITED);
	}
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		s = ping_of(ipv6, 1, 56);
		for (f = frame_of(&s), f.n = f.l4; f.n < f.l4 + 64; f.n++)
			wants(r, "a ping cut short", &f, XDP_DROP,
			      f.n < f.l4 + ICMP_HEADER ? OUT_TRUNCATED : OUT_MALFORMED);
		s = ping_of(ipv6, 0, 56);
		s.dst = ipv6 ? "2001:db8::99" : "192.0.2.99";
		f = frame_of(&s);
		wants(r, "a ping to nobody of ours", &f, XDP_PASS, OUT_NOT_OURS);
		s = ping_of(ipv6, 0, 56);
		f = frame_of(&s);
		memset(f.b, 0xff, 6);
		wants(r, "a ping in a broadcast frame", &f, XDP_PASS, OUT_NOT_OURS);
	}
}

/* A burst, then little, and errors have a budget of their own. */
static void limited(struct rig *r)
{
	struct want refused = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	unsigned int sent = 0, burst = 0;
	struct counts before, after;
	struct frame in, out;
	struct spec s;
	enum { PINGS = 20000 };

	rig_reset(r);
	wait_for_budget();
	rig_counts(r, &before);
	for (unsigned int i = 0; i < PINGS; i++) {
		bool answer;

		s = ping_of(i & 1, 0, 56);
		in = frame_of(&s);
		answer = rig_run(r, &in, &out) == XDP_TX;
		sent += answer;
		burst += answer && burst == i;
	}
	rig_counts(r, &after);
	rig_check(r, burst >= 256, "a burst of pings is answered: %u", burst);
	rig_check(r, sent < PINGS / 2, "and a flood is not: %u of %d", sent, PINGS);
	rig_check(r,
		  after.outcome[OUT_ECHOED].packets - before.outcome[OUT_ECHOED].packets == sent &&
			  after.outcome[OUT_ECHO_LIMITED].packets -
					  before.outcome[OUT_ECHO_LIMITED].packets ==
				  PINGS - sent,
		  "each is counted for what became of it");
	for (uint16_t b = 1; b < RIG_BACKENDS; b++)
		rig_lease(r, b, RIG_LAPSED);
	in = frame_of(&udp4);
	rig_row(r, "who is refused still hears it", &in, &refused, &out);
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

/* What an error to a VIP must quote to go anywhere, read again without the router's code. */
static bool quote_is_right(struct frame *f)
{
	bool ipv6;
	size_t header, at;
	const uint8_t *q;

	if (!frame_parse(f))
		return false;
	ipv6 = frame_is_ipv6(f);
	header = ipv6 ? 40 : 20;
	at = f->l4 + ICMP_HEADER;
	q = f->b + at;
	if (f->n < at + header + 8 || q[0] != (ipv6 ? 0x60 | (q[0] & 15) : 0x45))
		return false;
	if (memcmp(q + (ipv6 ? 8 : 12), f->b + f->l3 + (ipv6 ? 24 : 16), ipv6 ? 16 : 4))
		return false;
	return q[ipv6 ? 6 : 9] == IPPROTO_TCP || q[ipv6 ? 6 : 9] == IPPROTO_UDP;
}

/* Whatever is damaged: counted once, and what goes on quotes a packet of the VIP. */
static void damaged(struct rig *r)
{
	uint64_t internal, internal_before, before;
	unsigned int forwarded = 0, wrong = 0;
	struct frame f, out;
	enum { RUNS = 40000 };

	rig_reset(r);
	srandom(2);
	before = counted(r, &internal_before);
	for (int i = 0; i < RUNS; i++) {
		f = error_about(all[i % 4], first_error(all[i % 4]), (uint8_t)(random() % 3));
		for (long n = random() % 3; n >= 0; n--)
			f.b[f.l3 + (size_t)random() % (f.n - f.l3)] = (uint8_t)random();
		if (random() % 4 == 0)
			f.n = 14 + (size_t)random() % (f.n - 14);
		if (rig_run(r, &f, &out) != XDP_TX || out.n <= f.n ||
		    f.b[f.l3 + (frame_is_ipv6(&f) ? 6 : 9)] != icmp_of(all[i % 4]))
			continue;
		forwarded++;
		wrong += !quote_is_right(&f);
	}
	before = counted(r, &internal) - before;
	rig_check(r, before == RUNS && internal == internal_before,
		  "%d damaged errors are counted once each", RUNS);
	rig_check(r, forwarded > RUNS / 4 && !wrong, "%u go on, all with a right quote", forwarded);
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	each_error(&r);
	known_flow(&r);
	settled_flow(&r);
	no_way(&r);
	unrelated(&r);
	broken_quotes(&r);
	short_quotes(&r);
	the_hosts(&r);
	damaged(&r);
	pings(&r);
	pings_unanswered(&r);
	limited(&r);
	return rig_close(&r);
}
