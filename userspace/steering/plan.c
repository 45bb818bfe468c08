// SPDX-License-Identifier: BSD-2-Clause
/* Plans: who may serve, with which weight, and whether that is news.  In time linear in members. */
#include <errno.h>
#include <string.h>

#include "steering/plan.h"

/* A bit for every id. */
struct ids {
	uint64_t bits[(RING_MEMBERS_MAX + 1) / 64];
};

static void ids_add(struct ids *s, uint16_t id)
{
	s->bits[id / 64] |= 1ull << id % 64;
}

static bool ids_have(const struct ids *s, uint16_t id)
{
	return s->bits[id / 64] >> id % 64 & 1;
}

/* The only gate to a ring; costs are looked at behind it. */
static bool is_eligible(const struct plan_service *service, const struct plan_backend *b,
			uint64_t now_ms)
{
	return b->id && peer_may_serve(b->peer, service->class, now_ms);
}

static size_t list_weighted(const struct plan_service *service, uint64_t now_ms,
			    struct ring_member members[])
{
	struct cost_range range = { 0, 0 };
	size_t count = 0;

	for (size_t i = 0; i < service->backends_count; i++)
		if (is_eligible(service, &service->backends[i], now_ms))
			cost_range_add(&range, service->backends[i].cost);
	for (size_t i = 0; i < service->backends_count; i++) {
		const struct plan_backend *b = &service->backends[i];

		if (is_eligible(service, b, now_ms))
			members[count++] =
				(struct ring_member){ b->key, b->id, cost_weight(&range, b->cost) };
	}
	return count;
}

static bool is_cheaper(const struct plan_backend *a, const struct plan_backend *b)
{
	int order = cost_compare(a->cost, b->cost);

	if (order)
		return order < 0;
	return a->key < b->key || (a->key == b->key && a->id < b->id);
}

/* All weigh the same: only the order of the first two says anything. */
static size_t list_cheapest(const struct plan_service *service, uint64_t now_ms,
			    struct ring_member members[])
{
	const struct plan_backend *first = NULL, *second = NULL;
	size_t count = 0;

	for (size_t i = 0; i < service->backends_count; i++) {
		const struct plan_backend *b = &service->backends[i];

		if (!is_eligible(service, b, now_ms))
			continue;
		if (!first || is_cheaper(b, first)) {
			second = first;
			first = b;
		} else if (!second || is_cheaper(b, second)) {
			second = b;
		}
	}
	if (first)
		members[count++] = (struct ring_member){ first->key, first->id, 1 };
	if (second)
		members[count++] = (struct ring_member){ second->key, second->id, 1 };
	for (size_t i = 0; i < service->backends_count; i++) {
		const struct plan_backend *b = &service->backends[i];

		if (b != first && b != second && is_eligible(service, b, now_ms))
			members[count++] = (struct ring_member){ b->key, b->id, 1 };
	}
	return count;
}

static bool same_members(const struct plan_ring *built, const struct ring_member members[],
			 size_t count)
{
	struct ids before = { 0 };

	if (built->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		ids_add(&before, built->members[i].id);
	for (size_t i = 0; i < count; i++)
		if (!ids_have(&before, members[i].id))
			return false;
	return true;
}

/* Given the same members: would the ring come out the same? */
static bool same_shares(const struct plan_service *service, const struct plan_ring *built,
			const struct ring_member members[], size_t count)
{
	if (service->cheapest)
		count = count < 2 ? count : 2;
	for (size_t i = 0; i < count; i++)
		if (members[i].id != built->members[i].id ||
		    members[i].weight != built->members[i].weight)
			return false;
	return true;
}

static bool names_a_stranger(const struct plan_service *service, const struct plan_ring *built)
{
	struct ids own = { 0 };

	for (size_t i = 0; i < service->backends_count; i++)
		ids_add(&own, service->backends[i].id);
	for (size_t i = 0; i < built->count; i++)
		if (!ids_have(&own, built->members[i].id))
			return true;
	return false;
}

enum plan_verdict plan_service(const struct plan_service *service, const struct plan_ring *built,
			       uint64_t now_ms, uint64_t rebuild_ms, struct ring_member members[],
			       size_t *count)
{
	*count = service->cheapest ? list_cheapest(service, now_ms, members)
				   : list_weighted(service, now_ms, members);
	if (!*count && built->published && names_a_stranger(service, built))
		return PLAN_WITHDRAW;
	if (!*count)
		return PLAN_KEEP;
	if (!built->published || !same_members(built, members, *count))
		return PLAN_MEMBERS;
	if (!built->waiting && same_shares(service, built, members, *count))
		return PLAN_KEEP;
	return now_ms < plan_due_ms(built, rebuild_ms) ? PLAN_LATER : PLAN_COSTS;
}

int plan_published(struct plan_ring *r, const struct ring_member members[], size_t count,
		   uint32_t waiting, uint64_t now_ms)
{
	if (count > r->capacity)
		return -ENOSPC;
	memcpy(r->members, members, count * sizeof(*members));
	r->count = count;
	r->waiting = waiting;
	r->built_ms = now_ms;
	r->published = true;
	return 0;
}

int plan_adopt(struct plan_ring *r, const struct ring_slot *ring, uint32_t slots, uint64_t now_ms)
{
	struct ids seen = { 0 };

	plan_withdrawn(r);
	for (uint32_t i = 0; i < 2 * slots; i++) {
		uint16_t id = i % 2 ? ring[i / 2].fallback : ring[i / 2].primary;

		id &= BACKEND_ID_MASK;
		if (!id || ids_have(&seen, id))
			continue;
		if (r->count == r->capacity)
			return -ENOSPC;
		ids_add(&seen, id);
		r->members[r->count++] = (struct ring_member){ 0, id, 0 };
	}
	r->built_ms = now_ms;
	r->published = r->count > 0;
	return 0;
}

void plan_withdrawn(struct plan_ring *r)
{
	r->count = 0;
	r->waiting = 0;
	r->published = false;
}

uint64_t plan_due_ms(const struct plan_ring *r, uint64_t rebuild_ms)
{
	return rebuild_ms > UINT64_MAX - r->built_ms ? UINT64_MAX : r->built_ms + rebuild_ms;
}
