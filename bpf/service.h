/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which service a packet is for: an open table of buckets, of which one half is
 * live.  A bucket is filled from its first slot on, so an empty slot ends the
 * search.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "hash.h"
#include "parse.h"
#include "tables.h"

/* What a slot must say to be the one. */
struct service_key {
	struct addr vip;
	__be16 port;
	__u8 proto;
	__u8 kind;
};

static __always_inline __u64 load64(const void *p)
{
	return *(const __u64 *)__builtin_assume_aligned(p, 8);
}

static __always_inline bool service_matches(const struct service *s, const struct service_key *k)
{
	return s->vip.w[3] == k->vip.w[3] && s->port == k->port && s->proto == k->proto &&
	       s->kind == k->kind && s->vip.w[2] == k->vip.w[2] && s->vip.w[1] == k->vip.w[1] &&
	       s->vip.w[0] == k->vip.w[0];
}

/*
 * OUT_STEERED and *found, OUT_NOT_OURS, or OUT_INTERNAL when settings and table
 * disagree about its size.
 */
static __always_inline enum outcome service_find(const struct settings *set, __u32 hash,
						 const struct service_key *k,
						 const struct service **found)
{
	__u32 mask = set->services_mask;
	__u32 base = set->services_half ? mask + 1 : 0;

	for (int probe = 0; probe < SERVICE_PROBES; probe++) {
		__u32 at = base + (hash + probe & mask);
		const struct service_bucket *b = bpf_map_lookup_elem(&services, &at);

		if (!b)
			return OUT_INTERNAL;
		for (int i = 0; i < SERVICE_SLOTS; i++) {
			const struct service *s = &b->slot[i];

			if (service_matches(s, k)) {
				*found = s;
				return OUT_STEERED;
			}
			if (s->kind == SERVICE_EMPTY)
				return OUT_NOT_OURS;
		}
	}
	return OUT_NOT_OURS;
}

#endif
