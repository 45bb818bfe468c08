// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a ring in use changes.  Maglev moves more than it must when many members share few
 * slots: with 1000 members on 65537 slots, taking one away moves its 66 slots and some 400
 * others, each pushed by the one before.  So a ring in use is never replaced by a new one:
 * we take from the new one how many slots each member shall have, and move no more slots
 * than that takes.  Moves that only costs call for are limited; those that membership calls
 * for are not.
 */
#include <errno.h>
#include <string.h>

#include "steering/ring_work.h"

/* A ring on its way from old to wanted. */
struct merge {
	struct ring_work *w;
	const struct ring_slot *old;
	struct ring_slot *ring;
	uint32_t slots;
	size_t needy, turn;
	struct ring_moves moves;
};

static void list_needy(struct merge *g, const struct ring_member *m, size_t n)
{
	g->needy = 0;
	g->turn = 0;
	for (size_t i = 0; i < n; i++)
		if (g->w->have[m[i].id] < g->w->want[m[i].id])
			g->w->needy[g->needy++] = m[i].id;
}

/* One that has less than its share, each in turn; 0 when there is none left. */
static uint16_t next_needy(struct merge *g)
{
	while (g->needy) {
		size_t i = g->turn++ % g->needy;
		uint16_t id = g->w->needy[i];

		if (g->w->have[id] < g->w->want[id])
			return id;
		g->w->needy[i] = g->w->needy[--g->needy];
	}
	return 0;
}

/*
 * Who has a weight and no slot yet has joined.  Not so where the cheapest takes all: there a member
 * without a slot was only too dear until now.
 */
static void count_shares(struct merge *g, bool cheapest)
{
	struct ring_work *w = g->w;

	memset(w->have, 0, sizeof(w->have));
	memset(w->want, 0, sizeof(w->want));
	for (uint32_t s = 0; s < g->slots; s++) {
		w->have[g->old[s].primary & BACKEND_ID_MASK]++;
		w->want[w->wanted[s].primary]++;
	}
	for (size_t id = 0; id <= RING_MEMBERS_MAX; id++) {
		if (!w->weight[id])
			w->have[id] = 0;
		w->joins[id] = !cheapest && w->weight[id] && !w->have[id];
	}
}

/*
 * Slots of those who have left go first to their fallback, which has had their flows meanwhile,
 * then to whom the wanted ring gives them, then to anybody short of slots.  There is one: the
 * shares wanted add up to all slots, the shares held do not yet.
 */
static void hand_out_left(struct merge *g)
{
	struct ring_work *w = g->w;

	for (uint32_t s = 0; s < g->slots; s++) {
		uint16_t to = g->old[s].fallback & BACKEND_ID_MASK;

		g->ring[s].primary = g->old[s].primary & BACKEND_ID_MASK;
		if (w->weight[g->ring[s].primary])
			continue;
		if (!w->weight[to] || w->have[to] >= w->want[to])
			to = w->wanted[s].primary;
		if (w->have[to] >= w->want[to])
			to = next_needy(g);
		g->ring[s].primary = to;
		w->have[to]++;
		g->moves.left++;
	}
}

/*
 * Moves slots from those who have too many to those who have too few, at most limit of them; at
 * first only where the wanted ring agrees, so that who comes back finds its old slots.
 */
static uint32_t even_out(struct merge *g, bool joining, bool as_wanted, uint32_t limit)
{
	struct ring_work *w = g->w;
	uint32_t moved = 0;

	for (uint32_t s = 0; s < g->slots && moved < limit; s++) {
		uint16_t from = g->ring[s].primary;
		uint16_t to = w->wanted[s].primary;

		if (w->have[from] <= w->want[from])
			continue;
		if (!as_wanted)
			to = next_needy(g);
		if (!to)
			break;
		if (w->have[to] >= w->want[to] || (joining && !w->joins[to]))
			continue;
		g->ring[s].primary = to;
		w->have[from]--;
		w->have[to]++;
		moved++;
	}
	return moved;
}

/* Newcomers alone are short of slots here: the others' needs are hidden for the while. */
static void serve_joining(struct merge *g, const struct ring_member *m, size_t n)
{
	struct ring_work *w = g->w;

	g->moves.joined = even_out(g, true, true, g->slots);
	list_needy(g, m, n);
	for (size_t i = 0; i < g->needy;) {
		if (w->joins[w->needy[i]])
			i++;
		else
			w->needy[i] = w->needy[--g->needy];
	}
	g->moves.joined += even_out(g, true, false, g->slots);
}

/* At least one slot, or the move that waits in a small ring would wait for ever. */
static uint32_t move_limit(const struct ring_want *want)
{
	uint64_t limit = want->slots * want->moved_permille / 1000;

	if (want->moved_permille >= 1000)
		return want->slots;
	return limit || !want->moved_permille ? limit : 1;
}

static void merge(struct merge *g, const struct ring_want *want)
{
	struct ring_work *w = g->w;
	uint32_t limit = move_limit(want);

	count_shares(g, want->cheapest);
	list_needy(g, want->members, want->count);
	hand_out_left(g);
	serve_joining(g, want->members, want->count);
	g->moves.moved = even_out(g, false, true, limit);
	list_needy(g, want->members, want->count);
	g->moves.moved += even_out(g, false, false, limit - g->moves.moved);
	for (size_t i = 0; i < want->count; i++) {
		uint16_t id = want->members[i].id;

		if (w->have[id] > w->want[id])
			g->moves.waiting += w->have[id] - w->want[id];
	}
	for (uint32_t s = 0; s < g->slots; s++) {
		bool arrived = g->ring[s].primary == w->wanted[s].primary;

		g->ring[s].fallback = arrived ? w->wanted[s].fallback : w->wanted[s].primary;
	}
}

/* Builds the ring that these members would have had from the start, into w->wanted. */
static int build_wanted(struct ring_work *w, const struct ring_want *want)
{
	const struct ring_member *m = want->members;
	int err;

	if (want->count > w->members_max || want->slots > w->slots_max)
		return -ENOSPC;
	if (want->cheapest) {
		err = ring_build_cheapest(m, want->count, want->slots, w->wanted);
		if (err)
			return err;
		return ring_check(w, m, want->count, w->wanted, want->slots) ? -EUCLEAN : 0;
	}
	err = ring_build(w, m, want->count, want->slots, w->wanted);
	if (err)
		return err;
	return ring_balanced(w, m, want->count, w->wanted, want->slots) ? -EUCLEAN : 0;
}

int ring_update(struct ring_work *w, const struct ring_want *want, const struct ring_slot *old,
		struct ring_slot *out, struct ring_moves *moves)
{
	struct merge g = { .w = w, .old = old, .ring = out, .slots = want->slots };
	int err = build_wanted(w, want);

	*moves = (struct ring_moves){ 0 };
	if (err)
		return err;
	if (!old) {
		memcpy(out, w->wanted, want->slots * sizeof(*out));
		return 0;
	}
	merge(&g, want);
	if (ring_check(w, want->members, want->count, out, want->slots))
		return -EUCLEAN;
	*moves = g.moves;
	return 0;
}
