// SPDX-License-Identifier: BSD-2-Clause
/*
 * Settled and moved slots (struct ring_slot): which flows need no memory, who keeps a
 * flow when its slot moves, and that no live backend loses one of 100,000 to a change.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rig.h"
#include "steering/ring.h"
#include "steering/settle.h"

enum {
	FLOWS = 100000,
	RING = 1021, /* a prime; where rig_reset() leaves room */
	RING_AT = 4096,
};

static const struct spec syn4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec syn6 = { CLIENT6, VIP6, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec udp4 = { CLIENT4, VIP4, 40001, 53, IPPROTO_UDP, .flags = 0 };

static struct spec later(const struct spec *s)
{
	struct spec ack = *s;

	if (ack.proto == IPPROTO_TCP)
		ack.flags = ACK;
	return ack;
}

static struct ring_slot *slot(struct rig *r, const struct spec *s)
{
	uint32_t first = strchr(s->dst, ':') ? RIG_RING6 : 0;

	return &r->rings[first + ring_slot_of(rig_flow_hash(r, s), RIG_RING_SLOTS)];
}

static void begin(struct rig *r, uint16_t primary, uint16_t fallback)
{
	rig_reset(r);
	for (uint16_t id = SERVICE_TCP4; id <= SERVICE_UDP6; id++)
		rig_service(r, id)->flags |= SERVICE_SETTLES;
	rig_rings(r, primary, fallback);
}

/* One packet: to whom it went and whether it counted as a new flow. */
static void goes(struct rig *r, const char *what, const struct spec *s, uint16_t to, bool anew)
{
	bool ipv6 = strchr(s->dst, ':'), tcp = s->proto == IPPROTO_TCP;
	struct want w = { XDP_TX, OUT_STEERED,
			  ipv6	? SERVICE_TCP6
			  : tcp ? SERVICE_TCP4
				: SERVICE_UDP4,
			  to, anew };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
	rig_check(r, out.b[5] == to, "%s: to backend %u, got %u", what, to, out.b[5]);
}

static void settled(struct rig *r, const struct spec *s, uint16_t a, uint16_t b)
{
	struct spec ack = later(s), tagged = *s;
	struct spec *const packets[] = { &ack, &tagged };

	tagged.tags = 1;
	tagged.flags = ack.flags;
	begin(r, a | SLOT_SETTLED, b);
	goes(r, "settled: a flow begins", s, a, s->proto == IPPROTO_TCP);
	for (int i = 0; i < 2; i++)
		goes(r, "settled: and goes on", packets[i], a, false);
	rig_check(r, !rig_flow(r, s), "settled: nothing is remembered");
	rig_check(r, slot(r, s)->primary == (a | SLOT_SETTLED), "settled: and stays so");
}

/* A lapse sends the slot's flows elsewhere, where they stay when the primary is back. */
static void lapses(struct rig *r, const struct spec *s, uint16_t a, uint16_t b)
{
	struct spec ack = later(s);

	begin(r, a | SLOT_SETTLED, b);
	rig_lease(r, a, RIG_LAPSED);
	goes(r, "settled, lapsed: to the fallback", &ack, b, true);
	rig_check(r, slot(r, s)->primary == a && slot(r, s)->fallback == (b | SLOT_YOUNG),
		  "settled, lapsed: the slot is not settled any more, and young");
	rig_lease(r, a, RIG_LIVE);
	goes(r, "back again: its flow stays where it went", &ack, b, false);
	slot(r, s)->fallback = b;
	goes(r, "a flow that is not the primary's", &ack, b, false);
	rig_check(r, slot(r, s)->fallback == (b | SLOT_YOUNG), "keeps its slot young");
}

static void moves(struct rig *r, const struct spec *s, uint16_t was, uint16_t is)
{
	struct spec ack = later(s);

	begin(r, is | SLOT_MOVED, was);
	goes(r, "moved: a flow of a time before", &ack, was, true);
	rig_check(r, slot(r, s)->fallback == (was | SLOT_YOUNG), "moved: is young for it");
	goes(r, "moved: and stays", &ack, was, false);
	begin(r, is | SLOT_MOVED, was);
	goes(r, "moved: a new flow", s, is, true);
	goes(r, "moved: and stays", &ack, is, false);
	begin(r, is | SLOT_MOVED, was);
	r->backends[was].flags = BACKEND_DRAINED;
	goes(r, "moved from a drained one: keeps its flows", &ack, was, true);
	begin(r, is | SLOT_MOVED, was);
	rig_lease(r, was, RIG_LAPSED);
	goes(r, "moved from one without a lease", &ack, is, true);
}

/* Nobody can tell a UDP flow's first packet. */
static void datagrams(struct rig *r)
{
	begin(r, (BACKEND4 + 1) | SLOT_MOVED, BACKEND4);
	goes(r, "moved, UDP: as the ring says", &udp4, BACKEND4 + 1, true);
	settled(r, &udp4, BACKEND4, BACKEND4 + 1);
}

static void not_asked(struct rig *r)
{
	begin(r, BACKEND4 | SLOT_SETTLED, BACKEND4 + 1);
	rig_service(r, SERVICE_TCP4)->flags &= (uint16_t)~SERVICE_SETTLES;
	goes(r, "a service that tracks always", &syn4, BACKEND4, true);
	rig_check(r, rig_flow(r, &syn4) != NULL, "remembers in spite of the flag");
}

/* A flow's packet, and the backend it goes to; 0 if it is not forwarded. */
static uint8_t send_one(struct rig *r, struct frame *f, uint32_t flow, uint8_t flags)
{
	struct frame out;

	put32(f->b + f->l3 + 12, 0x0a000000 + flow);
	put16(f->b + f->l4, (uint16_t)(1024 + flow % 60000));
	f->b[f->l4 + 13] = flags;
	return rig_run(r, f, &out) == XDP_TX ? out.b[5] : 0;
}

static struct ring_slot ring[RING], before[RING];
static uint8_t home[FLOWS];

/* The ring of these weights takes the place of the one in use, as the daemon does it. */
static void publish(struct rig *r, struct ring_work *w, const uint32_t weight[4], bool first)
{
	struct ring_member m[3];
	struct ring_want want = { m, 3, RING, false, 1000 };
	struct ring_moves moved;
	struct service *s = rig_service(r, SERVICE_TCP4);
	uint32_t at = first || s->ring != RING_AT ? RING_AT : RING_AT + RING + 1;

	for (uint16_t i = 0; i < 3; i++)
		m[i] = (struct ring_member){ ring_key(i ? i > 1 ? "c" : "b" : "a"),
					     (uint16_t)(i + 1), weight[i + 1] };
	memcpy(before, &r->rings[s->ring], sizeof(before));
	if (ring_update(w, &want, first ? NULL : before, ring, &moved))
		abort();
	settle_carry(first ? NULL : before, first ? 0 : RING, ring, RING);
	memcpy(&r->rings[at], ring, sizeof(ring));
	s->ring_ref = (struct service){ .ring = at, .ring_slots = RING }.ring_ref;
}

static void sweep(struct rig *r)
{
	settle_sweep(&r->rings[rig_service(r, SERVICE_TCP4)->ring], RING, r->backends, RIG_BACKENDS,
		     CLASS_CONFIDENTIAL, 2);
}

/* How many of the flows are now elsewhere though their backend lives. */
static uint32_t strayed(struct rig *r, struct frame *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < FLOWS; i++) {
		uint8_t to = send_one(r, f, i, ACK);

		if (to == home[i])
			continue;
		n += r->backends[home[i]].until[CLASS_CONFIDENTIAL] > 2;
		home[i] = to;
	}
	return n;
}

/* Each flow says something in each of them. */
static void pass_periods(struct rig *r, struct frame *f)
{
	for (int i = 0; i < 3; i++) {
		sweep(r);
		rig_check(r, strayed(r, f) == 0, "a period passes");
	}
}

static const struct change {
	const char *what;
	uint32_t weight[4];
	bool settle; /* periods pass before it */
} changes[] = {
	{ "a backend is added", { 0, 100, 100, 100 }, true },
	{ "another is reweighted", { 0, 100, 20, 100 }, true },
	{ "and at once again", { 0, 30, 90, 100 }, false },
	{ "one is taken away, its lease alive", { 0, 100, 100, 0 }, true },
	{ "and comes back", { 0, 100, 100, 100 }, false },
};

static uint32_t slots_moved(void)
{
	uint32_t n = 0;

	for (int i = 0; i < RING; i++)
		n += ((before[i].primary ^ ring[i].primary) & BACKEND_ID_MASK) != 0;
	return n;
}

static uint32_t settled_slots(struct rig *r)
{
	const struct ring_slot *now = &r->rings[rig_service(r, SERVICE_TCP4)->ring];
	uint32_t n = 0;

	for (int i = 0; i < RING; i++)
		n += now[i].primary >> 15;
	return n;
}

static void stability(struct rig *r)
{
	static const uint32_t two[4] = { 0, 100, 100, 0 };
	struct ring_work *w = ring_work_new(4, RING);
	struct frame f = frame_of(&syn4);
	uint32_t n;

	begin(r, BACKEND4, 0);
	publish(r, w, two, true);
	for (uint32_t i = 0; i < FLOWS; i++)
		home[i] = send_one(r, &f, i, SYN);
	rig_check(r, strayed(r, &f) == 0, "%u flows go on", FLOWS);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		if (changes[i].settle)
			pass_periods(r, &f);
		publish(r, w, changes[i].weight, false);
		n = strayed(r, &f);
		rig_check(r, n == 0,
			  "%s: %u of %u slots moved, and %u of %u flows whose backend lives",
			  changes[i].what, slots_moved(), RING, n, FLOWS);
	}
	rig_check(r, settled_slots(r) > RING / 4, "%u slots are settled", settled_slots(r));
	rig_lease(r, 2, RIG_LAPSED);
	n = strayed(r, &f);
	rig_check(r, n == 0, "one lapses: %u of the others' flows moved", n);
	ring_work_free(w);
}

int main(void)
{
	static struct rig r;

	rig_open(&r);
	settled(&r, &syn4, BACKEND4, BACKEND4 + 1);
	settled(&r, &syn6, BACKEND6, BACKEND6 + 1);
	lapses(&r, &syn4, BACKEND4, BACKEND4 + 1);
	lapses(&r, &syn6, BACKEND6, BACKEND6 + 1);
	moves(&r, &syn4, BACKEND4, BACKEND4 + 1);
	moves(&r, &syn6, BACKEND6, BACKEND6 + 1);
	datagrams(&r);
	not_asked(&r);
	stability(&r);
	return rig_close(&r);
}
