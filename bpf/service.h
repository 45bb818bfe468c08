/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which service a packet is for: an open table of buckets, of which one half is
 * live.  A bucket is filled from its first slot on, so an empty slot ends the
 * search.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stddef.h>

#include "hash.h"
#include "parse.h"
#include "tables.h"

/* What a slot must say to be the one: as two words and one. */
struct service_key {
	union ip vip;
	__u32 rest; /* port, protocol and kind, as they lie in a slot */
};

_Static_assert(offsetof(struct service, proto) == offsetof(struct service, port) + 2 &&
		       offsetof(struct service, kind) == offsetof(struct service, port) + 3,
	       "port, proto and kind are one word");

static __always_inline bool service_matches(const struct service *s, const struct service_key *k)
{
	const union ip *vip = (const void *)&s->vip;

	return vip->half[1] == k->vip.half[1] && vip->half[0] == k->vip.half[0] &&
	       *(const __u32 *)&s->port == k->rest;
}

/* The one among a bucket's; NULL and *ends if it is in no other bucket either. */
static __always_inline const struct service *bucket_search(const struct service_bucket *b,
							   const struct service_key *k, bool *ends)
{
	*ends = false;
#pragma unroll
	for (int i = 0; i < SERVICE_SLOTS; i++) {
		const struct service *s = &b->slot[i];

		if (service_matches(s, k))
			return s;
		if (s->kind == SERVICE_EMPTY) {
			*ends = true;
			return NULL;
		}
	}
	return NULL;
}

/* Where the live half begins. */
static __always_inline __u32 services_base(const struct settings *set)
{
	return set->services_half ? set->services_mask + 1 : 0;
}

/*
 * OUT_STEERED and *found, OUT_NOT_OURS, or OUT_INTERNAL when settings and table
 * disagree about its size.
 */
static __always_inline enum outcome service_find(const struct settings *set, __u32 hash,
						 const struct service_key *k,
						 const struct service **found)
{
	__u32 mask = set->services_mask, base = services_base(set);
	bool ends;

	for (int probe = 0; probe < SERVICE_PROBES; probe++) {
		__u32 at = base + (hash + probe & mask);
		const struct service_bucket *b = bpf_map_lookup_elem(&services, &at);

		if (!b)
			return OUT_INTERNAL;
		*found = bucket_search(b, k, &ends);
		if (*found)
			return OUT_STEERED;
		if (ends)
			return OUT_NOT_OURS;
	}
	return OUT_NOT_OURS;
}

#endif
