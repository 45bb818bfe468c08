// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets to a VIP that cannot be read as they should: cut, contradictory, with
 * options, in pieces.  None is steered, none to a VIP is passed, each is counted
 * for what it is; the same packets to anybody else pass untouched.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .payload = 12 };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 12 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .payload = 12 };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 12 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

static struct spec to_nobody(const struct spec *s)
{
	struct spec other = *s;

	other.dst = strchr(s->dst, ':') ? "2001:db8::99" : "192.0.2.99";
	return other;
}

static void wants(struct rig *r, const char *what, const struct frame *in, uint32_t action,
		  enum outcome o)
{
	struct want w = { .action = action, .outcome = o };
	struct frame out;

	rig_row(r, what, in, &w, &out);
}

/* Every length that is too short. */
static void cut(struct rig *r)
{
	char what[96];

	for (int k = 0; k < 4; k++) {
		for (int tags = 0; tags <= 2; tags++) {
			struct spec s = *all[k], other;
			struct frame f, g;
			size_t whole, headers;

			s.tags = (uint8_t)tags;
			other = to_nobody(&s);
			f = frame_of(&s);
			g = frame_of(&other);
			whole = f.n;
			headers = f.l4 + (s.proto == IPPROTO_TCP ? 20 : 8);
			for (f.n = 14; f.n < whole; f.n++) {
				g.n = f.n;
				snprintf(what, sizeof(what), "%s, %d tags, %zu of %zu bytes",
					 names[k], tags, f.n, whole);
				if (f.n < f.l4)
					wants(r, what, &f, XDP_PASS, OUT_NOT_OURS);
				else
					wants(r, what, &f, XDP_DROP,
					      f.n < headers ? OUT_TRUNCATED : OUT_MALFORMED);
				wants(r, "the same to nobody", &g, XDP_PASS, OUT_NOT_OURS);
			}
		}
	}
}

/* One byte or two of a good packet changed. */
static const struct row {
	const char *what;
	const struct spec *spec;
	bool in_l4;
	size_t at;
	uint16_t value; /* of two bytes */
	enum outcome why;
} rows[] = {
	{ "version 5", &tcp4, false, 0, 0x5500, OUT_MALFORMED },
	{ "version 6 in an IPv4 frame", &tcp4, false, 0, 0x6500, OUT_MALFORMED },
	{ "header of 16 bytes", &tcp4, false, 0, 0x4400, OUT_MALFORMED },
	{ "header of no bytes", &udp4, false, 0, 0x4000, OUT_MALFORMED },
	{ "4 bytes of options", &tcp4, false, 0, 0x4600, OUT_IP_OPTIONS },
	{ "40 bytes of options", &udp4, false, 0, 0x4f00, OUT_MALFORMED },
	{ "total length below the header", &tcp4, false, 2, 19, OUT_MALFORMED },
	{ "total length of nothing", &udp4, false, 2, 0, OUT_MALFORMED },
	{ "total length ends in TCP", &tcp4, false, 2, 39, OUT_TRUNCATED },
	{ "total length ends in UDP", &udp4, false, 2, 27, OUT_TRUNCATED },
	{ "total length beyond the frame", &tcp4, false, 2, 53, OUT_MALFORMED },
	{ "total length far beyond", &udp4, false, 2, 0xffff, OUT_MALFORMED },
	{ "first fragment of a length that cannot be", &udp4, false, 6, 0x2000, OUT_MALFORMED },
	{ "later fragment", &udp4, false, 6, 0x0001, OUT_FRAGMENT_UNKNOWN },
	{ "last fragment, beyond 65535", &udp4, false, 6, 0x1fff, OUT_MALFORMED },
	{ "data offset 4", &tcp4, true, 12, 0x4000, OUT_MALFORMED },
	{ "data offset 0", &tcp4, true, 12, 0, OUT_MALFORMED },
	{ "data offset beyond the packet", &tcp4, true, 12, 0x9000, OUT_MALFORMED },
	{ "UDP length 7", &udp4, true, 4, 7, OUT_MALFORMED },
	{ "UDP length 0", &udp4, true, 4, 0, OUT_MALFORMED },
	{ "UDP length beyond the packet", &udp4, true, 4, 21, OUT_MALFORMED },
	{ "IPv6 version 4", &tcp6, false, 0, 0x4000, OUT_MALFORMED },
	{ "IPv6 version 7", &udp6, false, 0, 0x7000, OUT_MALFORMED },
	{ "payload length ends in TCP", &tcp6, false, 4, 19, OUT_TRUNCATED },
	{ "payload length ends in UDP", &udp6, false, 4, 7, OUT_TRUNCATED },
	{ "payload length 0", &tcp6, false, 4, 0, OUT_TRUNCATED },
	{ "payload length beyond the frame", &tcp6, false, 4, 33, OUT_MALFORMED },
	{ "hop-by-hop options", &tcp6, false, 6, 0x0040, OUT_IP_OPTIONS },
	{ "routing header", &tcp6, false, 6, 43 << 8, OUT_IP_OPTIONS },
	{ "fragment header that is UDP's", &udp6, false, 6, 44 << 8, OUT_MALFORMED },
	{ "authentication header", &udp6, false, 6, 51 << 8, OUT_IP_OPTIONS },
	{ "destination options", &tcp6, false, 6, 60 << 8, OUT_IP_OPTIONS },
	{ "mobility header", &tcp6, false, 6, 135 << 8, OUT_IP_OPTIONS },
	{ "host identity", &tcp6, false, 6, 139 << 8, OUT_IP_OPTIONS },
	{ "shim6", &tcp6, false, 6, 140 << 8, OUT_IP_OPTIONS },
	{ "IPv6 data offset 4", &tcp6, true, 12, 0x4000, OUT_MALFORMED },
	{ "IPv6 data offset beyond", &tcp6, true, 12, 0x9000, OUT_MALFORMED },
	{ "IPv6 UDP length 7", &udp6, true, 4, 7, OUT_MALFORMED },
	{ "IPv6 UDP length beyond", &udp6, true, 4, 21, OUT_MALFORMED },
};

static void contradictory(struct rig *r)
{
	char what[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int tags = 0; tags <= 2; tags++) {
			struct spec s = *rows[i].spec, other;
			struct frame f, g;

			s.tags = (uint8_t)tags;
			other = to_nobody(&s);
			f = frame_of(&s);
			g = frame_of(&other);
			put16(f.b + (rows[i].in_l4 ? f.l4 : f.l3) + rows[i].at, rows[i].value);
			put16(g.b + (rows[i].in_l4 ? g.l4 : g.l3) + rows[i].at, rows[i].value);
			wants(r, rows[i].what, &f, XDP_DROP, rows[i].why);
			snprintf(what, sizeof(what), "%s, to nobody", rows[i].what);
			wants(r, what, &g, XDP_PASS, OUT_NOT_OURS);
		}
	}
}

/* The lengths agree although they are odd: padded, UDP shorter than its packet, all options. */
static void odd_but_right(struct rig *r)
{
	struct want w4 = { XDP_TX, OUT_STEERED, SERVICE_TCP4, BACKEND4, true };
	struct want w6 = { XDP_TX, OUT_STEERED, SERVICE_UDP6, BACKEND6, true };
	struct spec s = tcp4;
	struct frame f, out;

	rig_reset(r);
	s.payload = 40;
	f = frame_of(&s);
	f.b[f.l4 + 12] = 0xf0;
	rig_row(r, "60 bytes of TCP header", &f, &w4, &out);
	f = frame_of(&udp6);
	put16(f.b + f.l4 + 4, 8);
	rig_row(r, "UDP shorter than its packet", &f, &w6, &out);
	f = frame_of(&tcp4);
	put16(f.b + f.l3 + 6, 0x4000);
	w4.new_flow = false;
	rig_row(r, "don't fragment", &f, &w4, &out);
}

/*
 * Random damage.  Whatever it is, the two parsers agree (OUT_INTERNAL says they do not), it is
 * counted once, and what is steered is whole.
 */
static void random_damage(struct rig *r)
{
	struct counts before, after;
	struct frame f, out;
	uint64_t counted = 0;
	unsigned int steered_cut = 0;
	enum { RUNS = 60000 };

	rig_reset(r);
	srandom(1);
	rig_counts(r, &before);
	for (int i = 0; i < RUNS; i++) {
		size_t whole;

		f = frame_of(all[i % 4]);
		whole = f.n;
		for (long n = random() % 4; n >= 0; n--)
			f.b[12 + (size_t)random() % (f.n - 12)] = (uint8_t)random();
		if (random() % 4 == 0)
			f.n = 14 + (size_t)random() % (f.n - 14);
		if (rig_run(r, &f, &out) == XDP_TX && out.n > f.n && f.n < whole &&
		    out.b[23] != 1 && out.b[20] != 58)
			steered_cut += get16(f.b + 12) != 0x86dd && get16(f.b + 16) > f.n - 14;
	}
	rig_counts(r, &after);
	for (int o = 0; o < OUT_COUNT; o++)
		counted += after.outcome[o].packets - before.outcome[o].packets;
	for (int s = 0; s < RIG_SERVICES; s++)
		counted += after.service[s].packets - before.service[s].packets;
	rig_check(r, counted == RUNS, "%d damaged packets are counted once each", RUNS);
	rig_check(r, after.outcome[OUT_INTERNAL].packets == before.outcome[OUT_INTERNAL].packets,
		  "and the parsers agree about all");
	rig_check(r, !steered_cut, "and none is steered that ends too early");
}

/* Metadata takes the room that the outer header needs: bpf_xdp_adjust_meta()'s users do this. */
static bool no_headroom_for(struct rig *r, const struct spec *s)
{
	enum { META = 216 }; /* what 256 bytes of headroom leave beside struct xdp_frame */
	struct frame f = frame_of(s), out;
	uint8_t in[META + 256] = { 0 };
	struct xdp_md ctx = { .data = META, .data_end = META + (uint32_t)f.n };
	struct counts before, after;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = META + (uint32_t)f.n,
		    .data_out = out.b, .data_size_out = sizeof(out.b), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));

	rig_reset(r);
	memcpy(in + META, f.b, f.n);
	rig_counts(r, &before);
	if (bpf_prog_test_run_opts(bpf_program__fd(r->router->progs.router), &run)) {
		printf("# no headroom: not tried, this kernel has less metadata than %d\n", META);
		return false;
	}
	rig_counts(r, &after);
	before.outcome[OUT_NO_HEADROOM].packets++;
	before.outcome[OUT_NO_HEADROOM].bytes += f.n;
	/* A RST needs no room. */
	return rig_check(r, run.retval == (s->proto == IPPROTO_TCP ? XDP_TX : XDP_DROP) && !memcmp(&before, &after, sizeof(after)),
			 "no room for the outer header");
}

static void no_headroom(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = *all[k];

			s.tags = tags;
			if (!no_headroom_for(r, &s))
				return;
		}
	}
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	cut(&r);
	contradictory(&r);
	odd_but_right(&r);
	random_damage(&r);
	if (!rig_hook.is_tc) /* that makes room in other ways */
		no_headroom(&r);
	return rig_close(&r);
}
