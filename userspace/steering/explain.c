// SPDX-License-Identifier: BSD-2-Clause
/* The packet path's way of choosing, told rather than gone; see explain.h. */
#include "steering/explain.h"

#include <arpa/inet.h>
#include <string.h>

#include "hash.h"
#include "steering/tables_internal.h"

void explain_world_of(const struct tables *t, struct explain_world *w)
{
	*w = (struct explain_world){
		.settings = t->settings,
		.services = t->services,
		.rings = t->rings,
		.backends = t->backends,
		.flows = t->flows,
		.buckets = t->buckets,
		.ring_slots = t->ring_slots,
		.backends_max = t->backends_max,
		.flow_sets = t->flow_sets,
	};
}

static const struct service *find(const struct explain_world *w, const struct addr *vip,
				  uint16_t port, uint8_t proto, uint8_t kind)
{
	uint32_t hash = service_hash(vip, htons(port), proto, kind);
	uint32_t mask = w->settings->services_mask, base;

	base = w->settings->services_half ? mask + 1 : 0;
	if (mask >= w->buckets)
		return NULL;
	for (uint32_t probe = 0; probe < SERVICE_PROBES; probe++) {
		const struct service_bucket *b = &w->services[base + ((hash + probe) & mask)];

		for (int i = 0; i < SERVICE_SLOTS; i++) {
			const struct service *s = &b->slot[i];

			if (s->kind == SERVICE_EMPTY)
				return NULL;
			if (s->kind == kind && s->port == htons(port) && s->proto == proto &&
			    !memcmp(&s->vip, vip, sizeof(*vip)))
				return s;
		}
	}
	return NULL;
}

static enum explain_verdict judge(const struct backend *b, uint8_t class, uint64_t now, bool anew)
{
	uint64_t until = b->until[class];

	if (anew && b->flags & BACKEND_DRAINED)
		return VERDICT_DRAINED;
	if (until > now)
		return VERDICT_MAY;
	if (b->flags & BACKEND_EVICTED)
		return VERDICT_EVICTED;
	return until ? VERDICT_LAPSED : VERDICT_NO_LEASE;
}

static struct explain_candidate *add(const struct explain_world *w, struct explanation *e,
				     enum explain_role role, uint32_t walk, uint16_t id)
{
	struct explain_candidate *c = &e->candidate[e->candidates++];

	*c = (struct explain_candidate){ .walk = walk, .role = role, .id = id };
	if (!id || id >= w->backends_max)
		c->verdict = VERDICT_NOBODY;
	return c;
}

static int64_t left(uint64_t until, uint64_t now)
{
	uint64_t apart = until > now ? until - now : now - until;

	if (!until)
		return 0;
	apart = apart > INT64_MAX ? INT64_MAX : apart;
	return until > now ? (int64_t)apart : -(int64_t)apart;
}

static void weigh(const struct explain_world *w, const struct explanation *e, uint64_t now,
		  bool anew, struct explain_candidate *c)
{
	const struct backend *b = &w->backends[c->id];

	if (c->verdict == VERDICT_NOBODY)
		return;
	if (c->verdict != VERDICT_FORGOTTEN)
		c->verdict = judge(b, e->service.class, now, anew);
	c->jiffies_left = left(b->until[e->service.class], now);
	c->has_way = b->mtu;
}

/* Every entry with the flow's tag is its; the first is believed. */
static uint64_t entry_in(const struct explain_world *w, uint64_t hash, uint32_t mask)
{
	uint32_t at = flow_set_of(hash, mask);

	for (int i = 0; at < w->flow_sets && i < FLOW_WAYS; i++) {
		uint64_t entry = w->flows[at].entry[i];

		if (flow_tag(entry) == flow_tag_of(hash) && flow_backend(entry))
			return entry;
	}
	return 0;
}

static void recall(const struct explain_world *w, struct explanation *e, uint64_t now)
{
	uint32_t before = w->settings->flows_before;
	struct explain_candidate *c;

	e->entry = entry_in(w, e->hash, w->settings->flows_mask);
	if (!e->entry && before) /* the table is growing */
		e->entry = entry_in(w, e->hash, before);
	if (!e->entry)
		return;
	c = add(w, e, ROLE_REMEMBERED, 0, flow_backend(e->entry));
	e->remembered = c->verdict != VERDICT_NOBODY &&
			w->backends[c->id].generation == flow_generation(e->entry);
	if (c->verdict != VERDICT_NOBODY && !e->remembered)
		c->verdict = VERDICT_FORGOTTEN;
	weigh(w, e, now, false, c);
}

static void walk(const struct explain_world *w, struct explanation *e, uint64_t now)
{
	uint32_t slots = e->service.ring_slots;
	bool moved = e->in_slot.primary & SLOT_MOVED;

	for (uint32_t i = 0; i < EXPLAIN_SLOTS && i < slots; i++) {
		const struct ring_slot *s =
			&w->rings[e->service.ring + (e->slot + i) % slots];

		weigh(w, e, now, true,
		      add(w, e, ROLE_PRIMARY, i, s->primary & BACKEND_ID_MASK));
		/* Of a slot that moved, the fallback had the flows, and keeps those that go on. */
		weigh(w, e, now, i || !moved,
		      add(w, e, ROLE_FALLBACK, i, s->fallback & BACKEND_ID_MASK));
	}
}

void explain_flow(const struct explain_world *w, const struct explain_flow *f, uint64_t now,
		  struct explanation *e)
{
	const struct service *s = find(w, &f->dst, f->dport, f->proto, SERVICE_PORT);

	*e = (struct explanation){ .is_service = s };
	e->is_vip = s || find(w, &f->dst, 0, 0, SERVICE_ADDRESS);
	if (!s)
		return;
	e->service = *s;
	e->hash = flow_hash(w->settings, &f->src, &f->dst, htons(f->sport), htons(f->dport),
			    f->proto);
	e->slot = ring_slot_of(e->hash, s->ring_slots);
	e->has_ring = s->ring_slots && (uint64_t)s->ring + s->ring_slots <= w->ring_slots;
	if (s->class >= CLASS_COUNT)
		return;
	if (e->has_ring)
		e->in_slot = w->rings[s->ring + e->slot];
	e->settled = s->flags & SERVICE_SETTLES && e->in_slot.primary & SLOT_SETTLED;
	if (!e->settled)
		recall(w, e, now);
	if (e->has_ring)
		walk(w, e, now);
}

const char *explain_role_str(enum explain_role r)
{
	switch (r) {
	case ROLE_REMEMBERED: return "remembered";
	case ROLE_PRIMARY:    return "primary";
	case ROLE_FALLBACK:   return "fallback";
	}
	return "unknown";
}

const char *explain_verdict_str(enum explain_verdict v)
{
	switch (v) {
	case VERDICT_MAY:	return "may serve";
	case VERDICT_NOBODY:	return "nobody there";
	case VERDICT_DRAINED:	return "drained: no new flows";
	case VERDICT_EVICTED:	return "evicted by hand";
	case VERDICT_LAPSED:	return "its lease has lapsed";
	case VERDICT_NO_LEASE:	return "has no lease";
	case VERDICT_FORGOTTEN: return "the id is another backend's since";
	case VERDICT_COUNT:	break;
	}
	return "unknown";
}

const char *explain_verdict_label(enum explain_verdict v)
{
	switch (v) {
	case VERDICT_MAY:	return "may-serve";
	case VERDICT_NOBODY:	return "nobody";
	case VERDICT_DRAINED:	return "drained";
	case VERDICT_EVICTED:	return "evicted";
	case VERDICT_LAPSED:	return "lapsed";
	case VERDICT_NO_LEASE:	return "no-lease";
	case VERDICT_FORGOTTEN: return "forgotten";
	case VERDICT_COUNT:	break;
	}
	return "unknown";
}
