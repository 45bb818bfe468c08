// SPDX-License-Identifier: BSD-2-Clause
/*
 * What becomes of a known flow whose backend's lease has lapsed: another backend, an
 * answer or silence, as its service says; remembered or of a settled slot.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "rig.h"

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 33 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

static void set_lapse(struct rig *r, enum on_lapse on)
{
	for (uint16_t id = SERVICE_TCP4; id <= SERVICE_UDP6; id++)
		rig_service(r, id)->on_lapse = (uint8_t)on;
}

static uint16_t first_of(const struct spec *s)
{
	return strchr(s->dst, ':') ? BACKEND6 : BACKEND4;
}

static void refused(struct rig *r, const char *what, const struct spec *s, uint32_t action)
{
	struct want w = { .action = action, .outcome = OUT_LEASE_LAPSED };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
	if (action != XDP_TX)
		return;
	rig_check(r,
		  frame_parse(&out) && frame_checksums_hold(&out) && out.l3 == in.l3 &&
			  (s->proto != IPPROTO_TCP || out.b[out.l4 + 13] & RST),
		  "%s: RST or ICMP, in the client's frame", what);
}

/* s is a flow of the first backend, which has lost its lease; the second has one. */
static void lapsed_flow(struct rig *r, const struct spec *s, enum on_lapse on)
{
	uint16_t first = first_of(s), second = first + 1;
	struct spec other = *s;

	other.sport += 100;
	other.flags = SYN;
	switch (on) {
	case LAPSE_RESTEER:
		rig_steered(r, "resteer: to another backend", s, second);
		break;
	case LAPSE_ANSWER:
		refused(r, "answer: the client hears of it", s, XDP_TX);
		break;
	case LAPSE_DROP:
		refused(r, "drop: the client hears nothing", s, XDP_DROP);
		break;
	}
	rig_steered(r, "a new flow is for another backend in any case", &other, second);
	if (on == LAPSE_RESTEER)
		return;
	rig_lease(r, first, RIG_LIVE);
	rig_steered(r, "the flow goes on when the lease is renewed", s, first);
}

static void remembered(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		for (int on = LAPSE_RESTEER; on <= LAPSE_DROP; on++) {
			for (uint8_t tags = 0; tags <= 2; tags++) {
				struct spec s = *all[k];

				s.tags = tags;
				rig_reset(r);
				set_lapse(r, on);
				rig_steered(r, names[k], &s, first_of(&s));
				rig_lease(r, first_of(&s), RIG_LAPSED);
				lapsed_flow(r, &s, on);
			}
		}
	}
}

/* An answer is what the service refuses with: none where it says so. */
static void silent_service(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		rig_reset(r);
		set_lapse(r, LAPSE_ANSWER);
		for (uint16_t id = SERVICE_TCP4; id <= SERVICE_UDP6; id++)
			rig_service(r, id)->refusal = REFUSE_DROP;
		rig_steered(r, names[k], all[k], first_of(all[k]));
		rig_lease(r, first_of(all[k]), RIG_LAPSED);
		refused(r, "a silent service does not answer", all[k], XDP_DROP);
	}
}

/* The ring with every slot settled, or moved from the first to the second backend. */
static void mark_ring(struct rig *r, const struct spec *s, uint16_t primary, uint16_t fallback,
		      uint16_t flag)
{
	uint32_t from = strchr(s->dst, ':') ? RIG_RING6 : 0;
	uint16_t id = strchr(s->dst, ':') ? SERVICE_TCP6 : SERVICE_TCP4;

	rig_service(r, id)->flags |= SERVICE_SETTLES;
	for (uint32_t i = 0; i < RIG_RING_SLOTS; i++)
		r->rings[from + i] = (struct ring_slot){ primary | flag, fallback };
}

/* rig_steered() for a flow that is not to be remembered, so not new to anybody. */
static void served(struct rig *r, const char *what, const struct spec *s, uint16_t backend,
		   bool anew)
{
	bool ipv6 = strchr(s->dst, ':');
	struct want w = { XDP_TX, OUT_STEERED, ipv6 ? SERVICE_TCP6 : SERVICE_TCP4, backend, anew };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
}

static void settled(struct rig *r, const struct spec *s, enum on_lapse on)
{
	uint32_t action = on == LAPSE_ANSWER ? XDP_TX : XDP_DROP;
	uint16_t first = first_of(s), second = first + 1;
	struct spec opening = *s;

	opening.flags = SYN;
	opening.sport += 100;
	rig_reset(r);
	set_lapse(r, on);
	mark_ring(r, s, first, second, SLOT_SETTLED);
	served(r, "a flow of a settled slot", s, first, false);
	rig_check(r, !rig_flow(r, s), "is not remembered");
	rig_lease(r, first, RIG_LAPSED);
	if (on == LAPSE_RESTEER) {
		served(r, "settled, resteer", s, second, true);
		return;
	}
	refused(r, "settled, not to be resteered", s, action);
	/* Whoever opens in the same slot unsettles it, and changes nothing for the others. */
	opening.sport = s->sport;
	served(r, "a SYN is for another backend", &opening, second, true);
	memset(r->flows, 0, FLOW_SETS * sizeof(*r->flows));
	refused(r, "the slot is no longer settled, the flow still is the lapsed one's", s, action);
	rig_lease(r, first, RIG_LIVE);
	served(r, "and goes on when the lease is renewed", s, first, true);
}

/* The ring was built anew without the lapsed backend: its flows are told by the slot's mark. */
static void moved(struct rig *r, const struct spec *s, enum on_lapse on)
{
	uint16_t first = first_of(s), second = first + 1;

	rig_reset(r);
	set_lapse(r, on);
	mark_ring(r, s, second, first, SLOT_MOVED);
	rig_lease(r, first, RIG_LAPSED);
	if (on == LAPSE_RESTEER)
		served(r, "moved, resteer", s, second, true);
	else
		refused(r, "moved, not to be resteered", s, on == LAPSE_ANSWER ? XDP_TX : XDP_DROP);
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	remembered(&r);
	silent_service(&r);
	for (int on = LAPSE_RESTEER; on <= LAPSE_DROP; on++) {
		settled(&r, &tcp4, on);
		settled(&r, &tcp6, on);
		moved(&r, &tcp4, on);
		moved(&r, &tcp6, on);
	}
	return rig_close(&r);
}
