// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a client hears when its packet is refused: for each reason RST or ICMP with
 * every byte right, or nothing where nothing may be said.
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
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 33 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

/* ICMP is limited; so many jiffies at HZ 100 fill it up again. */
static void wait_for_budget(void)
{
	struct timespec t = { .tv_nsec = 700000000 };

	nanosleep(&t, NULL);
}

/* Everything but what the answer is about: back where it came from, nothing left over. */
static bool is_back(const struct frame *in, struct frame *out, uint8_t proto)
{
	const uint8_t *a = in->b + in->l3, *b;
	bool ipv6 = frame_is_ipv6(in);
	size_t at = ipv6 ? 8 : 12, n = ipv6 ? 16 : 4;

	if (!frame_parse(out) || out->l3 != in->l3 || frame_is_ipv6(out) != ipv6)
		return false;
	b = out->b + out->l3;
	return !memcmp(out->b, in->b + 6, 6) && !memcmp(out->b + 6, in->b, 6) &&
	       !memcmp(out->b + 12, in->b + 12, in->l3 - 12) && !memcmp(a + at, b + at + n, n) &&
	       !memcmp(a + at + n, b + at, n) && b[ipv6 ? 6 : 9] == proto &&
	       b[ipv6 ? 7 : 8] == 64 && frame_checksums_hold(out);
}

static bool is_reset(const struct frame *in, struct frame *out, uint32_t seq, uint32_t ack,
		     uint8_t flags)
{
	const uint8_t *i = in->b + in->l4, *o;

	if (!is_back(in, out, IPPROTO_TCP) || out->n != out->l4 + 20)
		return false;
	o = out->b + out->l4;
	if (!frame_is_ipv6(out) &&
	    (get16(out->b + out->l3 + 2) != 40 || get16(out->b + out->l3 + 6) != 0x4000))
		return false;
	if (frame_is_ipv6(out) && get16(out->b + out->l3 + 4) != 20)
		return false;
	return !memcmp(i, o + 2, 2) && !memcmp(i + 2, o, 2) && get32(o + 4) == seq &&
	       get32(o + 8) == ack && o[12] == 5 << 4 && o[13] == flags && !get16(o + 14) &&
	       !get16(o + 18);
}

/* A whole packet in quotes if it fits, else as much as RFC 1812 and RFC 4443 let it. */
static bool is_icmp(const struct frame *in, struct frame *out, uint8_t type, uint8_t code,
		    uint32_t rest)
{
	bool ipv6 = frame_is_ipv6(in);
	size_t quote = in->n - in->l3, most = ipv6 ? 1280 - 48 : 576 - 28;
	const uint8_t *o;

	quote = quote < most ? quote : most;
	if (!is_back(in, out, ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	o = out->b + out->l4;
	return out->n == out->l4 + 8 + quote && o[0] == type && o[1] == code &&
	       get32(o + 4) == rest && !memcmp(o + 8, in->b + in->l3, quote);
}

static bool is_prohibited(const struct frame *in, struct frame *out)
{
	return frame_is_ipv6(in) ? is_icmp(in, out, 1, 1, 0) : is_icmp(in, out, 3, 13, 0);
}

/* A refusal of what spec makes, answered. */
static void answered(struct rig *r, const char *what, const struct spec *s, enum outcome why)
{
	struct want w = { .action = XDP_TX, .outcome = why };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
	if (s->proto == IPPROTO_TCP)
		rig_check(r, is_reset(&in, &out, 0, s->seq + 1, RST | ACK), "%s: RST", what);
	else
		rig_check(r, is_prohibited(&in, &out), "%s: ICMP", what);
}

static void silent(struct rig *r, const char *what, const struct frame *in, enum outcome why)
{
	struct want w = { .action = XDP_DROP, .outcome = why };
	struct frame out;

	rig_row(r, what, in, &w, &out);
}

static void lapse_all(struct rig *r)
{
	for (uint16_t id = 1; id < RIG_BACKENDS; id++)
		rig_lease(r, id, RIG_LAPSED);
}

static void break_class(struct rig *r)
{
	for (uint16_t id = 1; id <= SERVICE_UDP6; id++)
		rig_service(r, id)->class = CLASS_COUNT;
}

static void empty_rings(struct rig *r)
{
	rig_rings(r, 0, 0);
}

static void no_rings(struct rig *r)
{
	for (uint16_t id = 1; id <= SERVICE_UDP6; id++)
		rig_service(r, id)->ring_slots = 0;
}

static void drain_all(struct rig *r)
{
	for (uint16_t id = 1; id < RIG_BACKENDS; id++)
		r->backends[id].flags = BACKEND_DRAINED;
}

static void forget_ways(struct rig *r)
{
	for (uint16_t id = 1; id < RIG_BACKENDS; id++)
		r->backends[id].mtu = 0;
}

static const struct reason {
	const char *what;
	void (*make)(struct rig *r);
	enum outcome why;
} reasons[] = {
	{ "every lease has lapsed", lapse_all, OUT_LEASE_LAPSED },
	{ "unknown class", break_class, OUT_CLASS_UNKNOWN },
	{ "empty slots", empty_rings, OUT_NO_BACKEND },
	{ "no ring", no_rings, OUT_NO_BACKEND },
	{ "all drained", drain_all, OUT_NO_BACKEND },
	{ "no interface", forget_ways, OUT_NO_NEXT_HOP },
};

static void each_reason(struct rig *r)
{
	char what[96];
	struct spec s;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		for (int k = 0; k < 4; k++) {
			rig_reset(r);
			reasons[i].make(r);
			s = *all[k];
			s.seq = 0xfffffff0 + (uint32_t)i;
			s.tags = i % 3;
			snprintf(what, sizeof(what), "%s, %s", reasons[i].what, names[k]);
			answered(r, what, &s, reasons[i].why);
		}
	}
}

static void told_to_drop(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct frame f = frame_of(all[k]);

		for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
			rig_reset(r);
			for (uint16_t id = 1; id <= SERVICE_UDP6; id++)
				rig_service(r, id)->refusal = REFUSE_DROP;
			reasons[i].make(r);
			silent(r, "told to drop", &f, reasons[i].why);
		}
	}
}

/* RFC 9293, 3.10.7.1: a segment to a connection that does not exist. */
static void sequence_numbers(struct rig *r)
{
	static const struct {
		const char *what;
		uint8_t flags;
		size_t payload;
		uint32_t seq, ack;
		uint32_t reset_seq, reset_ack;
		uint8_t reset_flags;
	} rows[] = {
		{ "SYN", SYN, 0, 1000, 0, 0, 1001, RST | ACK },
		{ "SYN with data", SYN, 7, 1000, 0, 0, 1008, RST | ACK },
		{ "SYN, sequence wraps", SYN, 0, 0xffffffff, 0, 0, 0, RST | ACK },
		{ "FIN without ACK", FIN, 3, 50, 0, 0, 54, RST | ACK },
		{ "no flags", 0, 10, 50, 77, 0, 60, RST | ACK },
		{ "ACK", ACK, 0, 50, 0x80000001, 0x80000001, 0, RST },
		{ "data", ACK | PSH, 100, 50, 4242, 4242, 0, RST },
		{ "SYN and ACK", SYN | ACK, 0, 50, 4243, 4243, 0, RST },
		{ "FIN and ACK", FIN | ACK, 0, 50, 4244, 4244, 0, RST },
	};
	struct frame in, out;

	rig_reset(r);
	lapse_all(r);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
			struct spec s = ipv6 ? tcp6 : tcp4;

			s.flags = rows[i].flags;
			s.payload = rows[i].payload;
			s.seq = rows[i].seq;
			s.ack = rows[i].ack;
			in = frame_of(&s);
			rig_row(r, rows[i].what, &in, &w, &out);
			rig_check(r,
				  is_reset(&in, &out, rows[i].reset_seq, rows[i].reset_ack,
					   rows[i].reset_flags),
				  "%s: right RST", rows[i].what);
		}
	}
	for (int flags = RST; flags <= (RST | ACK); flags += ACK) {
		struct spec s = tcp4;

		s.flags = (uint8_t)flags;
		in = frame_of(&s);
		silent(r, "never a RST for a RST", &in, OUT_LEASE_LAPSED);
	}
}

/* The length of a segment is told by its header, not by the padding behind it. */
static void options_and_padding(struct rig *r)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	struct spec s = tcp4;
	struct frame in, out;

	rig_reset(r);
	lapse_all(r);
	s.payload = 20;
	s.seq = 9;
	in = frame_of(&s);
	in.b[in.l4 + 12] = 8 << 4; /* 12 bytes of options, 8 of data */
	in.n += 5;
	frame_fix(&in);
	rig_row(r, "options and padding", &in, &w, &out);
	rig_check(r, is_reset(&in, &out, 0, 9 + 8 + 1, RST | ACK),
		  "options and padding: right RST");
}

static void quotes(struct rig *r)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	struct frame in, out;

	rig_reset(r);
	lapse_all(r);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		wait_for_budget();
		for (size_t n = 0; n < 12; n++) {
			struct spec s = ipv6 ? udp6 : udp4;

			s.payload = n < 6 ? n : (ipv6 ? 1232 - 48 : 548 - 28) + n - 9;
			in = frame_of(&s);
			rig_row(r, "ICMP quotes", &in, &w, &out);
			rig_check(r, is_prohibited(&in, &out), "%zu bytes quoted right", n);
		}
	}
}

static void forbidden_sources(struct rig *r)
{
	static const char *const sources[] = {
		"0.0.0.0",   "0.1.2.3",	  "127.0.0.1",	     "224.0.0.1",
		"239.1.2.3", "240.0.0.1", "255.255.255.255", "::",
		"::1",	     "ff02::1",	  "ff0e::5",	     "::ffff:198.51.100.7",
	};

	rig_reset(r);
	lapse_all(r);
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		bool ipv6 = strchr(sources[i], ':');

		for (int udp = 0; udp < 2; udp++) {
			struct spec s = *all[2 * ipv6 + udp];
			struct frame in = frame_of(&s);
			struct addr a = addr_of(sources[i]);

			memcpy(in.b + in.l3 + (ipv6 ? 8 : 12), ipv6 ? (void *)&a : (void *)&a.w[3],
			       ipv6 ? 16 : 4);
			frame_fix(&in);
			silent(r, sources[i], &in, OUT_LEASE_LAPSED);
		}
	}
}

/*
 * Not RST: the connection is fine, its segments must be shorter.  An IPv4 packet without DF hears
 * it too: we cut nothing, and its sender then does.  across: to a backend of the other family.
 */
static void too_big_for(struct rig *r, const struct spec *flow, int k, bool across)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_TOO_BIG };
	bool ipv6 = strchr(flow->dst, ':'), outer6 = ipv6 != across;
	uint16_t id = outer6 ? BACKEND6 : BACKEND4, outer = outer6 ? 40 : 20;
	struct frame in, out;

	for (uint8_t tags = 0; tags <= 2; tags++) {
		struct spec s = *flow;

		rig_reset(r);
		rig_rings(r, id, 0);
		s.payload = 1300;
		s.tags = tags;
		in = frame_of(&s);
		if (!ipv6 && tags != 1) {
			in.b[in.l3 + 6] = 0x40; /* DF */
			frame_fix(&in);
		}
		r->backends[id].mtu = (uint16_t)(in.n - in.l3 + outer - 1);
		rig_row(r, "a byte too big for the way", &in, &w, &out);
		rig_check(r,
			  ipv6 ? is_icmp(&in, &out, 2, 0, r->backends[id].mtu - outer)
			       : is_icmp(&in, &out, 3, 4, r->backends[id].mtu - outer),
			  "a byte too big: %s, %u tags, told the size that fits", names[k], tags);
		r->backends[id].mtu++;
		rig_steered(r, "just fits the way", &s, id);
	}
}

static void too_big(struct rig *r)
{
	wait_for_budget();
	for (int k = 0; k < 4; k++) {
		too_big_for(r, all[k], k, false);
		too_big_for(r, all[k], k, true);
	}
}

/* RFC 4443, 2.4 f.  A burst, and then little: never one answer for each of many. */
static void limited(struct rig *r)
{
	struct frame in = frame_of(&udp6), out;
	struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	unsigned int sent = 0, burst = 0;
	struct counts before, after;
	enum { FLOOD = 20000 };

	rig_reset(r);
	lapse_all(r);
	wait_for_budget();
	rig_counts(r, &before);
	for (int i = 0; i < FLOOD; i++) {
		bool answer = rig_run(r, &in, &out) == XDP_TX;

		sent += answer;
		burst += answer && burst == (unsigned int)i;
	}
	rig_counts(r, &after);
	rig_check(r, burst >= 256, "a burst of ICMP is answered: %u", burst);
	rig_check(r, sent < FLOOD / 2, "and a flood is not: %u of %d", sent, FLOOD);
	rig_check(r,
		  after.outcome[OUT_LEASE_LAPSED].packets -
				  before.outcome[OUT_LEASE_LAPSED].packets ==
			  FLOOD,
		  "a refusal without an answer is counted all the same");
	in = frame_of(&tcp6);
	rig_row(r, "RSTs are not limited", &in, &w, &out);
}

static void internal_for(struct rig *r, const struct spec *s)
{
	struct frame in = frame_of(s);

	rig_reset(r);
	r->settings->flows_mask = UINT32_MAX;
	silent(r, "flows are fewer than settings say", &in, OUT_INTERNAL);
	rig_reset(r);
	for (uint16_t id = SERVICE_TCP4; id <= SERVICE_UDP6; id++)
		rig_service(r, id)->ring = RING_SLOTS_MAX;
	silent(r, "a ring outside of the map", &in, OUT_INTERNAL);
	rig_reset(r);
	rig_rings(r, 65000, 65000);
	answered(r, "ids that no backend has", s, OUT_NO_BACKEND);
	rig_reset(r);
	r->settings->services_mask = UINT32_MAX >> 1;
	silent(r, "services are fewer than settings say", &in, OUT_INTERNAL);
}

static void internal(struct rig *r)
{
	wait_for_budget();
	for (int k = 0; k < 4; k++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = *all[k];

			s.tags = tags;
			internal_for(r, &s);
		}
	}
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	each_reason(&r);
	told_to_drop(&r);
	sequence_numbers(&r);
	options_and_padding(&r);
	quotes(&r);
	forbidden_sources(&r);
	too_big(&r);
	limited(&r);
	internal(&r);
	return rig_close(&r);
}
