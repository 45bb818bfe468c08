// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest's way out: what is pinned leaves untouched, and all else is refused, counted
 * under one outcome and told of.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "egress_rig.h"

static void destinations(struct egress_rig *r, int v6, uint8_t tags)
{
	const char *ours = v6 ? OURS6 : OURS4, *pinned = v6 ? PINNED6 : PINNED4,
		   *other = v6 ? OTHER6 : OTHER4, *prefix = v6 ? IN_PREFIX6 : IN_PREFIX4;
	struct frame f = egress_tcp(ours, 4000, pinned, 443, SYN, tags);

	egress_row(r, "a SYN to what is pinned", &f, EGRESS_PINNED);
	f = egress_tcp(ours, 4000, pinned, 443, ACK | PSH, tags);
	egress_row(r, "and what follows", &f, EGRESS_PINNED);
	f = egress_tcp(ours, 4000, pinned, 444, SYN, tags);
	egress_row(r, "to another port", &f, EGRESS_NOT_PINNED);
	f = egress_udp(ours, 4000, pinned, 443, tags);
	egress_row(r, "by another protocol", &f, EGRESS_NOT_PINNED);
	f = egress_tcp(ours, 4000, other, 443, SYN, tags);
	egress_row(r, "to the next address", &f, EGRESS_NOT_PINNED);
	f = egress_tcp(ours, 443, other, 4000, SYN | ACK, tags);
	egress_row(r, "from the port of what is pinned", &f, EGRESS_NOT_PINNED);
	f = egress_udp(ours, 4000, prefix, 853, tags);
	egress_row(r, "within a prefix", &f, EGRESS_PINNED);
	f = egress_udp(ours, 4000, v6 ? "2001:db8:8::1" : "203.0.114.1", 853, tags);
	egress_row(r, "beyond it", &f, EGRESS_NOT_PINNED);
}

static void answers(struct egress_rig *r, int v6, uint8_t tags)
{
	const char *ours = v6 ? OURS6 : OURS4, *vip = v6 ? VIP6 : VIP4, *any = v6 ? OTHER6 : OTHER4,
		   *peer = v6 ? PEER6 : PEER4;
	struct frame f = egress_tcp(vip, 443, any, 5000, SYN | ACK, tags);

	egress_row(r, "a service answers anybody", &f, EGRESS_SERVED);
	f = egress_tcp(vip, 443, any, 5000, FIN | ACK, tags);
	egress_row(r, "to the end", &f, EGRESS_SERVED);
	f = egress_tcp(vip, 443, any, 5000, RST, tags);
	egress_row(r, "or resets", &f, EGRESS_SERVED);
	f = egress_tcp(vip, 443, any, 5000, SYN, tags);
	egress_row(r, "but opens nothing", &f, EGRESS_OPENS);
	f = egress_tcp(vip, 443, any, 5000, SYN | FIN, tags);
	egress_row(r, "with whatever flags", &f, EGRESS_OPENS);
	f = egress_udp(vip, 53, any, 5000, tags);
	egress_row(r, "a service of UDP", &f, EGRESS_SERVED);
	f = egress_udp(vip, 443, any, 5000, tags);
	egress_row(r, "another protocol of it", &f, EGRESS_NOT_PINNED);
	f = egress_tcp(vip, 444, any, 5000, ACK, tags);
	egress_row(r, "another port of it", &f, EGRESS_NOT_PINNED);
	f = egress_tcp(ours, 443, any, 5000, ACK, tags);
	egress_row(r, "another address of ours", &f, EGRESS_NOT_PINNED);
	f = egress_tcp(ours, AGENT_PORT, peer, 5000, SYN | ACK, tags);
	egress_row(r, "the agent answers a router", &f, EGRESS_ANSWERED);
	f = egress_tcp(ours, AGENT_PORT, peer, 5000, SYN, tags);
	egress_row(r, "and calls none", &f, EGRESS_OPENS);
	f = egress_tcp(ours, AGENT_PORT, any, 5000, ACK, tags);
	egress_row(r, "nor answers others", &f, EGRESS_NOT_PINNED);
	f = egress_tcp(ours, AGENT_PORT + 1, peer, 5000, ACK, tags);
	egress_row(r, "from no other port", &f, EGRESS_NOT_PINNED);
}

static void other_protocols(struct egress_rig *r, int v6, uint8_t tags)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_IPIP, IPPROTO_GRE, IPPROTO_SCTP,
					     IPPROTO_IPV6, 50,		 59,	      253 };
	struct frame f;

	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct spec s = { .src = v6 ? VIP6 : VIP4,
				  .dst = v6 ? PINNED6 : PINNED4,
				  .sport = 443,
				  .dport = 443,
				  .proto = protocols[i],
				  .payload = 30,
				  .tags = tags };

		f = frame_of(&s);
		egress_row(r, "neither TCP nor UDP", &f, EGRESS_PROTOCOL);
	}
	f = egress_tcp(v6 ? OURS6 : OURS4, 1, v6 ? PINNED6 : PINNED4, 443, SYN, tags);
	for (unsigned int type = 0; type < 4; type++) {
		static const uint16_t types[] = { 0x8847, 0x88cc, 0x0842, 0x8035 };

		put16(f.b + 12 + 4 * tags, types[type]);
		egress_row(r, "another ethertype", &f, EGRESS_ETHERTYPE);
	}
}

static void fragments(struct egress_rig *r, uint8_t tags)
{
	struct frame f = egress_udp(OURS4, 1, IN_PREFIX4, 853, tags);
	static const uint8_t headers[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH, IPPROTO_MH, 139, 140
	};

	put16(f.b + f.l3 + 6, 0x2000);
	egress_row(r, "a first fragment", &f, EGRESS_FRAGMENT);
	put16(f.b + f.l3 + 6, 0x0020);
	egress_row(r, "a later one", &f, EGRESS_FRAGMENT);
	put16(f.b + f.l3 + 6, 0x4000);
	egress_row(r, "what must not be fragmented", &f, EGRESS_PINNED);
	f.b[f.l3] = 0x46;
	egress_row(r, "IPv4 options", &f, EGRESS_OPTIONS);
	f = egress_udp(OURS6, 1, IN_PREFIX6, 853, tags);
	f.b[f.l3 + 6] = IPPROTO_FRAGMENT;
	egress_row(r, "an IPv6 fragment", &f, EGRESS_FRAGMENT);
	for (size_t i = 0; i < sizeof(headers); i++) {
		f.b[f.l3 + 6] = headers[i];
		egress_row(r, "an extension header", &f, EGRESS_OPTIONS);
	}
}

/* Of what would be let out, a field is damaged; at: within the IP header. */
static void damaged(struct egress_rig *r, uint8_t tags)
{
	static const struct {
		const char *what;
		int v6;
		size_t at;
		uint16_t value;
	} rows[] = {
		{ "version", 0, 0, 0x6500 },
		{ "a header of 16 bytes", 0, 0, 0x4400 },
		{ "a length below the header", 0, 2, 19 },
		{ "a length a byte long", 0, 2, 71 },
		{ "a length of none", 0, 2, 0 },
		{ "a TCP header beyond", 0, 32, 0xf010 },
		{ "a TCP header of 16 bytes", 0, 32, 0x4010 },
		{ "IPv6 version", 1, 0, 0x4000 },
		{ "a payload a byte long", 1, 4, 51 },
		{ "a payload of none", 1, 4, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame f = egress_tcp(rows[i].v6 ? OURS6 : OURS4, 1,
					    rows[i].v6 ? PINNED6 : PINNED4, 443, ACK, tags);

		put16(f.b + f.l3 + rows[i].at, rows[i].value);
		egress_row(r, rows[i].what, &f, EGRESS_MALFORMED);
	}
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame f =
			egress_tcp(v6 ? OURS6 : OURS4, 1, v6 ? PINNED6 : PINNED4, 443, ACK, tags);

		/* Kernels refuse to run a test with less than an IP header, where they see one. */
		for (f.n--; f.n >= (tags ? f.l3 : f.l4); f.n--)
			egress_row(r, "cut", &f, EGRESS_MALFORMED);
	}
}

static struct frame mapped(const char *src4, uint16_t sport, const char *dst4, uint16_t dport,
			   bool whole)
{
	struct frame f = egress_tcp(OURS6, sport, PINNED6, dport, ACK, 0);
	struct addr a = addr_of(src4), b = addr_of(dst4);

	if (whole || strcmp(src4, OURS4))
		memcpy(f.b + f.l3 + 8, &a, sizeof(a));
	if (whole || strcmp(dst4, OTHER4))
		memcpy(f.b + f.l3 + 24, &b, sizeof(b));
	return f;
}

static void forged(struct egress_rig *r)
{
	struct frame f = mapped(VIP4, 443, OTHER4, 5000, false);

	egress_row(r, "IPv6 from a mapped VIP", &f, EGRESS_MALFORMED);
	f = mapped(OURS4, 1, PINNED4, 443, false);
	egress_row(r, "IPv6 to what is pinned, mapped", &f, EGRESS_MALFORMED);
	f = mapped(VIP4, 443, PINNED4, 443, true);
	egress_row(r, "both", &f, EGRESS_MALFORMED);
	f = egress_tcp(OURS4, 1, PINNED4, 443, SYN, 3);
	egress_row(r, "three VLAN tags", &f, EGRESS_ETHERTYPE);
	f = egress_tcp(OURS4, 1, PINNED4, 443, SYN, 0);
	memset(f.b, 0xff, 6);
	egress_row(r, "to what is pinned, by broadcast", &f, EGRESS_PINNED);
}

static void without_rules(struct egress_rig *r)
{
	struct frame f = egress_tcp(OURS4, 1, PINNED4, 443, SYN, 0);

	egress_row(r, "nothing leaves before there are rules", &f, EGRESS_NO_RULES);
	f = egress_tcp(OURS6, 1, PINNED6, 443, SYN, 1);
	egress_row(r, "of either family", &f, EGRESS_NO_RULES);
}

/* A SYN-ACK of a service, with an option after another: options are 8 bytes. */
static struct frame syn_ack(int v6, uint8_t tags, const char *options, uint8_t flags)
{
	struct frame f = egress_tcp(v6 ? VIP6 : VIP4, 443, v6 ? OTHER6 : OTHER4, 5000, flags, tags);

	memcpy(f.b + f.l4 + 20, options, 8);
	f.b[f.l4 + 12] = 7 << 4;
	frame_fix(&f);
	return f;
}

/* What services ask of clients' segments is made 1440 at most; all else stays as it was. */
static void segments(struct egress_rig *r, int v6, uint8_t tags)
{
	static const struct {
		const char *what, *is, *becomes;
		uint8_t flags;
	} rows[] = {
		{ "of 1460", "\2\4\5\264\1\1\1\0", "\2\4\5\240\1\1\1\0", SYN | ACK },
		{ "of 9000, at an odd place", "\1\2\4\43\50\1\1\0", "\1\2\4\5\240\1\1\0",
		  SYN | ACK },
		{ "of 1440", "\2\4\5\240\1\1\1\0", NULL, SYN | ACK },
		{ "of 536", "\2\4\2\30\1\1\1\0", NULL, SYN | ACK },
		{ "none", "\1\1\1\1\1\1\1\0", NULL, SYN | ACK },
		{ "of a packet that is no SYN", "\2\4\5\264\1\1\1\0", NULL, ACK },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *becomes = rows[i].becomes ? rows[i].becomes : rows[i].is;
		struct frame in = syn_ack(v6, tags, rows[i].is, rows[i].flags);
		struct frame wanted = syn_ack(v6, tags, becomes, rows[i].flags);

		egress_row_as(r, rows[i].what, &in, EGRESS_SERVED, &wanted);
	}
}

/* Other rules in place of these: at once, and none of the former is left. */
static void replaced(struct egress_rig *r)
{
	struct frame f = egress_tcp(OURS4, 1, OTHER4, 443, SYN, 0);
	int fd = egress_rig_rules(), old = r->rules;

	r->rules = fd;
	egress_rig_allow(r, EGRESS_WAY_TO, IPPROTO_TCP, 443, OTHER4, 0);
	egress_row(r, "rules that are being made are not in force", &f, EGRESS_NOT_PINNED);
	egress_rig_put(r, fd);
	close(old);
	egress_row(r, "in place they are", &f, EGRESS_PINNED);
	f = egress_tcp(OURS4, 1, PINNED4, 443, SYN, 0);
	egress_row(r, "and the former are not", &f, EGRESS_NOT_PINNED);
}

static int on_record(void *arg, void *data, size_t n)
{
	struct egress_rig *r = arg;

	if (n == sizeof(r->last))
		memcpy(&r->last, data, n);
	r->told++;
	return 0;
}

/* A flood is counted packet by packet; told of it are a few of each second. */
static void told(struct egress_rig *r)
{
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(r->e->maps.events), on_record, r, NULL);
	struct frame f = egress_tcp(OURS6, 1234, OTHER6, 80, SYN, 1);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f.b, .data_size_in = (__u32)f.n,
		    .repeat = 100000);
	struct addr src = addr_of(OURS6), dst = addr_of(OTHER6);
	unsigned int of_rows;
	bool good;

	if (!ring)
		alone_die("events");
	ring_buffer__consume(ring);
	of_rows = r->told;
	if (bpf_prog_test_run_opts(bpf_program__fd(r->e->progs.egress), &run))
		alone_die("test run");
	ring_buffer__consume(ring);
	good = of_rows && r->told - of_rows <= 100;
	printf("# %u of 100000\n", r->told - of_rows);
	egress_check(r, "of a flood a few are told", good);
	/* Past this second's share by now; in the next one there is another. */
	run.repeat = 1000;
	for (unsigned int was = r->told; r->told == was;) {
		if (bpf_prog_test_run_opts(bpf_program__fd(r->e->progs.egress), &run))
			alone_die("test run");
		ring_buffer__consume(ring);
	}
	good = !memcmp(&r->last.src, &src, sizeof(src)) &&
	       !memcmp(&r->last.dst, &dst, sizeof(dst)) && r->last.sport == htons(1234) &&
	       r->last.dport == htons(80) && r->last.proto == IPPROTO_TCP &&
	       r->last.outcome == EGRESS_NOT_PINNED && r->last.ethertype == htons(0x86dd) &&
	       r->last.length == f.n;
	egress_check(r, "with all that is known of them", good);
	ring_buffer__free(ring);
}

int main(void)
{
	struct egress_rig r;

	egress_rig_open(&r);
	without_rules(&r);
	egress_rig_fill(&r);
	for (uint8_t tags = 0; tags <= 2; tags++) {
		for (int v6 = 0; v6 < 2; v6++) {
			destinations(&r, v6, tags);
			answers(&r, v6, tags);
			segments(&r, v6, tags);
			other_protocols(&r, v6, tags);
		}
		fragments(&r, tags);
		damaged(&r, tags);
	}
	forged(&r);
	replaced(&r);
	told(&r);
	return egress_rig_close(&r);
}
