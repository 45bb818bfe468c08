/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings: which backend a flow's hash falls on, as maps/abi.h stores them.  Maglev
 * with weights and a second choice in every slot.  Pure: no clock, no I/O, and no
 * memory but what ring_work_new() took.
 *
 * ring_build() gives the same ring for the same members, in whatever order they are
 * listed.  ring_update() changes a ring in use, and moves no slot that it need not.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

enum {
	RING_MEMBERS_MAX = 65535,  /* ids are 16 bits and 0 is nobody */
	RING_SLOTS_MOST = 1 << 22, /* RING_SLOTS_MAX of the map, and below 2^31 */
	RING_WEIGHT_MAX = 1 << 20, /* a heavier member counts as this */
};

struct ring_member {
	uint64_t key;	 /* ring_key() of the backend's name: places do not depend on ids */
	uint16_t id;	 /* never 0 */
	uint32_t weight; /* 0: in no slot */
};

struct ring_work;

/* Memory for rings up to these sizes; NULL when there is none.  free takes NULL. */
struct ring_work *ring_work_new(size_t members_max, uint32_t slots_max);
void ring_work_free(struct ring_work *w);

uint64_t ring_key(const char *name);
bool ring_is_prime(uint32_t n);
uint32_t ring_next_prime(uint32_t n); /* the least prime >= n; 0 above RING_SLOTS_MOST */

/*
 * Fills out[slots].  0, or -ENODATA when no member has a weight, -EINVAL for slots that are no
 * prime or fewer than the members, an id of 0 or one listed twice, -ENOSPC when w is too small.
 * After an error out is as it was.
 */
int ring_build(struct ring_work *w, const struct ring_member *m, size_t n, uint32_t slots,
	       struct ring_slot *out);
/* Everything to the first member with a weight, the next such as fallback: list by cost. */
int ring_build_cheapest(const struct ring_member *m, size_t n, uint32_t slots,
			struct ring_slot *out);

enum ring_fault {
	RING_OK,
	RING_EMPTY_SLOT,  /* a slot without a primary */
	RING_STRANGER,	  /* an id that is no member, or one without a weight */
	RING_NO_FALLBACK, /* none, or the primary again, though there are others */
	RING_UNBALANCED,  /* a share too far from its weight */
};

/* What is wrong with a ring, first thing first. */
enum ring_fault ring_check(struct ring_work *w, const struct ring_member *m, size_t n,
			   const struct ring_slot *ring, uint32_t slots);
/* And whether each member's share is its weight's, but for what n roundings to whole slots cost. */
enum ring_fault ring_balanced(struct ring_work *w, const struct ring_member *m, size_t n,
			      const struct ring_slot *ring, uint32_t slots);
const char *ring_fault_str(enum ring_fault f);

struct ring_want {
	const struct ring_member *members;
	size_t count;
	uint32_t slots;
	bool cheapest;		 /* members are listed by cost, as for ring_build_cheapest() */
	uint64_t moved_permille; /* of slots: see ring_moves.moved */
};

/* Slots that have another primary than before, by cause. */
struct ring_moves {
	uint32_t left;	  /* the old one is no member any more: at once, however many */
	uint32_t joined;  /* to a member that had no slot before: at once too; never if cheapest */
	uint32_t moved;	  /* between members that stay: at most moved_permille of all slots */
	uint32_t waiting; /* such moves left for the next time */
};

/*
 * The whole way: build what the members would have from the start, check it, go from old towards it
 * (NULL: there is no old, or not with so many slots; flags above its ids count for nothing), check
 * the result.  0, and out may be
 * published; otherwise it must not: -errno as of ring_build(), -EUCLEAN when a check failed.
 */
int ring_update(struct ring_work *w, const struct ring_want *want, const struct ring_slot *old,
		struct ring_slot *out, struct ring_moves *moves);

#endif
