// SPDX-License-Identifier: BSD-2-Clause
/*
 * The services, prepared in the half that is not live and shown by one store.  Their
 * rings stay where they are: tables_rings.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"
#include "hash.h"
#include "steering/buckets.h"
#include "steering/tables_internal.h"
#include "steering/why.h"

enum {
	NOBODY = UINT16_MAX, /* no id yet: there are at most 32768 */
	RESEEDS_MAX = 8,     /* at a load of a quarter one is a rarity */
};

enum taken {
	TAKEN_NOT,
	TAKEN_KEPT, /* by the service that had it before */
	TAKEN_NEW,
};

/* A set of services being prepared. */
struct draft {
	const struct service_want *want;
	size_t count;
	uint16_t *ids;		 /* of want */
	uint8_t *taken;		 /* by id: enum taken */
	struct service *entries; /* ports, then one per address */
	size_t entries_count;
	struct service_bucket *half;
};

static bool claim_ring(struct tables *t, struct service *s)
{
	return !s->ring_slots || !regions_claim(&t->regions, s->ring, s->ring_slots);
}

void tables_find_slots(struct tables *t, bool claim)
{
	struct service_bucket *half = tables_half(t, t->settings->services_half);

	memset(t->slot, 0, t->services_max * sizeof(*t->slot));
	for (size_t i = 0; i < (size_t)t->buckets * SERVICE_SLOTS; i++) {
		struct service *s = &half[i / SERVICE_SLOTS].slot[i % SERVICE_SLOTS];

		if (s->kind != SERVICE_PORT || s->id >= t->services_max || t->slot[s->id])
			continue;
		if (claim && !claim_ring(t, s)) {
			log_warnx("service %u: its ring at %u, %u slots, cannot be; taken away",
				  s->id, s->ring, s->ring_slots);
			if (t->view)
				continue;
			__atomic_store_n(&s->ring_ref, 0, __ATOMIC_SEQ_CST);
		}
		t->slot[s->id] = s;
	}
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct service_want *want = arg;
	const struct service_want *x = &want[*(const uint32_t *)a],
				  *y = &want[*(const uint32_t *)b];
	int order = memcmp(&x->vip, &y->vip, sizeof(x->vip));

	if (!order)
		order = (x->port > y->port) - (x->port < y->port);
	if (!order)
		order = (x->proto > y->proto) - (x->proto < y->proto);
	return order;
}

static bool same_vip(const struct service_want *a, const struct service_want *b)
{
	return addr_equal(&a->vip, &b->vip);
}

static int twice(const struct service_want *a, const struct service_want *b,
		 char why[DATAPLANE_WHY_MAX])
{
	char text[ENDPOINT_TEXT_MAX];

	return because(why, -EEXIST, "services %s and %s: both want %s protocol %u", a->name,
		       b->name, endpoint_text(&a->vip, a->port, text), a->proto);
}

/*
 * One entry per address too, for packets whose ports cannot be read: counted for the first
 * service there, of the highest class, and silent if any of them is.
 */
static int add_addresses(struct draft *f, char why[DATAPLANE_WHY_MAX])
{
	uint32_t *order = calloc(f->count + 1, sizeof(*order));
	struct service *at = NULL;
	int err = 0;

	if (!order)
		return because(why, -ENOMEM, "no memory for %zu services", f->count);
	for (size_t i = 0; i < f->count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, f->count, sizeof(*order), compare, (void *)(uintptr_t)f->want);
	for (size_t i = 0; !err && i < f->count; i++) {
		const struct service_want *w = &f->want[order[i]];
		const struct service_want *last = i ? &f->want[order[i - 1]] : NULL;

		if (last && same_vip(last, w) && last->port == w->port && last->proto == w->proto)
			err = twice(last, w, why);
		if (!last || !same_vip(last, w)) {
			at = &f->entries[f->entries_count++];
			*at = (struct service){ .vip = w->vip,
						.kind = SERVICE_ADDRESS,
						.id = f->ids[order[i]] };
		}
		if (w->class > at->class)
			at->class = (uint8_t)w->class;
		if (w->refusal == REFUSE_DROP)
			at->refusal = REFUSE_DROP;
	}
	free(order);
	return err;
}

/* Those that have an id keep it. */
static int match(const struct tables *t, struct draft *f, char why[DATAPLANE_WHY_MAX])
{
	const char *wanted = f->count ? f->want[0].name : "";
	uint32_t *index = names_index(wanted, sizeof(*f->want), f->count);
	int64_t twice;
	int err = 0;

	if (!index)
		return because(why, -ENOMEM, "no memory for %zu services", f->count);
	twice = names_twice(index, wanted, sizeof(*f->want), f->count);
	if (twice >= 0)
		err = because(why, -EEXIST, "service %s: named twice", f->want[twice].name);
	for (uint32_t id = 0; !err && id < t->services_max; id++) {
		const struct name *n = tables_service_slot_name(t, id);
		int64_t i = name_is_set(n)
				    ? names_find(index, wanted, sizeof(*f->want), f->count, n->text)
				    : -1;

		if (i < 0 || f->ids[i] != NOBODY)
			continue;
		f->ids[i] = (uint16_t)id;
		f->taken[id] = TAKEN_KEPT;
	}
	free(index);
	return err;
}

/* The others get one: first of the unused ids, then of those whose owner goes now. */
static void find_ids(const struct tables *t, struct draft *f)
{
	uint32_t cursor = 0;

	for (int pass = 0; pass < 2; pass++, cursor = 0) {
		for (size_t i = 0; i < f->count; i++) {
			if (f->ids[i] != NOBODY)
				continue;
			while (cursor < t->services_max &&
			       (f->taken[cursor] ||
				(!pass && name_is_set(tables_service_slot_name(t, cursor)))))
				cursor++;
			if (cursor == t->services_max)
				break;
			f->ids[i] = (uint16_t)cursor;
			f->taken[cursor] = TAKEN_NEW;
		}
	}
}

static int check(const struct tables *t, const struct draft *f, char why[DATAPLANE_WHY_MAX])
{
	if (f->count > t->services_max)
		return because(why, -ENOSPC,
			       "%zu services are wanted, there is room for %u: sizes "
			       "are set when the maps are made",
			       f->count, t->services_max);
	for (size_t i = 0; i < f->count; i++) {
		const struct service_want *w = &f->want[i];

		if (!w->name[0])
			return because(why, -EINVAL, "service %zu: has no name", i);
		if (!w->port || (w->proto != IPPROTO_TCP && w->proto != IPPROTO_UDP) ||
		    w->class >= CLASS_COUNT)
			return because(why, -EINVAL,
				       "service %s: port %u, protocol %u, class %u; "
				       "want a port, TCP or UDP, a known class",
				       w->name, w->port, w->proto, w->class);
	}
	return 0;
}

static uint16_t flags_of(const struct service_want *w)
{
	uint16_t flags = w->settles ? SERVICE_SETTLES : 0;

	flags |= marks_flags(&w->marks);
	if (w->quic_length)
		flags |= SERVICE_QUIC;
	if (w->forward == FORWARD_GUE)
		flags |= SERVICE_GUE;
	return w->forward == FORWARD_L2 || w->mss ? flags | SERVICE_SPECIAL : flags;
}

static int fill(const struct tables *t, struct draft *f, char why[DATAPLANE_WHY_MAX])
{
	for (size_t i = 0; i < f->count; i++) {
		const struct service_want *w = &f->want[i];
		const struct service *old =
			f->taken[f->ids[i]] == TAKEN_KEPT ? t->slot[f->ids[i]] : NULL;

		f->entries[f->entries_count++] = (struct service){
			.vip = w->vip,
			.port = htons(w->port),
			.proto = w->proto,
			.kind = SERVICE_PORT,
			.id = f->ids[i],
			.class = (uint8_t)w->class,
			.refusal = (uint8_t)w->refusal,
			.on_lapse = (uint8_t)w->on_lapse,
			.forward = (uint8_t)w->forward,
			.mss = w->mss,
			.quic_offset = w->quic_offset,
			.quic_length = w->quic_length,
			.new_rate = w->new_rate,
			.new_burst = w->new_burst,
			.flags = flags_of(w),
			.ring_ref = old ? old->ring_ref : 0,
		};
	}
	return add_addresses(f, why);
}

/* While nothing is live, other keys may be tried; later they would move every flow. */
static int build(struct tables *t, struct draft *f, char why[DATAPLANE_WHY_MAX])
{
	struct settings s = *t->settings;
	size_t failed = 0;
	int err = buckets_build(&s, f->half, f->entries, f->entries_count, &failed);

	for (int i = 0; err && t->reseed && i < RESEEDS_MAX; i++) {
		s.hash_key[0] = hash_mix(s.hash_key[0] + 1, s.hash_key[1]);
		s.hash_key[1] = hash_mix(s.hash_key[1] + 1, s.hash_key[0]);
		err = buckets_build(&s, f->half, f->entries, f->entries_count, &failed);
	}
	if (err)
		return because(why, err,
			       "service %s: its place in the table is full, as are those "
			       "around it: %zu services in %u buckets",
			       f->want[failed < f->count ? failed : 0].name, f->count, t->buckets);
	memcpy(t->settings->hash_key, s.hash_key, sizeof(s.hash_key));
	return 0;
}

static void flip(struct tables *t, const struct draft *f)
{
	uint32_t idle = !t->settings->services_half;
	size_t bytes = t->buckets * sizeof(*f->half);

	for (size_t i = 0; i < f->count; i++) {
		if (f->taken[f->ids[i]] == TAKEN_KEPT)
			continue;
		/* The ring goes before the name: were we killed here, the next daemon would
		 * find the newcomer's name on it. */
		if (t->slot[f->ids[i]])
			tables_drop_ring(t, t->slot[f->ids[i]]);
		tables_clear_traffic(t, MAP_SERVICE_STATS, f->ids[i]);
		name_set(tables_service_slot_name(t, f->ids[i]), f->want[i].name);
	}
	if (t->idle_seen)
		t->grace();
	memcpy(tables_half(t, idle), f->half, bytes);
	__atomic_store_n(&t->settings->services_half, idle, __ATOMIC_RELEASE);
	t->idle_seen = true;
}

/* Those that went give up their rings and names; the new half's slots are found. */
static void settle(struct tables *t, const struct draft *f)
{
	for (uint32_t id = 0; id < t->services_max; id++) {
		if (t->slot[id] && t->slot[id]->ring_slots && f->taken[id] != TAKEN_KEPT)
			regions_retire(&t->regions, t->slot[id]->ring);
		if (!f->taken[id])
			name_clear(tables_service_slot_name(t, id));
	}
	tables_find_slots(t, false);
}

static int draft_alloc(const struct tables *t, struct draft *f, char why[DATAPLANE_WHY_MAX])
{
	for (size_t i = 0; i < f->count; i++)
		f->ids[i] = NOBODY;
	f->taken = calloc(t->services_max + 1, 1);
	f->entries = calloc(2 * f->count + 1, sizeof(*f->entries));
	f->half = calloc(t->buckets, sizeof(*f->half));
	if (!f->taken || !f->entries || !f->half)
		return because(why, -ENOMEM, "no memory for %zu services", f->count);
	return 0;
}

int tables_set_services(struct tables *t, const struct service_want *want, size_t count,
			uint16_t *ids, char why[DATAPLANE_WHY_MAX])
{
	struct draft f = { .want = want, .count = count, .ids = ids };
	int err;

	err = check(t, &f, why);
	if (err)
		return err;
	err = draft_alloc(t, &f, why);
	if (!err)
		err = match(t, &f, why);
	if (err)
		goto out;
	find_ids(t, &f);
	err = fill(t, &f, why);
	if (!err)
		err = build(t, &f, why);
	if (!err && t->d)
		err = marks_write(t->d, want, ids, count, why);
	if (err)
		goto out;
	if (memcmp(f.half, tables_half(t, t->settings->services_half),
		   t->buckets * sizeof(*f.half)) != 0) {
		flip(t, &f);
		settle(t, &f);
	}
	t->reseed = false;
out:
	free(f.taken);
	free(f.entries);
	free(f.half);
	return err;
}

int tables_set_quic(struct tables *t, struct quic_server *servers, size_t count,
		    char why[DATAPLANE_WHY_MAX])
{
	return t->d ? quic_write(t->d, servers, count, why) : 0;
}
