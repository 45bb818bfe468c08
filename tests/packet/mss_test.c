// SPDX-License-Identifier: BSD-2-Clause
/*
 * A service that limits the segments of its clients: the SYN says at most that, its
 * checksum is right, and nothing else of it or of other packets has changed.
 */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "rig.h"

enum { LIMIT = 1360, OPTIONS_MAX = 40 };

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = SYN };

/* Options, and where the size is that must become LIMIT; 0: nowhere. */
static const struct row {
	const char *what;
	uint8_t options[OPTIONS_MAX];
	size_t bytes; /* of them; a multiple of 4 */
	size_t at;
} rows[] = {
	{ "alone", { 2, 4, 0x05, 0xb4 }, 4, 2 },
	{ "at its largest", { 2, 4, 0xff, 0xff }, 4, 2 },
	{ "one too large", { 2, 4, LIMIT >> 8, (LIMIT & 0xff) + 1 }, 4, 2 },
	{ "as large as may be", { 2, 4, LIMIT >> 8, LIMIT & 0xff }, 4, 0 },
	{ "smaller", { 2, 4, 0x02, 0x18 }, 4, 0 },
	{ "of nothing", { 2, 4, 0, 0 }, 4, 0 },
	{ "as Linux has it",
	  { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 },
	  20,
	  2 },
	{ "behind one NOP, in an odd place", { 1, 2, 4, 0x05, 0xb4, 1, 1, 1 }, 8, 3 },
	{ "behind two", { 1, 1, 2, 4, 0x05, 0xb4, 1, 1 }, 8, 4 },
	{ "behind a window scale, in an odd place", { 3, 3, 7, 2, 4, 0x05, 0xb4, 0 }, 8, 5 },
	{ "behind a timestamp", { 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 2, 4, 0x05, 0xb4 }, 16, 14 },
	{ "at the very end",
	  { [34] = 0, [36] = 2, [37] = 4, [38] = 0x05, [39] = 0xb4, [0] = 5, [1] = 36 },
	  40,
	  38 },
	{ "behind the end of options", { 0, 2, 4, 0x05, 0xb4, 0, 0, 0 }, 8, 0 },
	{ "of another length", { 2, 3, 0x05, 0xb4, 1, 1, 1, 1 }, 8, 0 },
	{ "behind an option of no length", { 5, 0, 2, 4, 0x05, 0xb4, 1, 1 }, 8, 0 },
	{ "behind one that ends beyond the header", { 5, 200, 2, 4, 0x05, 0xb4, 1, 1 }, 8, 0 },
	{ "cut by the end of the header", { 1, 2, 4, 0x05 }, 4, 0 },
	{ "NOPs alone", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 12, 0 },
	{ "no options", { 0 }, 0, 0 },
};

static struct frame syn_of(const struct spec *s, const struct row *row)
{
	struct spec long_one = *s;
	struct frame f;

	long_one.payload = row->bytes + 5; /* some data, which looks like the option */
	f = frame_of(&long_one);
	memcpy(f.b + f.l4 + 20, row->options, row->bytes);
	memcpy(f.b + f.l4 + 20 + row->bytes, "\2\4\5\264\1", 5);
	f.b[f.l4 + 12] = (uint8_t)((20 + row->bytes) / 4 << 4);
	frame_fix(&f);
	return f;
}

static void becomes(struct rig *r, const char *what, const struct spec *s, const struct frame *in,
		    const struct frame *inner)
{
	bool ipv6 = frame_is_ipv6(in);
	uint16_t backend = ipv6 ? BACKEND6 : BACKEND4;
	struct want want = { XDP_TX, OUT_STEERED, ipv6 ? SERVICE_TCP6 : SERVICE_TCP4, backend,
			     .new_flow = !rig_flow(r, s) };
	struct wrapping w = { .src = ipv6 ? SOURCE6 : SOURCE4,
			      .dst = ipv6 ? "fd00:9::1" : "10.9.0.1",
			      .mac = r->backends[backend].mac,
			      .label = rig_flow_hash(r, s) & 0xfffff };
	struct frame out, wanted = frame_wrapped(inner, &w);

	if (rig_row(r, what, in, &want, &out))
		rig_check(r, frame_equal(&out, &wanted), "%s: every byte", what);
}

static void limit(struct rig *r)
{
	rig_reset(r);
	for (uint16_t id = SERVICE_TCP4; id <= SERVICE_TCP6; id += SERVICE_TCP6 - SERVICE_TCP4) {
		rig_service(r, id)->flags |= SERVICE_SPECIAL;
		rig_service(r, id)->mss = LIMIT;
	}
}

static void each_row(struct rig *r, const struct spec *flow)
{
	char what[96];

	limit(r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = *flow;
			struct frame in, want;

			s.tags = tags;
			s.seq = (uint32_t)(i * 0x01234567u);
			in = want = syn_of(&s, &rows[i]);
			if (rows[i].at) {
				put16(want.b + want.l4 + 20 + rows[i].at, LIMIT);
				frame_fix(&want);
			}
			snprintf(what, sizeof(what), "MSS %s, %u tags", rows[i].what, tags);
			becomes(r, what, &s, &in, &want);
		}
	}
}

/* Sums that carry, and one that is wrong: it must stay so. */
static void sums(struct rig *r, const struct spec *flow)
{
	struct frame in, want;

	limit(r);
	for (uint32_t seq = 0; seq < 0x10000; seq += 0x0fff) {
		struct spec s = *flow;

		s.seq = seq;
		for (int row = 0; row < 8; row += 7) {
			in = want = syn_of(&s, &rows[row]);
			put16(want.b + want.l4 + 20 + rows[row].at, LIMIT);
			frame_fix(&want);
			becomes(r, "another sum", &s, &in, &want);
		}
	}
	in = want = syn_of(flow, &rows[0]);
	put16(want.b + want.l4 + 22, LIMIT);
	frame_fix(&want);
	in.b[in.l4 + 30] ^= 4;
	want.b[in.l4 + 30] ^= 4;
	becomes(r, "a damaged SYN is not mended", flow, &in, &want);
}

static void others(struct rig *r, const struct spec *flow)
{
	static const uint8_t flags[] = { ACK, SYN | ACK, FIN | ACK, RST, PSH | ACK, 0 };
	struct frame in;

	limit(r);
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct spec s = *flow;

		s.flags = flags[i];
		in = syn_of(&s, &rows[0]);
		becomes(r, "no SYN of a client: left alone", &s, &in, &in);
	}
	in = syn_of(flow, &rows[0]);
	rig_service(r, SERVICE_TCP4)->mss = rig_service(r, SERVICE_TCP6)->mss = 0;
	becomes(r, "no limit: left alone", flow, &in, &in);
}

int main(void)
{
	static const struct spec *const flows[] = { &tcp4, &tcp6 };
	struct rig r;

	rig_open(&r);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		each_row(&r, flows[ipv6]);
		sums(&r, flows[ipv6]);
		others(&r, flows[ipv6]);
	}
	return rig_close(&r);
}
