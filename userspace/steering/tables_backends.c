// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which backend has which id.  An id that somebody had is given to another only when
 * no live ring names it: a ring that still did would send another service's flows to
 * the newcomer, whose leases were earned for its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "steering/flows.h"
#include "steering/tables_internal.h"
#include "steering/why.h"

enum fate {
	FATE_NONE,
	FATE_KEEP,    /* same name and address */
	FATE_MOVE,    /* same name, another address */
	FATE_GONE,    /* not wanted any more */
	FATE_NEW,     /* an id that nobody ever had */
	FATE_REUSED,  /* one that somebody had */
	FATE_IN_RING, /* free, but some ring still names it */
};

/* What will happen to every id, worked out before anything is touched. */
struct plan {
	const struct backend_want *want;
	size_t count;
	uint8_t *fate;	  /* by id: enum fate */
	uint32_t *wanted; /* by id: which of want, for KEEP, MOVE, NEW and REUSED */
	bool rings_read;
	uint32_t cursor_new, cursor_reused;
};

/* Finds the ids of those that have one; -EEXIST for a name that is wanted twice. */
static int match(const struct tables *t, struct plan *p, struct backend_held *held,
		 char why[DATAPLANE_WHY_MAX])
{
	const char *first = p->count ? p->want[0].name : "";
	size_t size = sizeof(*p->want);
	uint32_t *index = names_index(first, size, p->count);
	int64_t twice;
	int err = 0;

	if (!index)
		return because(why, -ENOMEM, "no memory for %zu backends", p->count);
	for (size_t i = 0; !err && i < p->count; i++)
		if (!p->want[i].name[0])
			err = because(why, -EINVAL, "backend %zu: has no name", i);
	twice = names_twice(index, first, size, p->count);
	if (!err && twice >= 0)
		err = because(why, -EEXIST, "backend %s: named twice", p->want[twice].name);
	for (uint32_t id = 1; !err && id < t->backends_max; id++) {
		struct addr at;
		int64_t i;

		if (!name_is_set(&t->names[id]))
			continue;
		i = names_find(index, first, size, p->count, t->names[id].text);
		if (i < 0 || held[i].id) {
			p->fate[id] = FATE_GONE;
			continue;
		}
		held[i].id = (uint16_t)id;
		at = tables_backend_addr(&t->backends[id]);
		held[i].kept = addr_equal(&p->want[i].addr, &at);
		p->fate[id] = held[i].kept ? FATE_KEEP : FATE_MOVE;
		p->wanted[id] = (uint32_t)i;
	}
	free(index);
	return err;
}

/* Marks the free ids that some live ring names: one pass over all rings, and only when ids run out.
 */
static void read_rings(const struct tables *t, struct plan *p)
{
	for (uint32_t s = 0; s < t->services_max; s++) {
		const struct service *service = t->slot[s];

		for (uint32_t i = 0; service && i < service->ring_slots; i++) {
			struct ring_slot slot = t->rings[service->ring + i];

			slot.primary &= BACKEND_ID_MASK;
			slot.fallback &= BACKEND_ID_MASK;
			if (slot.primary < t->backends_max && p->fate[slot.primary] == FATE_NONE)
				p->fate[slot.primary] = FATE_IN_RING;
			if (slot.fallback < t->backends_max && p->fate[slot.fallback] == FATE_NONE)
				p->fate[slot.fallback] = FATE_IN_RING;
		}
	}
	p->rings_read = true;
}

/* An id for a newcomer, or 0. */
static uint32_t pick(const struct tables *t, struct plan *p)
{
	for (; p->cursor_new < t->backends_max; p->cursor_new++) {
		uint32_t id = p->cursor_new;

		if (p->fate[id] == FATE_NONE && !t->backends[id].generation) {
			p->fate[id] = FATE_NEW;
			return id;
		}
	}
	if (!p->rings_read)
		read_rings(t, p);
	for (; p->cursor_reused < t->backends_max; p->cursor_reused++) {
		uint32_t id = p->cursor_reused;

		if (p->fate[id] == FATE_NONE) {
			p->fate[id] = FATE_REUSED;
			return id;
		}
	}
	return 0;
}

static int find_ids(const struct tables *t, struct plan *p, struct backend_held *held,
		    char why[DATAPLANE_WHY_MAX])
{
	for (size_t i = 0; i < p->count; i++) {
		uint32_t id;

		if (held[i].id)
			continue;
		id = pick(t, p);
		if (!id)
			return because(why, -ENOSPC,
				       "backend %s: no id is free: %zu are wanted, "
				       "there is room for %u, and one that is given up stays "
				       "taken until no ring names it",
				       p->want[i].name, p->count, t->backends_max - 1);
		held[i].id = (uint16_t)id;
		p->wanted[id] = (uint32_t)i;
	}
	return 0;
}

/* Nobody has a lease here, and no packet in flight believes in one. */
static void write_backend(struct tables *t, uint16_t id, const struct backend_want *w)
{
	struct backend *b = &t->backends[id];
	uint8_t generation = (uint8_t)(b->generation + 1);

	if (!generation) {
		/* All 255 were used: flows of the first ones would come back to life. */
		flows_purge(t, id);
		generation = 1;
	}
	*b = (struct backend){ .generation = generation, .id = id };
	if (addr_is_ipv4(&w->addr)) {
		b->ethertype = htons(ETH_P_IP);
		b->source4 = t->settings->source4;
		b->addr4 = w->addr.w[3];
	} else {
		b->ethertype = htons(ETH_P_IPV6);
		b->addr = w->addr;
	}
	name_set(&t->names[id], w->name);
}

static void apply(struct tables *t, const struct plan *p)
{
	bool grace = false;

	for (uint32_t id = 1; id < t->backends_max; id++) {
		if (p->fate[id] == FATE_GONE || p->fate[id] == FATE_MOVE)
			tables_revoke(t, (uint16_t)id);
		if (p->fate[id] == FATE_GONE)
			name_clear(&t->names[id]);
		grace |= p->fate[id] == FATE_MOVE || p->fate[id] == FATE_REUSED;
	}
	/* A packet that found the lease alive may not have read the address yet. */
	if (grace)
		t->grace();
	for (uint32_t id = 1; id < t->backends_max; id++) {
		if (p->fate[id] == FATE_REUSED)
			tables_clear_traffic(t, MAP_BACKEND_STATS, id);
		if (p->fate[id] == FATE_MOVE || p->fate[id] == FATE_NEW ||
		    p->fate[id] == FATE_REUSED)
			write_backend(t, (uint16_t)id, &p->want[p->wanted[id]]);
	}
}

int tables_set_backends(struct tables *t, const struct backend_want *want, size_t count,
			struct backend_held *held, char why[DATAPLANE_WHY_MAX])
{
	struct plan p = { .want = want, .count = count, .cursor_new = 1, .cursor_reused = 1 };
	int err = -ENOMEM;

	memset(held, 0, count * sizeof(*held));
	p.fate = calloc(t->backends_max, sizeof(*p.fate));
	p.wanted = calloc(t->backends_max, sizeof(*p.wanted));
	if (!p.fate || !p.wanted) {
		because(why, err, "no memory for %zu backends", count);
		goto out;
	}
	err = match(t, &p, held, why);
	if (!err)
		err = find_ids(t, &p, held, why);
	if (err)
		goto out;
	apply(t, &p);
	for (size_t i = 0; i < count; i++)
		held[i].generation = t->backends[held[i].id].generation;
out:
	free(p.fate);
	free(p.wanted);
	return err;
}
